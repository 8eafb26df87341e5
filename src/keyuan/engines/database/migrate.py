"""Numbered migrations, run by the owner role; `sql/schema.sql` is the truth they lead to.

A migration is one transaction with the line in `sec.migration` that says it ran, under one lock, so that two
servers that start together do not both run it. The migrations table is one of the named exceptions to row-level
security: it belongs to no tenant.
"""

import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql

from keyuan.engines.database.token import padded_keys
from keyuan.kernel.errors import CorruptionError

_LOCK = 0x6B657975
_LEDGER_OF_MIGRATIONS = """
CREATE SCHEMA IF NOT EXISTS sec;
CREATE TABLE IF NOT EXISTS sec.migration (
  number int PRIMARY KEY, name text NOT NULL, digest text NOT NULL, ran_at timestamptz NOT NULL DEFAULT now()
)"""


class ChangedMigrationError(CorruptionError):
    """A migration that has run was changed afterwards; write a new one instead."""


def migrations() -> list[tuple[int, str, str]]:
    """Return number, name and text of all migrations in order."""
    folder = resources.files("keyuan").joinpath("sql", "migrations")
    files = sorted((entry.name, entry) for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name[:4]), name, entry.read_text(encoding="utf-8")) for name, entry in files]


def migrate(owner: Mapping[str, Any], token_key: bytes) -> list[str]:
    """Run what has not run yet, store the token key, and return the names of what ran.

    Raises:
        ChangedMigrationError: a file differs from what ran.
    """
    ran: list[str] = []
    with psycopg.connect(**owner, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        connection.execute("SET client_min_messages = warning")
        connection.execute(_LEDGER_OF_MIGRATIONS)
        done = dict(connection.execute("SELECT name, digest FROM sec.migration").fetchall())
        for number, name, text in migrations():
            digest = hashlib.sha256(text.encode()).hexdigest()
            if done.get(name, digest) != digest:
                raise ChangedMigrationError(name=name)
            if name not in done:
                with connection.transaction():
                    connection.execute(sql.SQL(cast("LiteralString", text)))
                    connection.execute(
                        "INSERT INTO sec.migration (number, name, digest) VALUES (%s, %s, %s)",
                        (number, name, digest),
                    )
                ran.append(name)
        inner, outer = padded_keys(token_key)
        connection.execute(
            "INSERT INTO sec.key (only_one, inner_key, outer_key) VALUES (true, %s, %s)"
            " ON CONFLICT (only_one) DO UPDATE SET inner_key = excluded.inner_key, outer_key = excluded.outer_key",
            (inner, outer),
        )
    return ran


def add_tenant(owner: Mapping[str, Any], tenant: int, name: str) -> None:
    """Enter a tenant into the list; only the owner role may."""
    with psycopg.connect(**owner, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO sec.tenant_list (tenant, name) VALUES (%s, %s) ON CONFLICT (tenant) DO NOTHING",
            (tenant, name),
        )
