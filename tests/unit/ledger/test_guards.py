"""The guards that no request can reach: each is tried with a state that is wrong already."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from keyuan.ledger import BATCH_MAX, Answer, LedgerCorruptionError, LedgerInputError
from keyuan.ledger.decide import decide, take_first_to_expire, take_from_hold
from keyuan.ledger.model import BALANCE_MAX, Bucket
from keyuan.ledger.state import Account, State
from unit.ledger.memory import MemoryLedger
from unit.ledger.samples import DAY, T0, YEAR, award, capture, fund, hold, key, redeem, reserve, spend, void


@pytest.fixture
def books() -> MemoryLedger:
    memory = MemoryLedger()
    memory.post([award("a", 10), award("b", 20), hold("h", 12)])
    return memory


def account(books: MemoryLedger, bucket: int, holder: int = 7) -> Account:
    return books.state.accounts[bucket, holder, "market", "points"]


def test_a_batch_beyond_the_limit_is_refused():
    with pytest.raises(LedgerInputError):
        decide(State(1), [award("a")] * (BATCH_MAX + 1))


def test_an_award_counts_on_the_utc_day_of_its_instant_and_no_other_but_can_be_tried_again_on_another():
    moment = timedelta(microseconds=1)
    for name, at in (("first", T0), ("last", T0 + DAY - moment)):
        books = MemoryLedger()
        daily = award(name, 10, day=T0.date(), day_points=10)
        assert books.post([replace(daily, at=at)])[0].posted
        again = books.post([replace(daily, at=T0 + 3 * DAY)])[0]
        assert (again.posted, again.repeated) == (True, True)
        for other in (T0 - moment, T0 + DAY):
            with pytest.raises(LedgerInputError, match="the UTC day of at"):
                MemoryLedger().post([replace(daily, at=other)])


def test_a_brand_cannot_issue_beyond_the_limit_of_a_balance(books: MemoryLedger):
    account(books, Bucket.ISSUED, 0).balance = -BALANCE_MAX + 5
    assert books.post([award("more", 6)])[0].answer is Answer.BEYOND_LIMIT
    assert books.post([award("just", 5)])[0].posted


def test_a_campaign_cannot_be_granted_beyond_the_limit_of_a_balance(books: MemoryLedger):
    books.post([fund("f", 1)])
    books.state.accounts[Bucket.BUDGET_GRANTED, 7, "market", "USD"].balance = -BALANCE_MAX + 5
    assert books.post([fund("more", 6)])[0].answer is Answer.BEYOND_LIMIT
    assert books.post([fund("just", 5)])[0].posted


def test_a_budget_moves_between_buckets_of_its_own(books: MemoryLedger):
    books.post([fund("f", 10), reserve("r", 10)])
    books.state.accounts[Bucket.BUDGET_RESERVED, 7, "market", "USD"].bucket = Bucket.BUDGET_FREE
    with pytest.raises(LedgerCorruptionError, match="of this kind"):
        books.post([spend("s", 1)])


def test_an_account_never_gives_what_it_does_not_have(books: MemoryLedger):
    account(books, Bucket.AVAILABLE).balance = 3
    with pytest.raises(LedgerCorruptionError, match="does not have"):
        books.post([redeem("r", 10)])


def test_an_entry_stays_within_one_book(books: MemoryLedger):
    account(books, Bucket.AVAILABLE).currency = "tier"
    with pytest.raises(LedgerCorruptionError, match="one book"):
        books.post([void("v", "h")])


def test_an_entry_fits_its_kind(books: MemoryLedger):
    account(books, Bucket.HELD).bucket = Bucket.DEBT
    with pytest.raises(LedgerCorruptionError, match="of this kind"):
        books.post([capture("c", "h", 1)])


def test_a_lot_never_leaves_its_bounds(books: MemoryLedger):
    books.state.lots[1].held = 0
    with pytest.raises(LedgerCorruptionError, match="bounds"):
        books.post([capture("c", "h", 1)])


def test_a_lot_is_there_once(books: MemoryLedger):
    books.state.seq = 0
    with pytest.raises(LedgerCorruptionError, match="twice"):
        books.post([award("c")])


def test_a_spender_whose_lots_were_not_loaded_is_noticed(books: MemoryLedger):
    books.state.lots_of.clear()
    with pytest.raises(LedgerCorruptionError, match="not loaded"):
        books.post([redeem("r", 1)])


def test_lots_and_holds_must_cover_what_is_taken(books: MemoryLedger):
    queue = books.state.lots_of[account(books, Bucket.AVAILABLE).account_id]
    with pytest.raises(LedgerCorruptionError):
        take_first_to_expire(queue, 19, 0)
    held = books.state.holds[key("h")]
    with pytest.raises(LedgerCorruptionError):
        take_from_hold(replace(held, takes=held.takes[:1]), 12)


def test_deciding_the_same_twice_gives_the_same_links():
    story = [award("a", 10), award("b", 20, expires_at=T0 + YEAR), hold("h", 12), capture("c", "h", 3), redeem("r", 1)]
    first, second, one_by_one = MemoryLedger(), MemoryLedger(), MemoryLedger()
    first.post(story)
    second.post(story)
    for request in story:
        one_by_one.post([request])
    assert first.links == second.links == one_by_one.links
