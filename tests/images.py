"""What the images do before their own command: databases are made, Keycloak is built, nginx's template filled in."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from sidecar import assets
from sidecar.demo.distribution import copy_distribution, keycloak_distribution
from sidecar.demo.folders import cache_folder, downloads_folder
from sidecar.demo.report import Report
from tests import clusters, compose

if TYPE_CHECKING:
    from tests.production import Production


def start_postgres(stack: Production) -> None:
    """A fresh cluster as the image makes it: passwords by TCP, then our script."""
    home = stack.folder / "postgres"
    home.mkdir()
    password = home / "password"
    password.write_text(stack.variables["POSTGRES_PASSWORD"], encoding="utf-8")
    clusters.hand_over(home, password)
    clusters.run_program(
        *(
            "initdb",
            "-D",
            str(home / "data"),
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "-N",
            "--pwfile",
            str(password),
        ),
        *("--auth-local=trust", "--auth-host=scram-sha-256"),
    )
    with (home / "data" / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.write(f"unix_socket_directories = '{home}'\nlisten_addresses = '127.0.0.1'\n")
    stack.start("postgres")
    stack.wait_healthy("postgres")
    environment = stack.whole_environment("postgres")
    script = compose.ROOT / "deploy/postgres/databases.sh"
    must(subprocess.run([script], env=environment, capture_output=True, text=True, check=False))


def prepare_keycloak(stack: Production) -> None:
    """The image: the distribution with the themes that the Dockerfile copies, built by its RUN."""
    copy_distribution(built_keycloak(stack.java), stack.folder / "keycloak")
    copies = [line.split() for line in compose.instructions("keycloak", "COPY")]
    assert {source for source, _ in copies} == {f"themes/{theme.name}" for theme in assets.THEMES.iterdir()}
    for source, target in copies:
        shutil.copytree(
            assets.ROOT / source, stack.folder / "keycloak" / target.removeprefix("/opt/keycloak/")
        )


def built_keycloak(java: Path) -> Path:
    """A Keycloak that is built for production as the Dockerfile says, from the cache or made now (half a minute)."""
    (line,) = compose.instructions("keycloak", "RUN")
    version = compose.image_of("keycloak").rpartition(":")[2]
    downloads = downloads_folder(cache_folder(os.environ))
    pristine = keycloak_distribution(version, downloads=downloads, report=Report(Console(stderr=True)))
    key = hashlib.sha256(line.encode()).hexdigest()[:12]
    home = downloads.parent / "production" / f"keycloak-{version}-{key}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.is_dir():
            making = Path(tempfile.mkdtemp(dir=home.parent, prefix="building-")) / home.name
            copy_distribution(pristine, making)
            words = shlex.split(line.replace("/opt/keycloak", str(making)))
            must(
                subprocess.run(
                    words, env={**os.environ, "JAVA": str(java)}, capture_output=True, text=True, check=False
                )
            )
            making.rename(home)
            making.parent.rmdir()
    return home


def prepare_nginx(stack: Production) -> None:
    """The template with its names filled in as the image's entrypoint does, and with this machine's ports and paths."""
    home = stack.folder / "nginx"
    home.mkdir()
    text = (compose.ROOT / "deploy/nginx/nginx.conf.template").read_text(encoding="utf-8")
    names = {**stack.environment("nginx"), "NGINX_LOCAL_RESOLVERS": "127.0.0.1"}
    allowed = re.compile(names["NGINX_ENVSUBST_FILTER"])
    for name in filter(allowed.search, names):
        text = text.replace(f"${{{name}}}", names[name])
    places = {
        " /tmp/": f" {home}/",
        "listen 8443": f"listen 127.0.0.1:{stack.ports['nginx']}",
        "listen 8080": f"listen 127.0.0.1:{stack.ports['http']}",
        "listen 127.0.0.1:8081": f"listen 127.0.0.1:{stack.ports['nginx-health']}",
        "keycloak:8080": f"127.0.0.1:{stack.ports['keycloak']}",
        "sidecar:5080": f"127.0.0.1:{stack.ports['sidecar']}",
        "/etc/nginx/tls": str(stack.folder / "tls"),
        "/etc/nginx/admin-networks.conf": str(stack.folder / "nginx" / "admin-networks.conf"),
        "/dev/stdout": str(home / "access.log"),
        "/dev/stderr": str(home / "error.log"),
    }
    for written, meant in places.items():
        assert written in text, written
        text = text.replace(written, meant)
    shutil.copy(compose.ROOT / "deploy/nginx/admin-networks.conf", home)
    (home / "nginx.conf").write_text(
        text if _takes_http2() else text.replace("http2 on;", ""), encoding="utf-8"
    )


def nginx() -> str:
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert found, "there is no nginx on this machine: tests/install-programs installs it"
    return found


def _takes_http2() -> bool:
    """Whether this machine's nginx knows the directive, as nginx does from 1.25.1 on."""
    said = subprocess.run([nginx(), "-v"], capture_output=True, text=True, check=True).stderr
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", said)
    assert found, said
    return tuple(map(int, found.groups())) >= (1, 25, 1)


def must(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, f"{done.args}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
