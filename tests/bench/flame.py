"""Flame graphs of a run, by py-spy: where the processes' time goes, without changing them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.bench.cpu import tree

_RATE_HZ = 250
_LONGEST_S = 3600


@contextmanager
def graphs(folder: Path | None, roots: Mapping[str, int]) -> Iterator[None]:
    """Write `NAME-PID.svg` for each process of the trees: the lines that run Python, not those that wait."""
    if folder is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    program = Path(sys.executable).with_name("py-spy")
    recorders = [
        subprocess.Popen(
            [
                *(str(program), "record", "--gil", "--rate", str(_RATE_HZ), "--duration", str(_LONGEST_S)),
                *("--function", "--output", str(folder / f"{name}-{pid}.svg"), "--pid", str(pid)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name, root in roots.items()
        for pid in tree(root)
    ]
    try:
        yield
    finally:
        for recorder in recorders:
            recorder.send_signal(signal.SIGINT)
        for recorder in recorders:
            recorder.wait(60)
