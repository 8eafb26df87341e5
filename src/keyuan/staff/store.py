"""Accounts and sessions, kept and found."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from keyuan.engines.database import Session, load_statements
from keyuan.staff.model import IDLE_MAX, SEEN_EVERY, SESSION_MAX, Member, token_digest

_SQL = load_statements(__package__ or "")


@dataclass(frozen=True, slots=True)
class Account:
    """An account and the digest of its password."""

    account: uuid.UUID
    name: str
    password: str
    must_change: bool


def account(session: Session, name: str) -> Account | None:
    """Return the account of a name."""
    row = session.row(_SQL["account"], name=name)
    return None if row is None else Account(*row)


def make_account(session: Session, account: uuid.UUID, name: str, password: str, now: datetime) -> None:
    """Make an account whose password must be changed first."""
    session.execute(_SQL["make_account"], tenant=session.tenant, account=account, name=name, password=password, now=now)


def set_password(session: Session, account: uuid.UUID, password: str, *, must_change: bool) -> None:
    """Keep the digest of another password, and end all sessions of the account."""
    session.execute(_SQL["set_password"], account=account, password=password, must_change=must_change)
    session.execute(_SQL["end_sessions"], account=account)


def begin_session(session: Session, account: uuid.UUID, token: str, now: datetime) -> None:
    """Keep a new session, and clear away those that are over."""
    session.execute(_SQL["end_old"], idle_since=now - IDLE_MAX, begun_since=now - SESSION_MAX)
    session.execute(_SQL["begin_session"], tenant=session.tenant, digest=token_digest(token), account=account, now=now)


def member(session: Session, token: str, now: datetime, *, is_seen: bool = True) -> Member | None:
    """Return who has this token; None if nobody has, or the session is over. Who is seen does not become idle."""
    digest = token_digest(token)
    row = session.row(_SQL["member"], digest=digest, idle_since=now - IDLE_MAX, begun_since=now - SESSION_MAX)
    if row is None:
        return None
    found, name, must_change, seen_at = row
    if is_seen and seen_at < now - SEEN_EVERY:
        session.execute(_SQL["seen"], digest=digest, now=now)
    return Member(found, name, must_change)


def end_session(session: Session, token: str) -> None:
    """Forget a token."""
    session.execute(_SQL["end_session"], digest=token_digest(token))


def note(session: Session, at: datetime, account: uuid.UUID | None, action: str, subject: str = "") -> None:
    """Write a line of the audit trail; `subject` holds no personal data."""
    session.execute(_SQL["note"], tenant=session.tenant, at=at, account=account, action=action, subject=subject)
