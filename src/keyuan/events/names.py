"""The names by which sources call people, sealed like everything personal: kept with what is sealed of an event.

An event that has nothing to seal does not begin to for its name, because most events are such; `identify` always does.
So who sent only bare events has no name here, and neither has who was forgotten. Not here: the hash that stands for a
name everywhere else (`engines.secrets`).
"""

from collections.abc import Collection

import msgspec

from keyuan.engines.database import Session, load_statements
from keyuan.engines.secrets import Secrets
from keyuan.events.intake.fields import with_member
from keyuan.events.model import Draft
from keyuan.events.senders import sealers

_SQL = load_statements("keyuan.events")
_SENDERS_MAX = 5_000
_encode = msgspec.json.encode


class _Rest(msgspec.Struct, rename="camel", gc=False):
    user_id: str | None = None


_REST = msgspec.json.Decoder(_Rest)


def with_name(draft: Draft) -> bytes | None:
    """Return what is sealed of an event: its rest, and the userId if there is a rest or the event tells who she is."""
    if draft.user_id is None or (draft.rest is None and draft.kind != "identify"):
        return draft.rest
    return with_member(draft.rest or b"{}", b"userId", _encode(draft.user_id))


def names_of(session: Session, secrets: Secrets, senders: Collection[bytes]) -> dict[bytes, str]:
    """Return the userIds of senders; one without a name, or whose key was destroyed, is missing."""
    wanted = list(senders)
    found: dict[bytes, str] = {}
    for first in range(0, len(wanted), _SENDERS_MAX):
        found |= _names(session, secrets, wanted[first : first + _SENDERS_MAX])
    return found


def _names(session: Session, secrets: Secrets, senders: list[bytes]) -> dict[bytes, str]:
    keys = sealers(session, secrets, senders)
    found: dict[bytes, str] = {}
    for sender, message_key, sealed in session.rows(_SQL["newest_sealed"], senders=list(keys)):
        rest = keys[sender].open(sealed, message_key)
        name = None if rest is None else _REST.decode(rest).user_id
        if name is not None:
            found[sender] = name
    return found
