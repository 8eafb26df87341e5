"""Writing campaigns and their messages. What was launched is not changed any more; told again, nothing changes."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from keyuan.campaigns.model import (
    LEASE,
    Campaign,
    CampaignFaultError,
    Channel,
    Fault,
    Launch,
    Message,
    MessageState,
    NoDraftError,
    NotRunningError,
    State,
    check,
)
from keyuan.campaigns.reads import campaign as read_campaign
from keyuan.campaigns.reads import message_of
from keyuan.engines.database import Session, load_statements
from keyuan.kernel.ids import new_id

_SQL = load_statements(__package__ or "")
_MESSAGE = {
    "id": "uuid",
    "person": "uuid",
    "channel": "text",
    "state": "text",
    "sent_at": "timestamptz",
}


def save_draft(session: Session, campaign: Campaign) -> Campaign:
    """Keep a draft by its name, new or in the place of the one before, and return it with its number.

    Raises:
        CampaignFaultError: something is wrong with it, or its offer is another campaign's.
        NoDraftError: a campaign of this name was launched.
    """
    check(campaign)
    if session.row(_SQL["offer_taken"], offer=campaign.offer, campaign=campaign.name) is not None:
        raise CampaignFaultError({"offer": Fault.TAKEN})
    kept = session.execute(
        _SQL["save_draft"],
        tenant=session.tenant,
        campaign=campaign.name,
        title_en=campaign.title_en,
        title_zh=campaign.title_zh,
        segment=campaign.segment,
        offer=campaign.offer,
        holdout=campaign.holdout,
        salt=campaign.salt,
        since=campaign.window.since,
        until=campaign.window.until,
        before_since=campaign.before.since,
        before_until=campaign.before.until,
        budget_minor=campaign.budget_minor,
        currency=campaign.currency,
        brand=campaign.brand,
        points_factor=campaign.points_factor,
        language=campaign.language,
        nobody_treated=campaign.nobody_treated,
    )
    if not kept:
        raise NoDraftError(campaign=campaign.name)
    return read_campaign(session, campaign.name)


def delete_draft(session: Session, name: str) -> None:
    """Delete a draft.

    Raises:
        UnknownCampaignError: there is no such campaign.
        NoDraftError: it was launched.
    """
    read_campaign(session, name)
    if not session.execute(_SQL["delete_draft"], campaign=name):
        raise NoDraftError(campaign=name)


def lock(session: Session, name: str) -> Campaign:
    """Return a campaign that nobody else changes until the transaction ends.

    Raises:
        UnknownCampaignError: there is no such campaign.
    """
    session.row(_SQL["lock"], campaign=name)
    return read_campaign(session, name)


def keep_launch(session: Session, name: str, launch: Launch) -> None:
    """Keep what a launch came to; the campaign is locked and was a draft until now.

    Raises:
        NotRunningError: it was no draft.
    """
    session.execute(_SQL["keep_launch"], tenant=session.tenant, campaign=name, **launch._asdict())
    _move(session, name, State.DRAFT, State.LAUNCHED)


def end(session: Session, name: str) -> None:
    """Let a launched campaign, which is locked, be over: what waits to be sent is withheld.

    Raises:
        NotRunningError: it is a draft, or over already.
    """
    session.execute(_SQL["withhold_waiting"], campaign=name, reason="the campaign has ended")
    _move(session, name, State.LAUNCHED, State.ENDED)


def queue(
    session: Session,
    campaign: str,
    channel: Channel,
    people: Iterable[UUID],
    at: datetime,
    due_at: datetime | None = None,
) -> int:
    """Make a message to each of these people, and return how many are new.

    A message in the inbox is there at once; one by e-mail waits for who sends it, who goes by real time: `due_at`.
    """
    there = channel is Channel.INBOX
    state = MessageState.SENT if there else MessageState.QUEUED
    session.stage(
        "message_in",
        _MESSAGE,
        ((new_id(), person, channel.value, state.value, at if there else None) for person in people),
        narrow=True,
    )
    return session.execute(_SQL["queue"], tenant=session.tenant, campaign=campaign, at=at, due_at=due_at or at)


def claim_due(session: Session, channel: Channel, limit: int, now: datetime, lease: timedelta = LEASE) -> list[Message]:
    """Take the messages that are due at a moment of real time, those due first first, and mark them as being sent.

    They are the caller's for the lease; those that are not marked until then are given out again, so that what a sender
    that died had taken is sent all the same, perhaps twice: under the same id.
    """
    rows = session.rows(_SQL["claim_due"], channel=channel.value, limit=limit, now=now, lease=lease)
    return sorted(map(message_of, rows), key=lambda message: (message.made_at, message.id))


def mark(session: Session, ids: Collection[UUID], state: MessageState, at: datetime, reason: str | None = None) -> int:
    """Say what became of messages, and return how many were waiting; what was sent or withheld stays so.

    `at` is when it was sent; for `QUEUED` it is when it may be tried again, in real time.
    """
    return session.execute(_SQL["mark"], ids=list(ids), state=state.value, at=at, reason=reason)


def give_back(session: Session, ids: Collection[UUID], now: datetime) -> int:
    """Let messages that were taken and not tried be due again, as if nobody had taken them; return how many."""
    return session.execute(_SQL["give_back"], ids=list(ids), now=now)


def mark_read(session: Session, person: UUID, message: UUID, at: datetime) -> bool:
    """Say that a person has read a message in her inbox; return whether it is the first time."""
    return bool(session.execute(_SQL["mark_read"], person=person, id=message, at=at))


def forget(session: Session, people: Collection[UUID]) -> int:
    """Delete the messages of some people, and return how many there were."""
    return session.execute(_SQL["forget"], people=list(people))


def _move(session: Session, name: str, before: State, after: State) -> None:
    if not session.execute(_SQL["move"], campaign=name, before=before.value, after=after.value):
        raise NotRunningError(f"This campaign is not {before.value}, so it cannot become {after.value}.", campaign=name)
