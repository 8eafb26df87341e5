"""What an event of the log means to the rooms above: facts for a portrait, a purchase for the programme.

Pure. Each consumer reads of a body what it needs.
Units: instants are integer microseconds since the Unix epoch; `_minor` minor units.
"""

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from keyuan.events import Event
from keyuan.flows.earn import Purchase
from keyuan.loyalty import Line, order_subject
from keyuan.profiles.model import AnyFact, CouponFact, DeclaredFact, OrderFact, SendFact

_TRAITS = msgspec.json.Decoder(dict[str, Any])


class _Line(msgspec.Struct, frozen=True, gc=False):
    category: str | None = None
    total_minor: int | None = None
    discount_minor: int | None = None


class _Bill(msgspec.Struct, frozen=True):
    """What points need of an order; less than all of it, because there are many lines."""

    order_id: str
    total_minor: int
    currency: str
    products: list[Line] = []  # a msgspec default is copied


class _Basket(msgspec.Struct, frozen=True):
    """What portraits need of an order."""

    order_id: str
    total_minor: int
    store_id: str | None = None
    products: list[_Line] = []  # as above


_BILL = msgspec.json.Decoder(_Bill)
_BASKET = msgspec.json.Decoder(_Basket)


def purchase(event: Event, person: uuid.UUID, at_us: int) -> Purchase:
    """Return what an order says that somebody bought.

    An order is known by its own id, from wherever it was sent.
    """
    bill = _BILL.decode(event.body)
    subject = order_subject(bill.order_id)
    return Purchase(person, event.at, at_us, subject, bill.currency, bill.total_minor, bill.products)


def fact(event: Event, at_us: int) -> AnyFact | None:
    """Return what an event says of a customer, or None when a portrait takes nothing from it."""
    seq = event.seq
    match event.kind:
        case "order":
            return _order(_BASKET.decode(event.body), at_us, seq)
        case "coupon_redeemed":
            return CouponFact(at_us=at_us, seq=seq)
        case "campaign_sent":
            return SendFact(at_us=at_us, seq=seq)
        case "identify":
            return DeclaredFact(at_us=at_us, seq=seq, traits=_texts(_TRAITS.decode(event.body)))
        case _:
            return None


def _order(basket: _Basket, at_us: int, seq: int) -> OrderFact:
    return OrderFact(
        at_us=at_us,
        seq=seq,
        total_minor=basket.total_minor,
        lines=[(line.category, line.total_minor or 0) for line in basket.products],
        discount_minor=sum([line.discount_minor for line in basket.products if line.discount_minor]),
        store=basket.store_id,
        order_id=basket.order_id,
    )


def _texts(traits: Mapping[str, Any]) -> dict[str, str | None]:
    """Declared traits are text; a number is the text that writes it."""
    return {name: None if value is None else str(value) for name, value in traits.items()}
