"""The outbox in bad weather: whatever is dropped, doubled, reorged, outbid or killed, each epoch is anchored once."""

from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest

from chains.epochs import entry
from chains.memory import MemoryStore
from chains.storm import ACCOUNT, CONTRACT, Killed, Storm, StormSigner
from keyuan.engines.chain import Call, ChainUnreachableError, Fees, NonceTooLowError, UnderpricedError, WrongChainError
from keyuan.engines.chain.outbox import Attempt, JobConflictError, JobStandsError, Outbox, Policy, State
from keyuan.engines.chain.outbox.model import looked_at, settled

FINALITY = 3
POLICY = Policy(again_s=10, raise_s=60, fee_max=10_000)
S = 1_000_000


def work(epoch: int) -> Call:
    return Call(CONTRACT, entry(epoch), 100_000)


def name(epoch: int) -> str:
    return f"anchor:{epoch}"


class Closer:
    """Whoever closes epochs: wants each on the chain, and looks after what failed."""

    def __init__(self, storm: Storm, store: MemoryStore, kind: type[Outbox]) -> None:
        self._storm = storm
        self._store = store
        self._outbox = kind(storm, store, StormSigner(), POLICY)

    def round(self, epochs: int, now_us: int) -> None:
        """Submit what is closed, do a round, try again what failed."""
        for epoch in range(1, epochs + 1):
            self._outbox.submit(name(epoch), work(epoch), now_us)
        self._outbox.advance(now_us)
        for epoch in range(1, epochs + 1):
            attempts = self._store.of_job(name(epoch))
            if all(attempt.state in (State.FINAL, State.GONE) and not attempt.succeeded for attempt in attempts):
                self._outbox.try_again(name(epoch), now_us)
                return


class Weather:
    """A walk through all that can happen, known by its seed; what must always hold is looked at after each step."""

    STEPS = 80

    def __init__(self, seed: int, kind: type[Outbox] = Outbox) -> None:
        self.random = Random(seed)
        self.kind = kind
        self.storm = Storm(FINALITY)
        self.store = MemoryStore()
        self.closer = Closer(self.storm, self.store, kind)
        self.epochs = 1
        self.now_us = 0
        self.killed_after = 0
        self.storm.on_question = self._kill

    def walk(self) -> None:
        """Take all steps, then let the weather be calm."""
        steps = {
            self.a_round: 14,
            self.blocks_are_mined: 10,
            self.a_reorg: 6,
            self.an_epoch_closes: 4,
            self.the_pool_is_forgotten: 1,
            self.the_way_is_bad: 1,
            self.the_way_is_good: 4,
            self.old_bytes_come_again: 1,
            self.fees_change: 1,
            self.somebody_else_uses_the_key: 0.3,
        }
        for step in self.random.choices(list(steps), list(steps.values()), k=self.STEPS):
            step()
            self.check()
        self.calm()

    def _kill(self) -> None:
        self.killed_after -= 1
        if self.killed_after == 0:
            raise Killed

    def an_epoch_closes(self) -> None:
        self.epochs = min(self.epochs + 1, 8)

    def a_round(self) -> None:
        self.now_us += self.random.choice([1, 11, 70]) * S
        self.killed_after = self.random.choice([0, 0, 0, 0, 1, 2, 3, 5, 8, 13, 21])
        try:
            self.closer.round(self.epochs, self.now_us)
        except Killed:
            self.closer = Closer(self.storm, self.store, self.kind)
        except ChainUnreachableError:
            assert self.storm.away
        self.killed_after = 0

    def blocks_are_mined(self) -> None:
        for _ in range(self.random.choice([1, 1, 1, 2, 4])):
            self.storm.mine()

    def a_reorg(self) -> None:
        self.storm.reorg(self.random.randint(1, FINALITY), requeue=self.random.random() < 0.3)

    def the_pool_is_forgotten(self) -> None:
        self.storm.forget()

    def the_way_is_bad(self) -> None:
        self.storm.loses, self.storm.away = self.random.choice([(True, False), (False, True), (True, True)])

    def the_way_is_good(self) -> None:
        self.storm.loses = self.storm.away = False

    def old_bytes_come_again(self) -> None:
        if self.storm.told and not self.storm.away:
            with suppress(NonceTooLowError, UnderpricedError):
                self.storm.send_raw(self.random.choice(sorted(self.storm.told)))

    def fees_change(self) -> None:
        self.storm.base_fee = self.random.choice([5, 10, 40, 150])

    def somebody_else_uses_the_key(self) -> None:
        self.storm.take_place()

    def check(self) -> None:
        """What holds at any moment."""
        rows = self.store.rows.values()
        assert self.storm.told <= {row.raw for row in rows}, "something was sent that was not kept"
        done = [row.job for row in rows if row.state is State.FINAL and row.succeeded]
        assert len(done) == len(set(done)), "an epoch is final twice"
        standing = {raw: (block.number, block.hash, takes) for block, raw, takes in self.storm.history()}
        for row in rows:
            if row.state is State.FINAL:
                assert standing.get(row.raw) == (row.block_number, row.block_hash, row.succeeded), "not final after all"
            if row.state is State.GONE:
                assert row.raw not in standing, "not gone after all"

    def calm(self) -> None:
        """When the weather is calm everything ends well, and soon."""
        self.the_way_is_good()
        self.storm.base_fee = 10
        for _ in range(60):
            self.now_us += 11 * S
            self.closer.round(self.epochs, self.now_us)
            self.storm.mine()
            self.check()
        final = {row.job: row.hash for row in self.store.rows.values() if row.state is State.FINAL and row.succeeded}
        assert [final.get(name(epoch)) for epoch in range(1, self.epochs + 1)] == self.storm.epochs()


