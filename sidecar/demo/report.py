"""What is told while the demo starts: a line for each phase with its seconds, and a bar for the download.

Everything goes to standard error, so that standard output holds the banner alone. On a terminal the phase at work is
shown too; elsewhere (a log, CI) there are plain lines only.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

_PLAIN_STEPS = 4


class Report:
    """Tells the phases to a console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @classmethod
    def silent(cls) -> Report:
        """One that nobody hears; for tests."""
        return cls(Console(file=io.StringIO()))

    @contextmanager
    def phase(self, doing: str, done: str, *, since: float | None = None) -> Iterator[None]:
        """Show `doing` until the block ends, then `done` with its seconds; nothing if it fails.

        Args:
            doing: what goes on.
            done: what is true afterwards.
            since: when it began (`time.monotonic`), if that was before the block.
        """
        begun = time.monotonic() if since is None else since
        with self._console.status(escape(f"{doing} …")):
            yield
        self.done(done, time.monotonic() - begun)

    def done(self, what: str, seconds: float | None = None) -> None:
        took = "" if seconds is None else f"[dim]{seconds:7.1f} s[/dim]"
        self._console.print(f"[green]✓[/green] {escape(what):<62} {took}", highlight=False, soft_wrap=True)

    def note(self, text: str) -> None:
        self._console.print(f"[yellow]![/yellow] {escape(text)}", highlight=False, soft_wrap=True)

    @contextmanager
    def transfer(self, what: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Show how far a transfer is; the block gets what to call with each piece's bytes."""
        if not self._console.is_terminal:
            yield self._plain_transfer(what, total)
            return
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task(escape(what), total=total)
            yield lambda size: progress.advance(task, size)

    def _plain_transfer(self, what: str, total: int | None) -> Callable[[int], None]:
        size_mb = f" ({total / 1e6:.0f} MB)" if total else ""
        self._console.print(f"{what}{size_mb} …", highlight=False, markup=False, soft_wrap=True)
        done, told = 0, 0

        def advance(size: int) -> None:
            nonlocal done, told
            done += size
            if total and done * _PLAIN_STEPS // total > told:
                told = done * _PLAIN_STEPS // total
                self._console.print(f"  {100 * told // _PLAIN_STEPS} %", highlight=False)

        return advance
