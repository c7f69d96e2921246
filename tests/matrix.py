"""Runs the tests that need a Keycloak on each version of it that is supported, one after the other.

    python -m tests.matrix                     all versions, all of tests/e2e and tests/keycloak
    python -m tests.matrix 26.4.7 26.5.6       these versions
    python -m tests.matrix --only PATH …       these tests
    python -m tests.matrix --json FILE         the outcome as JSON, too

Each version is fetched as the demo fetches it, once, and started by the tests' own fixture. Prints a table; exits 1 if
a test failed on any of them, 2 if a run came to nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from sidecar.keycloak.versions import TESTED

ROOT = Path(__file__).resolve().parent.parent
#: Of the supported lines, oldest first; the last one is what `make test` runs on.
VERSIONS = TESTED
SUITES = ("tests/e2e", "tests/keycloak")
#: As `make test` does.
_PARALLEL = ("-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder")
_OUTCOMES = ("failure", "error", "skipped")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one version came to. `counts` has `passed`, `failed` and `skipped` by suite; `seconds` is all of it."""

    version: str
    counts: Mapping[str, Mapping[str, int]]
    seconds: int
    failed: Sequence[str] = field(default_factory=tuple)

    @property
    def is_empty(self) -> bool:
        return not any(sum(counts.values()) for counts in self.counts.values())

    def total(self, what: str) -> int:
        return sum(counts.get(what, 0) for counts in self.counts.values())


def run(version: str, paths: Sequence[str]) -> Outcome:
    """Run the tests on one version; their output goes to the terminal."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="passwordless-matrix-") as folder:
        report = Path(folder) / "report.xml"
        pytest = [sys.executable, "-m", "pytest", *_PARALLEL]
        command = [*pytest, "-q", "-m", "keycloak", f"--junitxml={report}", *paths]
        subprocess.run(command, cwd=ROOT, env={**os.environ, "KEYCLOAK_TEST_VERSION": version}, check=False)
        text = report.read_text(encoding="utf-8") if report.exists() else "<testsuites/>"
    return read(version, text, seconds=round(time.monotonic() - began))


def read(version: str, report: str, *, seconds: int) -> Outcome:
    """The outcome out of pytest's JUnit report."""
    counts: dict[str, Counter[str]] = {}
    failed = []
    for case in ET.fromstring(report).iter("testcase"):
        module = case.get("classname", "")
        suite = "/".join(module.split(".")[:2])
        what = next((it for it in _OUTCOMES if case.find(it) is not None), "passed")
        what = "failed" if what in {"failure", "error"} else what
        counts.setdefault(suite, Counter())[what] += 1
        if what == "failed":
            name = case.get("name", "").partition("@")[0]
            failed.append(f"{module.replace('.', '/')}.py::{name}")
    found = {suite: dict(numbers) for suite, numbers in counts.items()}
    return Outcome(version=version, counts=found, seconds=seconds, failed=tuple(sorted(failed)))


def table(outcomes: Sequence[Outcome]) -> str:
    """As it stands in the docs: how many passed of each suite, then what did not, of all."""
    suites = sorted({suite for it in outcomes for suite in it.counts})
    heads = ["Keycloak", *(f"`{suite}`" for suite in suites), "failed", "skipped", "minutes"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for it in outcomes:
        passed = (it.counts.get(suite, {}).get("passed", 0) for suite in suites)
        numbers = " | ".join(map(str, (*passed, it.total("failed"), it.total("skipped"))))
        lines.append(f"| {it.version} | {numbers} | {it.seconds / 60:.1f} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.matrix", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("versions", nargs="*", default=VERSIONS, metavar="VERSION")
    parser.add_argument("--only", nargs="+", default=SUITES, metavar="PATH")
    parser.add_argument("--json", type=Path, metavar="FILE")
    said = parser.parse_args(arguments)
    outcomes = []
    for version in said.versions:
        print(f"=== Keycloak {version} ===", flush=True)
        outcomes.append(run(version, said.only))
        if said.json:
            # After each: a run that is stopped leaves what it found.
            said.json.write_text(
                json.dumps([asdict(it) for it in outcomes], indent=2) + "\n", encoding="utf-8"
            )
    print(table(outcomes))
    for it in outcomes:
        for name in it.failed:
            print(f"{it.version}  {name}")
    if any(it.is_empty for it in outcomes):
        return 2
    return 1 if any(it.failed for it in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
