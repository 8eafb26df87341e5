"""What an event of the log means to the rooms above: facts for a portrait, a purchase for the programme.

Pure: one pass over a batch, bodies decoded once.
Units: instants are integer microseconds since the Unix epoch; `_minor` minor units.
"""

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from keyuan.events import LoggedEvent
from keyuan.flows.earn import Purchase
from keyuan.loyalty import order_subject
from keyuan.profiles.model import AnyFact, CouponFact, DeclaredFact, OrderFact, SendFact

_TRAITS = msgspec.json.Decoder(dict[str, Any])


class _Line(msgspec.Struct, frozen=True, gc=False):
    category: str | None = None
    total_minor: int | None = None
    discount_minor: int | None = None


class Basket(msgspec.Struct, frozen=True):
    """What the rooms above need of an order; less than all of it, because there are many lines."""

    order_id: str
    total_minor: int
    currency: str
    store_id: str | None = None
    products: list[_Line] = []  # a msgspec default is copied

    def amounts(self) -> tuple[list[tuple[str | None, int]], int]:
        """Return (category, total_minor) per line, lines without an amount counting for nothing, and the discount."""
        lines = [(line.category, line.total_minor or 0) for line in self.products]
        return lines, sum([line.discount_minor for line in self.products if line.discount_minor])


_BASKET = msgspec.json.Decoder(Basket)


def meanings(event: LoggedEvent, person: uuid.UUID, at_us: int) -> tuple[AnyFact | None, Purchase | None]:
    """Return what an event says of a customer, and what she bought; `at_us` is the event's time.

    An order is known by its own id, from wherever it was sent.
    """
    if event.kind != "order":
        return other_fact(event, at_us), None
    basket = _BASKET.decode(event.body)
    lines, discount_minor = basket.amounts()
    fact = OrderFact(
        at_us=at_us,
        seq=event.seq,
        total_minor=basket.total_minor,
        lines=lines,
        discount_minor=discount_minor,
        store=basket.store_id,
        order_id=basket.order_id,
    )
    subject = order_subject(basket.order_id)
    return fact, Purchase(person, event.at, at_us, subject, basket.currency, basket.total_minor, lines)


def other_fact(event: LoggedEvent, at_us: int) -> AnyFact | None:
    """Return the fact of an event that is no order, or None when a portrait takes nothing from it."""
    seq = event.seq
    match event.kind:
        case "coupon_redeemed":
            return CouponFact(at_us=at_us, seq=seq)
        case "campaign_sent":
            return SendFact(at_us=at_us, seq=seq)
        case "identify":
            return DeclaredFact(at_us=at_us, seq=seq, traits=_texts(_TRAITS.decode(event.body)))
        case _:
            return None


def _texts(traits: Mapping[str, Any]) -> dict[str, str | None]:
    """Declared traits are text; a number is the text that writes it."""
    return {name: None if value is None else str(value) for name, value in traits.items()}
