"""`column IN (…)` for a number of values that is the same at each run, so that the statement can be built once.

SQLAlchemy's own list parameter is written into the text of the statement anew at every run.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Text, bindparam


def one_of(column: ColumnElement[str], name: str, count: int) -> ColumnElement[bool]:
    """`column` is one of `count` texts, which `numbered(name, …)` gives at each run."""
    return column.in_([bindparam(f"{name}_{number}", type_=Text()) for number in range(count)])


def numbered(name: str, values: Sequence[str]) -> dict[str, str]:
    return {f"{name}_{number}": value for number, value in enumerate(values)}
