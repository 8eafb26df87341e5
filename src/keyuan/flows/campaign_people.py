"""Who a campaign is for, and in which arm each of them is: members of its segment, by a hash of the name of each.

Names come out of what is sealed, for all people in one batch, and go no further than into the hash. Deliberately not
here: keeping arms (`campaign_launch`), and the hash itself (`experiments.assignment`).
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from keyuan import consent, events, experiments, segments
from keyuan.campaigns import Campaign
from keyuan.consent import Purpose
from keyuan.engines.database import Session
from keyuan.engines.secrets import Secrets
from keyuan.experiments.model import Arm, Experiment
from keyuan.flows.as_of import traits_as_of
from keyuan.flows.group import COLUMNS, board
from keyuan.kernel.clock import to_us
from keyuan.profiles.contact import who_has
from keyuan.profiles.reads import senders_of_all
from keyuan.segments.rules import Table
from keyuan.segments.rules.evaluate import evaluate

CONTROL: Final = "hold_out"
TREATED: Final = "treated"


class Assigned(NamedTuple):
    """The arm of everybody, and how many are in none: their names cannot be read, for want of one or of its key."""

    arms: dict[UUID, str]
    left_out: int


def members(session: Session, segment: str, at: datetime | None, now: datetime) -> Sequence[UUID]:
    """Return who is in a segment: now, as it is kept (None), or as of an instant, by its rule over the log.

    Either way nobody is in it who has not agreed to personalisation, or has taken that back since.
    """
    if at is None:
        return segments.members(session, segment, now)
    traits = traits_as_of(session, at, now)
    table = Table(columns=COLUMNS, rows=list(traits.values()))
    answers = evaluate(board(session).rules[segment], table, "postgres", session)
    return [person for person, holds in zip(traits, answers, strict=True) if holds is True]


def experiment_of(campaign: Campaign) -> Experiment:
    """Return the experiment that a campaign is."""
    ranges = experiments.hold_out(campaign.holdout)
    arms = tuple(Arm(name, *span) for name, span in zip((CONTROL, TREATED), ranges, strict=True))
    return Experiment(name=campaign.name, salt=campaign.salt, control=CONTROL, arms=arms)


def assigned(session: Session, secrets: Secrets, experiment: Experiment, people: Collection[UUID]) -> Assigned:
    """Return the arm of each of these people.

    Of somebody with several names the first in order counts.
    """
    senders = senders_of_all(session, people)
    named = events.names_of(session, secrets, [sender for mine in senders.values() for sender in mine])
    names = {
        person: min(known)
        for person in people
        if (known := [named[sender] for sender in senders.get(person, ()) if sender in named])
    }
    ranges = [(arm.start, arm.end) for arm in experiment.arms]
    places = experiments.assign(list(names.values()), experiment.salt, ranges)
    arms = {person: experiment.arms[place].name for person, place in zip(names, places, strict=True)}
    return Assigned(arms, len(people) - len(arms))


def by_email(session: Session, people: Collection[UUID], at: datetime, now: datetime) -> list[UUID]:
    """Return those who agreed to e-mail, have not taken that back, and have an address; it stays closed."""
    agreed = _agreed(session, people, Purpose.MARKETING_EMAIL, at, now)
    reached = who_has(session, "email", agreed)
    return [person for person in agreed if person in reached]


def in_wallet(session: Session, people: Collection[UUID], at: datetime, now: datetime) -> list[UUID]:
    """Return those who agreed to the programme, and so have a wallet with an inbox."""
    return _agreed(session, people, Purpose.LOYALTY, at, now)


def _agreed(session: Session, people: Collection[UUID], purpose: Purpose, at: datetime, now: datetime) -> list[UUID]:
    timelines = consent.decisions_of(session, people, [purpose])
    at_us, now_us = to_us(at), to_us(now)
    return [person for person in people if consent.allows(timelines.get((person, purpose), ()), at_us, now_us)]
