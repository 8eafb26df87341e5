"""Orders: the properties of `Order Completed` become integers of minor units, or a reason why not.

The amount of an order is `total_minor`, else `total`, else `revenue`; of a line `total_minor`, else `total`, else
unknown: never unit price × quantity. What an order may hold beyond its fixed fields goes into the sealed rest.
Deliberately not here: points. Pure. Units: `_minor` whole minor units of `currency` (ISO 4217).
"""

import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from keyuan.events.intake.fields import TEXT_MAX, Members, identifier, is_null, members, no_control, short_text, text
from keyuan.events.model import LINES_MAX, EventRefusedError, Order, OrderLine, Reason
from keyuan.kernel.money import MINOR_MAX, AmountError, exponent, parse_minor

ID_MAX = 128
_INT64_MAX = 2**63 - 1
_PARTS = ("retail_discount_minor", "coupon_discount_minor", "coupon_match_discount_minor")
_WHOLE = re.compile(rb"-?[0-9]{1,19}(\.0{1,9})?")
_INTEGER = re.compile(rb"-?[0-9]{1,19}")

_Id = Annotated[str, Meta(min_length=1, max_length=ID_MAX)]
_Words = Annotated[str, Meta(max_length=TEXT_MAX)]
_Minor = Annotated[int, Meta(ge=0, le=MINOR_MAX)]


class _TypedLine(OrderLine, frozen=True, gc=False, omit_defaults=True):
    """A line whose fixed fields are of the right types."""

    product_id: _Id | None = None
    quantity: Annotated[int, Meta(ge=0, le=_INT64_MAX)] | None = None
    total_minor: _Minor | None = None
    discount_minor: _Minor | None = None
    retail_discount_minor: _Minor | None = None
    coupon_discount_minor: _Minor | None = None
    coupon_match_discount_minor: _Minor | None = None
    category: _Words | None = None
    brand: _Words | None = None
    name: _Words | None = None


class _StrictLine(_TypedLine, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """A line that has no other fields."""


_Lines = tuple[list[OrderLine], list[dict[str, Any]]]
_FIXED = frozenset(OrderLine.__struct_fields__)
_STRICT_LINES = msgspec.json.Decoder(list[_StrictLine])
_TYPED_LINES = msgspec.json.Decoder(list[_TypedLine])
_LINE_MEMBERS = msgspec.json.Decoder(list[Members])
_LINES = msgspec.json.Decoder(list[Raw])
_encode = msgspec.json.Encoder().encode


def read_order_properties(found: Members, default_currency: str) -> tuple[bytes, dict[str, Any]]:
    """Return the normalised order as canonical JSON, and the rest.

    Raises:
        EventRefusedError: with the reason.
    """
    order_id = found.pop("order_id", None)
    if order_id is None or is_null(order_id):
        raise EventRefusedError(Reason.BAD_ORDER, "order_id is missing.")
    currency = _currency(found.pop("currency", None), default_currency)
    products, rest_lines = _lines(found.pop("products", None), currency)
    order = Order(
        order_id=identifier(order_id, Reason.BAD_ORDER, "order_id", ID_MAX),
        total_minor=_total_minor(found, currency),
        currency=currency,
        store_id=_optional_id(found.pop("store_id", None), Reason.BAD_ORDER, "store_id"),
        products=products,
    )
    rest: dict[str, Any] = dict(found)
    if rest_lines:
        rest["products"] = rest_lines
    return _encode(order), rest


def _currency(raw: Raw | None, default: str) -> str:
    if raw is None or is_null(raw):
        return default
    code = text(raw, Reason.BAD_CURRENCY, "currency", 3)
    try:
        exponent(code)
    except AmountError as error:
        raise EventRefusedError(Reason.BAD_CURRENCY, error.message) from None
    return code


def _total_minor(found: Members, currency: str) -> int:
    """Take the first of the three amounts that is given; the others stay in the rest."""
    for name in ("total_minor", "total", "revenue"):
        raw = found.get(name)
        if raw is not None and not is_null(raw):
            del found[name]
            return _minor(raw, name) if name == "total_minor" else _amount(raw, name, currency)
    raise EventRefusedError(Reason.BAD_AMOUNT, "One of total_minor, total and revenue must be given.")


def _minor(raw: Raw, what: str) -> int:
    """Return an amount that is given in minor units already."""
    written = bytes(raw)
    if not _INTEGER.fullmatch(written) or abs(int(written)) > MINOR_MAX:
        raise EventRefusedError(Reason.BAD_AMOUNT, f"{what} must be a whole number up to {MINOR_MAX}.")
    return _not_negative(int(written), what)


def _amount(raw: Raw, what: str, currency: str) -> int:
    """Return minor units from the text of a number, or of text that holds a number; never through a float."""
    written = bytes(raw)
    if written.startswith(b'"'):
        written = text(raw, Reason.BAD_AMOUNT, what).encode()
    try:
        minor = parse_minor(written.decode("ascii", "replace"), currency)
    except AmountError as error:
        raise EventRefusedError(Reason.BAD_AMOUNT, f"{what}: {error.message}") from None
    return _not_negative(minor, what)


def _not_negative(minor: int, what: str) -> int:
    if minor < 0:
        raise EventRefusedError(Reason.NEGATIVE_AMOUNT, f"{what} must not be negative.")
    return minor


def _lines(raw: Raw | None, currency: str) -> _Lines:
    """Return the lines, and what they hold beyond the fixed fields (an empty list if nothing)."""
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


def _strict_lines(written: bytes) -> _Lines:
    """Read lines that hold fixed fields only: by far the most."""
    lines = _STRICT_LINES.decode(written)
    _refuse_many(len(lines))
    return [_with_discount(line) for line in lines], []


def _typed_lines(written: bytes) -> _Lines:
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
    return [_with_discount(line) for line in lines], rests if any(rests) else []


def _loose_lines(written: bytes, currency: str) -> _Lines:
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
        total_minor = _minor(total, "total_minor of a line")
    else:
        total = found.pop("total", None)
        total_minor = None if total is None or is_null(total) else _amount(total, "total of a line", currency)
    parts = {name: _optional_minor(found.pop(name, None), name) for name in ("discount_minor", *_PARTS)}
    line = OrderLine(
        product_id=_optional_id(found.pop("product_id", None), Reason.BAD_LINE, "product_id"),
        quantity=_quantity(found),
        total_minor=total_minor,
        category=_words(found, "category"),
        brand=_words(found, "brand"),
        name=_words(found, "name"),
        **parts,
    )
    return _with_discount(line)


def _with_discount(line: OrderLine) -> OrderLine:
    """Sum the parts of the discount when only they are given."""
    retail, coupon, match = line.retail_discount_minor, line.coupon_discount_minor, line.coupon_match_discount_minor
    if line.discount_minor is not None or (retail is None and coupon is None and match is None):
        return line
    discount_minor = min((retail or 0) + (coupon or 0) + (match or 0), MINOR_MAX)
    return msgspec.structs.replace(line, discount_minor=discount_minor)


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
    return None if raw is None or is_null(raw) else _minor(raw, f"{name} of a line")


def _optional_id(raw: Raw | None, reason: Reason, name: str) -> str | None:
    return None if raw is None or is_null(raw) else identifier(raw, reason, name, ID_MAX)


def _refuse_many(lines: int) -> None:
    if lines > LINES_MAX:
        raise EventRefusedError(Reason.TOO_MANY_LINES, f"An order may have at most {LINES_MAX} lines.")
