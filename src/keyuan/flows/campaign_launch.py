"""A campaign is launched: everybody of its segment in an arm, money set aside, coupons given, messages made.

One transaction: all of it happened, or nothing. A campaign that was launched is only looked at. E-mail goes out later,
by a process of its own, which asks for consent once more; what stands in an inbox is met at once.
Deliberately not here: writing the draft (`campaign_draft`), and judging it (`campaign_checks` before, `measure` after).
"""

from datetime import datetime

from keyuan import campaigns, events, promotions
from keyuan.campaigns import Campaign, Channel, Launch
from keyuan.engines.database import Database, Session
from keyuan.engines.secrets import Secrets
from keyuan.experiments import store as experiments
from keyuan.flows import campaign_money as money
from keyuan.flows.campaign_people import TREATED, assigned, by_email, experiment_of, in_wallet, members
from keyuan.kernel.clock import system_now
from keyuan.kernel.errors import RefusedError


class NobodyToTreatError(RefusedError):
    """Nobody would be treated, so nothing was launched: the segment is empty, or no name in it can be read."""


class WrongTimeError(RefusedError):
    """A campaign is launched as of now or earlier, before its window ends; nothing was launched."""


class NobodyMovedError(RefusedError):
    """The window is over, so the campaign can move nobody; launch it only as one that treats nobody."""


def launch(database: Database, secrets: Secrets, tenant: int, name: str, at: datetime | None = None) -> Launch:
    """Launch a campaign as of now, or as of an instant that has passed, and return what that came to.

    Raises:
        UnknownCampaignError: there is no such campaign.
        NobodyToTreatError, WrongTimeError, NobodyMovedError, OverBudgetError: nothing was launched.
    """
    with database.transaction(tenant) as session:
        return launch_within(session, secrets, name, at)


def launch_within(session: Session, secrets: Secrets, name: str, at: datetime | None = None) -> Launch:
    """Do the same in a transaction that is open, for what else is to happen with it, or not at all.

    Raises:
        UnknownCampaignError: there is no such campaign.
        NobodyToTreatError, WrongTimeError, NobodyMovedError, OverBudgetError: roll back, so that nothing is launched.
    """
    campaign = campaigns.lock(session, name)
    told = campaigns.launch_of(session, name)
    return _launch(session, secrets, campaign, at) if told is None else told


def _launch(session: Session, secrets: Secrets, campaign: Campaign, as_of: datetime | None) -> Launch:
    name, real = campaign.name, system_now()
    now = events.clock_at(session, real)
    at = now if as_of is None else as_of
    _refuse_wrong_time(campaign, at, now)
    experiment = experiment_of(campaign)
    arms, left_out = assigned(session, secrets, experiment, members(session, campaign.segment, as_of, now))
    treated = [person for person, arm in arms.items() if arm == TREATED]
    if not treated:
        raise NobodyToTreatError(campaign=name, people=len(arms), left_out=left_out)
    experiments.begin(session, experiment, at)
    experiments.keep_arms(session, name, arms)
    promotions.issue(session, secrets, campaign.offer, treated, at)
    reserved_minor = money.set_aside(session, campaign, len(treated), at)
    emails, inboxes = by_email(session, treated, at, now), in_wallet(session, treated, at, now)
    launched = Launch(
        at=at,
        people=len(arms),
        treated=len(treated),
        held_out=len(arms) - len(treated),
        left_out=left_out,
        emails=len(emails),
        inboxes=len(inboxes),
        reserved_minor=reserved_minor,
    )
    campaigns.keep_launch(session, name, launched)
    campaigns.queue(session, name, Channel.EMAIL, emails, at, real)
    campaigns.queue(session, name, Channel.INBOX, inboxes, at, real)
    experiments.expose(session, name, inboxes, at)
    return launched


def _refuse_wrong_time(campaign: Campaign, at: datetime, now: datetime) -> None:
    if not at <= now or at >= campaign.window.until:
        raise WrongTimeError(campaign=campaign.name, at=at.isoformat(), until=campaign.window.until.isoformat())
    if campaign.window.until <= now and not campaign.nobody_treated:
        raise NobodyMovedError(campaign=campaign.name, until=campaign.window.until.isoformat())
