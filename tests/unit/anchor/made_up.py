"""A small made-up history for proofs: three brands, some people, several epochs, every kind of movement.

Salts and pseudonyms are pseudo-random from a seed here, so that vectors can be written down; in the product they come
from the system's source of randomness.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from keyuan.anchor.epoch import ClosedEpoch, Fresh, LedgerState, Movement, advance, close
from keyuan.anchor.header import Domain
from keyuan.kernel.clock import DAY_US, add_months
from keyuan.ledger.model import Kind

DOMAIN = Domain(1337, bytes.fromhex("c0ffee" + "00" * 16 + "01"), bytes(range(32)))
FIRST_DAY = 17_167  # 2017-01-01
MINOR_PER_POINT, CAP, MONTHS = 100, 60, 12


@dataclass
class Shop:
    """Makes movements that are right, account by account, and notes what each account has."""

    random: Random
    minor_per_point: int = MINOR_PER_POINT
    now_us: int = FIRST_DAY * DAY_US
    available: dict[int, int] = field(default_factory=dict)
    held: dict[int, int] = field(default_factory=dict)
    days: dict[tuple[int, int], int] = field(default_factory=dict)

    def movement(self, account: int, brand: str) -> Movement:
        """Return the next movement of an account: an award, or what it can do with its points."""
        self.now_us += self.random.randrange(1, 5 * 3_600_000_000)
        kinds = [Kind.AWARD] * 4
        if self.available.get(account, 0):
            kinds += [Kind.REDEEM, Kind.HOLD, Kind.EXPIRE]
        if self.held.get(account, 0):
            kinds += [Kind.CAPTURE, Kind.VOID]
        kind = self.random.choice(kinds)
        if kind is Kind.AWARD:
            return self._award(account, brand) or self.movement(account, brand)
        return self._spend(kind, account, brand)

    def _award(self, account: int, brand: str) -> Movement | None:
        day = self.now_us // DAY_US
        base = self.random.randrange(100, 4_000)
        extra = self.random.choice([0, base // 3])
        before = self.days.get((account, day), 0)
        points = min(CAP - before, (base + extra) // self.minor_per_point)
        if points < 1:
            self.now_us += DAY_US
            return None
        self.days[account, day] = before + points
        self.available[account] = self.available.get(account, 0) + points
        return Movement(
            self.now_us, Kind.AWARD, account, brand, "points", points, f"{brand}-earn", 1, base, extra, day,
            before + points, add_months(self.now_us, MONTHS), self.random.randbytes(32),
        )  # fmt: skip

    def _spend(self, kind: Kind, account: int, brand: str) -> Movement:
        free, held = self.available.get(account, 0), self.held.get(account, 0)
        from_held = kind in (Kind.CAPTURE, Kind.VOID)
        points = self.random.randint(1, held if from_held else free)
        self.available[account] = free + (points if kind is Kind.VOID else 0 if from_held else -points)
        self.held[account] = held + (points if kind is Kind.HOLD else -points if from_held else 0)
        reference = self.random.choice([None, self.random.randbytes(32)])
        expires = self.now_us + DAY_US if kind is Kind.HOLD else None
        return Movement(self.now_us, kind, account, brand, "points", points, expires_at_us=expires, reference=reference)


BRANDS = ("acme", "blume", "茶园")


def account_and_brand(random: Random, people: int) -> tuple[int, str]:
    """Return one of the people's accounts; a person has one at each brand, by its own number."""
    person, brand = random.randrange(people), random.randrange(len(BRANDS))
    return person * len(BRANDS) + brand + 1, BRANDS[brand]


def movements(seed: int, count: int, people: int) -> Iterator[Movement]:
    """Yield a history in the order of the ledger."""
    random = Random(seed)
    shop = Shop(random)
    for _ in range(count):
        yield shop.movement(*account_and_brand(random, people))


def fresh(random: Random, state: LedgerState, batch: list[Movement]) -> Fresh:
    """Return salts and the pseudonyms that are missing."""
    new = dict.fromkeys(each.account for each in batch if each.account not in state.standings)
    return Fresh([random.randbytes(32) for _ in batch], {account: random.randbytes(32) for account in new})


def closed_epochs(
    history: list[Movement], sizes: list[int], terms: list[list[bytes]] | None = None, seed: int = 9
) -> tuple[LedgerState, list[ClosedEpoch]]:
    """Close a history in epochs of these sizes; `terms` are the hashes that become known with each."""
    random, state, closed = Random(seed), LedgerState(DOMAIN), list[ClosedEpoch]()
    for number, size in enumerate(sizes):
        batch = history[sum(sizes[:number]) :][:size]
        new = terms[number] if terms and number < len(terms) else []
        epoch = close(state, batch, fresh(random, state, batch), batch[-1].at_us + 60_000_000, new)
        advance(state, epoch)
        closed.append(epoch)
    return state, closed
