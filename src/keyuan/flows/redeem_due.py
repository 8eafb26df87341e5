"""On a date, every member who has enough points redeems some: what a calendar event does on the ledger.

Called by the points consumer, in its transaction and in the order of the log. Who has enough is decided with what had
been awarded by that instant, so an event that is tried again later spends nothing newer; the keys make it happen once.
Deliberately not here: which dates there are, which is for the one who puts them into the log to say.
"""

from collections.abc import Sequence

from keyuan import consent, ledger, loyalty
from keyuan.consent import Purpose
from keyuan.engines.database import Session
from keyuan.events import Event
from keyuan.events.calendar import Due, read_due
from keyuan.kernel.clock import to_us
from keyuan.ledger.spenders import able_to_spend
from keyuan.loyalty import Programme


def redeem_due(session: Session, event: Event, memory: ledger.Memory, now_us: int) -> None:
    """Let every member redeem what is due who has it and whose consent allows it, at that instant and now.

    Raises:
        UnknownProgrammeError: the event names no programme of this tenant.
        KeyConflictError: the same date was there before with other points.
    """
    due = read_due(event.body)
    programme = loyalty.programme(session, due.programme)
    books = ledger.OpenBooks(session, memory)
    able = able_to_spend(session, (programme.brand, programme.currency), due.points, event.at)
    requests = _requests(session.tenant, programme, due, event, _willing(session, programme, able, event, now_us))
    for first in range(0, len(requests), ledger.BATCH_MAX):
        for outcome in books.post(requests[first : first + ledger.BATCH_MAX]):
            if (error := outcome.error()) is not None:
                raise error


def _willing(session: Session, programme: Programme, able: Sequence[int], event: Event, now_us: int) -> list[int]:
    """Return those of the holders who agreed at that instant and have not withdrawn since, in their order."""
    people = loyalty.people(session, programme.id, able)
    timelines = consent.decisions_of(session, people.values(), [Purpose.LOYALTY])
    at_us = to_us(event.at)
    return [
        holder
        for holder in able
        if holder in people
        and consent.allows(timelines.get((people[holder], Purpose.LOYALTY), ()), at_us, max(now_us, at_us))
    ]


def _requests(tenant: int, programme: Programme, due: Due, event: Event, holders: Sequence[int]) -> list[ledger.Redeem]:
    reference = loyalty.due_reference(programme.id, due.due, to_us(event.at))
    return [
        ledger.Redeem(
            key=key,
            holder=holder,
            brand=programme.brand,
            currency=programme.currency,
            points=due.points,
            at=event.at,
            reference=reference,
        )
        for holder, key in zip(holders, loyalty.due_keys(tenant, reference, holders), strict=True)
    ]
