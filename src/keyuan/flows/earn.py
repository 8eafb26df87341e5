"""A purchase earns points: orders of members become awards on the ledger, each order once.

A batch in, in the order in which the baskets count; called inside the consumer's transaction. The ledger is locked
before the day's totals are read, so the daily cap holds when a till and the consumer award at the same time.
"""

import uuid
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from keyuan import ledger, loyalty
from keyuan.engines.database import Session
from keyuan.kernel.clock import from_us
from keyuan.kernel.digest import sha256


class Purchase(NamedTuple):
    """One order of one person; `subject` is what makes it one (see `loyalty.earn_key`)."""

    person: uuid.UUID
    at_us: int
    subject: tuple[bytes, ...]
    currency: str
    total_minor: int
    lines: Sequence[tuple[str | None, int]]


def earn(session: Session, programme: loyalty.Programme, purchases: Sequence[Purchase]) -> list[ledger.Outcome]:
    """Award a batch of purchases and return the ledger's answers in the same order.

    Purchases in another money than the programme's earn nothing and get no answer.
    """
    purchases = [purchase for purchase in purchases if purchase.currency == programme.money_currency]
    if not purchases:
        return []
    ledger.lock_books(session)
    holders = _holders(session, programme.id, purchases)
    keys = [_key(session.tenant, programme, purchase) for purchase in purchases]
    answered = ledger.answered(session, keys)
    fresh: dict[bytes, loyalty.Basket] = {}
    baskets = [_basket(programme.rule, holders[purchase.person], purchase) for purchase in purchases]
    for key, basket in zip(keys, baskets, strict=True):
        if key not in answered:
            fresh.setdefault(key, basket)
    quotes = dict(zip(fresh, _quotes(session, programme, list(fresh.values())), strict=True))
    awards = [
        _award(programme, key, basket, purchase, quotes.get(key))
        for key, basket, purchase in zip(keys, baskets, purchases, strict=True)
    ]
    return ledger.post(session, awards)


def _holders(session: Session, programme: str, purchases: Iterable[Purchase]) -> dict[uuid.UUID, int]:
    """Return everybody's holder; who has none yet joins with her first purchase."""
    first = {purchase.person: purchase.at_us for purchase in reversed(list(purchases))}
    holders = loyalty.holders(session, programme, first)
    missing = [person for person in first if person not in holders]
    for person in missing:
        loyalty.enrol(session, programme, [person], from_us(first[person]))
    return holders | loyalty.holders(session, programme, missing) if missing else holders


def _key(tenant: int, programme: loyalty.Programme, purchase: Purchase) -> bytes:
    return loyalty.earn_key(tenant, programme.id, programme.rule.name, purchase.subject)


def _basket(rule: loyalty.EarnRule, holder: int, purchase: Purchase) -> loyalty.Basket:
    doubled = loyalty.doubled_minor(rule, purchase.lines)
    return loyalty.Basket(holder, purchase.at_us, purchase.total_minor, doubled)


def _quotes(session: Session, programme: loyalty.Programme, baskets: Sequence[loyalty.Basket]) -> list[loyalty.Quote]:
    pairs = {(basket.holder, loyalty.day_of(basket.at_us)) for basket in baskets}
    earned = ledger.earned(session, (programme.brand, programme.currency), pairs)
    return loyalty.quote_many(programme.rule, baskets, earned)


def _award(
    programme: loyalty.Programme, key: bytes, basket: loyalty.Basket, purchase: Purchase, quote: loyalty.Quote | None
) -> ledger.Award:
    """Return the request; a key that was answered before is only asked again, so its points do not matter."""
    rule = programme.rule
    return ledger.Award(
        key=key,
        holder=basket.holder,
        brand=programme.brand,
        currency=programme.currency,
        points=quote.points if quote else 0,
        at=from_us(basket.at_us),
        expires_at=from_us(rule.expires_at_us(basket.at_us)),
        rule=rule.name,
        rule_version=rule.version,
        base_minor=basket.base_minor,
        extra_minor=basket.doubled_minor,
        day=quote.day if quote else None,
        day_points=quote.day_points if quote else None,
        reference=sha256(*purchase.subject),
    )
