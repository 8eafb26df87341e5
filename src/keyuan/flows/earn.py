"""A purchase earns points: orders of members become awards on the ledger, each order once.

A batch in, in the order in which the baskets count; called inside the consumer's transaction. The books are opened,
that is locked, before the day's totals are read, so the daily cap holds when a till and the consumer award at the
same time.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256

from msgspec import Struct

from keyuan import ledger, loyalty
from keyuan.engines.database import Session
from keyuan.kernel.clock import DAY_US

Holders = dict[uuid.UUID, int]


class Purchase(Struct, frozen=True, gc=False):
    """One order of one person; `subject` is what makes it one (see `loyalty.earn_key`)."""

    person: uuid.UUID
    at: datetime
    at_us: int
    subject: bytes
    currency: str
    total_minor: int
    lines: Sequence[loyalty.Line]


class Earning:
    """Purchases on their way to points in one programme: first everything is read, then they are awarded.

    Purchases in another money than the programme's earn nothing and get no answer. `known` are the holders of this
    programme that the caller keeps, and are added to.
    """

    def __init__(
        self, books: ledger.OpenBooks, programme: loyalty.Programme, purchases: Sequence[Purchase], known: Holders
    ) -> None:
        self._books, self._programme = books, programme
        self._purchases = [each for each in purchases if each.currency == programme.money_currency]
        if not self._purchases:
            return
        session, rule = books.session, programme.rule
        holders = _holders(session, programme.id, self._purchases, known)
        subjects = [purchase.subject for purchase in self._purchases]
        self._keys = loyalty.earn_keys(session.tenant, programme.id, rule.name, subjects)
        self._baskets = [
            loyalty.Basket(
                holder, loyalty.day_of(each.at_us), each.total_minor, loyalty.doubled_minor(rule, each.lines)
            )
            for holder, each in zip(holders, self._purchases, strict=True)
        ]
        books.read(self._keys, programme.brand, holders)

    def award(self) -> list[ledger.Outcome]:
        """Award the purchases and return the ledger's answers in the same order."""
        if not self._purchases:
            return []
        quotes = _quotes(self._books, self._programme, self._keys, self._baskets)
        return self._books.post(_awards(self._programme, self._keys, self._baskets, self._purchases, quotes))


def _holders(session: Session, programme: str, purchases: Sequence[Purchase], known: Holders) -> list[int]:
    """Return everybody's holder; who has none yet joins with her first purchase."""
    people = [purchase.person for purchase in purchases]
    found = list(map(known.get, people))
    unknown = {person for person, holder in zip(people, found, strict=True) if holder is None} if None in found else ()
    if unknown:
        known |= loyalty.holders(session, programme, unknown)
        _enrol(session, programme, [purchase for purchase in purchases if purchase.person not in known], known)
    return [known[person] if holder is None else holder for person, holder in zip(people, found, strict=True)]


def _enrol(session: Session, programme: str, purchases: Iterable[Purchase], known: Holders) -> None:
    first = {purchase.person: purchase.at for purchase in reversed(list(purchases))}
    for person, at in first.items():
        loyalty.enrol(session, programme, [person], at)
    if first:
        known |= loyalty.holders(session, programme, first)


def _quotes(
    books: ledger.OpenBooks, programme: loyalty.Programme, keys: Sequence[bytes], baskets: Sequence[loyalty.Basket]
) -> Sequence[loyalty.Quote | None]:
    """Return what each new key earns; of one key twice in a batch the first counts."""
    answered = books.answered(keys)
    if not answered and len(set(keys)) == len(keys):  # nearly always
        return _quote(books, programme, baskets)
    fresh: dict[bytes, loyalty.Basket] = {}
    for key, basket in zip(keys, baskets, strict=True):
        if key not in answered:
            fresh.setdefault(key, basket)
    quotes = dict(zip(fresh, _quote(books, programme, list(fresh.values())), strict=True))
    return [quotes.get(key) for key in keys]


def _quote(
    books: ledger.OpenBooks, programme: loyalty.Programme, baskets: Sequence[loyalty.Basket]
) -> list[loyalty.Quote]:
    pairs = {(basket.holder, basket.day) for basket in baskets}
    return loyalty.quote_many(programme.rule, baskets, books.earned((programme.brand, programme.currency), pairs))


def _awards(
    programme: loyalty.Programme,
    keys: Sequence[bytes],
    baskets: Sequence[loyalty.Basket],
    purchases: Sequence[Purchase],
    quotes: Sequence[loyalty.Quote | None],
) -> list[ledger.Award]:
    """Return the requests; a key that was answered before is only asked again, so its points do not matter."""
    brand, currency, rule = programme.brand, programme.currency, programme.rule
    name, version, lasts = rule.name, rule.version, rule.lasts
    return [
        ledger.Award(
            key=key,
            holder=basket.holder,
            brand=brand,
            currency=currency,
            points=quote.points if quote else 0,
            at=purchase.at,
            expires_at=purchase.at + lasts(purchase.at_us // DAY_US),
            rule=name,
            rule_version=version,
            base_minor=basket.base_minor,
            extra_minor=basket.doubled_minor,
            day=quote.day if quote else None,
            day_points=quote.day_points if quote else None,
            reference=sha256(purchase.subject).digest(),
        )
        for key, basket, purchase, quote in zip(keys, baskets, purchases, quotes, strict=True)
    ]
