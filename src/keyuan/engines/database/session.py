"""One open transaction of one tenant: all that a room ever sees of a database.

Deliberately not here: commit and rollback. Only flows and the consumer open transactions (`Database.transaction`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString, Protocol, cast

import psycopg
from psycopg import sql

from keyuan.engines.database.failures import translated

Row = tuple[Any, ...]
_LONG: Final = frozenset({"bytea", "text", "text[]"})
"""Types of which one value may need more than a page."""


class Session(Protocol):
    """Statements inside one transaction; every method may raise `EngineError` when the server is gone."""

    tenant: int

    def rows(self, statement: str, /, **params: object) -> list[Row]:
        """Return all rows of a query."""
        ...

    def rows_if_free(self, statement: str, /, **params: object) -> list[Row] | None:
        """Return what a writing statement returns; None, and it wrote nothing, if a unique key of its rows is taken."""
        ...

    def row(self, statement: str, /, **params: object) -> Row | None:
        """Return the first row of a query, or None."""
        ...

    def ensure(self, statement: str, /, **params: object) -> None:
        """Run a statement that makes what is missing for ever and answers with how much that was.

        Once it has answered with 0 it is not run again on the same connection.
        """
        ...

    def execute(self, statement: str, /, **params: object) -> int:
        """Run a statement and return how many rows it touched."""
        ...

    def stage(
        self, name: str, columns: Mapping[str, str], rows: Iterable[Sequence[object]], *, narrow: bool = False
    ) -> int:
        """Put rows into the temporary table `pg_temp.name`, emptied first, and return how many there are.

        `narrow` promises that each row fits on a page (8 kB). Without a place beside it for long values the table costs
        much less: PostgreSQL empties that place at each commit of the connection, whether it was used or not.
        """
        ...

    def stream(self, statement: str, /, *, size: int = 5000, **params: object) -> Iterator[Row]:
        """Yield the rows of a query through a server-side cursor, `size` at a time."""
        ...

    def later(self, write: Callable[["Session"], None], /) -> None:
        """Have something written that the caller does not wait for: at once, or while it goes on computing.

        Every other statement of the transaction comes after it. What goes wrong is raised by one of them, or by the
        commit. What `write` uses must not be changed meanwhile.
        """
        ...


@dataclass(slots=True)
class Kept:
    """What is known of a connection beyond a transaction: temporary tables with their layout, and what is there."""

    staged: dict[str, str] = field(default_factory=dict[str, str])
    ensured: set[tuple[object, ...]] = field(default_factory=set[tuple[object, ...]])

    def drop(self) -> None:
        """A transaction failed, and what it made went with it."""
        self.staged.clear()
        self.ensured.clear()


class PostgresSession:
    """A `Session` on one psycopg connection."""

    def __init__(self, connection: psycopg.Connection[Row], tenant: int, kept: Kept) -> None:
        self.tenant = tenant
        self._connection = connection
        self._kept = kept
        self._used: set[str] = set()
        self._cursors = 0

    def rows(self, statement: str, /, **params: object) -> list[Row]:
        """Return all rows of a query."""
        with translated():
            return self._connection.execute(_text(statement), params, binary=True).fetchall()

    def rows_if_free(self, statement: str, /, **params: object) -> list[Row] | None:
        """Run a statement behind a savepoint, to which it goes back if a unique key is taken."""
        with translated():
            try:
                with self._connection.transaction():
                    return self._connection.execute(_text(statement), params, binary=True).fetchall()
            except psycopg.errors.UniqueViolation:
                return None

    def row(self, statement: str, /, **params: object) -> Row | None:
        """Return the first row of a query, or None."""
        with translated():
            return self._connection.execute(_text(statement), params, binary=True).fetchone()

    def ensure(self, statement: str, /, **params: object) -> None:
        """Run the statement unless it had nothing to make before."""
        asked = statement, *params.items()
        if asked not in self._kept.ensured and self.row(statement, **params) == (0,):
            self._kept.ensured.add(asked)

    def execute(self, statement: str, /, **params: object) -> int:
        """Run a statement and return how many rows it touched."""
        with translated():
            return self._connection.execute(_text(statement), params).rowcount

    def stage(
        self, name: str, columns: Mapping[str, str], rows: Iterable[Sequence[object]], *, narrow: bool = False
    ) -> int:
        """COPY rows into a temporary table; COPY into the table itself is refused under row-level security."""
        with translated():
            self._ensure_staging(name, columns, narrow=narrow)
            count = 0
            copy_in = sql.SQL("COPY pg_temp.{} ({}) FROM STDIN (FORMAT BINARY)").format(
                sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, columns))
            )
            with self._connection.cursor() as cursor, cursor.copy(copy_in) as copy:
                copy.set_types(list(columns.values()))
                for row in rows:
                    copy.write_row(row)
                    count += 1
            return count

    def stream(self, statement: str, /, *, size: int = 5000, **params: object) -> Iterator[Row]:
        """Yield the rows of a query through a server-side cursor, `size` at a time."""
        self._cursors += 1
        with translated(), self._connection.cursor(f"stream_{self._cursors}", binary=True) as cursor:
            cursor.itersize = size
            cursor.execute(_text(statement), params)
            yield from cursor

    def later(self, write: Callable[[Session], None], /) -> None:
        """Write at once."""
        write(self)

    def _ensure_staging(self, name: str, columns: Mapping[str, str], *, narrow: bool) -> None:
        """Make the temporary table once per connection, and empty it when this transaction used it before."""
        layout = f"{narrow}:" + ",".join(f"{column} {kind}" for column, kind in columns.items())
        table = sql.Identifier("pg_temp", name)
        used = name in self._used
        self._used.add(name)
        if self._kept.staged.get(name) != layout:
            self._make_staging(table, columns, narrow=narrow)
            self._kept.staged[name] = layout
        elif used:
            self._connection.execute(sql.SQL("DELETE FROM {}").format(table))

    def _make_staging(self, table: sql.Identifier, columns: Mapping[str, str], *, narrow: bool) -> None:
        """Make a table that compresses nothing; a narrow one has no place for long values beside it.

        Whether it gets one is decided when it has its columns, so they come together with their storage.
        """
        kinds = {column: sql.SQL(cast("LiteralString", kind)) for column, kind in columns.items()}
        storage = sql.SQL("PLAIN" if narrow else "EXTERNAL")
        clauses = [sql.SQL("ADD {} {}").format(sql.Identifier(column), kind) for column, kind in kinds.items()] + [
            sql.SQL("ALTER {} SET STORAGE {}").format(sql.Identifier(column), storage)
            for column, kind in columns.items()
            if kind in _LONG
        ]
        self._connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
        self._connection.execute(sql.SQL("CREATE TEMPORARY TABLE {} () ON COMMIT DELETE ROWS").format(table))
        self._connection.execute(sql.SQL("ALTER TABLE {} {}").format(table, sql.SQL(", ").join(clauses)))


def _text(statement: str) -> sql.SQL:
    """Statements come from our own files, never from input; psycopg wants to be told so."""
    return sql.SQL(cast("LiteralString", statement))
