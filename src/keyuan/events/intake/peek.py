"""A look at an event that was refused: whose it is and which message, as far as that can be read.

Pure, and never raises: a refused event may be anything at all.
"""

from typing import NamedTuple

import msgspec
from msgspec import Raw

from keyuan.events.model import EVENT_BYTES_MAX


class Seen(NamedTuple):
    """What could be read; None for what could not."""

    user_id: str | None
    anonymous_id: str | None
    message_id: str | None


_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_TEXT = msgspec.json.Decoder(str)
_PEEK_MAX = 16 * EVENT_BYTES_MAX
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def peek(raw: bytes) -> Seen:
    """Return sender and message id of an event as far as they can be read."""
    try:
        found = _MEMBERS.decode(raw) if len(raw) <= _PEEK_MAX else {}
    except _UNREADABLE:
        found = {}
    return Seen(_text(found.get("userId")), _text(found.get("anonymousId")), _text(found.get("messageId")))


def _text(raw: Raw | None) -> str | None:
    if raw is None:
        return None
    try:
        return _TEXT.decode(raw) or None
    except _UNREADABLE:
        return None
