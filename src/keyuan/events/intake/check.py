"""The check at the door: raw JSON of one event in, a draft or a reason out. Pure; each event is judged alone.

Deliberately not here: HTTP, hashing, sealing, the log, and whether a time is too far ahead (that needs the clock).
Events speak the Segment specification: track, identify, page, screen, group and alias.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw

from keyuan.events.intake.fields import Members, canonical, instant, is_null, members, refuse_nul, text, with_member
from keyuan.events.intake.orders import read_order_properties
from keyuan.events.intake.plan import UNNAMED, Plan, shipped_plan, split
from keyuan.events.model import EVENT_BYTES_MAX, Candidate, Draft, EventRefusedError, Reason, Refusal

DEFAULT_CURRENCY = "USD"
_MEMBER_OF = {
    "track": "properties",
    "page": "properties",
    "screen": "properties",
    "identify": "traits",
    "group": "traits",
    "alias": "",
}
_NOT_KEPT = ("receivedAt", "sentAt", "writeKey")
_encode = msgspec.json.Encoder(order="sorted").encode
_EMPTY = (b"null", b"{}", b"[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What one source's events are judged by."""

    source: str
    currency: str = DEFAULT_CURRENCY
    plan: Plan | None = None

    def check(
        self, raw: bytes, received_at: datetime, *, event_type: str | None = None, context: bytes | None = None
    ) -> Candidate:
        """Judge one event; `event_type` and `context` are what the request says for events that do not say it."""
        return Candidate(raw, self.source, received_at, self.judge(raw, event_type, context))

    def check_all(self, raws: Iterable[bytes], received_at: datetime) -> list[Candidate]:
        """Judge many events."""
        return [Candidate(raw, self.source, received_at, self.judge(raw)) for raw in raws]

    def judge(self, raw: bytes, event_type: str | None = None, context: bytes | None = None) -> Draft | Refusal:
        """Return the draft of an event, or why it is refused."""
        try:
            return _read(raw, self, event_type, context)
        except EventRefusedError as error:
            return error.refusal


def _read(raw: bytes, gate: Gate, event_type: str | None, context: bytes | None) -> Draft:
    if len(raw) > EVENT_BYTES_MAX:
        raise EventRefusedError(Reason.TOO_LARGE, f"An event may have at most {EVENT_BYTES_MAX} bytes.")
    refuse_nul(raw)
    found = members(raw, Reason.MALFORMED, "An event")
    for name in _NOT_KEPT:
        found.pop(name, None)
    kind = _type(found, event_type)
    user_id, anonymous_id = _senders(found, kind)
    message_id = _optional(found, "messageId", Reason.BAD_MESSAGE_ID)
    at = _time(found)
    own_context = found.pop("context", None)
    kind, name, body, rest = _content(found, kind, gate)
    clear = canonical(rest) if rest else None
    print_of = (kind, name or "", user_id or "", anonymous_id or "", at.isoformat() if at else "")
    fingerprint = hashlib.sha256(_encode(print_of) + body + (clear or b"")).digest()
    body, sealed = _with_context(body, clear, context if own_context is None else bytes(own_context), gate)
    return Draft(kind, name, user_id, anonymous_id, message_id, at, body, sealed, fingerprint)


def _type(found: Members, event_type: str | None) -> str:
    own = _optional(found, "type", Reason.BAD_TYPE)
    kind = event_type or own
    if kind not in _MEMBER_OF or (own is not None and own != kind):
        raise EventRefusedError(Reason.BAD_TYPE, f"type must be one of {', '.join(_MEMBER_OF)}.")
    return kind


def _senders(found: Members, kind: str) -> tuple[str | None, str | None]:
    """Return userId and anonymousId; an alias says in `previousId` who the user was before."""
    user_id = _optional(found, "userId", Reason.BAD_SENDER)
    anonymous_id = _optional(found, "anonymousId", Reason.BAD_SENDER)
    if kind == "alias":
        anonymous_id = _optional(found, "previousId", Reason.BAD_SENDER) or anonymous_id
    if user_id is None and anonymous_id is None:
        raise EventRefusedError(Reason.NO_SENDER, "userId or anonymousId must be given.")
    return user_id, anonymous_id


def _time(found: Members) -> datetime | None:
    """Return the time of the event: `timestamp`, else `originalTimestamp`, else None (the time of receipt)."""
    original = found.pop("originalTimestamp", None)
    stamp = found.pop("timestamp", None)
    chosen = original if is_null(stamp) else stamp
    return None if chosen is None or is_null(chosen) else instant(chosen, "timestamp")


def _optional(found: Members, name: str, reason: Reason) -> str | None:
    raw = found.pop(name, None)
    return None if raw is None or is_null(raw) else text(raw, reason, name)


def _content(found: Members, kind: str, gate: Gate) -> tuple[str, str | None, bytes, dict[str, Any]]:
    """Return kind, name if the plan knows it, the plain body, and everything else that the event holds."""
    plan = gate.plan or shipped_plan()
    member = _MEMBER_OF[kind]
    given = found.pop(member, None)
    fields = {} if given is None or is_null(given) else members(given, Reason.BAD_PROPERTIES, member)
    rest: dict[str, Any] = {}
    name = None
    if kind == "track":
        kind, name, body, left = _track(found, fields, plan, gate.currency)
        if name is None:
            rest["event"] = found["event"]
        del found["event"]
    else:
        clear, left = split(fields, plan.traits if kind == "identify" else {})
        body = _encode(clear)
    rest |= {other: raw for other, raw in found.items() if bytes(raw) not in _EMPTY}
    if left:
        rest[member] = left
    return kind, name, body, rest


def _track(found: Members, fields: Members, plan: Plan, currency: str) -> tuple[str, str | None, bytes, dict[str, Any]]:
    given = found.get("event")
    if given is None or is_null(given):
        raise EventRefusedError(Reason.NO_EVENT_NAME, "A track event must have an event name.")
    name = text(given, Reason.NO_EVENT_NAME, "event")
    event = plan.events.get(name)
    if event is not None and event.kind == "order":
        return "order", name, *read_order_properties(fields, currency)
    clear, rest = split(fields, (event or UNNAMED).plain)
    return (event or UNNAMED).kind, None if event is None else name, _encode(clear), rest


def _with_context(body: bytes, clear: bytes | None, context: bytes | None, gate: Gate) -> tuple[bytes, bytes | None]:
    """Add the context, which is no part of an event's identity: a retry may carry another one."""
    if context is None or context in _EMPTY:
        return body, clear
    plain, rest = split(members(context, Reason.BAD_PROPERTIES, "context"), (gate.plan or shipped_plan()).context)
    if plain:
        body = with_member(body, "context", _encode(plain))
    if rest:
        clear = with_member(clear or b"{}", "context", canonical(rest))
    return body, clear


__all__ = ["DEFAULT_CURRENCY", "Gate", "Raw"]
