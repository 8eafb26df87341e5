"""A draft says everything beforehand, and the checks say whether it could work, without deciding anybody's arm."""

from dataclasses import replace
from datetime import timedelta

import pytest

from campaign_house import (
    AFTER,
    AT,
    CAMPAIGN,
    HOUSEHOLDS,
    NO_ADDRESS,
    NO_NAME,
    OFFER,
    WITHDREW_EMAIL,
    WITHDREW_PORTRAIT,
    came_lately,
    purposes,
)
from keyuan import campaigns, promotions
from keyuan.campaigns import Campaign, NoDraftError, Span
from keyuan.consent import Purpose
from keyuan.experiments.model import UnknownExperimentError
from keyuan.experiments.power import smallest_effect
from keyuan.experiments.reads import experiment
from keyuan.flows import campaign_checks
from keyuan.flows.campaign_checks import Check, Level, checks, ready
from keyuan.flows.campaign_draft import DraftFaultError, delete_draft, save_draft
from keyuan.flows.campaign_launch import launch
from keyuan.promotions import Offer
from shop import Shop

NAMES = ["people", "arms", "email", "inbox", "budget", "window", "offer", "smallest_effect", "overlap"]


def keep(shop: Shop, campaign: Campaign, offer: Offer) -> None:
    with shop.database.transaction(1) as session:
        save_draft(session, campaign, offer)


def save(shop: Shop, **changes: object) -> None:
    keep(shop, replace(CAMPAIGN, **changes), OFFER)


def checked(shop: Shop, name: str = CAMPAIGN.name) -> dict[str, Check]:
    with shop.database.transaction(1) as session:
        found = checks(session, name, AT)
    assert [check.name for check in found] == NAMES
    return {check.name: check for check in found}


def levels(found: dict[str, Check]) -> dict[str, Level]:
    return {name: check.level for name, check in found.items()}


def test_a_draft_is_kept_changed_and_deleted_with_its_offer(shop: Shop):
    with shop.database.transaction(1) as session:
        first = campaigns.campaign(session, CAMPAIGN.name)
        assert first == replace(CAMPAIGN, number=first.number)
        changed = save_draft(session, replace(CAMPAIGN, holdout=0.5), replace(OFFER, face_minor=300))
        assert (changed.holdout, changed.number) == (0.5, first.number)
        assert promotions.offer(session, OFFER.name).face_minor == 300
        delete_draft(session, CAMPAIGN.name)
        assert campaigns.campaigns(session) == []
        with pytest.raises(promotions.UnknownOfferError):
            promotions.offer(session, OFFER.name)
        assert save_draft(session, CAMPAIGN, OFFER).number > first.number


def test_everything_that_is_wrong_with_a_draft_is_said_at_once(shop: Shop):
    wrong = replace(
        CAMPAIGN,
        name="Milk!",
        title_zh=" ",
        holdout=1.0,
        salt="",
        segment="nobody",
        brand="elsewhere",
        window=Span(AT, AT),
        before=Span(AT, AFTER),
        budget_minor=-1,
        currency="usd",
        points_factor=0,
        language="fr",
    )
    with shop.database.transaction(1) as session:
        with pytest.raises(DraftFaultError) as caught:
            save_draft(session, wrong, replace(OFFER, face_minor=0, valid_until=AT))
        assert [each.name for each in campaigns.campaigns(session)] == [CAMPAIGN.name]
    assert caught.value.faults == {
        "name": "no_name",
        "title_zh": "no_title",
        "holdout": "no_share",
        "salt": "no_salt",
        "segment": "unknown",
        "brand": "unknown",
        "window": "ends_before_it_begins",
        "before": "reaches_into_the_window",
        "budget_minor": "no_amount",
        "currency": "no_currency",
        "points_factor": "no_factor",
        "language": "unknown",
        "offer_currency": "unknown",
        "offer_face_minor": "no_amount",
        "offer_valid_until": "ends_before_it_begins",
    }


def test_two_campaigns_do_not_share_an_offer(shop: Shop):
    with pytest.raises(DraftFaultError, match="offer=taken"):
        save(shop, name="another")


def test_what_was_launched_is_not_changed_or_deleted(shop: Shop):
    launch(shop.database, shop.secrets, 1, CAMPAIGN.name, AT)
    with pytest.raises(NoDraftError):
        save(shop, holdout=0.5)
    with shop.database.transaction(1) as session, pytest.raises(NoDraftError):
        delete_draft(session, CAMPAIGN.name)
    with shop.database.transaction(2) as session, pytest.raises(campaigns.UnknownCampaignError):
        delete_draft(session, CAMPAIGN.name)


