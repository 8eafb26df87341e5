"""A small made-up history for proofs: three brands, some people, several epochs, every kind of movement, new terms.

Salts and pseudonyms are pseudo-random from a seed here, so that vectors can be written down; in the product they come
from the system's source of randomness.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from keyuan import contracts
from keyuan.anchor import keyuan_verify
from keyuan.anchor.bundle import Holding, Ledger, TermsVersion, audit, bundle, commitments
from keyuan.anchor.epoch import BookState, ClosedEpoch, Fresh, LedgerState, Movement, Since, advance, close
from keyuan.anchor.header import Domain
from keyuan.anchor.leaf import Leaf
from keyuan.anchor.trees import Tree
from keyuan.kernel.clock import DAY_US, add_months
from keyuan.ledger.model import Kind

DOMAIN = Domain(1337, bytes.fromhex("c0ffee" + "00" * 16 + "01"), bytes(range(32)))
START_US = 17_167 * DAY_US  # 2017-01-01
BRANDS = ("acme", "blume", "茶园")
SIZES = (25, 1, 30, 24, 20)


def terms_of(brand: str, version: int, start_us: int, minor_per_point: int) -> TermsVersion:
    """Return terms with a cap that is soon reached."""
    doubled = ("coffee", "茶") if version == 1 else ("coffee",)
    return TermsVersion(brand, "points", f"{brand}-earn", version, start_us, minor_per_point, 60, 12, doubled)


FIRST_TERMS = [terms_of(brand, 1, START_US, 100) for brand in BRANDS]
NEW_TERMS = terms_of("acme", 2, START_US + 4 * DAY_US, 70)


@dataclass
class Shop:
    """Makes movements that are right, account by account, and notes what each account has."""

    random: Random
    terms: Sequence[TermsVersion]
    now_us: int = START_US
    available: dict[int, int] = field(default_factory=dict[int, int])
    held: dict[int, int] = field(default_factory=dict[int, int])
    days: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])

    def movement(self, people: int) -> Movement:
        """Return the next movement: an award, or what an account can do with its points."""
        self.now_us += self.random.randrange(1, 5 * 3_600_000_000)
        person, brand = self.random.randrange(people), self.random.randrange(len(BRANDS))
        account = person * len(BRANDS) + brand + 1
        kinds = [Kind.AWARD] * 4
        if self.available.get(account, 0):
            kinds += [Kind.REDEEM, Kind.HOLD, Kind.EXPIRE]
        if self.held.get(account, 0):
            kinds += [Kind.CAPTURE, Kind.VOID]
        kind = self.random.choice(kinds)
        if kind is Kind.AWARD:
            return self._award(account, BRANDS[brand]) or self.movement(people)
        return self._spend(kind, account, BRANDS[brand])

    def _award(self, account: int, brand: str) -> Movement | None:
        versions = [each for each in self.terms if each.brand == brand and each.starts_at_us <= self.now_us]
        terms, day = versions[-1], self.now_us // DAY_US
        base = self.random.randrange(100, 4_000)
        extra = self.random.choice([0, base // 3])
        before = self.days.get((account, day), 0)
        points = min(terms.daily_cap - before, (base + extra) // terms.minor_per_point)
        if points < 1:
            return None
        self.days[account, day] = before + points
        self.available[account] = self.available.get(account, 0) + points
        return Movement(
            self.now_us, Kind.AWARD, account, brand, "points", points, terms.rule, terms.version, base, extra, day,
            before + points, add_months(self.now_us, terms.expiry_months), self.random.randbytes(32),
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


def fresh(random: Random, state: LedgerState, batch: Sequence[Movement]) -> Fresh:
    """Return salts and the pseudonyms that are missing."""
    new = dict.fromkeys(each.account for each in batch if each.account not in state.standings)
    salts = [random.randbytes(32) for _ in batch]
    return Fresh(salts, {account: random.randbytes(32) for account in new}, random.randbytes(32))


def since(random: Random, terms: Sequence[bytes] = ()) -> Since:
    """Return what an epoch takes up from other rooms."""
    return Since(random.randbytes(32), terms)


def hashes_of(versions: Sequence[TermsVersion]) -> list[bytes]:
    """Return the `terms_hash` of each version, by the mirror of the contract."""
    ends: dict[str, bytes] = {}
    found: list[bytes] = []
    for each in versions:
        book = contracts.Book(*[contracts.name_digest(name) for name in (each.brand, each.currency, each.rule)])
        terms = contracts.Terms(*each[4:8], contracts.doubled_digest(each.doubled))
        ends[each.brand] = contracts.terms_hash(book, each.version, terms, ends.get(each.brand, bytes(32)))
        found.append(ends[each.brand])
    return found


class History:
    """A ledger that was closed epoch by epoch.

    `wrong` changes movements before they are closed, by place; with `drawn` there are more movements than epochs take;
    `more` come after those that are drawn, in the last epoch; `known` is how many terms each epoch knows.
    """

    def __init__(
        self,
        seed: int = 39,
        sizes: Sequence[int] = SIZES,
        *,
        domain: Domain = DOMAIN,
        known: Sequence[int] = (3, 4, 4, 4, 4),
        drawn: int = 0,
        more: Sequence[Movement] = (),
        wrong: dict[int, dict[str, Any]] | None = None,
    ) -> None:
        random = Random(seed)
        self.terms = [*FIRST_TERMS, NEW_TERMS]
        shop = Shop(Random(seed + 1), self.terms)
        self.movements = [shop.movement(4) for _ in range(drawn or sum(sizes))][: sum(sizes)]
        self.movements += more
        sizes = (*sizes[:-1], sizes[-1] + len(more))
        for place, changes in (wrong or {}).items():
            self.movements[place] = self.movements[place]._replace(**changes)
        self.state = LedgerState(domain)
        self.closed: list[ClosedEpoch] = []
        hashes = hashes_of(self.terms)
        for number, size in enumerate(sizes):
            batch = self.movements[sum(sizes[:number]) :][:size]
            new = hashes[self.state.terms : known[number]]
            given, closed_at_us = fresh(random, self.state, batch), batch[-1].at_us + 60_000_000
            epoch = close(self.state, batch, given, closed_at_us, since(random, new))
            advance(self.state, epoch)
            self.closed.append(epoch)

    def ledger(self) -> Ledger:
        """Return what all proofs share."""
        log = Tree([leaf_hash for epoch in self.closed for leaf_hash in epoch.hashes])
        headers = [epoch.header for epoch in self.closed]
        return Ledger(headers, list(self.closed[-1].records.values()), log, self.terms[: self.state.terms])

    def accounts(self) -> list[int]:
        """Return the accounts with a leaf, those with the longest history first."""
        numbers = [movement.account for movement in self.movements]
        return sorted(set(numbers), key=lambda account: -numbers.count(account))

    def holding(self, account: int) -> Holding:
        """Return what is kept of one account."""
        leaves = [leaf for epoch in self.closed for leaf in epoch.leaves]
        pairs = [(leaf, movement) for leaf, movement in zip(leaves, self.movements, strict=True)]
        own = [(leaf, movement) for leaf, movement in pairs if movement.account == account]
        place = self.state.standings[account].place
        first = own[0][1]
        mine: list[Leaf] = [leaf for leaf, _ in own]
        return Holding(first.brand, first.currency, mine, [movement.reference for _, movement in own], place)

    def book(self, brand: str) -> BookState:
        """Return one brand's book."""
        return self.state.books[brand, "points"]

    def bundle(self, account: int) -> dict[str, Any]:
        """Return the bundle of one account."""
        holding = self.holding(account)
        return bundle(self.ledger(), holding, self.book(holding.brand).tree)

    def audit(self, brand: str) -> dict[str, Any]:
        """Return the audit file of a brand."""
        return audit(self.ledger(), brand, "points", self.book(brand).tree)

    def commitments(self) -> dict[str, Any]:
        """Return the commitments of all epochs."""
        return commitments([epoch.header for epoch in self.closed])

    def root(self) -> keyuan_verify.Root:
        """Return the root of trust."""
        known = [epoch.commitment for epoch in self.closed]
        return keyuan_verify.Root(self.state.domain.chain_id, self.state.domain.contract, known)


def written(value: object) -> bytes:
    """Return the bytes of a file."""
    return json.dumps(value, ensure_ascii=False).encode()
