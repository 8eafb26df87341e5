"""The tables that the batch path reads, and how facts are gathered into them.

Grain: `orders`, `coupons`, `sends` one row per event; `lines` one row per line of an order (joined by `seq`);
`declared` one row per event and trait name, or one without a name. `person` is the 16 bytes of the uuid.
Units: `at_us` microseconds since the epoch, UTC; `_minor` minor units.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from keyuan.engines.analytics import Table, TableBuilder
from keyuan.profiles.model import AnyFact, CouponFact, DeclaredFact, OrderFact, SendFact

EVENT = {"person": "uuid", "seq": "int64", "at_us": "int64"}
ORDERS = EVENT | {"order_id": "text", "total_minor": "int64", "discount_minor": "int64", "store": "text"}
LINES = {"seq": "int64", "category": "text", "total_minor": "int64"}
DECLARED = EVENT | {"name": "text", "value": "text"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTables:
    """What happened, as five tables of the columns of this module."""

    orders: Table
    lines: Table
    coupons: Table
    sends: Table
    declared: Table

    def named(self) -> dict[str, Table]:
        """The tables under the names that the SQL uses."""
        return {
            "orders": self.orders,
            "lines": self.lines,
            "coupons": self.coupons,
            "sends": self.sends,
            "declared": self.declared,
        }


def gather(facts: Iterable[tuple[UUID, AnyFact]]) -> LogTables:
    """The tables of a stream of (person, fact), in any order."""
    orders, lines, declared = TableBuilder(ORDERS), TableBuilder(LINES), TableBuilder(DECLARED)
    coupons, sends = TableBuilder(EVENT), TableBuilder(EVENT)
    for person, fact in facts:
        event = (person.bytes, fact.seq, fact.at_us)
        match fact:
            case OrderFact():
                orders.add(*event, fact.order_id, fact.total_minor, fact.discount_minor, fact.store)
                if fact.lines:
                    lines.extend([fact.seq] * len(fact.lines), *zip(*fact.lines, strict=True))
            case CouponFact():
                coupons.add(*event)
            case SendFact():
                sends.add(*event)
            case DeclaredFact():
                for name, value in fact.traits.items() or [(None, None)]:
                    declared.add(*event, name, value)
    return LogTables(
        orders=orders.table(),
        lines=lines.table(),
        coupons=coupons.table(),
        sends=sends.table(),
        declared=declared.table(),
    )
