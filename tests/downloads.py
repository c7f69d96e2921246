"""Files of package registries, unmodified: fetched once, held to their digest, kept beside Keycloak's downloads."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

import requests

from sidecar.demo.folders import cache_folder, downloads_folder


def kept(url: str, digest: str) -> Path:
    """The file.

    Args:
        url: where it is, the file's name last.
        digest: `sha256-…` or `sha512-…` (Subresource Integrity §3.1).

    Raises:
        RuntimeError: it can't be fetched, or is another; with the way out.
    """
    file = downloads_folder(cache_folder(os.environ)) / url.rpartition("/")[2]
    if not file.is_file() or _digest(file.read_bytes(), digest) != digest:
        _fetch(url, file, digest)
    return file


def _fetch(url: str, file: Path, digest: str) -> None:
    way_out = f"put the file {file.name} from there into {file.parent}, or check the network (HTTPS_PROXY)"
    try:
        answer = requests.get(url, timeout=(10, 60))
        answer.raise_for_status()
    except requests.RequestException as err:
        raise RuntimeError(f"{url} can't be fetched ({type(err).__name__}): {way_out}") from err
    if _digest(answer.content, digest) != digest:
        raise RuntimeError(f"{url} is not the file that was pinned: {way_out}")
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(answer.content)
    part.replace(file)


def _digest(content: bytes, like: str) -> str:
    algorithm = like.partition("-")[0]
    return f"{algorithm}-{base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"
