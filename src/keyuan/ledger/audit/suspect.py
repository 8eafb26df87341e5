"""Which column of an entry was changed, when its link says that something was.

The link only tells *that* an entry is not what was written. The rest of the books (its key, lot and hold, the other
accounts) says what single columns should be; a guess that makes the link come out right is the answer.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from keyuan.ledger.audit.tallies import AccountTally, Row
from keyuan.ledger.canonical import entry_bytes, next_link
from keyuan.ledger.model import Entry, Kind

_KINDS = frozenset(map(int, Kind))


def changed_column(
    entry: Entry,
    guesses: Iterable[tuple[str, Any]],
    accounts: Mapping[int, AccountTally],
    chain: tuple[int, bytes, bytes],
) -> tuple[str, Any] | None:
    """The column and the value that was written, or None; `chain` is (tenant, link before, stored link)."""
    tenant, before, link = chain
    for column, value in guesses:
        guess = entry._replace(**{column: value})
        source, target = accounts.get(guess.source), accounts.get(guess.target)
        if source is None or target is None or not is_encodable(guess):
            continue
        if next_link(before, entry_bytes(tenant, guess, source.name, target.name)) == link:
            return column, value
    return None


def is_encodable(entry: Entry) -> bool:
    """Whether an entry has bytes at all: a kind that nobody knows may not even fit."""
    return entry.kind in _KINDS


def guesses(
    taken: bytes | None, accounts: Mapping[int, AccountTally], rows: Mapping[str, Row | None]
) -> Iterator[tuple[str, Any]]:
    """What single columns would be by the rest of the books; `rows` are those of the entry's key, lot and hold."""
    yield "takes", taken
    if (key := rows["key"]) is not None:
        yield "key", key[1]
        yield "points", key[3]
    if (lot := rows["lot"]) is not None:
        yield "points", lot[2]
        yield "expires_at", lot[6]
        yield "at", lot[7]
    if (hold := rows["hold"]) is not None:
        yield "expires_at", hold[6]
    for kind in Kind:
        yield "kind", int(kind)
    for account_id in accounts:
        yield "source", account_id
        yield "target", account_id
