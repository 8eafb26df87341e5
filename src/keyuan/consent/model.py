"""Consent decisions, pure: whether something that happened may be used for a purpose.

A record is effective from its instant on, inclusive. An event may be used when the record in force at the event's
own time gives consent *and* it was not withdrawn since, as seen at the time of processing: a withdrawal ends the use
of old events too, a later grant does not reach back before itself.
Not here: who the person is (`profiles`), and what is done with the answer (flows).
Source: fields after ISO/IEC TS 27560, terms after the W3C Data Privacy Vocabulary.
Units: instants are integer microseconds since the Unix epoch.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from keyuan.kernel.errors import InputError


class UnknownPurposeError(InputError):
    """This purpose is not one that Keyuan asks consent for."""


class Purpose(StrEnum):
    """What personal data may be used for; each is asked on its own."""

    LOYALTY = "loyalty"
    PERSONALISATION = "personalisation"
    MARKETING_EMAIL = "marketing.email"


class Decision(StrEnum):
    """What a person said."""

    GIVEN = "given"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One decision of one person about one purpose, with the evidence that it was made."""

    person: uuid.UUID
    purpose: Purpose
    decision: Decision
    effective_at_us: int
    evidence: str
    """How it can be shown: the form and its version, the place, the notice that was read. No personal data."""


Timeline = Sequence[tuple[int, bool]]
"""The decisions of one person about one purpose: (effective_at_us, given), by instant, then as recorded."""


def allows(timeline: Timeline, event_at_us: int, now_us: int) -> bool:
    """Return whether an event may be used now.

    Decisions that become effective after `now_us` do not count yet.
    """
    if len(timeline) == 1:  # nearly everybody decides once
        effective_at_us, given = timeline[0]
        return given and effective_at_us <= event_at_us and effective_at_us <= now_us
    in_force = False
    for effective_at_us, given in timeline:
        if effective_at_us > now_us:
            break
        if effective_at_us <= event_at_us:
            in_force = given
        elif not given:
            return False
    return in_force
