"""Questions about campaigns: which there are, what a launch came to, how far messages are, what is in an inbox."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from keyuan.campaigns.model import (
    Campaign,
    Channel,
    Launch,
    Message,
    MessageState,
    Span,
    State,
    UnknownCampaignError,
)
from keyuan.engines.database import Row, Session, load_statements

_SQL = load_statements(__package__ or "")


def campaigns(session: Session) -> list[Campaign]:
    """Return all campaigns, the newest first."""
    return [_campaign(row) for row in session.rows(_SQL["campaigns"])]


def campaign(session: Session, name: str) -> Campaign:
    """Return one campaign.

    Raises:
        UnknownCampaignError: there is none of this name.
    """
    row = session.row(_SQL["campaign"], campaign=name)
    if row is None:
        raise UnknownCampaignError(campaign=name)
    return _campaign(row)


def of_offer(session: Session, offer: str) -> Campaign | None:
    """Return the campaign that gives an offer; each offer is one campaign's."""
    row = session.row(_SQL["of_offer"], offer=offer)
    return None if row is None else _campaign(row)


def launch_of(session: Session, name: str) -> Launch | None:
    """Return what the launch of a campaign came to; None if it was not launched."""
    row = session.row(_SQL["launch"], campaign=name)
    return None if row is None else Launch._make(row)


def running(session: Session, window: Span) -> list[Campaign]:
    """Return the campaigns that are running and whose window overlaps another one, the newest first."""
    return [_campaign(row) for row in session.rows(_SQL["running"], since=window.since, until=window.until)]


def message_counts(session: Session, name: str) -> Mapping[tuple[Channel, MessageState], int]:
    """Return how many messages of a campaign are in which state, by channel."""
    return {
        (Channel(channel), MessageState(state)): count
        for channel, state, count in session.rows(_SQL["message_counts"], campaign=name)
    }


def read_count(session: Session, name: str) -> int:
    """Return how many messages of a campaign were read in the inbox."""
    row = session.row(_SQL["read_count"], campaign=name)
    return row[0] if row else 0


def inbox_of(session: Session, person: UUID, limit: int = 100) -> list[Message]:
    """Return what is in a person's inbox, the newest first."""
    return [message_of(row) for row in session.rows(_SQL["inbox_of"], person=person, limit=limit)]


def messages_of(session: Session, person: UUID) -> list[Message]:
    """Return all messages to a person, the oldest first, those that were never sent too."""
    return [message_of(row) for row in session.rows(_SQL["messages_of"], person=person)]


def message(session: Session, id_: UUID) -> Message | None:
    """Return one message; None if there is none of this number."""
    row = session.row(_SQL["message"], id=id_)
    return None if row is None else message_of(row)


def is_due(session: Session, channel: Channel, now: datetime) -> bool:
    """Tell whether a message waits to be sent at a moment of real time."""
    return session.row(_SQL["due"], channel=channel.value, now=now) is not None


def message_of(row: Row) -> Message:
    """Return the message that a row holds."""
    id_, name, person, channel, state, *rest = row
    return Message(id_, name, person, Channel(channel), MessageState(state), *rest)


def _campaign(row: Row) -> Campaign:
    (
        name,
        number,
        title_en,
        title_zh,
        segment,
        offer,
        holdout,
        salt,
        since,
        until,
        before_since,
        before_until,
        budget_minor,
        currency,
        brand,
        points_factor,
        language,
        nobody_treated,
        state,
    ) = row
    window: tuple[datetime, datetime] = (since, until)
    return Campaign(
        name=name,
        number=number,
        title_en=title_en,
        title_zh=title_zh,
        segment=segment,
        offer=offer,
        holdout=holdout,
        salt=salt,
        window=Span(*window),
        before=Span(before_since, before_until),
        budget_minor=budget_minor,
        currency=currency,
        brand=brand,
        points_factor=points_factor,
        language=language,
        nobody_treated=nobody_treated,
        state=State(state),
    )
