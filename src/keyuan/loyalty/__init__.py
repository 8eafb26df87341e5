"""Programmes and what they pay: earn rules, membership, expiry policy."""

from keyuan.loyalty.model import Basket, EarnRule, Programme, Quote, UnknownProgrammeError, earn_key, quote_many
from keyuan.loyalty.reads import earned_days, programme
from keyuan.loyalty.store import create_programme, enrol, lock_members, note_earned

__all__ = [
    "Basket",
    "EarnRule",
    "Programme",
    "Quote",
    "UnknownProgrammeError",
    "create_programme",
    "earn_key",
    "earned_days",
    "enrol",
    "lock_members",
    "note_earned",
    "programme",
    "quote_many",
]
