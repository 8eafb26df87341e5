"""Stays as they are stored: begun for a whole batch, ended one by one, in segments that are there for good."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
import pytest

from keyuan.engines.database import Database, Session
from keyuan.segments import Moves, Segment, Stay, UnknownSegmentError, current, keep_moves, members, save

ANN, BOB = uuid4(), uuid4()
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
NOON_US = 1_772_625_600_000_000
HOUR_US = 3_600_000_000


@pytest.fixture
def store(database: Database) -> Database:
    with database.transaction(1) as session:
        save(session, [Segment(name=name, rule="orders > 1", title_en=name, title_zh=name) for name in ("a", "b")])
    return database


def begin(session: Session, *stays: tuple[UUID, str, int]) -> None:
    keep_moves(session, Moves([], [Stay(person, segment, at_us, None) for person, segment, at_us in stays]))


def end(session: Session, person: UUID, segment: str, from_us: int, to_us: int) -> None:
    keep_moves(session, Moves([Stay(person, segment, from_us, to_us)], []))


def test_a_stay_is_ended_once_and_nobody_elses_with_it(store: Database):
    with store.transaction(1) as session:
        begin(session, (ANN, "a", NOON_US), (ANN, "b", NOON_US), (BOB, "a", NOON_US))
        end(session, ANN, "a", NOON_US, NOON_US + HOUR_US)
        assert current(session, [ANN, BOB]) == {ANN: {"b": NOON_US}, BOB: {"a": NOON_US}}
        assert members(session, "a", NOON) == sorted([ANN, BOB])
        end(session, ANN, "a", NOON_US, NOON_US + 2 * HOUR_US)
        ended = session.rows("SELECT m.left_at FROM segments.membership AS m WHERE m.left_at IS NOT NULL")
        assert ended == [(NOON.replace(hour=13),)]


def test_who_comes_back_at_the_very_instant_of_a_stay_goes_on_with_it(store: Database):
    with store.transaction(1) as session:
        begin(session, (ANN, "a", NOON_US))
        end(session, ANN, "a", NOON_US, NOON_US)
        begin(session, (ANN, "a", NOON_US))
        assert current(session, [ANN]) == {ANN: {"a": NOON_US}}


def test_a_stay_in_a_segment_that_is_not_there_is_refused(store: Database):
    with pytest.raises(UnknownSegmentError), store.transaction(1) as session:
        begin(session, (ANN, "a", NOON_US), (ANN, "gone", NOON_US))
    with pytest.raises(UnknownSegmentError), store.transaction(2) as session:
        begin(session, (ANN, "a", NOON_US))


@pytest.mark.parametrize("statement", ["DELETE FROM segments.segment", "UPDATE segments.segment SET segment = 'c'"])
def test_segments_are_neither_deleted_nor_renamed(store: Database, statement: str):
    with pytest.raises(psycopg.errors.InsufficientPrivilege), store.transaction(1) as session:
        session.execute(statement)
