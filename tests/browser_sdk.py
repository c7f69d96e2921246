"""auth0-js as its package has it for browsers, unmodified: fetched once, checked, kept beside Keycloak's downloads."""

from __future__ import annotations

import base64
import hashlib
import os
import tarfile
from pathlib import Path

import requests

from sidecar.demo.folders import cache_folder, downloads_folder

VERSION = "10.2.1"
#: The package's integrity as the registry publishes it (Subresource Integrity §3.1).
_SHA512 = "8jaYQEDrRkfD4nS7Kot4AM189OIfgABySpZM7L9vGyEIvBOxYEelnU7wpkwUW/XxvNBzlc7kt6m45OVfGwQvDw=="
_NAME = f"auth0-js-{VERSION}.tgz"
_URL = f"https://registry.npmjs.org/auth0-js/-/{_NAME}"
_FILE = "package/dist/auth0.min.js"


def auth0_js() -> bytes:
    """The script.

    Raises:
        RuntimeError: it can't be fetched, or is another; with the way out.
    """
    archive = downloads_folder(cache_folder(os.environ)) / _NAME
    if not archive.is_file() or _digest(archive.read_bytes()) != _SHA512:
        _fetch(archive)
    with tarfile.open(archive) as package:
        script = package.extractfile(_FILE)
        assert script is not None
        return script.read()


def _fetch(archive: Path) -> None:
    way_out = (
        f"put the file {_NAME} of that package into {archive.parent}, or check the network (HTTPS_PROXY)"
    )
    try:
        answer = requests.get(_URL, timeout=(10, 60))
        answer.raise_for_status()
    except requests.RequestException as err:
        raise RuntimeError(f"{_URL} can't be fetched ({type(err).__name__}): {way_out}") from err
    if _digest(answer.content) != _SHA512:
        raise RuntimeError(f"{_URL} is not the package that was pinned: {way_out}")
    archive.parent.mkdir(parents=True, exist_ok=True)
    part = archive.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(answer.content)
    part.replace(archive)


def _digest(content: bytes) -> str:
    return base64.b64encode(hashlib.sha512(content).digest()).decode()
