"""What the unit tests of the gate share: an event to start from, and its judgement."""

import json
from typing import Any

from keyuan.events.intake import Gate
from keyuan.events.model import Draft, Refusal

GATE = Gate(source="till")


def event(**changes: object) -> dict[str, Any]:
    """Return a good event with changes; `...` takes a member away."""
    whole: dict[str, object] = {
        "type": "track",
        "event": "Signed In",
        "userId": "u1",
        "messageId": "m1",
        "timestamp": "2026-05-01T10:00:00Z",
    }
    whole |= changes
    return {name: value for name, value in whole.items() if value is not ...}


def order(**properties: object) -> dict[str, Any]:
    """Return a good order with changed properties; `...` takes one away."""
    whole: dict[str, object] = {"order_id": "o1", "total_minor": 1250}
    whole |= properties
    return event(event="Order Completed", properties={name: value for name, value in whole.items() if value is not ...})


def judge(whole: object, gate: Gate = GATE) -> Draft | Refusal:
    """Return the judgement of an event given as bytes or as what JSON can write."""
    raw = whole if isinstance(whole, bytes) else json.dumps(whole).encode()
    return gate.judge(raw)


def accepted(whole: object, gate: Gate = GATE) -> Draft:
    """Return the draft of an event that must be accepted."""
    draft = judge(whole, gate)
    assert isinstance(draft, Draft), draft
    return draft


def reason(whole: object) -> str:
    """Return the reason of an event that must be refused."""
    refusal = judge(whole)
    assert isinstance(refusal, Refusal), refusal
    assert refusal.detail
    return refusal.reason.value


def clear(draft: Draft) -> dict[str, Any]:
    """Return the plain body."""
    return json.loads(draft.body)


def rest(draft: Draft) -> dict[str, Any] | None:
    """Return what will be sealed."""
    return None if draft.rest is None else json.loads(draft.rest)
