"""Who agreed to what: purposes, records, withdrawal. Nothing runs for a purpose a person has not consented to."""

from keyuan.consent.model import Decision, Purpose, Record, Timeline, UnknownPurposeError, allows
from keyuan.consent.reads import decisions_of, people_in_force
from keyuan.consent.store import record

__all__ = [
    "Decision",
    "Purpose",
    "Record",
    "Timeline",
    "UnknownPurposeError",
    "allows",
    "decisions_of",
    "people_in_force",
    "record",
]
