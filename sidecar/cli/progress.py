"""How far long work is: a bar with its rate on a terminal, a line now and then elsewhere; on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

_A_LINE = 1000


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        done = f"{task.completed:,.0f}" + (f"/{task.total:,.0f}" if task.total else "")
        return Text(f"{done} users, {task.speed or 0:,.0f} a second")


@contextmanager
def counting(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show how many users are done; the block gets what to call with how many came to it."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(what, total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda count: progress.advance(task, count)


def _lines(what: str, total: int | None) -> Callable[[int], None]:
    begun, done = time.monotonic(), 0

    def count(more: int) -> None:
        nonlocal done
        before, done = done, done + more
        if done // _A_LINE > before // _A_LINE:
            rate = done / max(time.monotonic() - begun, 0.001)
            of = f" of {total}" if total else ""
            click.echo(f"  … {what}: {done}{of} users, {rate:.0f} a second", err=True)

    return count
