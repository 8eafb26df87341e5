"""Whether a draft is fit to be launched: who it is for, what it may cost, and whether it could see anything.

A check is `ok`, a warning, or a reason to stop; `launch` refuses for reasons of its own in any case. Nobody's arm is
decided here: who saw the arms before deciding on the salt could try salts until she likes one. So figures per arm are
expectations.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import sqrt
from statistics import fmean, pvariance
from typing import Final
from uuid import UUID

from keyuan import campaigns, events, promotions
from keyuan.campaigns import Campaign
from keyuan.engines.database import Session
from keyuan.events.activity import orders_per_sender
from keyuan.experiments import reads as experiments
from keyuan.experiments.power import smallest_effect
from keyuan.flows.campaign_people import by_email, in_wallet, members
from keyuan.kernel.clock import system_now
from keyuan.profiles.reads import senders_of_all
from keyuan.promotions import Offer

ARM_MIN: Final = 30
"""With fewer people in an arm there is no verdict."""
REACHED_MIN: Final = 0.5
EFFECT_MAX: Final = 0.2
"""Effects that are a larger share of the mean are rare, so a test that sees no smaller ones is too small."""
_SURE: Final = 4
"""Standard deviations of the number of treated that a budget should have room for: exceeded once in 30,000 times."""


class Level(StrEnum):
    """What a check comes to."""

    OK = "ok"
    WARN = "warn"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its name, what it comes to, and the figures it stands on."""

    name: str
    level: Level
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A draft with what is asked of it once: as of when, and who is in its segment."""

    campaign: Campaign
    offer: Offer
    at: datetime
    now: datetime
    people: Sequence[UUID]

    @property
    def held_out(self) -> int:
        return round(self.campaign.holdout * len(self.people))

    @property
    def treated(self) -> int:
        return len(self.people) - self.held_out


def checks(session: Session, name: str, at: datetime | None = None) -> list[Check]:
    """Return the checks of a campaign as of now, or as of an instant that has passed, always in the same order.

    Raises:
        UnknownCampaignError: there is no such campaign.
    """
    campaign = campaigns.campaign(session, name)
    now = events.clock_at(session, system_now())
    people = members(session, campaign.segment, at, now)
    draft = _Draft(campaign, promotions.offer(session, campaign.offer), now if at is None else at, now, people)
    return list(_checks(session, draft))


def ready(found: Sequence[Check]) -> bool:
    """Tell whether nothing speaks against launching."""
    return all(check.level is not Level.STOP for check in found)


def _checks(session: Session, draft: _Draft) -> Iterator[Check]:
    yield _people(draft)
    yield _arms(draft)
    yield from _reached(session, draft)
    yield _budget(draft)
    yield _window(draft)
    yield _offer(draft)
    yield _smallest_effect(session, draft)
    yield _overlap(session, draft)


def _people(draft: _Draft) -> Check:
    level = Level.OK if draft.people else Level.STOP
    return Check("people", level, {"segment": draft.campaign.segment, "people": len(draft.people), "as_of": draft.at})


def _arms(draft: _Draft) -> Check:
    level = Level.OK if min(draft.treated, draft.held_out) >= ARM_MIN else Level.WARN
    return Check("arms", level, {"treated": draft.treated, "held_out": draft.held_out, "least": ARM_MIN})


def _reached(session: Session, draft: _Draft) -> Iterator[Check]:
    """Of the whole segment, because the arms are not known: they are alike but for chance."""
    emails = len(by_email(session, draft.people, draft.at, draft.now))
    inboxes = len(in_wallet(session, draft.people, draft.at, draft.now))
    for name, reached in (("email", emails), ("inbox", inboxes)):
        share = reached / len(draft.people) if draft.people else 0.0
        level = Level.OK if share >= REACHED_MIN else Level.WARN
        yield Check(name, level, {"people": reached, "share": share})


def _budget(draft: _Draft) -> Check:
    """Too little for what is expected stops; too little for what chance may make of it is worth a warning."""
    budget_minor, face_minor = draft.campaign.budget_minor, draft.offer.face_minor
    share = draft.campaign.holdout
    spread = _SURE * sqrt(len(draft.people) * share * (1 - share))
    most = min(len(draft.people), round(draft.treated + spread))
    level = Level.OK if budget_minor >= most * face_minor else Level.WARN
    facts = {
        "budget_minor": budget_minor,
        "currency": draft.campaign.currency,
        "face_minor": face_minor,
        "expected_minor": draft.treated * face_minor,
        "most_minor": most * face_minor,
    }
    return Check("budget", Level.STOP if budget_minor < draft.treated * face_minor else level, facts)


def _window(draft: _Draft) -> Check:
    """A launch inside the window is late: the days before it count, and nobody was treated in them."""
    window, campaign = draft.campaign.window, draft.campaign
    over = window.until <= draft.at or (window.until <= draft.now and not campaign.nobody_treated)
    level = Level.OK if draft.at <= window.since else Level.WARN
    facts = {"since": window.since, "until": window.until, "at": draft.at, "nobody_treated": campaign.nobody_treated}
    return Check("window", Level.STOP if over or draft.at > draft.now else level, facts)


def _offer(draft: _Draft) -> Check:
    offer, window = draft.offer, draft.campaign.window
    covers = offer.valid_from <= max(draft.at, window.since) and offer.valid_until >= window.until
    facts = {"valid_from": offer.valid_from, "valid_until": offer.valid_until}
    return Check("offer", Level.OK if covers else Level.WARN, facts)


def _smallest_effect(session: Session, draft: _Draft) -> Check:
    """From the orders of everybody in the time before, as if the window were as long and as lively.

    The covariate narrows the interval further, so the test can see somewhat less than this says.
    """
    if not draft.held_out or not draft.treated:
        return Check("smallest_effect", Level.WARN, {"metric": "orders"})
    orders = _orders_before(session, draft)
    mean = fmean(orders)
    effect = smallest_effect(pvariance(orders, mean), draft.held_out, draft.treated)
    share = effect / mean if mean else float("inf")
    facts = {"metric": "orders", "effect": effect, "mean": mean, "share": share}
    return Check("smallest_effect", Level.OK if share <= EFFECT_MAX else Level.WARN, facts)


def _orders_before(session: Session, draft: _Draft) -> list[int]:
    senders = senders_of_all(session, draft.people)
    counts = orders_per_sender(session, [each for mine in senders.values() for each in mine], *draft.campaign.before)
    return [sum(counts.get(each, 0) for each in senders.get(person, ())) for person in draft.people]


def _overlap(session: Session, draft: _Draft) -> Check:
    """Who is in two campaigns at once is moved by both: alike in both arms, as these are by chance, but effects mix."""
    mine = set(draft.people)
    others = [each.name for each in campaigns.running(session, draft.campaign.window)]
    shared = {name: mine & experiments.arms(session, name).keys() for name in others if name != draft.campaign.name}
    facts = {
        "campaigns": {name: len(people) for name, people in shared.items() if people},
        "people": len(set[UUID]().union(*shared.values())),
    }
    return Check("overlap", Level.WARN if facts["people"] else Level.OK, facts)
