"""The lines of an order: amounts become integers of minor units, or a reason why not.

Three ways to the same result, the cheapest first; what none but the last can read is read member by member, to take it
all the same or to find the reason why not.
Deliberately not here: the order around them (`orders.py`). Pure. Units: `_minor` as there.
"""

import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from keyuan.events.intake.amounts import amount, minor
from keyuan.events.intake.fields import (
    ID_MAX,
    TEXT_MAX,
    Members,
    is_null,
    members,
    no_control,
    optional_identifier,
    short_text,
)
from keyuan.events.model import LINES_MAX, EventRefusedError, OrderLine, Reason
from keyuan.kernel.money import MINOR_MAX

_INT64_MAX = 2**63 - 1
_PARTS = ("retail_discount_minor", "coupon_discount_minor", "coupon_match_discount_minor")
_WHOLE = re.compile(rb"-?[0-9]{1,19}(\.0{1,9})?")

Id = Annotated[str, Meta(min_length=1, max_length=ID_MAX)]
Minor = Annotated[int, Meta(ge=0, le=MINOR_MAX)]
_Words = Annotated[str, Meta(max_length=TEXT_MAX)]


class _TypedLine(OrderLine, frozen=True, gc=False, omit_defaults=True):
    """A line whose fixed fields are of the right types."""

    product_id: Id | None = None
    quantity: Annotated[int, Meta(ge=0, le=_INT64_MAX)] | None = None
    total_minor: Minor | None = None
    discount_minor: Minor | None = None
    retail_discount_minor: Minor | None = None
    coupon_discount_minor: Minor | None = None
    coupon_match_discount_minor: Minor | None = None
    category: _Words | None = None
    brand: _Words | None = None
    name: _Words | None = None


class StrictLine(_TypedLine, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """A line that has no other fields: by far the most."""


Lines = tuple[list[OrderLine], list[dict[str, Any]]]
_FIXED = frozenset(OrderLine.__struct_fields__)
_STRICT_LINES = msgspec.json.Decoder(list[StrictLine])
_TYPED_LINES = msgspec.json.Decoder(list[_TypedLine])
_LINE_MEMBERS = msgspec.json.Decoder(list[Members])
_LINES = msgspec.json.Decoder(list[Raw])


def read_lines(raw: Raw | None, currency: str) -> Lines:
    """Return the lines, and what they hold beyond the fixed fields (an empty list if nothing).

    Raises:
        EventRefusedError: with the reason.
    """
    if raw is None or is_null(raw):
        return [], []
    written = bytes(raw)
    if no_control(written):
        for read in (_strict_lines, _typed_lines):
            try:
                return read(written)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue  # the slow way below finds the reason, or takes the line
    return _loose_lines(written, currency)


def with_discount(line: OrderLine) -> OrderLine:
    """Sum the parts of the discount when only they are given."""
    retail, coupon, match = line.retail_discount_minor, line.coupon_discount_minor, line.coupon_match_discount_minor
    if line.discount_minor is not None or (retail is None and coupon is None and match is None):
        return line
    discount_minor = min((retail or 0) + (coupon or 0) + (match or 0), MINOR_MAX)
    return msgspec.structs.replace(line, discount_minor=discount_minor)


def _strict_lines(written: bytes) -> Lines:
    """Read lines that hold fixed fields only: by far the most."""
    lines = _STRICT_LINES.decode(written)
    _refuse_many(len(lines))
    return [with_discount(line) for line in lines], []


def _typed_lines(written: bytes) -> Lines:
    """Read lines whose fixed fields have the right types, whatever else they hold.

    Raises:
        msgspec.ValidationError: a field has not, or an amount is given in major units.
    """
    lines = _TYPED_LINES.decode(written)
    _refuse_many(len(lines))
    rests = [
        {name: raw for name, raw in found.items() if name not in _FIXED} for found in _LINE_MEMBERS.decode(written)
    ]
    if any("total" in rest and line.total_minor is None for line, rest in zip(lines, rests, strict=True)):
        raise msgspec.ValidationError
    return [with_discount(line) for line in lines], rests if any(rests) else []


def _loose_lines(written: bytes, currency: str) -> Lines:
    try:
        raws = _LINES.decode(written)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise EventRefusedError(Reason.BAD_LINE, "products must be a list of objects.") from None
    _refuse_many(len(raws))
    lines: list[OrderLine] = []
    rests: list[dict[str, Any]] = []
    for raw in raws:
        found = members(raw, Reason.BAD_LINE, "A line of products")
        lines.append(_loose_line(found, currency))
        rests.append(dict(found))
    return lines, rests if any(rests) else []


def _loose_line(found: Members, currency: str) -> OrderLine:
    """Take the fixed fields out of a line; what is left in `found` is its rest."""
    total = found.pop("total_minor", None)
    if total is not None and not is_null(total):
        total_minor = minor(total, "total_minor of a line")
    else:
        total = found.pop("total", None)
        total_minor = None if total is None or is_null(total) else amount(total, "total of a line", currency)
    parts = {name: _optional_minor(found.pop(name, None), name) for name in ("discount_minor", *_PARTS)}
    line = OrderLine(
        product_id=optional_identifier(found.pop("product_id", None), Reason.BAD_LINE, "product_id"),
        quantity=_quantity(found),
        total_minor=total_minor,
        category=_words(found, "category"),
        brand=_words(found, "brand"),
        name=_words(found, "name"),
        **parts,
    )
    return with_discount(line)


def _quantity(found: Members) -> int | None:
    """Return a whole quantity. Weights such as 1.5 are true too: they stay in the rest, the quantity is unknown."""
    raw = found.get("quantity")
    if raw is None or is_null(raw):
        found.pop("quantity", None)
        return None
    written = bytes(raw)
    if written[:1] not in b"-0123456789" or written.startswith(b"-"):
        raise EventRefusedError(Reason.BAD_LINE, "quantity must be a number, not negative.")
    if not _WHOLE.fullmatch(written) or int(written.partition(b".")[0]) > _INT64_MAX:
        return None
    del found["quantity"]
    return int(written.partition(b".")[0])


def _words(found: Members, name: str) -> str | None:
    """Return a short text; anything else stays in the rest, sealed."""
    raw = found.get(name)
    if raw is None or is_null(raw):
        found.pop(name, None)
        return None
    value = short_text(raw)
    if value is not None:
        del found[name]
    return value


def _optional_minor(raw: Raw | None, name: str) -> int | None:
    return None if raw is None or is_null(raw) else minor(raw, f"{name} of a line")


def _refuse_many(lines: int) -> None:
    if lines > LINES_MAX:
        raise EventRefusedError(Reason.TOO_MANY_LINES, f"An order may have at most {LINES_MAX} lines.")
