"""Accounts that a writer of the books keeps between its batches, so that they are not read again for each.

They are worth something only where the chain of entries ends just as it did when they were kept: the link of the
last entry stands for the whole history, so a writer in between, and a batch of one's own that was rolled back, are
noticed. Not kept: keys, lots and holds, which are many and seldom asked for twice.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Final

from keyuan.ledger.state import Account, Accounts

ACCOUNTS_MAX: Final = 200_000


@dataclass(slots=True)
class Memory:
    """What one writer remembers of one tenant's accounts.

    `complete` are the holders, by brand, all of whose accounts are here, and `budgets` the campaigns. A campaign's
    number may be a holder's too, so neither says anything of the other. No account has a later day than `newest_day`.
    """

    link: bytes | None = None
    accounts: Accounts = field(default_factory=Accounts)
    by_id: dict[int, Account] = field(default_factory=dict[int, Account])
    complete: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    budgets: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    newest_day: date = date.min

    def open(self, link: bytes) -> None:
        """Let go of what was kept after another entry than the one with this link."""
        if self.link != link or len(self.by_id) > ACCOUNTS_MAX:
            self.accounts.clear()
            self.by_id.clear()
            self.complete.clear()
            self.budgets.clear()
            self.newest_day = date.min
        self.link = link

    def may_be_late(self, first: date, last: date) -> bool:
        """Tell whether an award of the days from first to last may be before one of its account's, and count them.

        Nearly always awards are of the newest day that any account has, or after it.
        """
        newest, self.newest_day = self.newest_day, max(self.newest_day, last)
        return first < newest

    def begin(self) -> None:
        """A batch starts to change the accounts: if it fails half-way, nothing here is valid any more."""
        self.link = None

    def stand(self, link: bytes) -> None:
        """The accounts are now as they stand after the entry with this link."""
        self.link = link
