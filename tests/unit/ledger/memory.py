"""The ledger's decisions kept in memory instead of tables, so that laws can be tried at full speed."""

from collections.abc import Sequence

from keyuan.ledger import Entry, Outcome, Request
from keyuan.ledger.audit import Books
from keyuan.ledger.decide import decide
from keyuan.ledger.state import KeyRow, Lot, State


class MemoryLedger:
    """One tenant's books as lists; the state simply goes on."""

    def __init__(self, tenant: int = 1) -> None:
        self.state = State(tenant)
        self.entries: list[Entry] = []
        self.links: list[bytes] = []
        self.takes: list[tuple[int, int, int]] = []
        self.keys: list[KeyRow] = []

    def post(self, requests: Sequence[Request]) -> list[Outcome]:
        """Answer a batch."""
        decisions = decide(self.state, requests)
        self.entries += decisions.entries
        self.links += decisions.links
        self.takes += decisions.takes
        self.keys += decisions.keys
        return decisions.outcomes

    def balance(self, bucket: int, holder: int = 0, brand: str = "market", currency: str = "points") -> int:
        """The balance of an account, 0 if it was never needed."""
        account = self.state.accounts.get((bucket, holder, brand, currency))
        return 0 if account is None else account.balance

    def books(self) -> Books:
        """What the tables would hold."""
        state = self.state
        posted = sorted((row.seq, row.key, row.digest, row.points) for row in self.keys if row.seq is not None)
        return Books(
            tenant=state.tenant,
            head=(state.seq, state.link, state.accounts_made, state.keys_kept),
            accounts=[
                (a.account_id, a.bucket, a.holder, a.brand, a.currency, a.name, a.balance, a.legs, a.day, a.day_points)
                for _account_id, a in sorted(state.by_id.items())
            ],
            entries=[(*entry, link) for entry, link in zip(self.entries, self.links, strict=True)],
            takes=sorted(self.takes),
            lots=[
                (entry.seq, *_lot(state.lots[entry.seq]), entry.at) for entry in self.entries if entry.seq in state.lots
            ],
            holds=sorted(
                (h.hold, h.key, h.available_id, h.account_id, h.points, h.remaining, h.expires_at)
                for h in state.holds.values()
            ),
            posted_keys=posted,
            keys=len(self.keys),
        )


def _lot(lot: Lot) -> tuple[object, ...]:
    return lot.account_id, lot.granted, lot.remaining, lot.held, lot.expired, lot.expires_at
