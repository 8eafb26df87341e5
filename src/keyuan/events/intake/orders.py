"""Orders: the properties of `Order Completed` become integers of minor units, or a reason why not.

The amount of an order is `total_minor`, else `total`, else `revenue`; of a line `total_minor`, else `total`, else
unknown: never unit price × quantity. What an order may hold beyond its fixed fields goes into the sealed rest.
Two ways to the same result, as with the envelope: most orders fit a strict shape and are read in one go.
Deliberately not here: points. Pure. Units: `_minor` whole minor units of `currency` (ISO 4217).
"""

from operator import attrgetter
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from keyuan.events.intake.amounts import amount, minor
from keyuan.events.intake.fields import (
    ID_MAX,
    Members,
    identifier,
    is_null,
    members,
    no_control,
    optional_identifier,
    text,
)
from keyuan.events.intake.lines import Id, Minor, StrictLine, read_lines, with_discount
from keyuan.events.model import LINES_MAX, EventRefusedError, Order, Reason
from keyuan.kernel.money import AmountError, exponent

_ABSENT = Raw(b"")
_Code = Annotated[str, Meta(min_length=3, max_length=3)]


class _StrictOrder(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The shape of most orders: what the Segment specification names, and strict lines."""

    order_id: Id
    total_minor: Minor | msgspec.UnsetType = msgspec.UNSET
    currency: _Code | None = None
    store_id: Id | None = None
    products: list[StrictLine] | None = None
    total: Raw = _ABSENT
    revenue: Raw = _ABSENT
    affiliation: Raw = _ABSENT
    checkout_id: Raw = _ABSENT
    coupon: Raw = _ABSENT
    discount: Raw = _ABSENT
    shipping: Raw = _ABSENT
    subtotal: Raw = _ABSENT
    tax: Raw = _ABSENT


_STRICT = msgspec.json.Decoder(_StrictOrder)
_FIXED = 5
_SEALED = _StrictOrder.__struct_fields__[_FIXED:]
_sealed = attrgetter(*_SEALED)
_encode = msgspec.json.Encoder().encode


def read_order_properties(properties: Raw, default_currency: str) -> tuple[bytes, dict[str, Any]]:
    """Return the normalised order as canonical JSON, and the rest.

    Raises:
        EventRefusedError: with the reason.
    """
    written = bytes(properties)
    if no_control(written):
        try:
            strict = _STRICT.decode(written)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # the slow way finds the reason, or takes the order
        else:
            if _is_in_shape(strict):
                return _from_strict(strict, written, default_currency)
    return _member_by_member(properties, default_currency)


def _is_in_shape(strict: _StrictOrder) -> bool:
    """Tell whether all is well that types do not say."""
    if strict.order_id.isspace() or (strict.store_id is not None and strict.store_id.isspace()):
        return False
    if strict.products is not None and len(strict.products) > LINES_MAX:
        return False
    code = strict.currency
    return code is None or (code.isascii() and code.isalpha() and code.isupper())


def _from_strict(strict: _StrictOrder, written: bytes, default_currency: str) -> tuple[bytes, dict[str, Any]]:
    currency = strict.currency or default_currency
    rest = {name: raw for name, raw in zip(_SEALED, _sealed(strict), strict=True) if raw is not _ABSENT}
    total_minor = _total_minor(rest, currency) if strict.total_minor is msgspec.UNSET else strict.total_minor
    products = strict.products or []
    if b"_discount_minor" in written:  # seldom, and looking costs less than asking each line
        products = [with_discount(line) for line in products]
    return _encode(Order(strict.order_id, total_minor, currency, strict.store_id, products)), rest


def _member_by_member(properties: Raw, default_currency: str) -> tuple[bytes, dict[str, Any]]:
    found = {} if is_null(properties) else members(properties, Reason.BAD_PROPERTIES, "properties")
    order_id = found.pop("order_id", None)
    if order_id is None or is_null(order_id):
        raise EventRefusedError(Reason.BAD_ORDER, "order_id is missing.")
    currency = _currency(found.pop("currency", None), default_currency)
    products, rest_lines = read_lines(found.pop("products", None), currency)
    order = Order(
        order_id=identifier(order_id, Reason.BAD_ORDER, "order_id", ID_MAX),
        total_minor=_total_minor(found, currency),
        currency=currency,
        store_id=optional_identifier(found.pop("store_id", None), Reason.BAD_ORDER, "store_id"),
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
            return minor(raw, name) if name == "total_minor" else amount(raw, name, currency)
    raise EventRefusedError(Reason.BAD_AMOUNT, "One of total_minor, total and revenue must be given.")