def fault(seed: int, kind: type[Outbox] = Outbox) -> str | None:
    """What goes wrong in the walk of this seed."""
    try:
        Weather(seed, kind).walk()
    except AssertionError as found:
        return f"seed {seed}: {found}"
    return None


def test_in_any_weather_each_epoch_is_anchored_once():
    assert list(filter(None, map(fault, range(150)))) == []


@pytest.mark.long
def test_in_much_weather_each_epoch_is_anchored_once():
    seed = Random().randrange(10**9)
    assert list(filter(None, map(fault, range(seed, seed + 10_000)))) == []


class SendsFirst(Outbox):
    """Sends before it keeps."""

    def _sign(self, job: str, number: int, call: Call, nonce: int, fees: Fees, now_us: int) -> Attempt:
        self._chain.send_raw(self._signer.sign(self._chain.chain_id(), nonce, call, fees).raw)
        return super()._sign(job, number, call, nonce, fees, now_us)


class Hasty(Outbox):
    """Takes the first block for the last."""

    def _look(self, attempts: list[Attempt]) -> list[Attempt]:
        found = [looked_at(attempt, self._chain.receipt(attempt.hash)) for attempt in attempts]
        return [settled(attempt, 10**9, attempt.block_hash, 0) for attempt in found]


class GivesUp(Outbox):
    """Takes what it does not see for failed."""

    def _is_taken(self, attempts: list[Attempt]) -> bool:
        return attempts[-1].state is State.SENT


class SaysItOnce(Outbox):
    """Believes that a node keeps what it took."""

    def _send(self, attempts: list[Attempt], now_us: int) -> list[Attempt]:
        return attempts if attempts[-1].state is State.SENT else super()._send(attempts, now_us)


@pytest.mark.parametrize("bug", [SendsFirst, Hasty, GivesUp, SaysItOnce])
def test_a_planted_fault_does_not_survive_the_weather(bug: type[Outbox]):
    assert any(fault(seed, bug) for seed in range(20))


