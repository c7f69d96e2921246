"""The statements of a login, compiled once and run on the driver itself.

SQLAlchemy writes them and keeps connections and transactions; to run one through it costs three times what the driver
takes. Where several writes don't read what the others write, PostgreSQL gets them as one statement (`WITH`), and
SQLite in turn, so both run the same conditions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import (
    Connection,
    Delete,
    Dialect,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    insert,
    literal,
    select,
)
from sqlalchemy.sql.compiler import SQLCompiler

Statement = Select[Any] | Insert | Update | Delete
Values = Mapping[str, Any]


class Prepared:
    """One or more statements, run together; the first one's rows are the answer.

    What changes from run to run must be a `bindparam` with a type, the clock's time included; statements that name
    the same parameter get the same value. On PostgreSQL all of them see the state before any of them, so no two may
    write the same row, and none may rely on another's rows but by a foreign key.
    """

    def __init__(self, dialect: Dialect, *statements: Statement) -> None:
        if dialect.name == "postgresql":
            self._run: _OnDriver | _InTurn = _OnDriver(dialect, _together(statements))
        else:
            self._run = _InTurn(dialect, statements)

    def one_or_none(self, connection: Connection, values: Values) -> Any | None:
        """The answer's only row, with its columns as attributes, or `None`."""
        rows = self._run.rows(connection, values)
        if len(rows) > 1:
            raise AssertionError(f"{len(rows)} rows where one was expected")
        return rows[0] if rows else None

    def one(self, connection: Connection, values: Values) -> Any:
        row = self.one_or_none(connection, values)
        if row is None:
            raise AssertionError("no row where one was expected")
        return row

    def run(self, connection: Connection, values: Values) -> None:
        self._run.rows(connection, values)


def inserting(table: Table, *prefixes: str) -> Insert:
    """INSERT of a row for each prefix, with a parameter `PREFIX_COLUMN` for each column but a number of its own."""
    columns = [column for column in table.c if column.identity is None]
    return insert(table).values(
        [
            {column.name: bindparam(f"{prefix}_{column.name}", type_=column.type) for column in columns}
            for prefix in prefixes
        ]
    )


def prefixed(prefix: str, values: Values) -> dict[str, Any]:
    """The values for `inserting` with that prefix."""
    return {f"{prefix}_{name}": value for name, value in values.items()}


def execute_on_driver(
    connection: Connection, text: str, values: Sequence[Any], *, has_rows: bool
) -> Sequence[Any]:
    """Run one statement with `$1`, … on psycopg's connection, in the transaction that SQLAlchemy keeps on it.

    Raises:
        psycopg.Error: as the driver does; `Database` makes a `StoreUnavailable` of it.
    """
    driver = cast("psycopg.Connection[Any]", connection.connection.dbapi_connection)
    # Other cursors look for placeholders in the text first, at each run if it is long.
    cursor = psycopg.RawCursor(driver, row_factory=namedtuple_row)
    cursor.execute(text, values, prepare=True)
    return cursor.fetchall() if has_rows else ()


class _OnDriver:
    def __init__(self, dialect: Dialect, statement: Statement) -> None:
        same: Any = type(dialect)
        compiled = _compiled(same(paramstyle="numeric_dollar"), statement)
        self._text = str(compiled)
        self._names = tuple(compiled.positiontup or ())
        binds = compiled.binds.items()
        self._constants = {
            name: bind.value for name, bind in binds if not bind.required and not bind.callable
        }
        # A clock that tests move is asked at each run.
        self._asked = {name: bind.callable for name, bind in binds if bind.callable}
        self._has_rows = bool(len(statement.exported_columns))

    def rows(self, connection: Connection, values: Values) -> Sequence[Any]:
        own = {**self._constants, **values}
        for name, ask in self._asked.items():
            own[name] = ask()
        in_order = [own[name] for name in self._names]
        return execute_on_driver(connection, self._text, in_order, has_rows=self._has_rows)


class _InTurn:
    def __init__(self, dialect: Dialect, statements: Sequence[Statement]) -> None:
        self._statements = [(one, tuple(_compiled(dialect, one).binds)) for one in statements]

    def rows(self, connection: Connection, values: Values) -> Sequence[Any]:
        answers: list[Sequence[Any]] = []
        for statement, names in self._statements:
            own = {name: values[name] for name in names if name in values}
            result = connection.execute(statement, own)
            answers.append(result.all() if result.returns_rows else ())
        return answers[0]


def _compiled(dialect: Dialect, statement: Statement) -> SQLCompiler:
    return statement.compile(dialect=dialect)


def _together(statements: Sequence[Statement]) -> Statement:
    """All as one: a SELECT of the first one's rows that the others hang on."""
    if len(statements) == 1:
        return statements[0]
    parts = [statement.cte(f"s{number}") for number, statement in enumerate(statements)]
    asked = select(*parts[0].c) if len(parts[0].c) else select(literal(1))
    return asked.add_cte(*parts)
