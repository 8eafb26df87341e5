"""Identities and portraits in a real database, for two tenants."""

import threading
from uuid import UUID

import pytest

from keyuan.engines.database import Database
from keyuan.kernel.clock import DAY_US, from_us
from keyuan.kernel.ids import new_id
from keyuan.profiles import reads, store
from keyuan.profiles.catalogue import NAMES
from keyuan.profiles.model import AnyFact, DeclaredFact, OrderFact, StaleStateError
from keyuan.profiles.record import Moment

START_US = 1_483_228_800_000_000  # 2017-01-01T00:00:00Z
ANNA, BO = sorted((new_id(), new_id()))


def order(seq: int, day: float, minor: int = 1000, category: str | None = "COFFEE") -> OrderFact:
    at_us = START_US + int(day * DAY_US)
    lines = [(category, minor)]
    return OrderFact(at_us=at_us, seq=seq, total_minor=minor, lines=lines, store="367", order_id=f"o{seq}")


def apply(
    database: Database,
    tenant: int,
    facts: dict[UUID, list[AnyFact]],
    *,
    every: bool = False,
    cache: store.Cache | None = None,
) -> list[Moment]:
    with database.transaction(tenant) as session:
        return store.apply(session, facts, every=every, cache=cache)


def traits_of(database: Database, tenant: int, person: UUID) -> dict[str, object]:
    with database.transaction(tenant) as session:
        found = reads.portrait(session, person)
    assert found is not None
    return {trait.name: value for trait, value in found.traits}


@pytest.mark.parametrize("tenant", [1, 2])
def test_a_sender_keeps_its_person(database: Database, tenant: int):
    senders = [bytes([n]) * 16 for n in range(20)]
    with database.transaction(tenant) as session:
        first = store.resolve(session, senders[:12] + senders[:3])
    with database.transaction(tenant) as session:
        second = store.resolve(session, senders)
    assert len(set(second.values())) == 20
    assert first == {sender: second[sender] for sender in senders[:12]}
    with database.transaction(3 - tenant) as session:
        elsewhere = store.resolve(session, senders)
    assert not set(elsewhere.values()) & set(second.values())


