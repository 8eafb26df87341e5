"""Roles and database: made on the embedded server, or on one that somebody else runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import conninfo, sql

from keyuan.engines.database.bootstrap import (
    APP,
    OWNER,
    CannotBootstrapError,
    UnsafeRoleError,
    bootstrap,
    bootstrap_url,
    check_app_role,
)
from keyuan.engines.database.embedded import Cluster, open_cluster, remove
from keyuan.engines.database.roles import ServerRefusedError, connect
from keyuan.kernel.errors import InputError


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One server for this file."""
    folder = tmp_path_factory.mktemp("bootstrap")
    cluster = open_cluster(folder)
    cluster.start()
    yield cluster
    remove(folder)


@pytest.fixture
def empty(cluster: Cluster) -> dict[str, Any]:
    """The superuser of a server without our roles and databases."""
    with connect(cluster.superuser()) as connection:
        names = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'keyuan%'").fetchall()
        for (name,) in names:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        for role in (APP, OWNER, "admin", "guest"):
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))
    return cluster.superuser()


def execute(facts: dict[str, Any], *statements: str) -> None:
    with connect(facts) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def ask(facts: dict[str, Any], statement: str) -> Any:
    with connect(facts) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else None


def url(facts: dict[str, Any], user: str, password: str, dbname: str = "keyuan") -> str:
    return conninfo.make_conninfo("", **{**facts, "user": user, "password": password, "dbname": dbname})


def test_roles_and_database_are_made_once_and_found_again(empty: dict[str, Any], tmp_path: Path):
    first = bootstrap(empty, "keyuan", tmp_path)
    assert bootstrap(empty, "keyuan", tmp_path) == first
    assert (first.owner["user"], first.app["user"]) == (OWNER, APP)
    assert ask(empty, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'keyuan'") == OWNER
    rights = "SELECT bool_or(rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication)"
    assert ask(empty, f"{rights} FROM pg_roles WHERE rolname IN ('{OWNER}', '{APP}')") is False
    assert ask(empty, "SELECT bool_and(rolpassword LIKE 'SCRAM-SHA-256$%') FROM pg_authid WHERE rolcanlogin") is True
    assert first.app["password"] not in f"{first!r} {first}"
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_the_application_may_stage_in_temporary_tables_and_make_nothing_else(empty: dict[str, Any], tmp_path: Path):
    app = bootstrap(empty, "keyuan", tmp_path).app
    execute(app, "CREATE TEMPORARY TABLE staged (n int)")
    for statement in (
        "CREATE TABLE public.mine (n int)",
        "CREATE SCHEMA mine",
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
        f"SET ROLE {OWNER}",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(app, statement)


def test_roles_that_could_pass_by_row_level_security_are_refused(empty: dict[str, Any], tmp_path: Path):
    roles = bootstrap(empty, "keyuan", tmp_path)
    for facts in (empty, roles.owner):
        with connect(facts) as connection, pytest.raises(UnsafeRoleError):
            check_app_role(connection)
    for give, take in (
        (f"ALTER ROLE {APP} BYPASSRLS", f"ALTER ROLE {APP} NOBYPASSRLS"),
        (f"ALTER ROLE {APP} SUPERUSER", f"ALTER ROLE {APP} NOSUPERUSER"),
        (f"GRANT {OWNER} TO {APP}", f"REVOKE {OWNER} FROM {APP}"),
        (f"GRANT postgres TO {APP}", f"REVOKE postgres FROM {APP}"),
        (f"ALTER ROLE {OWNER} BYPASSRLS", f"ALTER ROLE {OWNER} NOBYPASSRLS"),
    ):
        execute(empty, give)
        with pytest.raises(UnsafeRoleError):
            bootstrap(empty, "keyuan", tmp_path)
        execute(empty, take)
    bootstrap(empty, "keyuan", tmp_path)


def test_a_lost_password_of_the_application_is_renewed_on_the_embedded_server(empty: dict[str, Any], tmp_path: Path):
    lost = bootstrap(empty, "keyuan", tmp_path).app
    (tmp_path / "app.password").unlink()
    assert ask(bootstrap(empty, "keyuan", tmp_path).app, "SELECT 1") == 1
    with pytest.raises(ServerRefusedError) as refused:
        connect(lost)
    assert lost["password"] not in str(refused.value)


def test_an_administrator_who_is_no_superuser_can_give_us_a_database(empty: dict[str, Any], tmp_path: Path):
    execute(empty, "CREATE ROLE admin LOGIN CREATEROLE CREATEDB PASSWORD 'open'")
    address = url(empty, "admin", "open")
    roles = bootstrap_url(address, None, tmp_path)
    assert bootstrap_url(address, None, tmp_path) == roles
    assert ask(roles.app, "SELECT current_database()") == "keyuan"


def test_roles_of_another_installation_are_not_touched(empty: dict[str, Any], tmp_path: Path):
    other = bootstrap(empty, "keyuan", tmp_path / "other")
    with pytest.raises(CannotBootstrapError, match="copy the file"):
        bootstrap_url(url(empty, empty["user"], empty["password"]), None, tmp_path / "ours")
    assert ask(other.app, "SELECT 1") == 1


def test_who_may_make_nothing_is_told_what_an_administrator_has_to_run(empty: dict[str, Any], tmp_path: Path):
    execute(empty, "CREATE ROLE guest LOGIN PASSWORD 'open'", 'CREATE DATABASE "keyuan\'s"')
    with pytest.raises(CannotBootstrapError) as refused:
        bootstrap_url(url(empty, "guest", "open", "keyuan's"), None, tmp_path)
    lines = [line.strip() for line in str(refused.value).splitlines() if line.strip().endswith(";")]
    execute(empty, *(line.replace("choose one", "chosen") for line in lines))
    app, owner = (url(empty, role, "chosen", "keyuan's") for role in (APP, OWNER))
    roles = bootstrap_url(app, owner, tmp_path)
    assert ask(roles.owner, "SELECT has_database_privilege(current_database(), 'CREATE')") is True
    execute(roles.app, "CREATE TEMPORARY TABLE staged (n int)")
    with pytest.raises(UnsafeRoleError):
        bootstrap_url(owner, owner, tmp_path)
    execute(empty, 'GRANT CONNECT ON DATABASE "keyuan\'s" TO guest')
    with pytest.raises(CannotBootstrapError, match=f"GRANT {APP} TO guest"):
        bootstrap_url(url(empty, "guest", "open", "keyuan's"), owner, tmp_path)


def test_a_bad_address_is_refused_without_repeating_it(tmp_path: Path):
    for address in ("postgresql://ann:secret@[host/x", "nonsense secret", "postgresql://:secret@localhost"):
        with pytest.raises(InputError) as refused:
            bootstrap_url(address, None, tmp_path)
        assert "secret" not in str(refused.value)
