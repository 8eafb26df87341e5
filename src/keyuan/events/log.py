"""Validate-and-append: the one way into the log, for HTTP, imports and replays alike.

Candidates were judged at the gate (`intake`); here they meet what is already known: repeats are dropped, conflicts and
times too far ahead are quarantined, the rest is numbered under the tenant's lock, sealed and written.
Deliberately not here: opening the transaction, and reading (`reads.py`).
Units: 16-byte hashes; `seq` grows in the order of commits within a tenant.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from keyuan.engines.database import Session, load_statements
from keyuan.engines.secrets import KeyedHasher, Sealer, Secrets, keyed_hasher
from keyuan.events import quarantine
from keyuan.events.clock import read_clock
from keyuan.events.model import AHEAD_MAX, CALENDAR, NOBODY, Candidate, Draft, Policy, Reason, Receipt, Refusal
from keyuan.events.names import with_name
from keyuan.events.senders import ensure_sealers, message_key_of
from keyuan.kernel.clock import ProgrammeClock

_SQL = load_statements("keyuan.events")
_EVENTS_IN = {
    "seq": "int8",
    "message_key": "bytea",
    "kind": "text",
    "name": "text",
    "sender": "bytea",
    "anonymous": "bytea",
    "at": "timestamptz",
    "received_at": "timestamptz",
    "source": "text",
    "body": "bytea",
    "sealed": "bytea",
}
_CONFLICT = Refusal(Reason.CONFLICT, "The same messageId was used before with other content.")
_AHEAD = Refusal(Reason.TOO_FAR_AHEAD, "The time is more than 24 hours ahead of the programme clock.")
_BEYOND = Refusal(Reason.TOO_FAR_AHEAD, "The time is beyond the end of the import.")


class _Keyed(msgspec.Struct, gc=False):
    """A draft with the hashes that stand for its sender, message and content, and the rest that will be sealed."""

    message_key: bytes
    digest: bytes
    sender: bytes
    anonymous: bytes | None
    candidate: Candidate
    draft: Draft
    rest: bytes | None


_Timed = tuple[_Keyed, datetime]
_Refused = tuple[_Keyed, Refusal]


def append(session: Session, secrets: Secrets, candidates: Sequence[Candidate], policy: Policy) -> Receipt:
    """Write what is new and acceptable to the log, the unacceptable to quarantine, in their order.

    The tenant's lock is held from here to the end of the caller's transaction: append last, commit soon.
    """
    if not candidates:
        return Receipt(0, 0, 0)
    keyed, refused = _key_all(session.tenant, secrets, candidates)
    session.execute(_SQL["lock"], tenant=session.tenant)
    firsts: dict[bytes, _Keyed] = {}
    for one in keyed:
        firsts.setdefault(one.message_key, one)
    timely, late = _timed(firsts.values(), read_clock(session), policy)
    numbers, known = _number(session, timely, firsts)
    conflicts = [
        (one, _CONFLICT)
        for one in keyed
        if one.digest != (known.get(one.message_key) or firsts[one.message_key].digest)
    ]
    ahead = [(one, refusal) for one, refusal in late if one.message_key not in known]
    refused += [
        quarantine.turned_away(session.tenant, secrets, one.message_key, one.sender, one.candidate, refusal)
        for one, refusal in [*conflicts, *ahead]
    ]
    fresh = [(one, at) for one, at in timely if one.message_key in numbers]
    owners = {one.sender for one, _ in fresh if one.rest is not None} | {each.sender for each in refused}
    keys = ensure_sealers(session, secrets, owners, policy.system_now)
    if fresh:
        _write(session, fresh, numbers, keys)
    quarantine.keep(session, refused, keys, shift=policy.shift)
    return Receipt(len(fresh), len(keyed) - len(fresh) - len(conflicts) - len(ahead), len(refused))


def _key_all(
    tenant: int, secrets: Secrets, candidates: Iterable[Candidate]
) -> tuple[list[_Keyed], list[quarantine.TurnedAway]]:
    keyed: list[_Keyed] = []
    refused: list[quarantine.TurnedAway] = []
    hashers = _Hashers(tenant, secrets)
    for candidate in candidates:
        checked = candidate.checked
        if isinstance(checked, Draft):
            keyed.append(hashers.key(candidate, checked))
        else:
            refused.append(quarantine.refused_at_gate(tenant, secrets, candidate, checked))
    return keyed, refused


class _Hashers:
    """Replace the senders' own names by keyed hashes; made once per batch, because every event needs three."""

    def __init__(self, tenant: int, secrets: Secrets) -> None:
        self._user = keyed_hasher(secrets.sender_hash, tenant, "user").of
        self._anonymous = keyed_hasher(secrets.sender_hash, tenant, "anonymous").of
        self._message_key = message_key_of(tenant, secrets)
        self._content = KeyedHasher(secrets.sender_hash, b"content|").of

    def key(self, candidate: Candidate, draft: Draft) -> _Keyed:
        user = None if draft.user_id is None else self._user(draft.user_id.encode())
        anonymous = None if draft.anonymous_id is None else self._anonymous(draft.anonymous_id.encode())
        sender = user or anonymous
        if sender is None:
            if draft.kind != CALENDAR:
                raise AssertionError("a draft has a sender")
            sender = NOBODY
        message_key = candidate.message_key or self._message_key(candidate.source, draft.message_id)
        digest = self._content(draft.fingerprint)
        rest = with_name(draft)
        return _Keyed(message_key, digest, sender, None if user is None else anonymous, candidate, draft, rest)


