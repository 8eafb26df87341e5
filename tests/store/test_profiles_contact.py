"""Contact fields in a real database: sealed, found again, destroyed."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from keyuan.engines.database import Database
from keyuan.engines.secrets import SealBrokenError, Secrets, open_secrets
from keyuan.kernel.ids import new_id
from keyuan.profiles.contact import (
    ContactFieldError,
    ContactValue,
    contact,
    find_by,
    forget_contact,
    keep_contact,
)

ANNA, BO = sorted((new_id(), new_id()))
FIELDS = {
    "name": "Anna Canary",
    "email": " Anna.Canary@Example.org",
    "phone": "+86 (555) 0100-77",
    "address": "1 Canary Row",
}


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return open_secrets(tmp_path / "keys")


@pytest.mark.parametrize("tenant", [1, 2])
def test_contact_fields_come_back_in_clear_and_are_found(database: Database, secrets: Secrets, tenant: int):
    with database.transaction(tenant) as session:
        assert keep_contact(session, secrets, {ANNA: FIELDS, BO: {"phone": "86555010077"}}, made_up=True) == 5
    with database.transaction(tenant) as session:
        found = contact(session, secrets, [ANNA, BO, new_id()])
        assert found[ANNA] == {field: ContactValue(value, made_up=True) for field, value in FIELDS.items()}
        assert find_by(session, secrets, "email", "ANNA.canary@example.ORG ") == [ANNA]
        assert find_by(session, secrets, "phone", "86 555 010077") == [ANNA, BO]
        assert find_by(session, secrets, "email", "other@example.org") == []
        assert find_by(session, secrets, "phone", "none") == []
    with database.transaction(3 - tenant) as session:
        assert contact(session, secrets, [ANNA, BO]) == {}
        assert find_by(session, secrets, "email", "anna.canary@example.org") == []
        assert forget_contact(session, [ANNA]) == 0


def test_a_field_given_again_replaces_the_old_value(database: Database, secrets: Secrets):
    with database.transaction(1) as session:
        keep_contact(session, secrets, {ANNA: FIELDS}, made_up=True)
    with database.transaction(1) as session:
        keep_contact(session, secrets, {ANNA: {"email": "new@example.org"}}, made_up=False)
        assert contact(session, secrets, [ANNA])[ANNA]["email"] == ContactValue("new@example.org", made_up=False)
        assert find_by(session, secrets, "email", "anna.canary@example.org") == []
        assert contact(session, secrets, [ANNA])[ANNA]["name"].value == "Anna Canary"


def test_nothing_of_a_person_stands_in_clear(
    database: Database, secrets: Secrets, superuser: psycopg.Connection[tuple[Any, ...]]
):
    with database.transaction(1) as session:
        keep_contact(session, secrets, {ANNA: FIELDS}, made_up=True)
    rows = superuser.execute("SELECT sealed, blind FROM profiles.contact", binary=True).fetchall()
    keys = superuser.execute("SELECT wrapped FROM profiles.person_key", binary=True).fetchall()
    stored = b"".join(bytes(value) for row in [*rows, *keys] for value in row if value is not None)
    assert len(rows) == 4
    assert not any(word in stored.lower() for word in (b"canary", b"example.org", b"555", b"0100"))


def test_destroying_the_key_takes_the_fields_with_it(
    database: Database, secrets: Secrets, superuser: psycopg.Connection[tuple[Any, ...]]
):
    with database.transaction(1) as session:
        keep_contact(session, secrets, {ANNA: FIELDS, BO: {"email": "bo@example.org"}}, made_up=True)
        assert forget_contact(session, [ANNA]) == 1
        assert contact(session, secrets, [ANNA, BO]).keys() == {BO}
    left = superuser.execute("SELECT count(*) FROM profiles.contact").fetchone()
    assert left == (1,)


def test_a_value_moved_to_another_person_does_not_open(
    database: Database, secrets: Secrets, superuser: psycopg.Connection[tuple[Any, ...]]
):
    with database.transaction(1) as session:
        keep_contact(session, secrets, {ANNA: {"name": "Anna"}, BO: {"name": "Bo"}}, made_up=True)
    superuser.execute("UPDATE profiles.person_key SET wrapped = (SELECT max(wrapped) FROM profiles.person_key)")
    with database.transaction(1) as session, pytest.raises(SealBrokenError):
        contact(session, secrets, [ANNA, BO])


def test_unknown_fields_and_fields_without_an_index_are_refused(database: Database, secrets: Secrets):
    with database.transaction(1) as session:
        with pytest.raises(ContactFieldError):
            keep_contact(session, secrets, {ANNA: {"blood": "A"}}, made_up=True)
        with pytest.raises(ContactFieldError):
            find_by(session, secrets, "name", "Anna")
