"""What tests know of the one embedded server of a run."""

import itertools
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

TEMPLATE = "keyuan_template"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Server:
    """One running cluster with a migrated template database: connection keywords of each role."""

    superuser: dict[str, Any]
    owner: dict[str, Any]
    app: dict[str, Any]
    token_key: bytes


@contextmanager
def cloned(server: Server, template: str = TEMPLATE) -> Generator[str]:
    """Clone a database to which nobody is connected, yield the new one's name, and drop it."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(**server.superuser | {"dbname": "postgres"}, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER keyuan_owner").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        yield name
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
