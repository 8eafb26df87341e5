"""Is everything that was acknowledged there, and did it happen once? Read the acknowledgements before the tables.

The other way round the checker cries wolf: an event acknowledged between the two readings would look lost.
Faults are sentences that begin with their kind: `lost`, `twice`, `unknown`, `quarantined`, `award`, `portrait`,
`ledger`.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime

from crash.orders import CUSTOMERS, Portrait, Story, Truth, has_portrait, is_member, number_of, truth, user_id
from keyuan import events, ledger, loyalty, segments
from keyuan.app.demo.story import EVIDENCE, PROGRAMME, SEGMENTS
from keyuan.consent import Decision, Purpose, Record
from keyuan.engines.database import Database, Session
from keyuan.engines.secrets import Secrets
from keyuan.events.senders import message_key_of
from keyuan.flows.places import passed_by_all
from keyuan.flows.record_consent import record_consent
from keyuan.kernel.clock import to_us
from keyuan.kernel.digest import sha256
from keyuan.profiles import reads, store

SOURCE = "till"
_CONSENT_US = to_us(datetime(2020, 1, 1, tzinfo=UTC))
_SHOWN = 5


def furnish(session: Session, secrets: Secrets) -> None:
    """Have the programme, the segments, and customers of whom some agreed to points and some to a portrait."""
    loyalty.create_programme(session, PROGRAMME)
    segments.save(session, SEGMENTS)
    names = {secrets.sender(session.tenant, "user", user_id(each)): each for each in range(CUSTOMERS)}
    people = store.resolve(session, names)
    agreed = [
        (people[sender], purpose)
        for sender, customer in names.items()
        for purpose, yes in ((Purpose.LOYALTY, is_member(customer)), (Purpose.PERSONALISATION, has_portrait(customer)))
        if yes
    ]
    record_consent(
        session,
        [
            Record(person=who, purpose=what, decision=Decision.GIVEN, effective_at_us=_CONSENT_US, evidence=EVIDENCE)
            for who, what in agreed
        ],
    )


def caught_up(session: Session) -> bool:
    return passed_by_all(session) >= events.last_seq(session)


def faults(
    database: Database,
    secrets: Secrets,
    story: Story,
    acknowledged: Collection[str],
    sent: Collection[str],
    *,
    tenant: int = 1,
) -> list[str]:
    """Return everything that is wrong, few examples of each; the consumer has caught up."""
    with database.transaction(tenant) as session:
        key_of = message_key_of(tenant, secrets)
        names = {key_of(SOURCE, message): message for message in sent}
        log = [names.get(key, f"?-{seq}") for seq, key in _log(session)]
        known = [message for message in log if not message.startswith("?")]
        found = [*_log_faults(log, acknowledged)]
        found += _kinds("quarantined", [f"{count} {reason}" for reason, count in events.open_counts(session).items()])
        expected = truth(story, known)
        found += _award_faults(session, expected, known)
        found += _portrait_faults(session, secrets, expected)
        report = ledger.verify(session)
    return found + ([] if report.ok else [f"ledger: {report.words()}"])


def _log(session: Session) -> list[tuple[int, bytes]]:
    return [(row[0], row[1]) for row in session.rows("SELECT l.seq, l.message_key FROM events.log AS l ORDER BY l.seq")]


def _log_faults(log: Sequence[str], acknowledged: Collection[str]) -> Iterator[str]:
    times = Counter(log)
    yield from _kinds("lost", [message for message in acknowledged if not times[message]])
    yield from _kinds("twice", [message for message, count in times.items() if count > 1])
    yield from _kinds("unknown", [message for message in times if message.startswith("?")])


def _award_faults(session: Session, expected: Truth, log: Sequence[str]) -> Iterator[str]:
    """Compare what entries gave for each order; an order's reference is the digest of its id."""
    orders = {
        sha256(b"order", f"order-{number_of(message)}".encode()): f"order-{number_of(message)}" for message in log
    }
    rows = session.rows(
        "SELECT e.reference, count(*), sum(e.points)::int8 FROM ledger.entry AS e WHERE e.kind = 1 GROUP BY e.reference"
    )
    given = {orders.get(reference, "unknown order"): (count, points) for reference, count, points in rows}
    wrong = [
        f"{order}: {points} points must be given once, found (times, points) {given.get(order)}"
        for order, points in expected.awards.items()
        if given.get(order) != (1, points)
    ]
    yield from _kinds("award", [*wrong, *(f"{order}: nothing was due" for order in given.keys() - expected.awards)])


def _portrait_faults(session: Session, secrets: Secrets, expected: Truth) -> Iterator[str]:
    wrong: list[str] = []
    for customer in range(CUSTOMERS):
        must_be, found = expected.portraits.get(customer), _portrait(session, secrets, customer)
        if found != must_be:
            wrong.append(f"customer {customer}: must be {must_be}, found {found}")
    yield from _kinds("portrait", wrong)


def _portrait(session: Session, secrets: Secrets, customer: int) -> Portrait | None:
    person = reads.person_of(session, secrets.sender(session.tenant, "user", user_id(customer)))
    portrait = None if person is None else reads.portrait(session, person)
    if portrait is None:
        return None
    traits = {trait.name: value for trait, value in portrait.traits}
    orders, spend, coupons = (int(str(traits[name])) for name in ("orders", "spend_minor", "coupon_redemptions"))
    return Portrait(portrait.facts, orders, spend, coupons)


def _kinds(kind: str, wrong: Sequence[str]) -> list[str]:
    if not wrong:
        return []
    more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return [f"{kind}: {'; '.join(wrong[:_SHOWN])}{more}"]
