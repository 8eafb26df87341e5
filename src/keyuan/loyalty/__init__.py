"""Programmes and what they pay: earn rules, membership, expiry policy."""

from keyuan.loyalty.model import (
    Basket,
    EarnRule,
    Line,
    Programme,
    Quote,
    UnknownProgrammeError,
    day_of,
    doubled_minor,
    due_keys,
    due_reference,
    earn_keys,
    order_subject,
    quote_many,
)
from keyuan.loyalty.reads import holders, people, programme, programmes, versions
from keyuan.loyalty.store import create_programme, enrol

__all__ = [
    "Basket",
    "EarnRule",
    "Line",
    "Programme",
    "Quote",
    "UnknownProgrammeError",
    "create_programme",
    "day_of",
    "doubled_minor",
    "due_keys",
    "due_reference",
    "earn_keys",
    "enrol",
    "holders",
    "order_subject",
    "people",
    "programme",
    "programmes",
    "quote_many",
    "versions",
]
