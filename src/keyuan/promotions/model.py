"""Offers and coupons as values. An offer is worth `face_minor` to whoever hands its code in; a code is handed in once.

Not here: who gets an offer (`campaigns`), and the money that stands behind it (`ledger`).
Units: `_minor` are whole minor units of `currency`; instants are aware UTC datetimes of the programme clock.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from keyuan.kernel.errors import ConflictError, InputError, MissingError, RefusedError

FACE_MAX: Final = 10**9
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_TITLE_MAX = 200


class OfferFault(StrEnum):
    """What is wrong with a field of an offer; pages have words for each."""

    NO_NAME = "no_name"
    NO_TITLE = "no_title"
    NO_AMOUNT = "no_amount"
    NO_CURRENCY = "no_currency"
    ENDS_BEFORE_IT_BEGINS = "ends_before_it_begins"


class OfferFaultError(InputError):
    """An offer cannot be kept as it is described; `faults` says what is wrong with which field."""

    def __init__(self, faults: dict[str, OfferFault]) -> None:
        super().__init__(**{name: fault.value for name, fault in faults.items()})
        self.faults = faults


class UnknownOfferError(MissingError):
    """There is no such offer."""


class OfferGivenError(ConflictError):
    """Coupons of this offer were given out, so it is not changed any more; make a new one."""


class SameCodeError(ConflictError):
    """Two coupons would have the same code; give the offer another name, and all its codes are others."""


class UnknownCouponError(MissingError):
    """There is no coupon with this code; compare it with the message it came in."""


class CouponUsedError(RefusedError):
    """This coupon was handed in before; each is good for one order."""


class CouponNotValidError(RefusedError):
    """This coupon is not good at this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a coupon is good for, and from when until when."""

    name: str
    title_en: str
    title_zh: str
    face_minor: int
    currency: str
    valid_from: datetime
    valid_until: datetime


class Coupon(NamedTuple):
    """One coupon of one person; `code` can be made again and is kept nowhere."""

    offer: str
    code: str
    issued_at: datetime
    redeemed_at: datetime | None


class Redemption(NamedTuple):
    """A coupon that was handed in; `key` stands for it, `repeated` says that this order had used it before."""

    offer: str
    person: UUID
    key: bytes
    redeemed_at: datetime
    repeated: bool


class Given(NamedTuple):
    """How many coupons of an offer there are, and how many were handed in."""

    issued: int
    redeemed: int


def faults(offer: Offer) -> dict[str, OfferFault]:
    """Return what is wrong with an offer, by field."""
    rules = (
        ("name", OfferFault.NO_NAME, _NAME.fullmatch(offer.name)),
        ("title_en", OfferFault.NO_TITLE, _titled(offer.title_en)),
        ("title_zh", OfferFault.NO_TITLE, _titled(offer.title_zh)),
        ("face_minor", OfferFault.NO_AMOUNT, 0 < offer.face_minor <= FACE_MAX),
        ("currency", OfferFault.NO_CURRENCY, _CURRENCY.fullmatch(offer.currency)),
        ("valid_until", OfferFault.ENDS_BEFORE_IT_BEGINS, offer.valid_from < offer.valid_until),
    )
    return {field: fault for field, fault, holds in rules if not holds}


def _titled(title: str) -> bool:
    return bool(title.strip()) and len(title) <= _TITLE_MAX
