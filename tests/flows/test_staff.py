"""The staff signs in, chooses passwords, and is known by sessions of its own tenant only."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from keyuan.engines.database import Database
from keyuan.flows.staff import (
    WrongPasswordError,
    choose_password,
    console_member,
    sign_in,
    sign_out,
    signed_in,
)
from keyuan.staff import WeakPasswordError
from keyuan.staff.model import IDLE_MAX, SEEN_EVERY, SESSION_MAX

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
OWN = "correct battery staple"
Superuser = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def given(database: Database) -> str:
    """Return the one-time password of `admin`."""
    password = console_member(database, 1, "Admin", NOW)
    assert password is not None
    return password


def test_a_one_time_password_opens_a_session_that_must_change_it(database: Database, given: str):
    found = sign_in(database, 1, " ADMIN ", given, NOW)
    assert found.member.must_change
    assert signed_in(database, 1, found.token, NOW) == found.member


def test_a_wrong_password_and_a_wrong_name_are_told_alike(database: Database, given: str):
    for name, password in (("admin", given + "x"), ("nobody", given), ("", ""), ("admin", "")):
        with pytest.raises(WrongPasswordError):
            sign_in(database, 1, name, password, NOW)


def test_a_session_of_one_tenant_is_nothing_to_another(database: Database, given: str):
    token = sign_in(database, 1, "admin", given, NOW).token
    assert signed_in(database, 2, token, NOW) is None
    with pytest.raises(WrongPasswordError):
        sign_in(database, 2, "admin", given, NOW)


def test_choosing_a_password_ends_the_other_sessions(database: Database, given: str):
    first, second = (sign_in(database, 1, "admin", given, NOW) for _ in range(2))
    chosen = choose_password(database, 1, second.member, (given, OWN), NOW)
    assert not chosen.member.must_change
    assert signed_in(database, 1, first.token, NOW) is None
    assert signed_in(database, 1, second.token, NOW) is None
    assert signed_in(database, 1, chosen.token, NOW) == chosen.member
    assert sign_in(database, 1, "admin", OWN, NOW).member == chosen.member
    with pytest.raises(WrongPasswordError):
        sign_in(database, 1, "admin", given, NOW)


def test_a_weak_password_or_a_wrong_old_one_changes_nothing(database: Database, given: str):
    member = sign_in(database, 1, "admin", given, NOW).member
    with pytest.raises(WeakPasswordError):
        choose_password(database, 1, member, (given, given), NOW)
    with pytest.raises(WrongPasswordError):
        choose_password(database, 1, member, ("not it", OWN), NOW)
    assert sign_in(database, 1, "admin", given, NOW).member.must_change


def test_a_one_time_password_is_given_anew_until_its_owner_has_chosen_her_own(database: Database, given: str):
    again = console_member(database, 1, "admin", NOW)
    assert again not in (None, given)
    member = sign_in(database, 1, "admin", again or "", NOW).member
    choose_password(database, 1, member, (again or "", OWN), NOW)
    assert console_member(database, 1, "admin", NOW) is None


def test_a_session_ends_when_it_is_idle_old_or_signed_out(database: Database, given: str):
    token = sign_in(database, 1, "admin", given, NOW).token
    assert signed_in(database, 1, token, NOW + IDLE_MAX) is None
    at = NOW
    while at < NOW + SESSION_MAX - IDLE_MAX:
        at += IDLE_MAX - SEEN_EVERY
        assert signed_in(database, 1, token, at) is not None
    assert signed_in(database, 1, token, NOW + SESSION_MAX + timedelta(seconds=1)) is None
    other = sign_in(database, 1, "admin", given, NOW).token
    sign_out(database, 1, other)
    assert signed_in(database, 1, other, NOW) is None


def test_neither_passwords_nor_tokens_are_kept(database: Database, given: str, superuser: Superuser):
    token = sign_in(database, 1, "admin", given, NOW).token
    kept = superuser.execute("SELECT a::text || s::text FROM staff.account a, staff.session s").fetchone()
    assert kept is not None
    assert given not in kept[0]
    assert token not in kept[0]


def test_what_was_done_is_written_down_and_cannot_be_changed(database: Database, given: str):
    with pytest.raises(WrongPasswordError):
        sign_in(database, 1, "admin", "not it", NOW)
    sign_in(database, 1, "admin", given, NOW)
    with database.transaction(1) as session:
        actions = [row[0] for row in session.rows("SELECT action FROM staff.audit ORDER BY seq")]
    assert actions == ["password.given", "sign_in.refused", "sign_in"]
    with pytest.raises(Exception, match="permission denied"), database.transaction(1) as session:
        session.execute("DELETE FROM staff.audit")
