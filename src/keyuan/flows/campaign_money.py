"""The money of a campaign: granted and set aside when it is launched, spent coupon by coupon, freed at the end.

It lies in accounts of the ledger that cannot be overdrawn, so that more coupons than there is money for are impossible.
Units: minor units of the campaign's currency. Told twice, each of these happens once.
"""

from collections.abc import Sequence
from datetime import datetime

from keyuan import ledger, promotions
from keyuan.campaigns import Campaign
from keyuan.engines.database import Session
from keyuan.kernel.digest import sha256
from keyuan.kernel.errors import CorruptionError, RefusedError
from keyuan.ledger import Answer, Budget, Fund, Release, Reserve, Spend
from keyuan.promotions import Redemption

Move = Fund | Reserve | Spend | Release


class OverBudgetError(RefusedError):
    """The budget does not cover a coupon for everybody who is treated; nothing was launched."""


class CouponWithoutMoneyError(CorruptionError):
    """A coupon that was given out has no money set aside; please report this."""


def budget_of(session: Session, campaign: Campaign) -> Budget:
    """Return the money of a campaign: nothing before it is launched."""
    found = ledger.budgets(session, [campaign.number])
    return found[0] if found else Budget(campaign=campaign.number, brand=campaign.brand, currency=campaign.currency)


def set_aside(session: Session, campaign: Campaign, coupons: int, at: datetime) -> int:
    """Grant a campaign its budget, reserve what so many coupons are worth, and return that.

    Raises:
        OverBudgetError: the budget is less than that.
    """
    minor = coupons * promotions.offer(session, campaign.offer).face_minor
    moves: list[Move] = [_move(Reserve, campaign, minor, at, _key(session, campaign, b"reserve"))]
    if campaign.budget_minor:
        moves.insert(0, _move(Fund, campaign, campaign.budget_minor, at, _key(session, campaign, b"fund")))
    if not _posted(session, moves):
        raise OverBudgetError(budget_minor=campaign.budget_minor, needed_minor=minor, coupons=coupons)
    return minor


def spend(session: Session, campaign: Campaign, redemption: Redemption, order: str) -> int:
    """Spend what a coupon is worth, and return that.

    Raises:
        CouponWithoutMoneyError: less is set aside than the coupons that were given out are worth.
    """
    minor = promotions.offer(session, redemption.offer).face_minor
    key = sha256(b"coupon", str(session.tenant).encode(), redemption.key)
    reference = sha256(b"order", order.encode())
    if not _posted(session, [_move(Spend, campaign, minor, redemption.redeemed_at, key, reference)]):
        raise CouponWithoutMoneyError(campaign=campaign.name)
    return minor


def set_free(session: Session, campaign: Campaign, at: datetime) -> int:
    """Free what is set aside and was not spent, and return that."""
    minor = budget_of(session, campaign).reserved
    if minor and not _posted(session, [_move(Release, campaign, minor, at, _key(session, campaign, b"release"))]):
        raise CouponWithoutMoneyError(campaign=campaign.name)
    return minor


def _key(session: Session, campaign: Campaign, what: bytes) -> bytes:
    return sha256(b"campaign", str(session.tenant).encode(), str(campaign.number).encode(), what)


def _move(
    kind: type[Move], campaign: Campaign, minor: int, at: datetime, key: bytes, reference: bytes | None = None
) -> Move:
    return kind(
        key=key,
        campaign=campaign.number,
        brand=campaign.brand,
        currency=campaign.currency,
        minor=minor,
        at=at,
        reference=reference,
    )


def _posted(session: Session, moves: Sequence[Move]) -> bool:
    """Post, and tell whether there was money for all of it; the caller raises if not, so that nothing is kept.

    Raises:
        KeyuanError: the ledger refused for another reason.
    """
    outcomes = ledger.post(session, moves)
    if any(outcome.answer is Answer.OVER_BUDGET for outcome in outcomes):
        return False
    for error in filter(None, (outcome.error() for outcome in outcomes)):
        raise error
    return True
