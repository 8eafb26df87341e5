"""What a customer finds under Offers: messages in her inbox, each with the coupon it tells of and why she has it.

Deliberately not here: sending e-mail (`deliver`), handing a coupon in (`campaign_redeem`), words (`web`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from keyuan import campaigns, events, promotions, segments
from keyuan.campaigns import Campaign, Message, State
from keyuan.engines.database import Session
from keyuan.engines.secrets import Secrets
from keyuan.kernel.clock import system_now
from keyuan.promotions import Coupon, Offer
from keyuan.segments import Segment

CouponState = Literal["unused", "used", "over", "ended"]
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Note:
    """One message in an inbox, as of `now`; `group` is why it is there, None if the segment is gone."""

    message: Message
    campaign: Campaign
    offer: Offer
    coupon: Coupon | None
    group: Segment | None
    now: datetime

    @property
    def state(self) -> CouponState:
        """How the coupon stands: `over` is one whose time has passed, `ended` one whose campaign was ended before."""
        if self.coupon is not None and self.coupon.redeemed_at is not None:
            return "used"
        if self.now >= self.offer.valid_until:
            return "over"
        return "unused" if self.coupon is not None and self.campaign.state is State.LAUNCHED else "ended"

    @property
    def last_day(self) -> date:
        """The last day on which the coupon can be used."""
        return (self.offer.valid_until - _INSTANT).date()

    @property
    def is_new(self) -> bool:
        """Whether she has not read it yet."""
        return self.message.read_at is None


def inbox(session: Session, secrets: Secrets, person: UUID) -> list[Note]:
    """Return what is in a person's inbox, the newest first."""
    return _notes(session, secrets, person, campaigns.inbox_of(session, person))


def note(session: Session, secrets: Secrets, person: UUID, message: UUID) -> Note | None:
    """Return one message of a person's inbox, which is read from now on; None if it is not hers."""
    found = [each for each in campaigns.inbox_of(session, person) if each.id == message]
    campaigns.mark_read(session, person, message, events.clock_at(session, system_now()))
    return next(iter(_notes(session, secrets, person, found)), None)


def unread(session: Session, person: UUID) -> int:
    """Return how many messages she has not read yet."""
    return sum(each.read_at is None for each in campaigns.inbox_of(session, person))


def _notes(session: Session, secrets: Secrets, person: UUID, messages: Iterable[Message]) -> list[Note]:
    now = events.clock_at(session, system_now())
    listed = list(messages)
    run = {name: campaigns.campaign(session, name) for name in {each.campaign for each in listed}}
    offers = {each.offer: promotions.offer(session, each.offer) for each in run.values()}
    coupons: Mapping[str, Coupon] = {each.offer: each for each in promotions.coupons_of(session, secrets, person)}
    groups: Mapping[str, Segment] = {each.name: each for each in segments.segments(session)}
    return [
        Note(
            each,
            campaign := run[each.campaign],
            offers[campaign.offer],
            coupons.get(campaign.offer),
            groups.get(campaign.segment),
            now,
        )
        for each in listed
    ]
