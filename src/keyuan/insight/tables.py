"""The tables of the lake that metrics read.

`events`: one row per event that a metric uses. `customer` is a number that stands for a person who agreed to it, and
NULL for everybody else, whose orders count in sums only; `order_key` stands for an order's own id.
`points`: one row per day, book and append; rows of one day add up.
Deliberately not here: how they are filled (flows), and anything by which a person could be found.
Units: `at_us` microseconds since the epoch, UTC; `day` its UTC day; `_minor` minor units of `currency`.
"""

from typing import Final

from keyuan.engines.lake import Shape

ORDER: Final = "order"
MAILED: Final = "campaign_sent"
COUPON: Final = "coupon_redeemed"
KINDS: Final = frozenset({ORDER, MAILED, COUPON})
"""The kinds of events in the lake; all others are left out."""

EVENTS: Final = Shape(
    "events",
    {
        "seq": "int64",
        "kind": "text",
        "customer": "int64",
        "at_us": "int64",
        "day": "date",
        "order_key": "int64",
        "currency": "text",
        "total_minor": "int64",
        "lines": "int64",
    },
    reader="log",
)
POINTS: Final = Shape(
    "points",
    {
        "day": "date",
        "brand": "text",
        "currency": "text",
        "issued": "int64",
        "redeemed": "int64",
        "expired": "int64",
    },
    reader="ledger",
)
