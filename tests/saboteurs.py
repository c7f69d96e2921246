"""Takes one guard away at a time and expects a named test to notice.

    python -m tests.saboteurs            all of them
    python -m tests.saboteurs --list     what there is
    python -m tests.saboteurs NAME…      some

The table is `saboteurs.toml` beside this file. The tree is copied, the copy is sabotaged and the tests run there, so
nothing here changes. First they run on the honest copy, where they must be green. Exits 1 if a sabotaged tree stays
green or a text no longer stands in its file.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_SECONDS = 300


@dataclass(frozen=True)
class Saboteur:
    """`edits`: (file, text with the guard, text without). Each of `tests` must fail at least once."""

    name: str
    threats: str
    edits: tuple[tuple[str, str, str], ...]
    tests: tuple[str, ...]


def _table() -> list[Saboteur]:
    rows = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))["saboteur"]
    return [
        Saboteur(
            name=row["name"],
            threats=row["threats"],
            edits=tuple((edit["file"], edit["old"], edit["new"]) for edit in row["edits"]),
            tests=tuple(row["tests"]),
        )
        for row in rows
    ]


def main(arguments: list[str]) -> int:
    table = _table()
    chosen = [row for row in table if not arguments or row.name in arguments]
    if "--list" in arguments:
        for row in table:
            print(f"{row.name:32} {row.threats:12} {', '.join(file for file, _, _ in row.edits)}")
        return 0
    unknown = set(arguments) - {row.name for row in table}
    if unknown:
        print(f"no such saboteur: {', '.join(sorted(unknown))}; --list names them")
        return 2
    with tempfile.TemporaryDirectory(prefix="saboteurs-") as folder:
        return _run_all(chosen, Path(folder) / "tree")


def _run_all(chosen: list[Saboteur], tree: Path) -> int:
    _copy(tree)
    wanted = sorted({test for row in chosen for test in row.tests})
    failed, output = _failures(tree, wanted)
    if failed or "passed" not in output:
        print(f"the honest tree is not green, so nothing can be said:\n{output[-3000:]}")
        return 1
    verdicts = [_sabotage(row, tree) for row in chosen]
    good = sum(verdicts)
    print(f"{good} of {len(chosen)} guards are missed when they are gone")
    return 0 if good == len(chosen) else 1


def _copy(tree: Path) -> None:
    """The files that git knows or would take up, as they stand."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        source = ROOT / name
        if source.is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, tree / name)


def _sabotage(row: Saboteur, tree: Path) -> bool:
    """Whether every named test turned red; says so."""
    honest = {file: (tree / file).read_text("utf-8") for file, _, _ in row.edits}
    for file, old, new in row.edits:
        text = (tree / file).read_text("utf-8")
        if text.count(old) != 1:
            print(f"STALE  {row.name}: {file} holds the text {text.count(old)} times, not once")
            return False
        (tree / file).write_text(text.replace(old, new), encoding="utf-8")
    try:
        failed, output = _failures(tree, list(row.tests))
    finally:
        for file, text in honest.items():
            (tree / file).write_text(text, encoding="utf-8")
    green = [test for test in row.tests if not any(_is_of(one, test) for one in failed)]
    print(f"{'GREEN ' if green else 'red   '} {row.name} ({row.threats})", flush=True)
    for test in green:
        print(f"         did not notice: {test}\n{output[-600:] if not failed else ''}")
    return not green


def _is_of(failed: str, test: str) -> bool:
    return failed == test or failed.startswith((f"{test}[", f"{test}::"))


def _failures(tree: Path, tests: list[str]) -> tuple[list[str], str]:
    """The node ids that failed in this tree, and what pytest said."""
    command = [sys.executable, "-m", "pytest", "-q", "-rf", "--tb=line", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "1000"}
    process = subprocess.Popen(
        command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        output, _ = process.communicate(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # lets the fixtures end what they started
        output, _ = process.communicate()
    lines = (line.removeprefix("FAILED ") for line in output.splitlines() if line.startswith("FAILED "))
    return [line.partition(" - ")[0] for line in lines], output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
