"""A real PostgreSQL for every test that asks: one embedded server a run, one fresh database a test."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from keyuan.engines.database import Database
from keyuan.engines.database.bootstrap import bootstrap
from keyuan.engines.database.embedded import open_cluster, remove
from keyuan.engines.database.migrate import add_tenant, migrate
from real_server import TEMPLATE, Server, cloned


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start PostgreSQL once, and make the template that every test's database is cloned from."""
    folder: Path = tmp_path_factory.mktemp("cluster")
    cluster = open_cluster(folder)
    cluster.start()
    try:
        roles = bootstrap(cluster.superuser(), TEMPLATE, folder / "keys")
        key = secrets.token_bytes(32)
        migrate(roles.owner, key)
        for tenant in (1, 2):
            add_tenant(roles.owner, tenant, f"Tenant {tenant}")
        yield Server(cluster.superuser(), roles.owner, roles.app, key)
    finally:
        remove(folder)


@pytest.fixture
def database_name(server: Server) -> Iterator[str]:
    """Return the name of a fresh database; it is dropped after the test."""
    with cloned(server) as name:
        yield name


@pytest.fixture
def database(server: Server, database_name: str) -> Iterator[Database]:
    """Return a migrated database with tenants 1 and 2, as the app role."""
    with Database(server.app | {"dbname": database_name}, server.token_key, size=12) as database:
        yield database


@pytest.fixture
def superuser(server: Server, database_name: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Return a superuser's connection to the same database, to look and to tamper."""
    with psycopg.connect(**server.superuser | {"dbname": database_name}, autocommit=True) as connection:
        yield connection


@pytest.fixture
def owner(server: Server, database_name: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Return the owner role's connection to the same database."""
    with psycopg.connect(**server.owner | {"dbname": database_name}, autocommit=True) as connection:
        yield connection
