"""What tests know of the one embedded server of a run: each test has a database to itself, which is as new.

A clone costs a fifth of a second of creating and deleting some five hundred files. So one that was used is emptied and
used again; if anything but rows and months differs from the template after that, it is dropped instead.
"""

import itertools
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg import sql

TEMPLATE = "keyuan_template"
_TRUNCATED_BYTES = 1_000_000
_numbers = itertools.count(1)
_FINGERPRINT = Path(__file__).with_name("real_server.sql").read_text(encoding="utf-8")
_TABLES = """
SELECT c.oid, c.oid::regclass::text, c.relispartition, pg_relation_size(c.oid) FROM pg_class AS c
 WHERE c.relkind = 'r' AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema|sec)'
"""
_SEQUENCES = "SELECT setval(c.oid, 1, false) FROM pg_class AS c WHERE c.relkind = 'S'"
_DISCONNECT = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s"

Superuser = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class Server:
    """One running cluster with a migrated template database: connection keywords of each role."""

    superuser: dict[str, Any]
    owner: dict[str, Any]
    app: dict[str, Any]
    token_key: bytes
    used: list[str] = field(default_factory=list[str])
    """Databases that are as new and wait for the next test."""
    like: list[tuple[str, frozenset[int]]] = field(default_factory=list[tuple[str, frozenset[int]]])
    """Fingerprint and tables of a new clone, once they are known."""

    def connect(self, name: str) -> Superuser:
        """Connect as superuser."""
        return psycopg.connect(**self.superuser | {"dbname": name}, autocommit=True)


@contextmanager
def cloned(server: Server, template: str = TEMPLATE) -> Generator[str]:
    """Yield the name of a database like the template, to which nobody is connected; afterwards it is gone or as new."""
    if template != TEMPLATE:
        name = _clone(server, template)
        yield name
        _drop(server, name)
        return
    name = server.used.pop() if server.used else _clone(server, TEMPLATE)
    if not server.like:
        server.like.append(_look(server, name))
    yield name
    if is_as_new_again(server, name):
        server.used.append(name)
    else:
        _drop(server, name)


def is_as_new_again(server: Server, name: str) -> bool:
    """Empty a database; return whether it is like the template then."""
    with server.connect("postgres") as connection:
        connection.execute(_DISCONNECT, [name])
    fingerprint, known = server.like[0]
    try:
        with server.connect(name) as connection:
            _empty(connection, known)
            return connection.execute(cast("Any", _FINGERPRINT)).fetchone() == (fingerprint,)
    except psycopg.Error:  # whatever a test did to it
        return False


def _look(server: Server, name: str) -> tuple[str, frozenset[int]]:
    with server.connect(name) as connection:
        tables = frozenset(row[0] for row in connection.execute(_TABLES))
        (fingerprint,) = connection.execute(cast("Any", _FINGERPRINT)).fetchone() or ("",)
        return fingerprint, tables


def _empty(connection: Superuser, known: frozenset[int]) -> None:
    """Leave no row, no month that the template has not, and sequences at their beginning."""
    months, emptied, truncated = list[str](), list[str](), list[str]()
    for oid, name, is_partition, size in connection.execute(cast("Any", _TABLES)):
        if oid not in known and is_partition:
            months.append(name)
        elif size:
            (truncated if size > _TRUNCATED_BYTES else emptied).append(name)
    statements = ["SET session_replication_role = replica", *(f"DELETE FROM {name}" for name in emptied)]
    statements += [f"DROP TABLE {', '.join(months)}"] if months else []
    statements += [f"TRUNCATE {', '.join(truncated)}"] if truncated else []
    connection.execute(cast("Any", "; ".join([*statements, _SEQUENCES])))


def _clone(server: Server, template: str) -> str:
    name = f"test_{next(_numbers)}"
    with server.connect("postgres") as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER keyuan_owner").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    return name


def _drop(server: Server, name: str) -> None:
    with server.connect("postgres") as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
