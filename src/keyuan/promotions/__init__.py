"""Offers and the coupons that carry them: issued once a person, handed in once."""

from keyuan.promotions.codes import code_of
from keyuan.promotions.model import (
    Coupon,
    CouponNotValidError,
    CouponUsedError,
    Given,
    Offer,
    OfferFault,
    OfferFaultError,
    OfferGivenError,
    Redemption,
    SameCodeError,
    UnknownCouponError,
    UnknownOfferError,
    faults,
)
from keyuan.promotions.reads import coupons_of, given, offer
from keyuan.promotions.store import delete_offer, forget, issue, redeem, save_offer

__all__ = [
    "Coupon",
    "CouponNotValidError",
    "CouponUsedError",
    "Given",
    "Offer",
    "OfferFault",
    "OfferFaultError",
    "OfferGivenError",
    "Redemption",
    "SameCodeError",
    "UnknownCouponError",
    "UnknownOfferError",
    "code_of",
    "coupons_of",
    "delete_offer",
    "faults",
    "forget",
    "given",
    "issue",
    "offer",
    "redeem",
    "save_offer",
]
