"""Somebody of the staff gets an account, signs in and out, and chooses a password.

Digests of passwords are computed outside of transactions: they take long on purpose. Whoever calls bounds how many run
at once.
"""

import secrets
from datetime import datetime
from typing import Final, NamedTuple

from keyuan import staff
from keyuan.engines.database import Database, Session
from keyuan.engines.passwords import digest_password, is_password
from keyuan.kernel.errors import RefusedError
from keyuan.kernel.ids import new_id
from keyuan.staff import Member

_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 4, 5


class WrongPasswordError(RefusedError):
    """Name and password do not go together."""


class SignedIn(NamedTuple):
    """A new session: its token, which is told once, and whose it is."""

    token: str
    member: Member


def console_member(database: Database, tenant: int, name: str, now: datetime) -> str | None:
    """Make an account and return its one-time password.

    A one-time password that was never used is replaced by a new one; once its owner has chosen her own, there is
    none any more.

    Raises:
        StaffNameError: nobody can be called this.
    """
    normal = staff.check_name(name)
    password = "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    digest = digest_password(password)
    with database.transaction(tenant) as session:
        known = staff.account(session, normal)
        if known is None:
            account = new_id()
            staff.make_account(session, account, normal, digest, now)
        elif known.must_change:
            account = known.account
            staff.set_password(session, account, digest, must_change=True)
        else:
            return None
        staff.note(session, now, account, "password.given")
    return password


def sign_in(database: Database, tenant: int, name: str, password: str, now: datetime) -> SignedIn:
    """Begin a session.

    Raises:
        WrongPasswordError: there is no such account, or this is not its password; which of the two is not told.
    """
    normal = staff.normal_name(name)
    with database.transaction(tenant) as session:
        known = staff.account(session, normal)
    if not is_password(None if known is None else known.password, password) or known is None:
        with database.transaction(tenant) as session:
            staff.note(session, now, None if known is None else known.account, "sign_in.refused")
        raise WrongPasswordError
    with database.transaction(tenant) as session:
        return SignedIn(_begin(session, known, now), Member(known.account, known.name, known.must_change))


def signed_in(database: Database, tenant: int, token: str, now: datetime) -> Member | None:
    """Return whose session this is, None if it is nobody's or over."""
    with database.transaction(tenant) as session:
        return staff.member(session, token, now)


def still_signed_in(database: Database, tenant: int, token: str, now: datetime) -> bool:
    """Tell whether a session goes on; a page that only stands open asks this, and its session becomes idle."""
    with database.transaction(tenant) as session:
        return staff.member(session, token, now, is_seen=False) is not None


def sign_out(database: Database, tenant: int, token: str) -> None:
    """End a session."""
    with database.transaction(tenant) as session:
        staff.end_session(session, token)


def choose_password(
    database: Database, tenant: int, member: Member, passwords: tuple[str, str], now: datetime
) -> SignedIn:
    """Keep a new password (old, new), end all sessions of the account, and begin another.

    Raises:
        WrongPasswordError: the old one is not right.
        WeakPasswordError: the new one would be guessed.
    """
    old, new = passwords
    with database.transaction(tenant) as session:
        known = staff.account(session, member.name)
    if known is None or not is_password(known.password, old):
        raise WrongPasswordError
    staff.check_password(known.name, new, old)
    digest = digest_password(new)
    with database.transaction(tenant) as session:
        staff.set_password(session, known.account, digest, must_change=False)
        staff.note(session, now, known.account, "password.chosen")
        return SignedIn(_begin(session, known, now), Member(known.account, known.name, must_change=False))


def _begin(session: Session, known: staff.Account, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    staff.begin_session(session, known.account, token, now)
    staff.note(session, now, known.account, "sign_in")
    return token
