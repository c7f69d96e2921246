"""Packages of the npm registry as they are published, without npm: nothing is built and no script of theirs runs."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import tempfile
from pathlib import Path

from sidecar.demo.folders import cache_folder
from tests import downloads

_REGISTRY = "https://registry.npmjs.org"
_FOLDER = "node_modules"


def archive(name: str, version: str, integrity: str) -> Path:
    """A package's tarball.

    Args:
        name: like `@scope/package`.
        version: the very one.
        integrity: as the registry publishes it.

    Raises:
        RuntimeError: as `downloads.kept`.
    """
    return downloads.kept(f"{_REGISTRY}/{name}/-/{name.rpartition('/')[2]}-{version}.tgz", integrity)


def installed(lock: Path) -> Path:
    """The folder `node_modules` that a `package-lock.json` describes, kept from run to run.

    Raises:
        RuntimeError: as `downloads.kept`.
    """
    text = lock.read_bytes()
    home = cache_folder(os.environ) / "npm" / hashlib.sha256(text).hexdigest()[:16]
    if not home.is_dir():
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent, prefix="unpacking-") as folder:
            making = Path(folder) / "made"
            for place, package in json.loads(text)["packages"].items():
                if place:
                    name = package.get("name") or place.rpartition(f"{_FOLDER}/")[2]
                    _unpack(archive(name, package["version"], package["integrity"]), making / place)
            _put(making, home)
    return home / _FOLDER


def _put(made: Path, home: Path) -> None:
    """Whole, or not at all; another run may have been quicker."""
    try:
        made.rename(home)
    except OSError:
        if not home.is_dir():
            raise


def _unpack(tarball: Path, folder: Path) -> None:
    """The files of its one folder, whose name may be any."""
    with tarfile.open(tarball) as package:
        for member in package.getmembers():
            _, _, member.name = member.name.partition("/")
            if member.isfile() and member.name:
                package.extract(member, folder, filter="data")
