"""A launch puts everybody of a segment in an arm and does all that follows, once, in one transaction, or nothing."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest

from campaign_house import (
    AFTER,
    AT,
    CAMPAIGN,
    FORGOTTEN,
    HOUSEHOLDS,
    NO_ADDRESS,
    NO_NAME,
    OFFER,
    SALT,
    WITHDREW_EMAIL,
    WITHDREW_PORTRAIT,
    came_lately,
    name_of,
    purposes,
    stock,
)
from keyuan import campaigns, events, promotions
from keyuan.campaigns import Channel, Launch, MessageState, Span, State
from keyuan.consent import Purpose
from keyuan.experiments import reads as experiments
from keyuan.experiments.model import UnknownExperimentError
from keyuan.flows import campaign_people
from keyuan.flows.campaign_draft import save_draft
from keyuan.flows.campaign_launch import NobodyMovedError, NobodyToTreatError, WrongTimeError, launch
from keyuan.flows.campaign_money import OverBudgetError, budget_of
from keyuan.flows.verify import verify
from shop import Shop


def bucket(name: str) -> float:
    """Return GrowthBook's bucket, hash version 2, written down here once more."""

    def fnv1a(text: str) -> int:
        value = 0x811C9DC5
        for byte in text.encode():
            value = (value ^ byte) * 0x01000193 % 2**32
        return value

    return fnv1a(str(fnv1a(SALT + name))) % 10_000 / 10_000


def expected(households: int = HOUSEHOLDS) -> dict[str, set[int]]:
    """Return who must be where, from the rules of the shop alone."""
    lately = {
        each for each in range(1, households + 1) if came_lately(each) and Purpose.PERSONALISATION in purposes(each)
    }
    lately -= {WITHDREW_PORTRAIT}
    named = lately - {NO_NAME, FORGOTTEN}
    held_out = {each for each in named if bucket(name_of(each)) < 0.2}
    treated = named - held_out
    return {
        "left_out": lately - named,
        "hold_out": held_out,
        "treated": treated,
        "email": {each for each in treated if Purpose.MARKETING_EMAIL in purposes(each)} - {WITHDREW_EMAIL, NO_ADDRESS},
        "inbox": {each for each in treated if Purpose.LOYALTY in purposes(each)},
    }


def found(shop: Shop) -> dict[str, set[int]]:
    """Return who is where, from what is stored."""
    numbers = {shop.person(name_of(each)): each for each in range(1, HOUSEHOLDS + 1)}
    with shop.database.transaction(shop.tenant) as session:
        arms = experiments.arms(session, CAMPAIGN.name)
        messages = session.rows("SELECT m.person, m.channel FROM campaigns.message AS m")
        coupons = session.rows("SELECT c.person FROM promotions.coupon AS c")
        exposed = session.rows("SELECT x.person FROM experiments.exposure AS x WHERE x.exposed_at = %(at)s", at=AT)
    there = {arm: {numbers[person] for person, own in arms.items() if own == arm} for arm in ("hold_out", "treated")}
    there |= {which: {numbers[who] for who, channel in messages if channel == which} for which in ("email", "inbox")}
    return there | {"coupon": {numbers[who] for (who,) in coupons}, "exposed": {numbers[who] for (who,) in exposed}}


def differences(shop: Shop, launched: Launch) -> list[str]:
    """Return what is not as it must be after a launch."""
    must, there = expected(), found(shop)
    must |= {"coupon": must["treated"], "exposed": must["inbox"]}
    wrong = [name for name, people in there.items() if people != must[name]]
    sizes = {name: len(people) for name, people in must.items()}
    counted = Launch(
        at=AT,
        people=sizes["treated"] + sizes["hold_out"],
        treated=sizes["treated"],
        held_out=sizes["hold_out"],
        left_out=sizes["left_out"],
        emails=sizes["email"],
        inboxes=sizes["inbox"],
        reserved_minor=500 * sizes["treated"],
    )
    return wrong + ([] if launched == counted else [f"counted {launched}, must be {counted}"])


def launched(shop: Shop, **how: Any) -> Launch:
    return launch(shop.database, shop.secrets, shop.tenant, CAMPAIGN.name, **{"at": AT} | how)


def test_everybody_of_the_segment_as_of_then_is_in_an_arm_and_the_rest_follows(shop: Shop):
    told = launched(shop)
    assert differences(shop, told) == []
    assert {name: len(people) > 0 for name, people in expected().items()} == dict.fromkeys(expected(), True)
    with shop.database.transaction(1) as session:
        campaign = campaigns.campaign(session, CAMPAIGN.name)
        money = budget_of(session, campaign)
        assert campaign.state is State.LAUNCHED
        assert (money.granted, money.reserved, money.spent) == (100_000, told.reserved_minor, 0)
        assert money.free == 100_000 - told.reserved_minor
        assert campaigns.message_counts(session, CAMPAIGN.name) == {
            (Channel.EMAIL, MessageState.QUEUED): told.emails,
            (Channel.INBOX, MessageState.SENT): told.inboxes,
        }
    assert verify(shop.database, [1])[0].ok


