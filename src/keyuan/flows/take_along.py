"""Everything that is kept of one person, in a form she can read and take along (GDPR article 15 and 20)."""

import uuid
from collections.abc import Iterator
from typing import Any

from keyuan import campaigns, consent, ledger, loyalty, promotions
from keyuan.campaigns import Message
from keyuan.consent import Purpose
from keyuan.engines.database import Session
from keyuan.engines.secrets import Secrets
from keyuan.kernel.clock import from_us
from keyuan.kernel.errors import MissingError
from keyuan.profiles import contact, reads
from keyuan.profiles.reads import Portrait
from keyuan.promotions import Coupon


class UnknownPersonError(MissingError):
    """Nobody of this userId was ever heard of."""


def take_along(session: Session, secrets: Secrets, user_id: str) -> dict[str, Any]:
    """Return contact fields, consents, portrait, points, messages and coupons of the person with a userId.

    Raises:
        UnknownPersonError: no event ever came from her.
    """
    sender = secrets.sender(session.tenant, "user", user_id)
    person = reads.person_of(session, sender)
    if person is None:
        raise UnknownPersonError
    return {"user_id": user_id} | take_along_person(session, secrets, person)


def take_along_person(session: Session, secrets: Secrets, person: uuid.UUID) -> dict[str, Any]:
    """Return the same of a person whose userId nobody tells: it is not kept in clear."""
    portrait = reads.portrait(session, person)
    fields = contact.contact(session, secrets, [person]).get(person, {})
    return {
        "person": str(person),
        "contact": {name: {"value": each.value, "made_up": each.made_up} for name, each in fields.items()},
        "consents": _consents(session, person),
        "portrait": None if portrait is None else _portrait(portrait),
        "points": [_points(session, programme, person) for programme in loyalty.programmes(session)],
        "messages": [_message(each) for each in campaigns.messages_of(session, person)],
        "coupons": [_coupon(each) for each in promotions.coupons_of(session, secrets, person)],
    }


def _consents(session: Session, person: uuid.UUID) -> list[dict[str, Any]]:
    timelines = consent.decisions_of(session, [person], Purpose)
    return [
        {"purpose": purpose.value, "effective_at": from_us(at_us).isoformat(), "given": given}
        for (_, purpose), timeline in timelines.items()
        for at_us, given in timeline
    ]


def _portrait(portrait: Portrait) -> dict[str, Any]:
    return {
        "as_of": portrait.as_of.isoformat(),
        "from_event": portrait.from_seq,
        "traits": {trait.name: value for trait, value in portrait.traits},
    }


def _message(message: Message) -> dict[str, Any]:
    return {
        "campaign": message.campaign,
        "channel": message.channel.value,
        "state": message.state.value,
        "made_at": message.made_at.isoformat(),
        "sent_at": message.sent_at and message.sent_at.isoformat(),
        "read_at": message.read_at and message.read_at.isoformat(),
    }


def _coupon(coupon: Coupon) -> dict[str, Any]:
    return {
        "offer": coupon.offer,
        "code": coupon.code,
        "issued_at": coupon.issued_at.isoformat(),
        "redeemed_at": coupon.redeemed_at and coupon.redeemed_at.isoformat(),
    }


def _points(session: Session, programme: loyalty.Programme, person: uuid.UUID) -> dict[str, Any]:
    holder = loyalty.holders(session, programme.id, [person]).get(person)
    if holder is None:
        return {"programme": programme.name, "member": False}
    balances = ledger.balances(session, [holder])
    return {
        "programme": programme.name,
        "member": True,
        "available": sum(each.available for each in balances),
        "held": sum(each.held for each in balances),
        "entries": [
            {"seq": line.seq, "at": line.at.isoformat(), "kind": line.kind.name.lower(), "points": line.available}
            for line in whole_statement(session, holder)
        ],
    }


def whole_statement(session: Session, holder: int) -> Iterator[ledger.Line]:
    """Yield all entries of a holder, newest first."""
    before: int | None = None
    while lines := ledger.statement(session, holder, before=before, limit=1000):
        yield from lines
        before = lines[-1].seq
