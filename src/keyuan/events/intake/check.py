"""The check at the door: raw JSON of one event in, a draft or a reason out. Pure; each event is judged alone.

Deliberately not here: HTTP, hashing, sealing, the log, and whether a time is too far ahead (that needs the clock).
Events speak the Segment specification: track, identify, page, screen, group and alias.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw

from keyuan.events import calendar
from keyuan.events.intake.envelope import EMPTY, NULL, Envelope, read_envelope
from keyuan.events.intake.fields import Members, canonical, is_null, members, refuse_nul, with_member
from keyuan.events.intake.orders import read_order_properties
from keyuan.events.intake.plan import UNNAMED, Plan, shipped_plan, split
from keyuan.events.model import CALENDAR, EVENT_BYTES_MAX, Candidate, Draft, EventRefusedError, Reason, Refusal

DEFAULT_CURRENCY = "USD"
_MEMBER_OF = {
    "track": "properties",
    "page": "properties",
    "screen": "properties",
    "identify": "traits",
    "group": "traits",
    "alias": "",
}
_CONTEXTS_MAX = 32
_encode = msgspec.json.Encoder(order="sorted").encode
Split = tuple[bytes | None, bytes | None]
"""The plain and the sealed part of something, as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What one source's events are judged by; of parts that repeat each other it remembers a few."""

    source: str
    currency: str = DEFAULT_CURRENCY
    plan: Plan | None = None
    contexts: dict[bytes, Split] = field(default_factory=dict[bytes, Split], init=False, repr=False, compare=False)
    rests: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes], init=False, repr=False, compare=False)

    def check(
        self, raw: bytes, received_at: datetime, *, event_type: str | None = None, context: bytes | None = None
    ) -> Candidate:
        """Judge one event; `event_type` and `context` are what the request says for events that do not say it."""
        return Candidate(raw, self.source, received_at, self.judge(raw, event_type, context))

    def check_all(
        self,
        raws: Iterable[bytes],
        received_at: datetime,
        *,
        event_type: str | None = None,
        context: bytes | None = None,
    ) -> list[Candidate]:
        """Judge many events, as above."""
        judge, source = self.judge, self.source
        return [Candidate(raw, source, received_at, judge(raw, event_type, context)) for raw in raws]

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
    said = read_envelope(raw)
    if gate.source == calendar.SOURCE:
        return _date(said)
    kind = _type(said, event_type)
    user_id, anonymous_id = _senders(said, kind)
    kind, name, body, rest = _content(said, kind, gate)
    clear = canonical(rest, gate.rests) if rest else None
    print_of = (kind, name or "", user_id or "", anonymous_id or "", said.at.isoformat() if said.at else "")
    fingerprint = hashlib.sha256(_encode(print_of) + body + (clear or b"")).digest()
    if said.context is not NULL and (own := bytes(said.context)) != b"null":
        context = own
    body, sealed = _with_context(body, clear, context, gate)
    return Draft(kind, name, user_id, anonymous_id, said.message_id, said.at, body, sealed, fingerprint)


def _date(said: Envelope) -> Draft:
    """Return what Keyuan itself tells of a date: of nobody, and with nothing to seal."""
    if said.type != CALENDAR:
        raise EventRefusedError(Reason.BAD_TYPE, f"The source {calendar.SOURCE} tells of nothing but dates.")
    if said.at is None:
        raise EventRefusedError(Reason.BAD_TIME, "A date needs its timestamp.")
    try:
        body = calendar.written(calendar.read_due(bytes(said.properties)))
    except msgspec.DecodeError:
        raise EventRefusedError(Reason.BAD_PROPERTIES, "What is due on a date must be as its reference says.") from None
    fingerprint = hashlib.sha256(_encode((CALENDAR, said.at.isoformat())) + body).digest()
    return Draft(CALENDAR, None, None, None, said.message_id, said.at, body, None, fingerprint)


