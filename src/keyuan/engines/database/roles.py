"""Connections outside the pool, and what the roles behind them must not be able to do.

What is deliberately not here: making roles (`bootstrap`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from keyuan.kernel.errors import EngineError, RefusedError

_TIMEOUT_S = 10
_OLDEST = 15

Facts = Mapping[str, Any]
Connection = psycopg.Connection[tuple[Any, ...]]


class ServerRefusedError(EngineError):
    """PostgreSQL cannot be reached, or refuses the role."""


class UnsafeRoleError(RefusedError):
    """This role could pass by row-level security."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Keyword arguments of `psycopg.connect` for both roles; never printed, for they hold the passwords."""

    owner: dict[str, Any] = field(repr=False)
    app: dict[str, Any] = field(repr=False)


def check_app_role(connection: Connection) -> None:
    """Refuse a role that is, or could become, a superuser, one that passes by row-level security, or the owner."""
    refuse_bypass(connection)
    owns = connection.execute(
        "SELECT pg_has_role(session_user, datdba, 'MEMBER') FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    if owns is None or owns[0]:
        raise UnsafeRoleError(
            f"The application's role {connection.info.user} owns the database or could become its owner, and could "
            f"switch row-level security off: give DATABASE_URL a role of its own.",
        )


def connect(facts: Facts) -> Connection:
    """One connection outside the pool, each statement its own transaction.

    Raises:
        ServerRefusedError: there is no connection; the message never holds the password.
    """
    try:
        keywords: dict[str, Any] = {"connect_timeout": _TIMEOUT_S, **facts}
        connection = psycopg.connect(**keywords, autocommit=True)
    except psycopg.OperationalError as error:
        raise ServerRefusedError(f"PostgreSQL cannot be reached: {str(error).strip()}") from error
    if connection.info.server_version < _OLDEST * 10_000:
        connection.close()
        raise ServerRefusedError(f"This PostgreSQL is too old: Keyuan needs version {_OLDEST} or newer.")
    return connection


def refuse_bypass(connection: Connection) -> None:
    """Refuse a role that is, or could become, a superuser or one that passes by row-level security."""
    # A member may SET ROLE, and a superuser is a member of every role.
    found = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_roles"
        " WHERE (rolsuper OR rolbypassrls) AND pg_has_role(session_user, oid, 'MEMBER'))",
    ).fetchone()
    if found is None or found[0]:
        raise UnsafeRoleError(
            f"The role {connection.info.user} is, or could become, a superuser or one with BYPASSRLS, for which "
            f"tenants are not separated: use a role with NOSUPERUSER NOBYPASSRLS.",
        )
