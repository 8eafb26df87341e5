"""What happens on a date: events that Keyuan itself tells, of nobody, from a source that nobody else can use. Pure.

They stand in the log like any other, so that a replay gives the same. Who puts them there names their dates; what they
do is for consumers to say.
Reference: docs/reference/calendar.md.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

SOURCE: Final = "calendar"
"""Told by Keyuan: a write key for this source cannot be made, and no import may be called so."""
_encode = msgspec.json.Encoder(order="sorted").encode


class Due(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is due: every member who has so many points redeems them. `made_up`: a rule of a demo, not of a shop."""

    due: Literal["redeem"] = "redeem"
    programme: Annotated[str, Meta(min_length=1, max_length=100)]
    points: Annotated[int, Meta(ge=1, le=10**12)]
    made_up: bool


class Date(Struct, frozen=True):
    """One instant on which something is due, in UTC."""

    at: datetime
    due: Due

    @property
    def body(self) -> bytes:
        """The event as its source tells it; the same date of the same programme is the same message."""
        stamp = self.at.isoformat().replace("+00:00", "Z")
        message_id = f"{self.due.due}:{self.due.programme}:{stamp}"
        return _encode({"type": SOURCE, "messageId": message_id, "timestamp": stamp, "properties": self.due})


_DUE = msgspec.json.Decoder(Due)


def read_due(body: bytes) -> Due:
    """Return what a calendar event says is due.

    Raises:
        msgspec.DecodeError: it says something else.
    """
    return _DUE.decode(body)


def written(due: Due) -> bytes:
    """Return the body under which something due stands in the log."""
    return _encode(due)


def monthly(due: Due, first: datetime, last: datetime) -> Iterator[Date]:
    """Yield a date for the first of each month from `first` to `last`, both firsts of a month themselves."""
    at = first
    while at <= last:
        yield Date(at, due)
        at = at.replace(year=at.year + at.month // 12, month=at.month % 12 + 1)
