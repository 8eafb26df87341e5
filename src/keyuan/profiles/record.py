"""A trait record with its person: what segments are asked about.

Deliberately not here: names (`catalogue`); the values stand in that order. Records are not stored: they follow from
a state and an instant (`traits`).
"""

from uuid import UUID

import msgspec

from keyuan.profiles.traits import Values


class Moment(msgspec.Struct, frozen=True, gc=False):
    """The traits of one person at one instant, after the event `seq`, as segments evaluate them."""

    person: UUID
    seq: int
    as_of_us: int
    values: Values