@pytest.fixture
def storm() -> Storm:
    return Storm(FINALITY)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def outbox(storm: Storm, store: MemoryStore) -> Outbox:
    return Outbox(storm, store, StormSigner(), POLICY)


def test_a_job_passes_through_its_states(outbox: Outbox, storm: Storm):
    assert outbox.submit("anchor:1", work(1), 0).state is State.SIGNED
    assert not storm.told
    assert [row.state for row in outbox.advance(0)] == [State.SENT]
    storm.mine()
    assert [(row.state, row.block_number, row.succeeded) for row in outbox.advance(S)] == [(State.MINED, 1, True)]
    for _ in range(FINALITY - 1):
        storm.mine()
        assert outbox.advance(S) == []
    storm.mine()
    assert [row.state for row in outbox.advance(S)] == [State.FINAL]
    assert outbox.advance(S) == []


def test_a_job_comes_again_with_the_same_content_or_not_at_all(outbox: Outbox):
    first = outbox.submit("anchor:1", work(1), 0)
    assert outbox.submit("anchor:1", work(1)._replace(gas=7), 5) == first
    with pytest.raises(JobConflictError):
        outbox.submit("anchor:1", work(2), 0)
    with pytest.raises(JobStandsError):
        outbox.try_again("anchor:1", 0)
    with pytest.raises(JobStandsError):
        outbox.try_again("anchor:2", 0)


def test_the_same_bytes_are_sent_again_and_not_too_often(outbox: Outbox, storm: Storm):
    outbox.submit("anchor:1", work(1), 0)
    outbox.advance(0)
    storm.forget()
    outbox.advance(9 * S)
    assert storm.pool == {}
    outbox.advance(10 * S)
    assert len(storm.pool) == len(storm.told) == 1


def test_what_a_reorg_took_out_is_sent_at_once(outbox: Outbox, storm: Storm):
    outbox.submit("anchor:1", work(1), 0)
    outbox.advance(0)
    storm.mine()
    outbox.advance(1)
    storm.reorg(1, requeue=False)
    assert [row.state for row in outbox.advance(2)] == [State.SENT]
    assert len(storm.pool) == 1


def test_a_fee_is_raised_at_the_same_nonce_up_to_its_limit(outbox: Outbox, storm: Storm, store: MemoryStore):
    first = outbox.submit("anchor:1", work(1), 0)
    outbox.advance(0)
    storm.base_fee = 15
    outbox.advance(59 * S)
    assert len(store.rows) == 1
    outbox.advance(61 * S)
    second = store.of_job("anchor:1")[-1]
    assert (second.nonce, second.fee) == (first.nonce, 30)
    storm.mine()
    outbox.advance(62 * S)
    for _ in range(FINALITY):
        storm.mine()
    outbox.advance(63 * S)
    assert [row.state for row in store.of_job("anchor:1")] == [State.GONE, State.FINAL]
    assert POLICY.raised(replace(first, fee=9_500), Fees(10**6, 1)) is None


def test_what_cannot_be_paid_for_at_once_waits_for_lower_fees(outbox: Outbox, storm: Storm, store: MemoryStore):
    outbox.submit("anchor:1", work(1), 0)
    storm.base_fee = 50_000
    outbox.advance(0)
    assert max(row.fee for row in store.rows.values()) <= POLICY.fee_max
    storm.base_fee = 5
    outbox.advance(20 * S)
    storm.mine()
    assert len(storm.epochs()) == 1


def test_transactions_for_another_chain_stay_where_they_are(outbox: Outbox, storm: Storm, store: MemoryStore):
    outbox.submit("anchor:1", work(1), 0)
    storm.chain_id = lambda: 1
    with pytest.raises(WrongChainError):
        outbox.advance(0)
    assert not storm.told
    assert [row.state for row in store.rows.values()] == [State.SIGNED]
    assert next(iter(store.rows.values())).sender == ACCOUNT
