"""Keycloak's distribution: fetched as the Maven artifact it is, checked, unpacked once for all demos and tests.

Nothing half-made is ever used: a download is a `.part` file until its checksum is right, and an unpacked folder has
another name until it is whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import requests
from maven_artifact import Artifact, Requestor, Resolver

from sidecar.demo.folders import require_version
from sidecar.demo.report import Report
from sidecar.errors import DemoError

#: SHA-256 of the distributions we know; for others the repository's own checksum has to do.
KNOWN_SHA256: Mapping[str, str] = {
    "26.7.4": "a286e98b4296d4e75ee88d8527c7cd463b307caa022f088c9f22cffccc741fa1",
}
_CHUNK_BYTES = 1 << 20
_TIMEOUT_S = (10, 60)  # to connect, and between two pieces


@dataclass(frozen=True)
class _Checksum:
    algorithm: str
    hex_digest: str
    origin: str


def keycloak_distribution(
    version: str,
    *,
    downloads: Path,
    report: Report,
    repository: str | None = None,
    known_sha256: Mapping[str, str] = KNOWN_SHA256,
) -> Path:
    """The folder of a pristine Keycloak of that version, fetched if it isn't there yet; copy it, don't run it.

    A zip that somebody put into `downloads` by hand is taken, if its checksum is right.

    Args:
        version: like 26.7.4.
        downloads: where it is kept.
        report: is told what goes on.
        repository: base URL of a Maven repository; `None` for the library's default, Maven Central.
        known_sha256: the checksums to insist on.

    Raises:
        DemoError: no such version, no network, broken or wrong download, full disk; with the way out.
    """
    require_version(version)
    home = downloads / f"keycloak-{version}"
    with _exclusive(downloads):
        if not home.is_dir():
            source = _Source(version, repository)
            archive = downloads / source.filename
            if not (
                archive.is_file() and version in known_sha256 and _sha256(archive) == known_sha256[version]
            ):
                _fetch(source, archive, known_sha256=known_sha256.get(version), report=report)
            with report.phase("Unpacking Keycloak", f"Keycloak {version} is unpacked"):
                _unpack(archive, home)
    return home


class _Source:
    """Where a version comes from; what goes wrong there becomes a sentence."""

    def __init__(self, version: str, repository: str | None) -> None:
        self._requestor = Requestor()
        base = repository or Resolver.default().base
        self._artifact = Artifact("org.keycloak", "keycloak-quarkus-dist", version, extension="zip")
        self.url: str = Resolver(base, self._requestor).uri_for_artifact(self._artifact)
        self.filename = self.url.rpartition("/")[2]
        self.what = f"Keycloak {version}"

    def open(self) -> requests.Response:
        def failed(url: str, cause: Exception) -> NoReturn:
            raise DemoError(self._sentence(url, cause)) from cause

        response: requests.Response = self._requestor.request(
            self.url, failed, stream=True, timeout=_TIMEOUT_S
        )
        return response

    def published_checksum(self) -> _Checksum:
        """What the repository says of the file: that guards against a broken download, not a bad server."""
        for algorithm in ("sha1", "md5"):
            text = self._requestor.request(
                f"{self.url}.{algorithm}", lambda *_: "", lambda answer: answer.text, timeout=_TIMEOUT_S
            )
            digest = str(text).split()[0].lower() if str(text).split() else ""
            if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{32}", digest):
                return _Checksum(algorithm, digest, f"the repository's own {algorithm.upper()}")
        raise DemoError(
            f"there is no checksum for {self.url}, so it is not used: choose another version or repository"
        )

    def _sentence(self, url: str, cause: Exception) -> str:
        if isinstance(cause, requests.HTTPError) and cause.response.status_code == requests.codes.not_found:
            return f"the repository has no {self.what} ({url}): choose another version with KEYCLOAK_VERSION"
        return (
            f"{self.what} can't be fetched from {url} ({_reason(cause)}): check the network (HTTPS_PROXY names a proxy,"
            " MAVEN_REPOSITORY a mirror) and start again"
        )


def _fetch(source: _Source, archive: Path, *, known_sha256: str | None, report: Report) -> None:
    checksum = (
        _Checksum("sha256", known_sha256, "the SHA-256 in this package")
        if known_sha256
        else source.published_checksum()
    )
    part = archive.with_suffix(".part")
    digest = _download(source, part, checksum.algorithm, report)
    if digest != checksum.hex_digest:
        part.unlink()
        raise DemoError(
            f"what came from {source.url} is not {source.what}: its {checksum.algorithm} {digest} differs from"
            f" {checksum.origin}, {checksum.hex_digest}; it was deleted. Start again, and if it stays like this look"
            " for a proxy or mirror that changes downloads"
        )
    part.rename(archive)
    report.done(f"{source.what} is fetched and fits {checksum.origin}")


def _download(source: _Source, part: Path, algorithm: str, report: Report) -> str:
    """Stream the file to `part`; its checksum."""
    digest = hashlib.new(algorithm, usedforsecurity=algorithm == "sha256")
    try:
        with source.open() as response, part.open("wb") as file:
            total = int(response.headers.get("Content-Length", 0)) or None
            with report.transfer(f"Fetching {source.what}", total) as advance:
                for chunk in response.iter_content(_CHUNK_BYTES):
                    file.write(chunk)
                    digest.update(chunk)
                    advance(len(chunk))
    except (requests.RequestException, OSError) as err:
        part.unlink(missing_ok=True)
        raise DemoError(
            f"the download of {source.what} broke off ({_reason(err)}): check the network and the space in"
            f" {part.parent}, and start again"
        ) from err
    return digest.hexdigest()


def _unpack(archive: Path, home: Path) -> None:
    """Unpack beside `home`, then rename; the archive is not needed any more."""
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="unpacking-") as temporary:
        try:
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(temporary)
                _restore_modes(packed, Path(temporary))
        except (zipfile.BadZipFile, OSError) as err:
            raise DemoError(
                f"{archive} can't be unpacked ({_reason(err)}): check the space in {home.parent}, delete the file and"
                " start again"
            ) from err
        unpacked = Path(temporary) / home.name
        if not (unpacked / "bin" / "kc.sh").is_file():
            raise DemoError(f"{archive} holds no {home.name}/bin/kc.sh: delete the file and start again")
        unpacked.rename(home)
    archive.unlink()


def _restore_modes(packed: zipfile.ZipFile, folder: Path) -> None:
    """`zipfile` forgets which files may be run."""
    for entry in packed.infolist():
        mode = (entry.external_attr >> 16) & 0o777
        if mode and not entry.is_dir():
            (folder / entry.filename).chmod(mode)


def copy_distribution(distribution: Path, home: Path) -> None:
    """A copy to run: Keycloak writes its build and its database into its own folder.

    Raises:
        DemoError: no space.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="copying-") as temporary:
        try:
            shutil.copytree(distribution, Path(temporary) / "copy", symlinks=True)
        except OSError as err:
            raise DemoError(
                f"{distribution} can't be copied to {home} ({_reason(err)}): free 300 MB there, or name another"
                " place in PASSWORDLESS_CACHE"
            ) from err
        (Path(temporary) / "copy").rename(home)


@contextmanager
def _exclusive(downloads: Path) -> Iterator[None]:
    """One at a time: a second demo waits for the first one's download instead of doing it again."""
    try:
        downloads.mkdir(parents=True, exist_ok=True)
        lock = (downloads / "lock").open("w")
    except OSError as err:
        raise DemoError(
            f"{downloads} can't be written ({_reason(err)}): name another place in PASSWORDLESS_CACHE"
        ) from err
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(err: BaseException) -> str:
    """The innermost cause in a few words; requests wraps its own several times."""
    cause: Any = err
    while getattr(cause, "reason", None) or (cause.args and isinstance(cause.args[0], BaseException)):
        cause = getattr(cause, "reason", None) or cause.args[0]
        if isinstance(cause, str):
            return cause
    return str(getattr(cause, "strerror", None) or cause)[:200]
