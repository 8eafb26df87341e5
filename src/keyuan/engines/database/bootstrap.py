"""The two roles and the database that Keyuan needs, on the embedded PostgreSQL or on somebody else's.

`keyuan_owner` owns the database and runs migrations; `keyuan_app` is what every process works as. Neither is a
superuser or passes by row-level security. Everything may be repeated. What is deliberately not here: schemas, tables
and the list of tenants (migrations).
"""

from pathlib import Path
from typing import Any

import psycopg
from psycopg import conninfo, sql

from keyuan.engines.database.embedded.passwords import kept_password, password_file
from keyuan.engines.database.roles import (
    Connection,
    Facts,
    Roles,
    ServerRefusedError,
    UnsafeRoleError,
    check_app_role,
    connect,
    refuse_bypass,
)
from keyuan.kernel.errors import EngineError, InputError

OWNER = "keyuan_owner"
APP = "keyuan_app"
_KEY_NAMES = {OWNER: "owner", APP: "app"}
# "KEYUAN" in ASCII: two starts at the same moment make the roles one after the other.
_LOCK = 0x4B455955414E

__all__ = [
    "APP",
    "OWNER",
    "CannotBootstrapError",
    "Roles",
    "UnsafeRoleError",
    "bootstrap",
    "bootstrap_url",
    "check_app_role",
    "connect",
]


class CannotBootstrapError(EngineError):
    """Roles or database are missing, and the given role may not make them."""


def bootstrap(superuser: Facts, database: str, keys: Path) -> Roles:
    """Have roles and database on the embedded server; passwords are kept in the folder `keys`, lost ones renewed."""
    return _bootstrap(superuser, database, keys, renew=True)


def bootstrap_url(database_url: str, owner_url: str | None, keys: Path) -> Roles:
    """Roles on a server that somebody else runs.

    With `owner_url` (DATABASE_OWNER_URL) nothing is made: `database_url` is the application's role, the other the
    owner's. Without it the role of `database_url` makes both roles and the database that the address names.

    Raises:
        CannotBootstrapError: it may not; the message is what an administrator has to run.
        UnsafeRoleError: a role could pass by row-level security.
    """
    facts = _facts(database_url, "DATABASE_URL")
    if owner_url is not None:
        return _given(Roles(owner=_facts(owner_url, "DATABASE_OWNER_URL"), app=facts))
    reachable = _reachable(facts)
    _require_our_passwords(reachable, keys)
    return _bootstrap(reachable, facts["dbname"], keys, renew=False)


def _bootstrap(administrator: Facts, database: str, keys: Path, *, renew: bool) -> Roles:
    roles = Roles(
        owner={**administrator, **_credentials(OWNER, keys), "dbname": database},
        app={**administrator, **_credentials(APP, keys), "dbname": database},
    )
    with connect(administrator) as connection:
        # Held until the connection closes.
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            for facts in (roles.owner, roles.app):
                _have_role(connection, facts)
            _have_database(connection, database)
            if renew:
                _renew_if_refused(connection, roles)
        except psycopg.errors.InsufficientPrivilege as error:
            raise CannotBootstrapError(_to_run(connection, database)) from error
        with connect(roles.owner) as owner:
            refuse_bypass(owner)
            _close_to_others(owner, database)
        with connect(roles.app) as app:
            check_app_role(app)
    return roles


def _credentials(role: str, keys: Path) -> dict[str, str]:
    return {"user": role, "password": kept_password(keys, _KEY_NAMES[role])}


def _have_role(connection: Connection, facts: Facts) -> None:
    if _has_role(connection, facts["user"]):
        return
    statement = sql.SQL(
        "CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD {verifier}"
    )
    connection.execute(statement.format(role=sql.Identifier(facts["user"]), verifier=_verifier(connection, facts)))


def _verifier(connection: Connection, facts: Facts) -> sql.Literal:
    """The SCRAM verifier made here, so that the password itself is in no statement, log or list of activity."""
    made = connection.pgconn.encrypt_password(facts["password"].encode(), facts["user"].encode(), b"scram-sha-256")
    return sql.Literal(made.decode("ascii"))


