"""A customer hands in a coupon: it is used, and the money that was set aside for it is spent, in one transaction."""

from datetime import datetime
from typing import NamedTuple

from keyuan import campaigns, events, promotions
from keyuan.campaigns import NotRunningError, State
from keyuan.engines.database import Session
from keyuan.engines.secrets import Secrets
from keyuan.flows.campaign_money import spend
from keyuan.promotions import Redemption


class Paid(NamedTuple):
    """What a till takes off an order, in minor units; `repeated` says that this order had it taken off before."""

    offer: str
    minor: int
    currency: str
    repeated: bool


def redeem_now(session: Session, secrets: Secrets, code: str, order: str, system_now: datetime) -> Paid:
    """Hand a coupon in at the programme's time, and return what it is worth; raises as `redeem_coupon`."""
    redemption = redeem_coupon(session, secrets, code, order, events.clock_at(session, system_now))
    offer = promotions.offer(session, redemption.offer)
    return Paid(offer.name, offer.face_minor, offer.currency, redemption.repeated)


def redeem_coupon(session: Session, secrets: Secrets, code: str, order: str, at: datetime) -> Redemption:
    """Hand a coupon in for an order; the same order again gets the same answer, and spends nothing more.

    Raises:
        UnknownCouponError: there is no coupon with this code.
        CouponUsedError: another order has used it.
        CouponNotValidError: its time has not come, or is over.
        NotRunningError: its campaign has ended.
    """
    redemption = promotions.redeem(session, secrets, code, at, order)
    campaign = campaigns.of_offer(session, redemption.offer)
    if campaign is None or (campaign.state is not State.LAUNCHED and not redemption.repeated):
        raise NotRunningError(offer=redemption.offer)
    spend(session, campaign, redemption, order)
    return redemption
