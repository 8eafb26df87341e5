"""A trait record: the values of one person at one instant, and its stored form (a JSON list, decimals as text).

Deliberately not here: names (`catalogue`); the values stand in that order.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import msgspec

from keyuan.kernel.errors import CorruptionError
from keyuan.profiles.catalogue import TRAITS
from keyuan.profiles.traits import Values

_TYPES: dict[str, Any] = {
    "int64": int | None,
    "decimal": Decimal | None,
    "text": str | None,
    "list": tuple[str, ...],
}
_encode = msgspec.json.Encoder(decimal_format="string").encode
_decode = msgspec.json.Decoder(cast("type[Values]", tuple[tuple(_TYPES[trait.kind] for trait in TRAITS)])).decode


@dataclass(frozen=True, slots=True)
class Moment:
    """The traits of one person at one instant, after the event `seq`, as segments evaluate them."""

    person: UUID
    seq: int
    as_of_us: int
    values: Values


def encode_values(values: Values) -> bytes:
    """The stored form of a trait record."""
    return _encode(values)


def decode_values(body: bytes) -> Values:
    """The trait record in these bytes.

    Raises:
        CorruptionError: the bytes are no record of the present catalogue.
    """
    try:
        return _decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise CorruptionError("a stored trait record cannot be read", reason=str(error)) from error
