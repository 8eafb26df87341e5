"""Many writers at once: exactly one effect, never below zero, numbers without a gap."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from keyuan import ledger
from keyuan.engines.database import Database, KeyTakenError, Session
from keyuan.ledger import Answer
from keyuan.ledger import books as books_module
from unit.ledger.samples import T0, YEAR, award, hold, redeem

THREADS = 8


def all_at_once(database: Database, batches: Sequence[Sequence[ledger.Request]]) -> list[list[ledger.Outcome]]:
    """Post each batch in its own transaction, THREADS of them at a time, all started together."""
    ready = threading.Barrier(min(THREADS, len(batches)))

    def post(batch: Sequence[ledger.Request]) -> list[ledger.Outcome]:
        with database.transaction(1) as session:
            return ledger.post(session, batch)

    with ThreadPoolExecutor(THREADS, initializer=ready.wait, initargs=(60,)) as threads:
        return list(threads.map(post, batches))


def verified(database: Database) -> ledger.Report:
    with database.transaction(1) as session:
        report = ledger.verify(session)
    assert report.ok, report.words()
    return report


def test_64_spends_of_one_balance_at_once_leave_nothing_below_zero(database: Database):
    all_at_once(database, [[award("a", 100)]])
    outcomes = all_at_once(database, [[redeem(f"r{n}", 3)] for n in range(64)])
    answers = [out[0].answer for out in outcomes]
    assert answers.count(Answer.POSTED) == 33
    assert answers.count(Answer.TOO_FEW_POINTS) == 31
    assert verified(database).counts.entries == 34


def test_one_key_200_times_at_once_has_exactly_one_effect(database: Database):
    outcomes = all_at_once(database, [[award("a", 10)]] * 200)
    assert sum(not out[0].repeated for out in outcomes) == 1
    assert {(out[0].seq, out[0].points) for out in outcomes} == {(1, 10)}
    assert verified(database).counts.entries == 1


def test_batches_at_once_are_numbered_one_after_the_other(database: Database):
    batches = [[award(f"a{b}.{n}", 2, holder=1 + n % 5) for n in range(50)] for b in range(12)]
    mixed = [[hold(f"h{b}", 3, holder=1 + b % 5), redeem(f"r{b}", 2, holder=1 + b % 5)] for b in range(12)]
    outcomes = all_at_once(database, batches)
    for out in outcomes:
        numbers = [outcome.seq or 0 for outcome in out]
        assert numbers == list(range(numbers[0], numbers[0] + 50))
    all_at_once(database, mixed)
    assert verified(database).counts.entries == 12 * 52


def test_the_expiry_job_run_by_many_expires_each_lot_once(database: Database):
    all_at_once(database, [[award(f"a{n}", 5, holder=n + 1) for n in range(40)]])

    def expire(_number: int) -> int:
        with database.transaction(1) as session:
            return ledger.expire_due(session, T0 + YEAR, limit=7)

    with ThreadPoolExecutor(THREADS) as threads:
        assert sum(threads.map(expire, range(16))) == 40
    assert verified(database).counts.entries == 80


def race(database: Database) -> ledger.Outcome:
    """The second of two spends begins while the first has decided but not committed."""

    def second() -> ledger.Outcome:
        with database.transaction(1) as session:
            return ledger.post(session, [redeem("second", 60)])[0]

    with ThreadPoolExecutor(1) as thread:
        with database.transaction(1) as session:
            assert ledger.post(session, [redeem("first", 60)])[0].posted
            waiting = thread.submit(second)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
        return waiting.result(timeout=30)


def test_a_spend_waits_for_the_one_before_it_to_commit(database: Database):
    all_at_once(database, [[award("a", 100)]])
    assert race(database).answer is Answer.TOO_FEW_POINTS
    verified(database)


def test_without_the_lock_the_race_is_an_error_and_the_books_still_hold(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    def lock_nothing(_session: Session) -> None:
        """Leave the books open: the planted bug."""

    all_at_once(database, [[award("a", 100)]])
    monkeypatch.setattr(books_module, "lock_books", lock_nothing)
    with pytest.raises(KeyTakenError):
        race(database)
    verified(database)
