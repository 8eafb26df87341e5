"""A coupon is handed in: used once, its money spent once; when the campaign ends, the rest is free again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest

from campaign_house import AT, CAMPAIGN, FORGOTTEN, NO_NAME, OFFER, stock
from keyuan import campaigns, promotions
from keyuan.campaigns import Channel, MessageState, NotRunningError, State
from keyuan.experiments.reads import arms
from keyuan.flows import campaign_redeem
from keyuan.flows.campaign_end import end_campaign
from keyuan.flows.campaign_launch import launch
from keyuan.flows.campaign_money import CouponWithoutMoneyError, budget_of
from keyuan.flows.campaign_redeem import redeem_coupon
from keyuan.flows.verify import verify
from keyuan.kernel.errors import KeyuanError
from keyuan.ledger import Budget
from shop import Shop

LATER = AT + timedelta(days=3)


@pytest.fixture(autouse=True)
def launched(shop: Shop) -> None:
    launch(shop.database, shop.secrets, 1, CAMPAIGN.name, AT)


def in_arm(shop: Shop, arm: str) -> list[UUID]:
    with shop.database.transaction(1) as session:
        return sorted(person for person, own in arms(session, CAMPAIGN.name).items() if own == arm)


def code(shop: Shop, person: UUID) -> str:
    return promotions.code_of(shop.secrets, 1, OFFER.name, person)


def redeem(shop: Shop, written: str, order: str = "o1", tenant: int = 1) -> promotions.Redemption:
    with shop.database.transaction(tenant) as session:
        return redeem_coupon(session, shop.secrets, written, order, LATER)


def money(shop: Shop) -> Budget:
    with shop.database.transaction(1) as session:
        return budget_of(session, campaigns.campaign(session, CAMPAIGN.name))


def test_a_coupon_spends_its_face_once(shop: Shop):
    before, (one, other, *_) = money(shop), in_arm(shop, "treated")
    first = redeem(shop, code(shop, one))
    assert first.person == one
    assert redeem(shop, code(shop, one)) == first._replace(repeated=True)
    with pytest.raises(promotions.CouponUsedError):
        redeem(shop, code(shop, one), order="o2")
    redeem(shop, code(shop, other), order="o2")
    after = money(shop)
    assert (after.spent, after.reserved) == (1_000, before.reserved - 1_000)
    assert (after.granted, after.free) == (before.granted, before.free)
    assert verify(shop.database, [1])[0].ok


def test_who_was_held_out_or_left_out_has_no_coupon(shop: Shop):
    people = [*in_arm(shop, "hold_out"), shop.person(f"household:{NO_NAME}"), shop.person(f"household:{FORGOTTEN}")]
    assert len(people) > 2
    for person in people:
        with pytest.raises(promotions.UnknownCouponError):
            redeem(shop, code(shop, person))
    with pytest.raises(promotions.UnknownCouponError):
        redeem(shop, code(shop, in_arm(shop, "treated")[0]), tenant=2)
    assert money(shop).spent == 0


def at_once(doing: Callable[[int], object], times: int) -> list[object]:
    barrier = Barrier(times)

    def one(number: int) -> object:
        barrier.wait()
        try:
            return doing(number)
        except KeyuanError as error:
            return type(error)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def test_of_many_orders_at_once_one_uses_the_coupon_and_one_face_is_spent(shop: Shop):
    written = code(shop, in_arm(shop, "treated")[0])
    found = at_once(lambda number: redeem(shop, written, order=f"o{number}"), 6)
    assert found.count(promotions.CouponUsedError) == 5
    assert money(shop).spent == 500


def test_a_coupon_that_cannot_be_paid_is_not_used(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    def unpaid(*_: object) -> int:
        raise CouponWithoutMoneyError

    person = in_arm(shop, "treated")[0]
    monkeypatch.setattr(campaign_redeem, "spend", unpaid)
    with pytest.raises(CouponWithoutMoneyError):
        redeem(shop, code(shop, person))
    monkeypatch.undo()
    assert not redeem(shop, code(shop, person), order="o2").repeated


def test_more_coupons_than_money_are_refused_by_the_ledger(shop: Shop):
    people = in_arm(shop, "treated")
    with shop.database.transaction(1) as session:
        promotions.issue(session, shop.secrets, OFFER.name, in_arm(shop, "hold_out"), AT)
    for number, person in enumerate(people):
        redeem(shop, code(shop, person), order=f"o{number}")
    assert money(shop).reserved == 0
    with pytest.raises(CouponWithoutMoneyError):
        redeem(shop, code(shop, in_arm(shop, "hold_out")[0]), order="one too many")
    assert money(shop).spent == 500 * len(people)


def test_when_a_campaign_ends_the_rest_is_free_and_nothing_more_is_sent_or_paid(shop: Shop):
    one, other, *_ = in_arm(shop, "treated")
    first = redeem(shop, code(shop, one))
    with shop.database.transaction(1) as session:
        queued = campaigns.message_counts(session, CAMPAIGN.name)[Channel.EMAIL, MessageState.QUEUED]
        free = end_campaign(session, CAMPAIGN.name, LATER)
        assert end_campaign(session, CAMPAIGN.name, LATER) == 0
        assert campaigns.campaign(session, CAMPAIGN.name).state is State.ENDED
        counts = campaigns.message_counts(session, CAMPAIGN.name)
        assert counts[Channel.EMAIL, MessageState.WITHHELD] == queued
        assert campaigns.claim_due(session, Channel.EMAIL, 100, LATER) == []
    assert (money(shop).free, money(shop).reserved, money(shop).spent) == (100_000 - 500, 0, 500)
    assert free == 500 * (len(in_arm(shop, "treated")) - 1)
    with pytest.raises(NotRunningError):
        redeem(shop, code(shop, other), order="o2")
    assert redeem(shop, code(shop, one)) == first._replace(repeated=True)
    assert launch(shop.database, shop.secrets, 1, CAMPAIGN.name).at == AT
    assert verify(shop.database, [1])[0].ok


def test_a_draft_cannot_end(shop: Shop):
    with shop.database.transaction(2) as session, pytest.raises(campaigns.UnknownCampaignError):
        end_campaign(session, CAMPAIGN.name, LATER)
    other = stock(shop.database, shop.secrets, tenant=2, households=2)
    with other.database.transaction(2) as session, pytest.raises(NotRunningError, match="not launched"):
        end_campaign(session, CAMPAIGN.name, LATER)