def _type(said: Envelope, event_type: str | None) -> str:
    kind = event_type or said.type
    if kind not in _MEMBER_OF or (said.type is not None and said.type != kind):
        if CALENDAR in (kind, said.type):
            raise EventRefusedError(Reason.BAD_TYPE, "What happens on a date is for Keyuan alone to tell.")
        raise EventRefusedError(Reason.BAD_TYPE, f"type must be one of {', '.join(_MEMBER_OF)}.")
    return kind


def _senders(said: Envelope, kind: str) -> tuple[str | None, str | None]:
    """Return userId and anonymousId; an alias says in `previousId` who the user was before."""
    anonymous_id = said.anonymous_id
    if kind == "alias":
        anonymous_id = said.previous_id or anonymous_id
    if said.user_id is None and anonymous_id is None:
        raise EventRefusedError(Reason.NO_SENDER, "userId or anonymousId must be given.")
    return said.user_id, anonymous_id


def _content(said: Envelope, kind: str, gate: Gate) -> tuple[str, str | None, bytes, dict[str, Any]]:
    """Return kind, name if the plan knows it, the plain body, and everything else that the event holds."""
    plan = gate.plan or shipped_plan()
    member = _MEMBER_OF[kind]
    rest = _unused(said, kind, member)
    if kind == "track":
        kind, name, body, left = _track(said, plan, gate.currency)
        if name is None:
            rest["event"] = said.event
    else:
        name = None
        given = {"properties": said.properties, "traits": said.traits}.get(member, NULL)
        clear, left = split(_fields(given, member), plan.traits if kind == "identify" else {})
        body = _encode(clear)
    if left:
        rest[member] = left
    return kind, name, body, rest


def _fields(given: Raw, member: str) -> Members:
    return {} if is_null(given) else members(given, Reason.BAD_PROPERTIES, member)


def _unused(said: Envelope, kind: str, member: str) -> dict[str, Any]:
    """Return the members that mean nothing for this type of event: kept, sealed."""
    rest: dict[str, Any] = dict(said.others)
    if said.event is not None and kind != "track":
        rest["event"] = said.event
    if said.previous_id is not None and kind != "alias":
        rest["previousId"] = said.previous_id
    if member != "properties" and said.properties is not NULL and bytes(said.properties) not in EMPTY:
        rest["properties"] = said.properties
    if member != "traits" and said.traits is not NULL and bytes(said.traits) not in EMPTY:
        rest["traits"] = said.traits
    return rest


def _track(said: Envelope, plan: Plan, currency: str) -> tuple[str, str | None, bytes, dict[str, Any]]:
    name = said.event
    if name is None:
        _fields(said.properties, "properties")  # of two faults this one is told first
        raise EventRefusedError(Reason.NO_EVENT_NAME, "A track event must have an event name.")
    event = plan.events.get(name)
    if event is None:
        return UNNAMED.kind, None, b"{}", dict(_fields(said.properties, "properties"))
    if event.kind == "order":
        return "order", name, *read_order_properties(said.properties, currency)
    clear, rest = split(_fields(said.properties, "properties"), event.plain)
    return event.kind, name, _encode(clear), rest


def _with_context(body: bytes, clear: bytes | None, context: bytes | None, gate: Gate) -> tuple[bytes, bytes | None]:
    """Add the context, which is no part of an event's identity: a retry may carry another one."""
    if context is None or context in EMPTY:
        return body, clear
    plain, rest = gate.contexts.get(context) or _split_context(context, gate)
    if plain is not None:
        body = with_member(body, b"context", plain)
    if rest is not None:
        clear = with_member(clear or b"{}", b"context", rest)
    return body, clear


def _split_context(context: bytes, gate: Gate) -> Split:
    """Return plain and sealed part; remembered, because a client says the same context with most of its events."""
    plain, rest = split(members(context, Reason.BAD_PROPERTIES, "context"), (gate.plan or shipped_plan()).context)
    found = _encode(plain) if plain else None, canonical(rest) if rest else None
    if len(gate.contexts) >= _CONTEXTS_MAX:
        gate.contexts.clear()
    gate.contexts[context] = found
    return found
