"""Unsubscribing: whoever has the link of a letter ends letters to whom it was sent, with one click and at once.

A token is the letter's number and a keyed hash of it: nobody can make one up, none is kept, and nothing in it says who
she is. It names its tenant, so that the tenant is known before any query. Deliberately not here: pages (`web`).
Source: RFC 8058.
"""

import base64
import hmac
import re
from typing import Final, NamedTuple
from uuid import UUID

from keyuan import campaigns, consent, events
from keyuan.consent import Decision, Purpose, Record
from keyuan.engines.database import Session
from keyuan.engines.secrets import Secrets
from keyuan.flows.record_consent import record_consent
from keyuan.kernel.clock import system_now, to_us
from keyuan.kernel.errors import RefusedError

PATH: Final = "/u/"
_TOKEN = re.compile(r"u_([1-9][0-9]{0,8})_([A-Za-z0-9_-]{43})")
_ID_BYTES: Final = 16


class NoSuchLetterError(RefusedError):
    """This link belongs to no letter of ours."""


class Reader(NamedTuple):
    """To whom a letter went, and whether she gets any at all."""

    person: UUID
    letter: UUID
    gets_letters: bool


def token_of(secrets: Secrets, tenant: int, letter: UUID) -> str:
    """Return the token of a letter; always the same."""
    sealed = letter.bytes + _mark(secrets, tenant, letter)
    return f"u_{tenant}_{base64.urlsafe_b64encode(sealed).rstrip(b'=').decode()}"


def tenant_of(token: str) -> int:
    """Return the tenant that a token names; nothing is proved by that.

    Raises:
        NoSuchLetterError: it is none.
    """
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise NoSuchLetterError
    return int(match[1])


def reader_of(session: Session, secrets: Secrets, token: str) -> Reader:
    """Return who unsubscribes with a token.

    Raises:
        NoSuchLetterError: the token was not made here, or its letter is gone.
    """
    letter = _letter(secrets, session.tenant, token)
    message = None if letter is None else campaigns.message(session, letter)
    if message is None:
        raise NoSuchLetterError
    return Reader(message.person, message.id, _gets_letters(session, message.person))


def unsubscribe(session: Session, secrets: Secrets, token: str, language: str) -> bool:
    """Withdraw the consent to letters of whom a token belongs to, from now on; return whether it was given until now.

    The evidence names the letter, the language of the page and the real time: on a clock that stands still, whoever
    agreed again and withdraws again is heard again.

    Raises:
        NoSuchLetterError: the token was not made here, or its letter is gone.
    """
    reader = reader_of(session, secrets, token)
    if not reader.gets_letters:
        return False
    received = system_now()
    said = Record(
        person=reader.person,
        purpose=Purpose.MARKETING_EMAIL,
        decision=Decision.WITHDRAWN,
        effective_at_us=to_us(events.clock_at(session, received)),
        evidence=f"unsubscribed by the link of letter {reader.letter}, {language}, {received.isoformat()}",
    )
    record_consent(session, [said])
    return True


def _gets_letters(session: Session, person: UUID) -> bool:
    now_us = to_us(events.clock_at(session, system_now()))
    timeline = consent.decisions_of(session, [person], [Purpose.MARKETING_EMAIL]).get(
        (person, Purpose.MARKETING_EMAIL), ()
    )
    return consent.allows(timeline, now_us, now_us)


def _letter(secrets: Secrets, tenant: int, token: str) -> UUID | None:
    match = _TOKEN.fullmatch(token)
    if match is None or int(match[1]) != tenant:
        return None
    sealed = base64.urlsafe_b64decode(match[2] + "=")
    letter = UUID(bytes=sealed[:_ID_BYTES])
    return letter if hmac.compare_digest(token_of(secrets, tenant, letter), token) else None


def _mark(secrets: Secrets, tenant: int, letter: UUID) -> bytes:
    return secrets.index(tenant, "unsubscribe", str(letter))
