"""Values of columns as text of JSON: exact, or a reason why not.

A column repeats itself, so every converter remembers what it made: one dictionary look-up a value, and the work
only once for each. A value that cannot be converted becomes a fault marked with NUL bytes, which JSON never holds:
an event is searched for them once, when it is whole.
Units: money is counted in minor units of one currency.
"""

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from keyuan.engines.files import Value
from keyuan.events.mapping.model import Field
from keyuan.events.model import Reason
from keyuan.kernel.money import MINOR_MAX, AmountError, exponent, parse_minor

CENT_NEAR = 1e-9
"""A binary fraction this near to a whole minor unit is meant to be it: 0.1 is not a tenth either."""
REMEMBERED_MAX = 200_000
FAULT = "\0"
FAULTY_SUM = -(2**80)
_INT64_MAX = 2**63 - 1
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}(?:\.0{1,9})?")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?")
_BOOLEANS = {"true": "true", "false": "false", "1": "true", "0": "false", "yes": "true", "no": "false"}
_encode = msgspec.json.encode

Convert = Callable[[Value], str]


class ValueFaultError(Exception):
    """A value is not what the mapping says of its column."""

    def __init__(self, reason: Reason, why: str) -> None:
        super().__init__(why)
        self.reason = reason
        self.why = why


class Memo(dict[Any, Any]):
    """What a function made of each value; faults are handed to `on_fault` and not kept."""

    def __init__(self, make: Callable[[Value], Any], on_fault: Callable[[ValueFaultError], Any]) -> None:
        super().__init__()
        self._make = make
        self._on_fault = on_fault

    def __missing__(self, value: Value) -> Any:
        if len(self) >= REMEMBERED_MAX:
            self.clear()
        try:
            made = self._make(value)
        except ValueFaultError as fault:
            return self._on_fault(fault)
        # True == 1 and 1 == 1.0 share a slot in a dictionary, but a column holds one type only.
        self[value] = made
        return made


def fragments(name: str, given: Field, currency: str) -> Memo:
    """Return the memo from a value to `,"name":value`; missing values (and zeros, if said) become nothing."""
    head = f",{_encode(name).decode()}:"
    convert = _converter(given, currency)

    def fragment(value: Value) -> str:
        if value is None:
            if given.required:
                raise ValueFaultError(Reason.BAD_PROPERTIES, "is missing")
            return ""
        text = convert(value)
        return "" if given.omit_zero and text == "0" else head + text

    return Memo(fragment, lambda fault: f"{FAULT}{fault.reason}{FAULT}{name}: {given.column} {fault.why}{FAULT}")


def terms(given: Field, currency: str) -> Memo:
    """Return the memo from a value to the integer that a sum adds; a fault makes the sum negative, whatever comes."""
    convert = _converter(given, currency)
    return Memo(lambda value: FAULTY_SUM if value is None else int(convert(value)), lambda _: FAULTY_SUM)


def term_fault(name: str, given: Field, currency: str, value: Value) -> tuple[Reason, str] | None:
    """Return why a value cannot be added, or None."""
    if value is None:
        return Reason.BAD_AMOUNT, f"{name}: {given.sum} is missing, and a sum without it would be wrong"
    try:
        if int(_converter(given, currency)(value)) < 0:
            return Reason.BAD_NUMBER, f"{name}: {given.sum} is negative"
    except ValueFaultError as fault:
        return fault.reason, f"{name}: {given.sum} {fault.why}"
    return None


def as_text(value: Value) -> str:
    """Return a value as the text that a person would write for it; whole numbers without a fraction."""
    if isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) <= MINOR_MAX else repr(value)
    if isinstance(value, datetime):
        return value.isoformat().removesuffix("T00:00:00")
    return value.isoformat() if isinstance(value, date) else str(value)


def money(value: Value, currency: str) -> int:
    """Return minor units of an amount in major units: text and decimals exactly, a binary fraction if it means one.

    Raises:
        ValueFaultError: not a number, not finite, negative, finer than a minor unit, or too large.
    """
    minor = _minor_of_float(value, currency) if isinstance(value, float) else _minor_of_text(value, currency)
    if minor < 0:
        raise ValueFaultError(Reason.NEGATIVE_AMOUNT, "is negative")
    return minor


def _minor_of_text(value: Value, currency: str) -> int:
    if isinstance(value, Decimal):
        value = format(value, "f") if value.is_finite() else "NaN"
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueFaultError(Reason.BAD_AMOUNT, "is not an amount")
    try:
        return parse_minor(str(value), currency)
    except AmountError as error:
        raise ValueFaultError(Reason.BAD_AMOUNT, f"is refused: {error.message.rstrip('.')}") from None


def _minor_of_float(value: float, currency: str) -> int:
    if not math.isfinite(value):
        raise ValueFaultError(Reason.BAD_AMOUNT, "is not finite")
    scale = 10 ** exponent(currency)
    scaled = value * scale
    if abs(scaled) > MINOR_MAX:
        raise ValueFaultError(Reason.BAD_AMOUNT, "is too large")
    nearest = round(scaled)
    for minor in (nearest, nearest - 1, nearest + 1):  # of a large amount the product itself is rounded
        if minor / scale == value:
            return minor
    if abs(scaled - nearest) > CENT_NEAR:
        raise ValueFaultError(Reason.BAD_AMOUNT, "is finer than the minor unit of its currency")
    return nearest


def _money_minor(value: Value) -> str:
    text = _integer(value)
    if not 0 <= int(text) <= MINOR_MAX:
        reason = Reason.NEGATIVE_AMOUNT if int(text) < 0 else Reason.BAD_AMOUNT
        raise ValueFaultError(reason, f"must be from 0 to {MINOR_MAX}")
    return text


def _integer(value: Value) -> str:
    text = as_text(value)
    if isinstance(value, bool) or not _INTEGER.fullmatch(text):
        raise ValueFaultError(Reason.BAD_NUMBER, "is not a whole number")
    number = int(text.partition(".")[0])
    if abs(number) > _INT64_MAX:
        raise ValueFaultError(Reason.BAD_NUMBER, "is too large")
    return str(number)


def _number(value: Value) -> str:
    text = format(value, "f") if isinstance(value, Decimal) and value.is_finite() else as_text(value)
    if isinstance(value, bool) or not _NUMBER.fullmatch(text):
        raise ValueFaultError(Reason.BAD_NUMBER, "is not a number")
    return text


def _boolean(value: Value) -> str:
    text = _BOOLEANS.get(as_text(value).lower())
    if text is None:
        raise ValueFaultError(Reason.BAD_PROPERTIES, "is neither true nor false")
    return text


def _plain(value: Value) -> str:
    if isinstance(value, bool):
        return as_text(value)
    return _number(value) if isinstance(value, int | float | Decimal) else _text(value)


def _text(value: Value) -> str:
    return _encode(as_text(value)).decode()


def _converter(given: Field, currency: str) -> Convert:
    """Return the function from a value to JSON; a registry that names every way there is."""
    ways: dict[str, Convert] = {
        "plain": _plain,
        "text": _text,
        "integer": _integer,
        "number": _number,
        "boolean": _boolean,
        "money": lambda value: str(money(value, currency)),
        "money_minor": _money_minor,
    }
    return ways[given.as_]
