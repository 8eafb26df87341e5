"""What an event of the log means to the rooms above: facts for a portrait, a purchase for the programme.

Pure: one pass over a batch, bodies decoded once.
Units: instants are integer microseconds since the Unix epoch; `_minor` minor units.
"""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from keyuan.events import LoggedEvent, Order, read_order
from keyuan.flows.earn import Purchase
from keyuan.kernel.clock import to_us
from keyuan.profiles.model import AnyFact, CouponFact, DeclaredFact, OrderFact, SendFact

_TRAITS = msgspec.json.Decoder(dict[str, Any])


def order_fact(event: LoggedEvent, order: Order) -> OrderFact:
    """Return what a basket says of a customer; lines without an amount count for nothing."""
    return OrderFact(
        at_us=to_us(event.at),
        seq=event.seq,
        total_minor=order.total_minor,
        lines=[(line.category, line.total_minor or 0) for line in order.products],
        discount_minor=sum(map(_discount_minor, order.products)),
        store=order.store_id,
        order_id=order.order_id,
    )


def _discount_minor(line: Any) -> int:
    if line.discount_minor is not None:
        return int(line.discount_minor)
    return sum(
        part or 0 for part in (line.retail_discount_minor, line.coupon_discount_minor, line.coupon_match_discount_minor)
    )


def purchase(event: LoggedEvent, person: uuid.UUID, order: Order) -> Purchase:
    """Return the order as the programme sees it, known by its own id from wherever it was sent."""
    return Purchase(
        person=person,
        at_us=to_us(event.at),
        subject=(b"order", order.order_id.encode()),
        currency=order.currency,
        total_minor=order.total_minor,
        lines=[(line.category, line.total_minor or 0) for line in order.products],
    )


def other_fact(event: LoggedEvent) -> AnyFact | None:
    """Return the fact of an event that is no order, or None when a portrait takes nothing from it."""
    at_us, seq = to_us(event.at), event.seq
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


def orders_of(batch: Iterable[LoggedEvent]) -> dict[int, Order]:
    """Return the decoded orders of a batch by their place in the log."""
    return {event.seq: read_order(event.body) for event in batch if event.kind == "order"}