@pytest.mark.parametrize("forgotten", ["the hold-out", "the consents", "the addresses", "the seal"])
def test_a_launch_that_forgets_something_is_caught(shop: Shop, monkeypatch: pytest.MonkeyPatch, forgotten: str):
    def nobody_is_held_out(names: list[str], *_: object) -> list[int]:
        return [1] * len(names)

    def agreed_once(_timeline: object, *_: object) -> bool:
        return True

    def everybody_has(_session: object, _field: str, people: list[UUID]) -> set[UUID]:
        return set(people)

    def name_of_hash(_session: object, _secrets: object, senders: list[bytes]) -> dict[bytes, str]:
        return {sender: sender.hex() for sender in senders}

    match forgotten:
        case "the hold-out":
            monkeypatch.setattr(campaign_people.experiments, "assign", nobody_is_held_out)
        case "the consents":
            monkeypatch.setattr(campaign_people.consent, "allows", agreed_once)
        case "the addresses":
            monkeypatch.setattr(campaign_people, "who_has", everybody_has)
        case _:
            monkeypatch.setattr(campaign_people.events, "names_of", name_of_hash)
    assert differences(shop, launched(shop)) != []


def test_a_launch_told_twice_is_one(shop: Shop):
    first = launched(shop)
    there = found(shop)
    assert launched(shop) == first
    assert launched(shop, at=None) == first
    assert found(shop) == there
    with shop.database.transaction(1) as session:
        assert budget_of(session, campaigns.campaign(session, CAMPAIGN.name)).reserved == first.reserved_minor


def test_of_two_launches_at_once_one_waits_for_the_other(shop: Shop):
    barrier = Barrier(2)

    def go(_: int) -> Launch:
        barrier.wait()
        return launched(shop)

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(go, range(2))
    assert one == other
    assert differences(shop, one) == []


def test_a_launch_over_its_budget_leaves_nothing_and_may_be_tried_again(shop: Shop):
    treated = len(expected()["treated"])
    for budget_minor in (0, 500 * treated - 1):
        with shop.database.transaction(1) as session:
            save_draft(session, replace(CAMPAIGN, budget_minor=budget_minor), OFFER)
        with pytest.raises(OverBudgetError, match=f"needed_minor={500 * treated}"):
            launched(shop)
    with shop.database.transaction(1) as session:
        campaign = campaigns.campaign(session, CAMPAIGN.name)
        assert campaign.state is State.DRAFT
        assert campaigns.launch_of(session, CAMPAIGN.name) is None
        assert promotions.given(session, OFFER.name).issued == 0
        assert (budget_of(session, campaign).granted, budget_of(session, campaign).free) == (0, 0)
        with pytest.raises(UnknownExperimentError):
            experiments.experiment(session, CAMPAIGN.name)
        save_draft(session, replace(CAMPAIGN, budget_minor=500 * treated), OFFER)
    assert differences(shop, launched(shop)) == []


def test_a_launch_as_of_now_takes_who_is_in_the_segment_now(shop: Shop):
    with shop.database.transaction(1) as session:
        window = Span(AFTER, AFTER + timedelta(days=30))
        offer = replace(OFFER, valid_until=window.until)
        save_draft(session, replace(CAMPAIGN, window=window, before=Span(AT, AFTER), nobody_treated=False), offer)
    told = launched(shop, at=None)
    now = {each for each in range(1, HOUSEHOLDS + 1) if Purpose.PERSONALISATION in purposes(each)}
    now -= {WITHDREW_PORTRAIT}
    assert told.people + told.left_out == len(now)
    assert told.left_out == len(now & {NO_NAME, FORGOTTEN})
    assert told.at >= AFTER


def test_letters_are_due_at_once_also_where_the_clock_is_far_ahead(shop: Shop):
    ahead = datetime(2060, 1, 1, tzinfo=UTC)
    with shop.database.transaction(1) as session:
        events.move_clock(session, ahead, ahead)
        window = Span(ahead, ahead + timedelta(days=30))
        save_draft(session, replace(CAMPAIGN, window=window), replace(OFFER, valid_until=window.until))
    told = launched(shop, at=None)
    with shop.database.transaction(1) as session:
        due = campaigns.claim_due(session, Channel.EMAIL, 100, datetime.now(UTC))
        assert {message.made_at for message in due} == {told.at}
        assert len(due) == told.emails > 0


def test_a_campaign_is_launched_before_its_window_ends_and_never_ahead(shop: Shop):
    for at in (CAMPAIGN.window.until, AFTER + timedelta(days=900)):
        with pytest.raises(WrongTimeError):
            launched(shop, at=at)
    with shop.database.transaction(1) as session:
        save_draft(session, replace(CAMPAIGN, nobody_treated=False), OFFER)
    with pytest.raises(NobodyMovedError):
        launched(shop)


def test_a_campaign_for_nobody_is_not_launched(shop: Shop):
    with shop.database.transaction(1) as session:
        save_draft(session, replace(CAMPAIGN, segment="families"), OFFER)
    with pytest.raises(NobodyToTreatError, match="people=0"):
        launched(shop)
    with pytest.raises(campaigns.UnknownCampaignError):
        launch(shop.database, shop.secrets, 2, CAMPAIGN.name, AT)


def test_two_tenants_launch_the_same_and_share_nothing(shop: Shop):
    other = stock(shop.database, shop.secrets, tenant=2, households=12)
    ours = launched(shop)
    theirs = launched(other)
    assert theirs.people + theirs.left_out == sum(
        len(expected(12)[name]) for name in ("treated", "hold_out", "left_out")
    )
    assert differences(shop, ours) == []
    with shop.database.transaction(2) as session:
        assert len(experiments.arms(session, CAMPAIGN.name)) == theirs.people
        assert budget_of(session, campaigns.campaign(session, CAMPAIGN.name)).reserved == theirs.reserved_minor
