"""Consent records on a real PostgreSQL, for two tenants."""

import uuid
from datetime import UTC, datetime

import psycopg
import pytest

from keyuan.consent import Decision, Purpose, Record, decisions_of, people_in_force, record
from keyuan.engines.database import Database
from keyuan.kernel.clock import to_us

START = datetime(2017, 1, 1, tzinfo=UTC)
LATER = datetime(2017, 6, 1, tzinfo=UTC)
ANNA, BO = uuid.uuid4(), uuid.uuid4()


def said(person: uuid.UUID, decision: Decision, at: datetime) -> Record:
    return Record(
        person=person,
        purpose=Purpose.LOYALTY,
        decision=decision,
        effective_at_us=to_us(at),
        evidence="counter form 3",
    )


def test_a_decision_told_twice_is_one_record(database: Database):
    for tenant in (1, 2):
        with database.transaction(tenant) as session:
            assert record(session, [said(ANNA, Decision.GIVEN, START), said(BO, Decision.GIVEN, START)]) == 2
            assert record(session, [said(ANNA, Decision.GIVEN, START)]) == 0


def test_the_newest_decision_is_in_force(database: Database):
    with database.transaction(1) as session:
        record(session, [said(ANNA, Decision.GIVEN, START), said(BO, Decision.GIVEN, START)])
        record(session, [said(ANNA, Decision.WITHDRAWN, LATER)])
        assert set(people_in_force(session, Purpose.LOYALTY, START)) == {ANNA, BO}
        assert people_in_force(session, Purpose.LOYALTY, LATER) == [BO]
        timeline = decisions_of(session, [ANNA], [Purpose.LOYALTY])[ANNA, Purpose.LOYALTY]
        assert timeline == [(to_us(START), True), (to_us(LATER), False)]


def test_no_tenant_sees_the_decisions_of_another(database: Database):
    with database.transaction(1) as session:
        record(session, [said(ANNA, Decision.GIVEN, START)])
    with database.transaction(2) as session:
        assert people_in_force(session, Purpose.LOYALTY, LATER) == []
        assert decisions_of(session, [ANNA], list(Purpose)) == {}


def test_a_record_can_be_neither_edited_nor_removed_by_the_app(database: Database):
    with database.transaction(1) as session:
        record(session, [said(ANNA, Decision.GIVEN, START)])
    for statement in ("UPDATE consent.record SET given = false", "DELETE FROM consent.record"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database.transaction(1) as session:
            session.execute(statement)