def test_the_checks_of_a_draft_say_what_to_expect(shop: Shop):
    found = checked(shop)
    people = found["people"].facts["people"]
    assert people == 37
    assert levels(found) == dict.fromkeys(NAMES, Level.OK) | {"arms": Level.WARN, "smallest_effect": Level.OK}
    assert found["arms"].facts == {"treated": 30, "held_out": 7, "least": 30}
    assert found["budget"].facts["expected_minor"] == 30 * 500
    lately = [each for each in range(1, HOUSEHOLDS + 1) if came_lately(each) and each != WITHDREW_PORTRAIT]
    agreed = [set(purposes(each)) for each in lately if each not in (WITHDREW_EMAIL, NO_ADDRESS, NO_NAME)]
    both = {Purpose.PERSONALISATION, Purpose.MARKETING_EMAIL}
    assert found["email"].facts["people"] == sum(both <= each for each in agreed)
    assert ready(list(found.values()))
    with shop.database.transaction(1) as session, pytest.raises(UnknownExperimentError):
        experiment(session, CAMPAIGN.name)


def test_a_check_that_counts_who_has_withdrawn_is_caught(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    def as_of_then(session: object, people: object, at: object, _now: object) -> object:
        return real(session, people, at, at)

    real = campaign_checks.by_email
    before = checked(shop)["email"].facts["people"]
    monkeypatch.setattr(campaign_checks, "by_email", as_of_then)
    assert checked(shop)["email"].facts["people"] != before


def test_the_smallest_effect_comes_from_the_orders_before(shop: Shop):
    for household in (2, 3, 4):
        shop.send(*(shop.order(f"household:{household}", f"2017-08-0{day}T10:00:00Z") for day in range(1, 8)))
    shop.run()
    facts = checked(shop)["smallest_effect"].facts
    orders = [8, 8, 8, *[1] * 34]
    mean = sum(orders) / 37
    variance = sum((each - mean) ** 2 for each in orders) / 37
    assert facts["mean"] == pytest.approx(mean)
    assert facts["effect"] == pytest.approx(smallest_effect(variance, 7, 30))
    assert checked(shop)["smallest_effect"].level is Level.WARN


def test_a_budget_below_what_is_expected_stops_and_one_that_chance_may_exceed_warns(shop: Shop):
    for budget_minor, level in ((30 * 500 - 1, Level.STOP), (30 * 500, Level.WARN), (37 * 500, Level.OK)):
        save(shop, budget_minor=budget_minor)
        found = checked(shop)
        assert found["budget"].level is level
        assert ready(list(found.values())) is (level is not Level.STOP)


def test_nobody_and_a_window_that_is_over_stop(shop: Shop):
    save(shop, segment="families", nobody_treated=False)
    found = checked(shop)
    assert (found["people"].level, found["window"].level) == (Level.STOP, Level.STOP)
    assert (found["arms"].level, found["email"].level, found["smallest_effect"].level) == (Level.WARN,) * 3


def test_a_late_launch_and_a_coupon_that_ends_early_are_told(shop: Shop):
    since = AT - timedelta(days=9)
    spans = {"window": Span(since, CAMPAIGN.window.until), "before": Span(since - timedelta(days=90), since)}
    keep(shop, replace(CAMPAIGN, **spans), replace(OFFER, valid_until=CAMPAIGN.window.until - timedelta(seconds=1)))
    found = checked(shop)
    assert (found["window"].level, found["offer"].level) == (Level.WARN, Level.WARN)


def test_a_campaign_for_the_same_people_at_the_same_time_is_told(shop: Shop):
    launch(shop.database, shop.secrets, 1, CAMPAIGN.name, AT)
    assert checked(shop)["overlap"].level is Level.OK
    bread = replace(CAMPAIGN, name="bread", offer="bread_coupon", salt="another")
    keep(shop, bread, replace(OFFER, name="bread_coupon"))
    assert checked(shop, "bread")["overlap"] == Check(
        "overlap", Level.WARN, {"campaigns": {CAMPAIGN.name: 35}, "people": 35}
    )
    apart = Span(CAMPAIGN.window.until, CAMPAIGN.window.until + timedelta(days=9))
    keep(shop, replace(bread, window=apart), replace(OFFER, name="bread_coupon"))
    assert checked(shop, "bread")["overlap"].level is Level.OK
