"""The envelope of an event: who, when, which message, and the parts that are read later.

Two ways to the same result: by far the most events fit a strict shape and are read in one go; what does not fit is read
member by member, to take it all the same or to find the reason why not.
Deliberately not here: properties, traits and context themselves. Pure.
"""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from keyuan.events.intake.fields import NAME_MAX, Members, instant, is_null, members, text
from keyuan.events.model import Reason

NULL = Raw(b"null")
EMPTY = (b"null", b"{}", b"[]")
_NOT_KEPT = ("receivedAt", "sentAt", "writeKey")
_Name = Annotated[str, Meta(min_length=1, max_length=NAME_MAX)]


class Envelope(msgspec.Struct, gc=False):
    """What every event says; `others` are members that belong to no specification."""

    type: str | None
    user_id: str | None
    anonymous_id: str | None
    previous_id: str | None
    message_id: str | None
    at: datetime | None
    event: str | None
    properties: Raw
    traits: Raw
    context: Raw
    others: Members


class _Strict(msgspec.Struct, forbid_unknown_fields=True, rename="camel", gc=False):
    """The shape of most events: known members only, names as text."""

    type: _Name | None = None
    user_id: _Name | None = None
    anonymous_id: _Name | None = None
    previous_id: _Name | None = None
    message_id: _Name | None = None
    timestamp: _Name | None = None
    original_timestamp: _Name | None = None
    event: _Name | None = None
    properties: Raw = NULL
    traits: Raw = NULL
    context: Raw = NULL
    integrations: Raw = NULL
    sent_at: Raw = NULL
    received_at: Raw = NULL


_STRICT = msgspec.json.Decoder(_Strict)


def read_envelope(raw: bytes) -> Envelope:
    """Return the envelope of an event.

    Raises:
        EventRefusedError: with the reason.
    """
    try:
        strict = _STRICT.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # the slow way finds the reason, or takes the event
    else:
        if (
            _clean(strict.user_id)
            and _clean(strict.message_id)
            and _clean(strict.event)
            and (strict.anonymous_id is None or _clean(strict.anonymous_id))
        ):
            return _from_strict(strict)
    return _member_by_member(raw)


def _clean(name: str | None) -> bool:
    return name is None or (name.isprintable() and not name.isspace())


def _from_strict(strict: _Strict) -> Envelope:
    written = strict.timestamp or strict.original_timestamp
    integrations = strict.integrations
    others = {} if integrations is NULL or bytes(integrations) in EMPTY else {"integrations": integrations}
    return Envelope(
        strict.type,
        strict.user_id,
        strict.anonymous_id,
        strict.previous_id,
        strict.message_id,
        None if written is None else instant(written, "timestamp"),
        strict.event,
        strict.properties,
        strict.traits,
        strict.context,
        others,
    )


def _member_by_member(raw: bytes) -> Envelope:
    found = members(raw, Reason.MALFORMED, "An event")
    for name in _NOT_KEPT:
        found.pop(name, None)
    written = _name(found, "timestamp", Reason.BAD_TIME)
    original = _name(found, "originalTimestamp", Reason.BAD_TIME)
    chosen = written or original
    return Envelope(
        _name(found, "type", Reason.BAD_TYPE),
        _name(found, "userId", Reason.BAD_SENDER),
        _name(found, "anonymousId", Reason.BAD_SENDER),
        _name(found, "previousId", Reason.BAD_SENDER),
        _name(found, "messageId", Reason.BAD_MESSAGE_ID),
        None if chosen is None else instant(chosen, "timestamp"),
        _name(found, "event", Reason.NO_EVENT_NAME),
        found.pop("properties", NULL),
        found.pop("traits", NULL),
        found.pop("context", NULL),
        {name: value for name, value in found.items() if bytes(value) not in EMPTY},
    )


def _name(found: Members, name: str, reason: Reason) -> str | None:
    raw = found.pop(name, None)
    return None if raw is None or is_null(raw) else text(raw, reason, name)