def test_two_writers_make_one_person_of_a_sender(database: Database):
    senders = [bytes([n]) * 16 for n in range(50)]
    answers: list[dict[bytes, UUID]] = []
    barrier = threading.Barrier(4)

    def ask(order_of: list[bytes]) -> None:
        barrier.wait()
        with database.transaction(1) as session:
            answers.append(store.resolve(session, order_of))

    threads = [threading.Thread(target=ask, args=(senders[::step],)) for step in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("tenant", [1, 2])
@pytest.mark.parametrize("cached", [True, False])
def test_batches_add_up_to_one_portrait(database: Database, tenant: int, *, cached: bool):
    cache = store.Cache() if cached else None
    apply(database, tenant, {ANNA: [order(1, 0)], BO: [order(2, 0, 50, None)]}, cache=cache)
    moments = apply(database, tenant, {ANNA: [order(3, 10, 500, "TEA"), order(4, 20, 600, "TEA")]}, cache=cache)
    assert [moment.seq for moment in moments] == [4]
    anna = traits_of(database, tenant, ANNA)
    assert anna == dict(zip(NAMES, moments[0].values, strict=True))
    assert (anna["orders"], anna["spend_minor"], anna["top_categories"]) == (3, 2100, ("TEA", "COFFEE"))
    assert traits_of(database, tenant, BO)["top_categories"] == ()
    with database.transaction(tenant) as session:
        assert reads.count(session) == 2
        assert {person for person, _ in reads.trait_rows(session)} == {ANNA, BO}
        assert [row.person for row in reads.people(session, limit=1)] == [ANNA]
        assert [row.person for row in reads.people(session, after=ANNA)] == [BO]


def test_every_fact_has_its_own_moment(database: Database):
    said = DeclaredFact(at_us=START_US + 3 * DAY_US, seq=9, traits={"age": "45-54"})
    moments = apply(database, 1, {ANNA: [order(7, 0), said, order(8, 1)]}, every=True)
    orders, recency, age = (NAMES.index(name) for name in ("orders", "recency_days", "age"))
    assert [moment.values[orders] for moment in moments] == [1, 1, 2]
    assert [moment.values[recency] for moment in moments] == [0, 3, 2]
    assert [moment.values[age] for moment in moments] == [None, "45-54", "45-54"]
    assert moments[1].as_of_us == moments[2].as_of_us == said.at_us + 1
    with database.transaction(1) as session:
        found = reads.portrait(session, ANNA)
    assert found is not None
    assert (found.from_seq, found.facts, found.as_of) == (9, 3, from_us(said.at_us + 1))
    assert sum(map(sum, found.pattern)) == 2
    assert found.pattern[6][0] == found.pattern[0][0] == 1


def test_portraits_of_one_tenant_are_not_seen_by_another(database: Database):
    apply(database, 1, {ANNA: [order(1, 0)]})
    with database.transaction(2) as session:
        assert reads.portrait(session, ANNA) is None
        assert reads.count(session) == 0
        assert list(reads.trait_rows(session)) == []
        assert store.forget_traits(session, [ANNA]) == 0
        assert store.refresh(session, from_us(START_US + 400 * DAY_US)) == []
    assert traits_of(database, 1, ANNA)["orders"] == 1


def test_an_old_copy_of_a_state_is_noticed(database: Database):
    cache = store.Cache()
    apply(database, 1, {ANNA: [order(1, 0)]}, cache=cache)
    apply(database, 1, {ANNA: [order(2, 1)]})
    with pytest.raises(StaleStateError):
        apply(database, 1, {ANNA: [order(3, 2)], BO: [order(4, 2)]}, cache=cache)
    with database.transaction(1) as session:
        assert reads.count(session) == 1
    cache.drop()
    apply(database, 1, {ANNA: [order(3, 2)]}, cache=cache)
    assert traits_of(database, 1, ANNA)["orders"] == 3


def test_a_forgotten_portrait_begins_anew_and_a_cache_cannot_bring_it_back(database: Database):
    cache = store.Cache()
    apply(database, 1, {ANNA: [order(1, 0)], BO: [order(2, 0)]}, cache=cache)
    with database.transaction(1) as session:
        assert store.forget_traits(session, [ANNA, new_id()]) == 1
        assert reads.portrait(session, ANNA) is None
        assert reads.count(session) == 1
    with pytest.raises(StaleStateError):
        apply(database, 1, {ANNA: [order(3, 2)]}, cache=cache)
    with database.transaction(1) as session:
        store.forget_traits(session, [ANNA], cache)
    apply(database, 1, {ANNA: [order(3, 2)]}, cache=cache)
    assert traits_of(database, 1, ANNA)["orders"] == 1


def test_time_alone_changes_what_is_due(database: Database):
    apply(database, 1, {ANNA: [order(1, 0)], BO: [order(2, 5)]})
    with database.transaction(1) as session:
        now = from_us(START_US + DAY_US)
        assert store.due(session, from_us(START_US + DAY_US - 1), 10) == []
        assert store.due(session, now, 10) == [ANNA]
        changed = store.refresh(session, now, [ANNA])
        assert [(moment.person, moment.seq, moment.as_of_us) for moment in changed] == [(ANNA, 1, START_US + DAY_US)]
        assert store.due(session, now, 10) == []
        assert store.due(session, from_us(START_US + 6 * DAY_US), 10) == [ANNA, BO]
        assert store.refresh(session, now, [ANNA]) == []
    assert traits_of(database, 1, ANNA)["recency_days"] == 1


def test_everybody_is_refreshed_in_pages_and_never_before_her_newest_fact(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store, "_CHUNK", 3)
    crowd = sorted(new_id() for _ in range(8))
    apply(database, 1, {person: [order(seq, seq)] for seq, person in enumerate(crowd)})
    with database.transaction(1) as session:
        changed = {moment.person: moment for moment in store.refresh(session, from_us(START_US + 4 * DAY_US))}
    assert set(changed) == set(crowd[:4])
    assert [changed[person].values[NAMES.index("recency_days")] for person in crowd[:4]] == [4, 3, 2, 1]
    assert traits_of(database, 1, crowd[7])["recency_days"] == 0


def test_a_refresh_leaves_a_person_who_is_folded_meanwhile(database: Database):
    apply(database, 1, {ANNA: [order(1, 0)]})
    with database.transaction(1) as late:
        loaded = late.rows(store._SQL["load_portraits"], people=[ANNA])
        apply(database, 1, {ANNA: [order(2, 9)]})
        late.stage("profiles_moved", store._MOVED, [(ANNA, loaded[0][1], START_US, None)])
        assert late.rows(store._SQL["move_portraits"]) == []
    assert traits_of(database, 1, ANNA)["orders"] == 2
