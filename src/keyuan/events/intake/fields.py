"""Reading single fields of an event from raw JSON: names, instants, scalars; each with a reason when it is bad.

Deliberately not here: amounts (`orders.py`). Pure. Reasons never repeat what was sent.
Source: instants as in ISO 8601; a time without a zone is UTC.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import msgspec
from msgspec import Raw

from keyuan.events.model import EventRefusedError, Reason
from keyuan.kernel.clock import EPOCH

NAME_MAX = 256
ID_MAX = 128
TEXT_MAX = 256
NUMBER_MAX = 40
DEPTH_MAX = 16
_KNOWN_MAX = 32

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_INTEGER = re.compile(rb"-?[0-9]{1,19}")
_LONG_NUMBER = re.compile(rb"[0-9]{19}")
_INT64 = range(-(2**63), 2**63)

Members = dict[str, Raw]
_MEMBERS = msgspec.json.Decoder(Members)
_TEXT = msgspec.json.Decoder(str)
_NUMBER = msgspec.json.Decoder(float)
_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted", decimal_format="number").encode


def _exact(text: str) -> Decimal:
    """Keep a fraction as it was written, if a double could hold its size at all."""
    if math.isinf(float(text)):
        raise EventRefusedError(Reason.BAD_NUMBER, "A number is too large.")
    return Decimal(text)


_ANY = msgspec.json.Decoder(float_hook=_exact)


def members(raw: bytes | Raw, reason: Reason, what: str) -> Members:
    """Return the members of a JSON object, undecoded."""
    try:
        return _MEMBERS.decode(raw)
    except msgspec.ValidationError:
        raise EventRefusedError(reason, f"{what} must be a JSON object.") from None
    except RecursionError:
        raise too_deep() from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise EventRefusedError(Reason.MALFORMED, f"{what} is not valid JSON in UTF-8.") from None


def too_deep() -> EventRefusedError:
    """Return the refusal of JSON that is nested too deeply."""
    return EventRefusedError(Reason.TOO_DEEP, f"JSON may be nested at most {DEPTH_MAX} levels deep.")


def _no_unicode() -> EventRefusedError:
    return EventRefusedError(Reason.MALFORMED, "Text is not valid Unicode.")


def refuse_nul(raw: bytes) -> None:
    """Refuse a NUL character anywhere: PostgreSQL text cannot hold it."""
    if b"\\" in raw and b"\\u0000" in raw and _NUL.search(raw):
        raise EventRefusedError(Reason.CONTROL_CHARACTERS, "Text must not hold the NUL character.")


def is_null(raw: Raw | None) -> bool:
    """Tell whether a member is absent or null: clients send both for the same thing."""
    return raw is None or bytes(raw) == b"null"


def text(raw: Raw, reason: Reason, what: str, most: int = NAME_MAX) -> str:
    """Return a name: text, not blank, not too long, without control characters."""
    try:
        value = _TEXT.decode(raw)
    except msgspec.ValidationError:
        raise EventRefusedError(reason, f"{what} must be text.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _no_unicode() from None
    if not value.strip() or len(value) > most:
        raise EventRefusedError(reason, f"{what} must have 1 to {most} characters.")
    if not value.isprintable() and _CONTROL.search(value):
        raise EventRefusedError(Reason.CONTROL_CHARACTERS, f"{what} must not hold control characters.")
    return value


def identifier(raw: Raw, reason: Reason, what: str, most: int) -> str:
    """Return a name that may also be written as a whole number."""
    written = bytes(raw)
    if _INTEGER.fullmatch(written):
        return written.decode()
    return text(raw, reason, what, most)


def optional_identifier(raw: Raw | None, reason: Reason, what: str) -> str | None:
    """Return an identifier as above, None if it is absent or null."""
    return None if raw is None or is_null(raw) else identifier(raw, reason, what, ID_MAX)


def instant(written: str, what: str) -> datetime:
    """Return an instant as aware UTC; without a zone it is UTC already."""
    try:
        moment = datetime.fromisoformat(written)
        if moment.tzinfo is not UTC:
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise EventRefusedError(Reason.BAD_TIME, f"{what} must be a date and time in ISO 8601.") from None
    if moment < EPOCH:
        raise EventRefusedError(Reason.BAD_TIME, f"{what} must not be before 1970.")
    return moment


def scalar(raw: Raw) -> Raw | str | None:
    """Return a value that may stand in clear, in its canonical form; None if it is too long or not a scalar."""
    written = bytes(raw)
    first = written[:1]
    if first == b'"':
        return short_text(raw)
    if first in b"{[":
        return None
    if first in b"-0123456789":
        _refuse_large(written)
        return raw if len(written) <= NUMBER_MAX else None
    return raw  # true, false, null


def short_text(raw: Raw) -> str | None:
    """Return a text that may stand in clear; None if it is none, too long, or holds control characters."""
    try:
        value = _TEXT.decode(raw)
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _no_unicode() from None
    return value if len(value) <= TEXT_MAX and not _CONTROL.search(value) else None


def no_control(written: bytes) -> bool:
    """Tell at a glance that JSON text holds no control character; False only says that one has to look closer."""
    return b"\\" not in written and b"\x7f" not in written and (written.isascii() or b"\xc2" not in written)


def _refuse_large(written: bytes) -> None:
    """Whole numbers must fit int64; a fraction must fit a double."""
    if _INTEGER.fullmatch(written):
        if int(written) in _INT64:
            return
    elif not written.lstrip(b"-").isdigit():
        try:
            _NUMBER.decode(written)
        except msgspec.DecodeError:
            raise EventRefusedError(Reason.BAD_NUMBER, "A number is too large.") from None
        return
    raise EventRefusedError(Reason.BAD_NUMBER, "A whole number must fit 64 bits.")


def canonical(values: Mapping[str, Any], known: dict[bytes, bytes] | None = None) -> bytes:
    """Return compact JSON with sorted keys; values may be undecoded. Checks all that nobody has looked at yet.

    `known`: what came out for others before, of whoever keeps it; looked up and added to.
    """
    try:
        written = _encode(values)
        found = None if known is None else known.get(written)
        if found is None:
            found = _canonical(written)
            if known is not None and len(known) < _KNOWN_MAX:
                known[written] = found
    except RecursionError:
        raise too_deep() from None
    except (msgspec.DecodeError, UnicodeError):
        raise EventRefusedError(Reason.MALFORMED, "The event is not valid JSON in UTF-8.") from None
    return found


def _canonical(written: bytes) -> bytes:
    whole = _ANY.decode(written)
    # Walking costs more than counting: few enough brackets cannot be too deep, and short numbers not too large.
    if written.count(b"{") + written.count(b"[") > DEPTH_MAX or _LONG_NUMBER.search(written):
        _refuse_extremes(whole, DEPTH_MAX)
    return _encode_sorted(whole)


def _refuse_extremes(value: object, levels: int) -> None:
    """Walk through a decoded value: not too deep, and every whole number within 64 bits."""
    if isinstance(value, int):
        if value not in _INT64:
            raise EventRefusedError(Reason.BAD_NUMBER, "A whole number must fit 64 bits.")
    elif isinstance(value, (dict, list)):
        if levels == 0:
            raise too_deep()
        inner = cast("dict[str, object]", value).values() if isinstance(value, dict) else cast("list[object]", value)
        for each in inner:
            _refuse_extremes(each, levels - 1)


def with_member(body: bytes, name: bytes, member: bytes) -> bytes:
    """Return a JSON object with one more member at its end."""
    comma = b"" if body == b"{}" else b","
    return b"".join((body[:-1], comma, b'"', name, b'":', member, b"}"))