def _timed(firsts: Iterable[_Keyed], clock: ProgrammeClock, policy: Policy) -> tuple[list[_Timed], list[_Refused]]:
    """Give each event its programme time, and tell apart what lies beyond the horizon."""
    horizon = policy.horizon or clock.now(policy.system_now) + AHEAD_MAX
    refusal = _AHEAD if policy.horizon is None else _BEYOND
    shifted = policy.shift and clock.by_hand
    timely: list[_Timed] = []
    late: list[_Refused] = []
    for one in firsts:
        at: datetime | None = one.draft.at or one.candidate.received_at
        if shifted:
            at = _shifted(at, one.candidate.received_at, clock)
        if at is None or at > horizon:
            late.append((one, refusal))
        else:
            timely.append((one, at))
    return timely, late


def _shifted(at: datetime, received_at: datetime, clock: ProgrammeClock) -> datetime | None:
    """Return a time moved to a clock that is kept by hand; None if no calendar holds it."""
    try:
        return at + clock.ahead(received_at)
    except OverflowError:
        return None


def _number(
    session: Session, timely: list[_Timed], firsts: Mapping[bytes, _Keyed]
) -> tuple[dict[bytes, int], dict[bytes, bytes]]:
    """Enter messages that were never seen; return their numbers, and the digests of those that were known before.

    What is known is asked only if something is: nearly always everything is new, and then entering says so. Under the
    log's lock nothing becomes known in between.
    """
    numbers = _entered(session, [one for one, _ in timely])
    if numbers is not None:
        return numbers, _known(session, firsts.keys() - numbers.keys())
    known = _known(session, firsts.keys())
    numbers = _entered(session, [one for one, _ in timely if one.message_key not in known])
    if numbers is None:
        raise AssertionError("somebody wrote past the lock of the log")
    return numbers, known


def _entered(session: Session, fresh: Sequence[_Keyed]) -> dict[bytes, int] | None:
    """Enter messages and return their numbers; None, and nothing is entered, if one of them is known."""
    keys, digests = [one.message_key for one in fresh], b"".join([one.digest for one in fresh])
    entered = session.rows_if_free(_SQL["append_messages"], tenant=session.tenant, keys=b"".join(keys), digests=digests)
    return None if entered is None else dict(zip(keys, sorted([seq for (seq,) in entered]), strict=True))


def _known(session: Session, keys: Collection[bytes]) -> dict[bytes, bytes]:
    return dict(session.rows(_SQL["known"], keys=b"".join(keys))) if keys else {}


def _write(session: Session, fresh: list[_Timed], numbers: Mapping[bytes, int], keys: quarantine.Keys) -> None:
    received = [one.candidate.received_at for one, _ in fresh]
    session.ensure(_SQL["months"], first=min(received).date().replace(day=1), last=max(received).date().replace(day=1))
    session.stage("events_in", _EVENTS_IN, _rows(fresh, numbers, keys))
    session.execute(_SQL["append_log"], tenant=session.tenant)


def _rows(fresh: list[_Timed], numbers: Mapping[bytes, int], keys: quarantine.Keys) -> Iterator[tuple[object, ...]]:
    rests = [(keys[one.sender], one.rest, one.message_key) for one, _ in fresh if one.rest is not None]
    sealed = iter(Sealer.seal_all(rests))
    for one, at in fresh:
        candidate, draft = one.candidate, one.draft
        yield (
            numbers[one.message_key],
            one.message_key,
            draft.kind,
            draft.name,
            one.sender,
            one.anonymous,
            at,
            candidate.received_at,
            candidate.source,
            draft.body,
            None if one.rest is None else next(sealed),
        )
