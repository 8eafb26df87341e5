"""Events as rows of the lake's table `events`, column by column.

Deliberately not here: whom a row may name (`lake_people.py`). Pure.
"""

import msgspec

from keyuan.engines.secrets import KeyedHasher
from keyuan.events import Event
from keyuan.flows.lake_people import number_of
from keyuan.insight.tables import EVENTS, ORDER


class _Line(msgspec.Struct, gc=False):
    """Lines are counted only."""


class _Order(msgspec.Struct):
    order_id: str
    total_minor: int
    currency: str
    products: list[_Line] = []  # a msgspec default is copied


_ORDER = msgspec.json.Decoder(_Order)


class Rows:
    """Rows to append; `orders` makes keys of orders' own ids."""

    def __init__(self, orders: KeyedHasher) -> None:
        self._orders = orders
        self.columns: dict[str, list[object]] = {name: [] for name in EVENTS.columns}
        self._extend = [column.append for column in self.columns.values()]

    def add(self, event: Event, at_us: int, customer: int | None) -> None:
        """Add one event, of a customer or of nobody."""
        of_order: tuple[object, ...] = (None, None, None, None)
        if event.kind == ORDER:
            order = _ORDER.decode(event.body)
            key = number_of(self._orders, order.order_id.encode())
            of_order = (key, order.currency, order.total_minor, len(order.products))
        row = (event.seq, event.kind, customer, at_us, event.at.date(), *of_order)
        for append, value in zip(self._extend, row, strict=True):
            append(value)
