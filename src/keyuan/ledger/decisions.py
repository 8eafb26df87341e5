"""What a batch has decided: the answers, and everything that they change. Nothing is decided here.

Units: points.
"""

from dataclasses import dataclass, field

from keyuan.ledger.model import Answer, Entry, Outcome
from keyuan.ledger.state import Account, Held, KeyRow, Lot, State


@dataclass(slots=True)
class Decisions:
    """Everything a batch changes, and the answers in the order of the requests.

    `links` and `digests` (of their requests) belong to `entries` one to one. A new lot is in `lots` only if the
    batch also took from it.
    """

    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    entries: list[Entry] = field(default_factory=list[Entry])
    links: list[bytes] = field(default_factory=list[bytes])
    digests: list[bytes] = field(default_factory=list[bytes])
    keys: list[KeyRow] = field(default_factory=list[KeyRow])
    takes: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])
    accounts: dict[int, Account] = field(default_factory=dict[int, Account])
    lots: dict[int, Lot] = field(default_factory=dict[int, Lot])
    holds: dict[int, Held] = field(default_factory=dict[int, Held])

    def posted(self, state: State, row: KeyRow) -> None:
        """Answer a request whose entry was just written down."""
        state.keys[row.key] = row
        state.keys_kept += 1
        self.keys.append(row)
        self.digests.append(row.digest)
        self.outcomes.append(Outcome(row.key, row.answer, row.seq, row.points, False))  # by name is slow

    def refused(self, state: State, row: KeyRow, *, kept: bool = True) -> None:
        """Answer a request that has no entry; a refusal that is not `kept` leaves its key free."""
        self.outcomes.append(Outcome(row.key, row.answer, None, 0, repeated=False))
        if kept:
            state.keys[row.key] = row
            state.keys_kept += 1
            self.keys.append(row)


def find_known(known: KeyRow, digest: bytes, key: bytes) -> Outcome:
    """The first answer again, or the conflict when the key was used for something else."""
    if known.digest != digest:
        return Outcome(key, Answer.CONFLICT, None, 0, repeated=True)
    return Outcome(key, known.answer, known.seq, known.points, repeated=True)
