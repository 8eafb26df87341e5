"""Contact fields travel sealed: from the event, where the sender's key closes them, to the person's own key."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from keyuan import events
from keyuan.engines.database import Session
from keyuan.engines.secrets import Secrets
from keyuan.events import LoggedEvent
from keyuan.profiles.contact import FIELDS, keep_contact

_REST = msgspec.json.Decoder(dict[str, Any])
MADE_UP = "contact_made_up"


def keep_contacts(
    session: Session, secrets: Secrets, batch: Sequence[LoggedEvent], people: Mapping[bytes, uuid.UUID]
) -> None:
    """Keep the contact fields of the `identify` events of a batch; the last one of a person stands."""
    told = [event for event in batch if event.kind == "identify" and event.sealed is not None]
    if not told:
        return
    kept: dict[bool, dict[uuid.UUID, dict[str, str]]] = {True: {}, False: {}}
    for event, rest in zip(told, events.open_rests(session, secrets, told), strict=True):
        traits: dict[str, Any] = _REST.decode(rest).get("traits", {}) if rest is not None else {}
        fields = {name: _text(traits[name]) for name in FIELDS if traits.get(name) is not None}
        if fields:
            kept[traits.get(MADE_UP) is True].setdefault(people[event.sender], {}).update(fields)
    for made_up, contacts in kept.items():
        if contacts:
            keep_contact(session, secrets, contacts, made_up=made_up)


def _text(value: object) -> str:
    """An address comes as text or as an object of parts; the parts are kept as they were sent."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
