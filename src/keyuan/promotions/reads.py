"""Questions about offers and coupons."""

from uuid import UUID

from keyuan.engines.database import Session, load_statements
from keyuan.engines.secrets import Secrets
from keyuan.promotions.codes import code_of
from keyuan.promotions.model import Coupon, Given, Offer, UnknownOfferError

_SQL = load_statements(__package__ or "")


def offer(session: Session, name: str) -> Offer:
    """Return an offer.

    Raises:
        UnknownOfferError: there is none of this name.
    """
    row = session.row(_SQL["offer"], offer=name)
    if row is None:
        raise UnknownOfferError(offer=name)
    title_en, title_zh, face_minor, currency, valid_from, valid_until = row
    return Offer(
        name=name,
        title_en=title_en,
        title_zh=title_zh,
        face_minor=face_minor,
        currency=currency,
        valid_from=valid_from,
        valid_until=valid_until,
    )


def given(session: Session, name: str) -> Given:
    """Return how many coupons of an offer were given out, and how many handed in."""
    return Given._make(session.row(_SQL["given"], offer=name) or (0, 0))


def coupons_of(session: Session, secrets: Secrets, person: UUID) -> list[Coupon]:
    """Return a person's coupons with their codes, the newest first."""
    return [
        Coupon(name, code_of(secrets, session.tenant, name, person), issued_at, redeemed_at)
        for name, issued_at, redeemed_at in session.rows(_SQL["coupons_of"], person=person)
    ]
