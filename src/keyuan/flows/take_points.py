"""What a batch of events does on the ledger: orders of members earn points in every programme, dates spend some.

Called with an open transaction by the consumer and by replay, so both are one path. Consent is read in the same
transaction, or known to be as it was read before (`Crowd`).
"""

from collections.abc import Iterable, Sequence

from keyuan import ledger, loyalty
from keyuan.consent import Purpose
from keyuan.engines.database import Session
from keyuan.engines.secrets import Secrets
from keyuan.events import Event
from keyuan.events.model import CALENDAR
from keyuan.flows import understand
from keyuan.flows.crowd import Crowd, Person
from keyuan.flows.earn import Earning, Purchase
from keyuan.flows.redeem_due import redeem_due
from keyuan.kernel.clock import all_us, to_us


def take_points(session: Session, _secrets: Secrets, batch: Sequence[Event], crowd: Crowd, now_us: int) -> None:
    """Award the orders of a batch and let happen what is due, in the order of the log.

    Raises:
        ConflictError: an order was awarded before with other content.
    """
    done = 0
    for place in [place for place, event in enumerate(batch) if event.kind == CALENDAR]:
        _award(session, batch[done:place], crowd, now_us)
        now_us = max(now_us, *(to_us(event.at) for event in batch[done : place + 1]))
        redeem_due(session, batch[place], crowd.accounts, now_us)
        done = place + 1
    _award(session, batch[done:] if done else batch, crowd, now_us)


def _award(session: Session, batch: Sequence[Event], crowd: Crowd, now_us: int) -> None:
    orders = [event for event in batch if event.kind == "order"]
    purchases = _purchases(orders, crowd.meet(session, [event.sender for event in orders]), now_us)
    programmes = loyalty.programmes(session) if purchases else []
    if programmes:
        books = ledger.OpenBooks(session, crowd.accounts)
        for programme in programmes:
            known = crowd.holders.setdefault(programme.id, {})
            _check(Earning(books, programme, purchases, known).award())


def _purchases(orders: Sequence[Event], people: Iterable[Person | None], now_us: int) -> list[Purchase]:
    """Return what may be awarded. An order is judged at its own time and as of its processing."""
    purchases: list[Purchase] = []
    instants_us = all_us([order.at for order in orders])
    for order, person, at_us in zip(orders, people, instants_us, strict=True):
        if person is None:  # somebody of whom nothing is known has agreed to nothing
            continue
        now_us = max(now_us, at_us)
        if person.allows(Purpose.LOYALTY, at_us, now_us):
            purchases.append(understand.purchase(order, person.id, at_us))
    return purchases


def _check(outcomes: Iterable[ledger.Outcome]) -> None:
    """A conflict of an order's id is the event's fault."""
    for outcome in outcomes:
        if outcome.answer is not ledger.Answer.POSTED and (error := outcome.error()) is not None:
            raise error