def _have_database(connection: Connection, database: str) -> None:
    names = {"database": sql.Identifier(database), "owner": sql.Identifier(OWNER)}
    found = connection.execute(
        "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding) FROM pg_database WHERE datname = %s", [database]
    ).fetchone()
    if found is not None and found[1] != "UTF8":
        raise CannotBootstrapError(f"The database {database} is kept in {found[1]}: Keyuan needs UTF8. Name another.")
    if found is not None and found[0] == OWNER:
        return
    if not _is_superuser(connection):
        # Giving a database to a role takes membership in it.
        connection.execute(sql.SQL("GRANT {owner} TO CURRENT_USER").format(**names))
    if found is None:
        make = "CREATE DATABASE {database} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8'"
        connection.execute(sql.SQL(make).format(**names))
    else:
        connection.execute(sql.SQL("ALTER DATABASE {database} OWNER TO {owner}").format(**names))


def _renew_if_refused(connection: Connection, roles: Roles) -> None:
    for facts in (roles.owner, roles.app):
        try:
            connect(facts).close()
        except ServerRefusedError:
            statement = sql.SQL("ALTER ROLE {role} PASSWORD {verifier}")
            role = sql.Identifier(facts["user"])
            connection.execute(statement.format(role=role, verifier=_verifier(connection, facts)))


def _close_to_others(owner: Connection, database: str) -> None:
    """Only our roles connect; the application may make temporary tables (batches are staged there), no others."""
    names = {"database": sql.Identifier(database), "app": sql.Identifier(APP)}
    for statement in (
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {app}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    ):
        owner.execute(sql.SQL(statement).format(**names))


def _given(roles: Roles) -> Roles:
    with connect(roles.owner) as owner:
        refuse_bypass(owner)
        place = owner.info.dbname
    with connect(roles.app) as app:
        check_app_role(app)
        granted = app.execute(
            "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s AND pg_has_role(session_user, oid, 'USAGE'))", [APP]
        ).fetchone()
        if app.info.dbname != place:
            raise InputError("DATABASE_URL and DATABASE_OWNER_URL name different databases.")
    if granted is None or not granted[0]:
        raise CannotBootstrapError(
            f"Tables are granted to the role {APP}: log in as {APP}, or GRANT {APP} TO {roles.app['user']};"
        )
    return roles


def _facts(url: str, name: str) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = dict(conninfo.conninfo_to_dict(url))
    except psycopg.ProgrammingError:
        # The driver's message may quote the address, and with it the password.
        raise InputError(f"{name} is not an address like postgresql://user:password@host:5432/database") from None
    if not facts.get("dbname") or not facts.get("user"):
        raise InputError(f"{name} must name a user and a database: postgresql://user:password@host:5432/database")
    return facts


def _reachable(facts: dict[str, Any]) -> dict[str, Any]:
    """The same server by a database that exists: the named one may still have to be made."""
    try:
        connect(facts).close()
    except ServerRefusedError as refused:
        other = {**facts, "dbname": "postgres"}
        try:
            connect(other).close()
        except ServerRefusedError:
            raise refused from None
        return other
    return facts


def _require_our_passwords(facts: Facts, keys: Path) -> None:
    """Roles of another installation on the same server are not ours to change: that would lock it out."""
    with connect(facts) as connection:
        for role in (OWNER, APP):
            kept = password_file(keys, _KEY_NAMES[role])
            if _has_role(connection, role) and not kept.exists():
                raise CannotBootstrapError(
                    f"The role {role} is there and its password is not in {kept}: copy the file from the machine that "
                    f"made it, or give the roles as DATABASE_URL and DATABASE_OWNER_URL.",
                )


def _has_role(connection: Connection, role: str) -> bool:
    return connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None


def _is_superuser(connection: Connection) -> bool:
    found = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    return found is not None and bool(found[0])


def _owner_of(connection: Connection, database: str) -> str | None:
    found = connection.execute(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [database]
    ).fetchone()
    return None if found is None else str(found[0])


def _to_run(connection: Connection, database: str) -> str:
    """What an administrator has to run instead of us; passwords are his to choose."""
    user = connection.info.user
    lines = [
        f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD 'choose one';"
        for role in (OWNER, APP)
        if not _has_role(connection, role)
    ]
    made = _owner_of(connection, database) is not None
    named = sql.Identifier(database).as_string(connection)
    lines += [
        f"ALTER DATABASE {named} OWNER TO {OWNER};"
        if made
        else f"CREATE DATABASE {named} OWNER {OWNER} TEMPLATE template0 ENCODING 'UTF8';",
        f"REVOKE ALL ON DATABASE {named} FROM PUBLIC;",
        f"GRANT CONNECT, TEMPORARY ON DATABASE {named} TO {APP};",
    ]
    return (
        f"The role {user} may not make roles or databases. Let an administrator run:\n  "
        + "\n  ".join(lines)
        + f"\nand then set DATABASE_URL (user {APP}) and DATABASE_OWNER_URL (user {OWNER})."
    )
