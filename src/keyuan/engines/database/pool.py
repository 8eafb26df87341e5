"""The app role's connections, and the only place where a transaction begins and ends.

The token is made per transaction for that connection's backend, so a pooler between us and PostgreSQL must be in
session mode. Deliberately not here: making roles, tables and partitions (`bootstrap.py`, `migrate.py`).
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from weakref import WeakKeyDictionary

import psycopg
from psycopg.adapt import PyFormat
from psycopg_pool import ConnectionPool

from keyuan.engines.database.behind import WriteBehindSession
from keyuan.engines.database.failures import translated
from keyuan.engines.database.session import Kept, PostgresSession, Row, Session
from keyuan.engines.database.token import sign

CONNECT_TIMEOUT_S = 10
_SET_TOKEN = "SELECT set_config('app.tok', %s, true)"  # noqa: S105  # the name of a setting, not a secret


def _quick_bytes(connection: psycopg.Connection[Row]) -> None:
    """Let COPY write `bytea` by the C dumper; by its type alone psycopg finds a slower one of DB-API's."""
    connection.adapters.register_dumper(bytes, connection.adapters.get_dumper(bytes, PyFormat.BINARY))


class Database:
    """PostgreSQL as the app role: neither superuser nor able to bypass row-level security."""

    def __init__(self, connect: Mapping[str, Any], token_key: bytes, *, size: int = 4) -> None:
        self._token_key = token_key
        self._kept: WeakKeyDictionary[psycopg.Connection[Row], Kept] = WeakKeyDictionary()
        self._pool: ConnectionPool[psycopg.Connection[Row]] = ConnectionPool(
            kwargs=dict(connect) | {"autocommit": True, "connect_timeout": CONNECT_TIMEOUT_S},
            min_size=0,
            max_size=size,
            timeout=CONNECT_TIMEOUT_S,
            reconnect_timeout=2,
            open=True,
            configure=_quick_bytes,
            check=ConnectionPool.check_connection,
        )

    @contextmanager
    def transaction(
        self, tenant: int, *, snapshot: bool = False, behind: bool = False
    ) -> Generator[Session, None, None]:
        """Open a transaction of one tenant; commit at the end, roll back on any error.

        With `snapshot` all its statements see the database as of its first one (repeatable read): for long reads
        that belong together and should keep nobody waiting. With `behind`, what is written `later` is written while
        the caller goes on.
        """
        with translated(), self._pool.connection() as connection, connection.transaction():
            if snapshot:
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            connection.execute(_SET_TOKEN, (sign(self._token_key, tenant, connection.info.backend_pid),))
            kept = self._kept.setdefault(connection, Kept())
            try:
                session = PostgresSession(connection, tenant, kept)
                if behind:
                    with WriteBehindSession(session) as writer:
                        yield writer
                else:
                    yield session
            except BaseException:
                kept.drop()
                raise

    def close(self) -> None:
        """Give all connections back."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
