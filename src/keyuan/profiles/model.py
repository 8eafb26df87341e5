"""What can happen to a portrait: the facts that are folded into it, and the errors of this room.

Deliberately not here: events and their JSON (flows turn events into facts), and whether a fact may be used (consent).
Units: `_us` whole microseconds since the Unix epoch, UTC; `_minor` whole minor units of the tenant's one currency.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import msgspec

from keyuan.kernel.errors import EngineError, InputError

LARGEST = 2**63 - 1  # traits are int64 in the rule language

DECLARED = (
    "age",
    "income",
    "home_ownership",
    "marital_status",
    "household_size",
    "household_comp",
    "kids_count",
)


class PastInstantError(InputError):
    """A folded state cannot answer an instant that is not after its newest fact; use the batch path."""


class AmountError(InputError):
    """An amount of an order is negative, or a person's sum would leave 64 bits."""


class StaleStateError(EngineError):
    """The stored state of a person is not the one that was folded; drop the cache and try the batch again."""


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that happened to one person at `at_us`; `seq` is its place in the log."""

    at_us: int
    seq: int


class OrderFact(Fact, frozen=True, kw_only=True, gc=False):
    """A basket: `lines` are (product category or None, total_minor).

    An `order_id` counts once for a person: the first in the log wins, whatever till, app or file sent it.
    """

    total_minor: int
    lines: Sequence[tuple[str | None, int]] = ()
    discount_minor: int = 0
    store: str | None = None
    order_id: str | None = None


class CouponFact(Fact, frozen=True, kw_only=True, gc=False):
    """A coupon was redeemed."""


class SendFact(Fact, frozen=True, kw_only=True, gc=False):
    """A campaign was sent to the person."""


class DeclaredFact(Fact, frozen=True, kw_only=True, gc=False):
    """What a person said: the latest instant wins per name, then the higher place in the log; None takes back.

    Names that are not in `DECLARED` are no traits and are left out.
    """

    traits: Mapping[str, str | None]


AnyFact = OrderFact | CouponFact | SendFact | DeclaredFact


def order_key(order_id: str) -> int:
    """A signed 64-bit name for an order among those of one person."""
    digest = blake2b(order_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
