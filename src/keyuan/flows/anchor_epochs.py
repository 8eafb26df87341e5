"""Closed epochs go to the chain: contracts are deployed once, every award is computed again, commitments are sent.

What is sent lies in the outbox first, so a kill at any moment neither loses nor doubles it. The ledger, and closing,
wait for nothing here: a chain that does not answer leaves epochs standing in line.
Units: `_us` microseconds since 1970, `_s` seconds.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from keyuan import contracts, loyalty
from keyuan.anchor import reads, store
from keyuan.anchor.header import Domain
from keyuan.anchor.leaf import decode
from keyuan.contracts import Book, Terms, TermsCode, doubled_digest, name_digest
from keyuan.contracts.artifacts import Target
from keyuan.contracts.calls import anchor_creation, anchor_data, terms_creation
from keyuan.engines.chain import Call, Chain
from keyuan.engines.chain.deploy import deploy
from keyuan.engines.chain.outbox import Attempt, Outbox, State
from keyuan.engines.chain.outbox.post import AccountSigner
from keyuan.engines.database import Database
from keyuan.engines.evm import open_machine
from keyuan.flows.gate import check_awards
from keyuan.flows.outbox import StoredOutbox
from keyuan.kernel.errors import CorruptionError, RefusedError
from keyuan.loyalty import Programme

ROTATION_S: Final = 7 * 86_400
NOTICE_S: Final = 30 * 86_400
TARGET: Final[Target] = "cancun"
_LEDGER_BYTES: Final = 32


class ForeignCodeError(CorruptionError):
    """The code at the address of our terms is not what our source compiles to."""


class NotAnchoredError(RefusedError):
    """The contract refused a commitment; another publisher must have been at work."""


@dataclass(slots=True)
class Anchoring:
    """Brings one tenant's epochs to a chain; one process at a time does."""

    database: Database
    tenant: int
    chain: Chain
    signer: AccountSigner
    codes: dict[Book, TermsCode] = field(default_factory=dict[Book, TermsCode])
    addresses: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def prepare(self, now_us: int) -> dict[str, bytes]:
        """Deploy what is not there yet, and return the addresses by name; ask again until nothing is open."""
        with self.database.transaction(self.tenant) as session:
            programmes = loyalty.programmes(session)
        publisher = self.signer.address
        self._deployed("LedgerAnchor", anchor_creation(TARGET, publisher, ROTATION_S), now_us)
        for programme in programmes:
            name, (book, first) = f"ProgramTerms:{programme.id}", terms_of(programme)
            self._deployed(name, terms_creation(TARGET, publisher, (ROTATION_S, NOTICE_S), book, first), now_us)
            self._take_terms(self.addresses[name])
        with self.database.transaction(self.tenant) as session:
            ledger = secrets.token_bytes(_LEDGER_BYTES)
            store.make_domain(session, Domain(self.chain.chain_id(), self.addresses["LedgerAnchor"], ledger))
        return self.addresses

    def step(self, now_us: int) -> int:
        """Take what is open a step further, and bring the next epoch on its way; return how many are anchored now.

        Raises:
            WrongAwardError: an award is not what the terms give; its epoch stays where it is.
            NotAnchoredError: the contract refused.
            ChainUnreachableError: the chain does not answer; try again later.
        """
        outbox = self._outbox()
        outbox.advance(now_us)
        with self.database.transaction(self.tenant, snapshot=True) as session:
            epochs = reads.epochs(session)
        for epoch in epochs:
            job, number = f"anchor:{epoch.header.epoch}", epoch.header.epoch
            known = self._store().of_job(job)
            if not known:
                self._check(epoch)
                call = Call(epoch.header.contract, anchor_data(number, epoch.commitment))
                outbox.submit(job, call, now_us)
                outbox.advance(now_us)
                known = self._store().of_job(job)
            elif known[-1].state is State.GONE:  # another transaction took its place: it needs a new one
                outbox.try_again(job, now_us)
                outbox.advance(now_us)
                known = self._store().of_job(job)
            if not _is_anchored(known):
                return number - 1
        return len(epochs)

    def gas_used(self, epoch: int) -> int | None:
        """Return what anchoring an epoch has cost; None while the chain shows no receipt of it."""
        receipts = [self.chain.receipt(attempt.hash) for attempt in self._store().of_job(f"anchor:{epoch}")]
        return next((receipt.gas_used for receipt in receipts if receipt is not None), None)

    def _check(self, epoch: reads.StoredEpoch) -> None:
        header = epoch.header
        with self.database.transaction(self.tenant, snapshot=True) as session:
            bodies = [leaf.body for leaf in reads.some_leaves(session, header.first_seq, header.last_seq)]
        awards = check_awards((decode(body) for body in bodies if body is not None), self.codes)
        with self.database.transaction(self.tenant) as session:
            store.note_passed(session, header.epoch, awards)

    def _deployed(self, name: str, creation: bytes, now_us: int) -> None:
        outbox = self._outbox()
        deployment = deploy(outbox, name, creation, now_us=now_us)
        while not deployment.is_final and outbox.advance(now_us):
            deployment = deploy(outbox, name, creation, now_us=now_us)
        self.addresses[name] = deployment.address

    def _take_terms(self, address: bytes) -> None:
        """Have the deployed code in a machine, and its versions in the chain of terms."""
        record = contracts.read_terms(self.chain.get_code(address), partial(self.chain.call, address))
        code = contracts.replayed(record, open_machine)
        if code.target is None:
            raise ForeignCodeError(address=address.hex())
        self.codes[record.book] = code
        with self.database.transaction(self.tenant) as session:
            for version, terms_hash in enumerate(record.hashes, 1):
                store.add_terms(session, address, version, terms_hash)

    def _store(self) -> StoredOutbox:
        return StoredOutbox(self.database, self.tenant, self.chain.chain_id(), self.signer.address)

    def _outbox(self) -> Outbox:
        return Outbox(self.chain, self._store(), self.signer)


def _is_anchored(attempts: Sequence[Attempt]) -> bool:
    if attempts[-1].state is State.FINAL and not attempts[-1].succeeded:
        raise NotAnchoredError(job=attempts[-1].job)
    return any(attempt.state is State.FINAL for attempt in attempts)


def terms_of(programme: Programme) -> tuple[Book, Terms]:
    """Return whose points a programme's terms are about, and its rule as the contract holds it."""
    rule = programme.rule
    book = Book(name_digest(programme.brand), name_digest(programme.currency), name_digest(rule.name))
    doubled = doubled_digest(rule.doubled_categories)
    return book, Terms(rule.starts_at_us, rule.minor_per_point, rule.daily_cap, rule.expiry_months, doubled)
