"""Experiments as they are stored: begun once, people assigned once, exposures logged once, tenants apart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from keyuan.engines.database import Database
from keyuan.experiments.assignment import assign
from keyuan.experiments.model import (
    Arm,
    DesignError,
    Experiment,
    NotAssignedError,
    SecondTryError,
    UnknownExperimentError,
)
from keyuan.experiments.reads import Reading, Size, arms, experiment, reading, sizes
from keyuan.experiments.store import begin, expose, forget, keep_arms, keep_reading

NOON = datetime(2017, 10, 1, 12, tzinfo=UTC)
DOUBLE = Experiment(
    name="double-points",
    salt="a-salt",
    control="hold-out",
    arms=(Arm("hold-out", 0.0, 0.2), Arm("treated", 0.2, 1.0)),
)
PEOPLE = [UUID(int=number) for number in range(1, 501)]
NAMES = [f"household:{number}" for number in range(1, 501)]
BY_HASH = dict(
    zip(
        PEOPLE,
        [DOUBLE.arms[arm].name for arm in assign(NAMES, DOUBLE.salt, [(each.start, each.end) for each in DOUBLE.arms])],
        strict=True,
    )
)
TREATED = [person for person, arm in BY_HASH.items() if arm == "treated"]


@pytest.fixture
def store(database: Database) -> Database:
    with database.transaction(1) as session:
        assert begin(session, DOUBLE, NOON)
        assert keep_arms(session, DOUBLE.name, BY_HASH) == 500
    return database


def test_an_experiment_comes_back_as_it_was_begun(store: Database):
    with store.transaction(1) as session:
        assert experiment(session, DOUBLE.name) == DOUBLE
        assert not begin(session, DOUBLE, NOON + timedelta(days=1))
        assert arms(session, DOUBLE.name) == BY_HASH


@pytest.mark.parametrize(
    "other",
    [
        replace(DOUBLE, salt="another"),
        replace(DOUBLE, control="treated"),
        replace(DOUBLE, arms=(Arm("hold-out", 0.0, 0.3), Arm("treated", 0.3, 1.0))),
    ],
)
def test_there_is_no_second_try(store: Database, other: Experiment):
    with store.transaction(1) as session, pytest.raises(SecondTryError):
        begin(session, other, NOON)


def test_assigning_again_changes_nothing_and_later_people_may_join(store: Database):
    later = uuid4()
    with store.transaction(1) as session:
        assert keep_arms(session, DOUBLE.name, BY_HASH) == 0
        assert keep_arms(session, DOUBLE.name, {later: "treated", PEOPLE[0]: BY_HASH[PEOPLE[0]]}) == 1
        assert arms(session, DOUBLE.name) == BY_HASH | {later: "treated"}


def test_nobody_changes_arms(store: Database):
    with pytest.raises(SecondTryError, match="people=1"), store.transaction(1) as session:
        keep_arms(session, DOUBLE.name, {TREATED[0]: "hold-out", uuid4(): "treated"})
    with store.transaction(1) as session:
        assert arms(session, DOUBLE.name) == BY_HASH


def test_an_arm_or_an_experiment_that_is_not_there_takes_nobody(store: Database):
    with store.transaction(1) as session:
        with pytest.raises(DesignError, match="no arm 'third'"):
            keep_arms(session, DOUBLE.name, {uuid4(): "third"})
        with pytest.raises(UnknownExperimentError):
            keep_arms(session, "gone", {uuid4(): "treated"})


def test_an_exposure_is_logged_once_and_the_first_one_stays(store: Database):
    with store.transaction(1) as session:
        assert expose(session, DOUBLE.name, [*TREATED[:10], TREATED[0]], NOON) == 10
        assert expose(session, DOUBLE.name, TREATED[5:15], NOON + timedelta(hours=1)) == 5
        assert sizes(session, DOUBLE.name) == {
            "hold-out": Size(500 - len(TREATED), 0),
            "treated": Size(len(TREATED), 15),
        }
        first = session.rows("SELECT DISTINCT x.exposed_at FROM experiments.exposure AS x ORDER BY 1")
        assert [at for (at,) in first] == [NOON, NOON + timedelta(hours=1)]


def test_who_is_in_no_arm_cannot_have_been_exposed(store: Database):
    with store.transaction(1) as session:
        with pytest.raises(NotAssignedError, match="people=1"):
            expose(session, DOUBLE.name, [uuid4(), TREATED[0]], NOON)
        assert sizes(session, DOUBLE.name)["treated"].exposed == 0


def test_who_is_forgotten_leaves_no_trace_and_the_others_stay(store: Database):
    with store.transaction(1) as session:
        expose(session, DOUBLE.name, TREATED, NOON)
        assert forget(session, [TREATED[0], uuid4()]) == 1
        assert sizes(session, DOUBLE.name)["treated"] == Size(len(TREATED) - 1, len(TREATED) - 1)


def test_the_newest_reading_stays_and_is_read_as_it_was_kept(store: Database):
    body = {
        "n": {"hold-out": 95},
        "metrics": {"orders": {"interval": [-0.1, 1e-17], "p": None}},
        "verdict_zh": "没有看出差别",
    }
    newer = Reading(read_at=NOON + timedelta(hours=1), as_of=NOON, lake_version=7, body=body)
    older = Reading(read_at=NOON, as_of=NOON, lake_version=6, body={})
    with store.transaction(1) as session:
        assert reading(session, DOUBLE.name) is None
        assert [keep_reading(session, DOUBLE.name, each) for each in (older, newer, older)] == [True, True, False]
        assert reading(session, DOUBLE.name) == newer
        with pytest.raises(UnknownExperimentError):
            keep_reading(session, "gone", newer)
    with store.transaction(2) as session:
        assert reading(session, DOUBLE.name) is None


def test_another_tenant_sees_nothing_and_may_use_the_same_name(store: Database):
    with store.transaction(2) as session:
        with pytest.raises(UnknownExperimentError):
            experiment(session, DOUBLE.name)
        assert arms(session, DOUBLE.name) == {}
        assert forget(session, PEOPLE) == 0
        assert begin(session, replace(DOUBLE, salt="theirs"), NOON)
        assert keep_arms(session, DOUBLE.name, {PEOPLE[0]: "treated"}) == 1
    with store.transaction(1) as session:
        assert experiment(session, DOUBLE.name) == DOUBLE
        assert arms(session, DOUBLE.name) == BY_HASH


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE experiments.assignment SET arm = 'treated'",
        "UPDATE experiments.exposure SET exposed_at = now()",
        "UPDATE experiments.experiment SET salt = 'better'",
        "DELETE FROM experiments.experiment",
    ],
)
def test_what_was_decided_cannot_be_rewritten(store: Database, statement: str):
    with pytest.raises(psycopg.errors.InsufficientPrivilege), store.transaction(1) as session:
        session.execute(statement)


@pytest.mark.parametrize(
    "ranges",
    [
        (Arm("a", 0.0, 0.5),),
        (Arm("a", 0.0, 0.5), Arm("a", 0.5, 1.0)),
        (Arm("b", 0.0, 0.5), Arm("c", 0.5, 1.0)),
        (Arm("a", 0.0, 0.6), Arm("b", 0.5, 1.0)),
        (Arm("a", 0.0, 0.5), Arm("b", 0.5, 1.1)),
        (Arm("a", 0.0, 0.0), Arm("b", 0.5, 1.0)),
        (Arm("a", float("nan"), 0.5), Arm("b", 0.5, 1.0)),
    ],
)
def test_arms_that_overlap_or_leave_out_the_control_are_refused(ranges: tuple[Arm, ...]):
    with pytest.raises(DesignError):
        Experiment(name="x", salt="s", control="a", arms=ranges)
