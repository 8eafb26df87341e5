"""Writing offers and coupons: a person gets one coupon of an offer, and its code is good for one order."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from keyuan.engines.database import Session, load_statements
from keyuan.engines.secrets import Secrets
from keyuan.kernel.digest import sha256
from keyuan.promotions import codes
from keyuan.promotions.model import (
    CouponNotValidError,
    CouponUsedError,
    Offer,
    OfferFaultError,
    OfferGivenError,
    Redemption,
    SameCodeError,
    UnknownCouponError,
    UnknownOfferError,
    faults,
)
from keyuan.promotions.reads import offer as read_offer

_SQL = load_statements(__package__ or "")
_COUPON = {"person": "uuid", "code_hash": "bytea"}


def save_offer(session: Session, offer: Offer) -> None:
    """Keep an offer by its name, new or in the place of the one before; told again, nothing changes.

    Raises:
        OfferFaultError: something is wrong with it.
        OfferGivenError: coupons of another offer of this name were given out.
    """
    wrong = faults(offer)
    if wrong:
        raise OfferFaultError(wrong)
    session.execute(
        _SQL["save_offer"],
        tenant=session.tenant,
        offer=offer.name,
        title_en=offer.title_en,
        title_zh=offer.title_zh,
        face_minor=offer.face_minor,
        currency=offer.currency,
        valid_from=offer.valid_from,
        valid_until=offer.valid_until,
    )
    if read_offer(session, offer.name) != offer:
        raise OfferGivenError(offer=offer.name)


def delete_offer(session: Session, name: str) -> bool:
    """Delete an offer of which nobody has a coupon, and return whether it was there."""
    return bool(session.execute(_SQL["delete_offer"], offer=name))


def issue(session: Session, secrets: Secrets, offer: str, people: Collection[UUID], at: datetime) -> dict[UUID, str]:
    """Give each of these people a coupon and return their codes; who has one keeps it.

    Raises:
        UnknownOfferError: there is no such offer.
        SameCodeError: two people would have one code; of a million coupons that happens once in two thousand times.
    """
    if session.row(_SQL["lock_offer"], offer=offer) is None:
        raise UnknownOfferError(offer=offer)
    made = {person: codes.code_of(secrets, session.tenant, offer, person) for person in people}
    hashes = {person: codes.hash_of(secrets, session.tenant, code) for person, code in made.items()}
    session.stage("coupon_in", _COUPON, hashes.items(), narrow=True)
    session.execute(_SQL["issue"], tenant=session.tenant, offer=offer, at=at)
    missing = session.row(_SQL["missing"], offer=offer)
    if missing is not None and missing[0]:
        raise SameCodeError(offer=offer, coupons=missing[0])
    return made


def redeem(session: Session, secrets: Secrets, written: str, at: datetime, order: str) -> Redemption:
    """Hand a coupon in for an order; the same order again gets the same answer.

    Of two at once the second waits for the first, and then finds the coupon used.

    Raises:
        UnknownCouponError: there is no coupon with this code.
        CouponUsedError: another order has used it.
        CouponNotValidError: its time has not come, or is over.
    """
    code = codes.read(written)
    if code is None:
        raise UnknownCouponError
    key = codes.hash_of(secrets, session.tenant, code)
    by = sha256(b"order", order.encode())
    taken = session.row(_SQL["redeem"], code_hash=key, at=at, by=by)
    if taken is not None:
        offer, person = taken
        return Redemption(offer, person, key, at, repeated=False)
    found = session.row(_SQL["coupon"], code_hash=key)
    if found is None:
        raise UnknownCouponError
    offer, person, redeemed_at, redeemed_by, valid_from, valid_until = found
    if redeemed_at is None:
        raise CouponNotValidError(valid_from=valid_from.isoformat(), valid_until=valid_until.isoformat())
    if redeemed_by != by:
        raise CouponUsedError(redeemed_at=redeemed_at.isoformat())
    return Redemption(offer, person, key, redeemed_at, repeated=True)


def forget(session: Session, people: Collection[UUID]) -> int:
    """Delete the coupons of some people, and return how many there were; what was spent stays in the ledger."""
    return session.execute(_SQL["forget"], people=list(people))
