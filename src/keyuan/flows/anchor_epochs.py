"""Closed epochs go to the chain: contracts are deployed once, every award is computed again, commitments are sent.

What is sent lies in the outbox first, so a kill at any moment neither loses nor doubles it. The ledger, and closing,
wait for nothing here: a chain that does not answer leaves epochs standing in line.
Deliberately not here: waiting between steps, and which chain it is (`app.chains`).
Units: `_us` microseconds since 1970, `_s` seconds.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from keyuan import contracts, loyalty
from keyuan.anchor import reads, store
from keyuan.anchor.header import Domain
from keyuan.anchor.leaf import decode
from keyuan.anchor.outbox import anchor_job
from keyuan.contracts import Book, TermsCode
from keyuan.contracts.artifacts import Target
from keyuan.contracts.calls import anchor_creation, anchor_data, read_latest, terms_creation
from keyuan.engines.chain import Call, Chain
from keyuan.engines.chain.deploy import deploy
from keyuan.engines.chain.outbox import Attempt, Outbox, State
from keyuan.engines.chain.outbox.post import AccountSigner
from keyuan.engines.database import Database
from keyuan.engines.evm import open_machine
from keyuan.flows.gate import check_awards
from keyuan.flows.outbox import StoredOutbox
from keyuan.flows.terms import terms_of
from keyuan.kernel.errors import CorruptionError, RefusedError

ANCHOR: Final = "LedgerAnchor"
TERMS: Final = "ProgramTerms"
ROTATION_S: Final = 7 * 86_400
NOTICE_S: Final = 30 * 86_400
IN_FLIGHT: Final = 16
"""Epochs that may be on their way at once."""
_ATTEMPTS: Final = 5
_LEDGER_BYTES: Final = 32


class ForeignCodeError(CorruptionError):
    """The code at the address of our terms is not what our source compiles to."""


class NotAnchoredError(RefusedError):
    """The contract refused a commitment; another publisher must have been at work."""


class OtherChainError(RefusedError):
    """This tenant's commitments stand on another chain; configure that one again, or restore it from your backup."""


class ChainLostError(CorruptionError):
    """The chain has fewer epochs than it had confirmed; restore it from your backup, and nothing is lost."""


@dataclass(slots=True)
class Anchoring:
    """Brings one tenant's epochs to a chain; one process at a time does.

    The publisher is one account for all tenants, so its outbox is kept in one place: under the tenant `keeper`.
    """

    database: Database
    tenant: int
    chain: Chain
    signer: AccountSigner
    keeper: int = 1
    target: Target = "cancun"
    codes: dict[Book, TermsCode] = field(default_factory=dict[Book, TermsCode])
    addresses: dict[str, bytes] = field(default_factory=dict[str, bytes])
    compared: bool = False

    def prepare(self, now_us: int) -> bool:
        """Deploy what is not there yet; return whether everything stands on the chain for good.

        Raises:
            OtherChainError: what was anchored before is on another chain.
            ChainLostError: it is gone from this one.
            ChainUnreachableError: the chain does not answer; try again later.
        """
        wanted = dict(self._wanted())
        for name, creation in wanted.items():
            if name not in self.addresses:
                self._deploy(name, creation, now_us)
        if not wanted.keys() <= self.addresses.keys():
            return False
        with self.database.transaction(self.tenant) as session:
            here = Domain(self.chain.chain_id(), self.addresses[ANCHOR], secrets.token_bytes(_LEDGER_BYTES))
            store.make_domain(session, here)
            kept = reads.domain(session)
            done = reads.anchored(session).epochs
        if kept is None or kept[:2] != here[:2]:
            raise OtherChainError
        if not self.compared:
            latest = read_latest(ANCHOR, partial(self.chain.call, here.contract))
            if latest < done:
                raise ChainLostError(confirmed=done, there=latest)
            self.compared = True
        return True

    def step(self, now_us: int) -> int:
        """Bring everything open a step further, and the next epochs on their way; return how many are anchored.

        Raises:
            WrongAwardError: an award is not what the terms give; its epoch stays where it is.
            NotAnchoredError: the contract refused.
            ChainUnreachableError: the chain does not answer; try again later.
        """
        self._outbox().advance(now_us)
        with self.database.transaction(self.tenant, snapshot=True) as session:
            done = reads.anchored(session).epochs
            epochs = reads.epochs(session, after=done, most=IN_FLIGHT)
        gas: int | None = None
        for epoch in epochs:
            attempts = self._on_its_way(epoch, gas, now_us)
            gas = attempts[-1].call.gas
            attempt = _final(attempts)
            in_order = done == epoch.header.epoch - 1
            if in_order and attempt is not None and self._note_anchored(epoch.header.epoch, attempt):
                done += 1
        return done

    def _on_its_way(self, epoch: reads.StoredEpoch, gas: int | None, now_us: int) -> Sequence[Attempt]:
        """Return the attempts to anchor an epoch, a new one among them if it needs one.

        An epoch whose predecessor is still on its way can be tried by no node, so it is given the gas of that one.
        """
        number, job = epoch.header.epoch, anchor_job(self.tenant, epoch.header.epoch)
        outbox, known = self._outbox(), self._store().of_job(job)
        if not known:
            self._check(epoch)
            outbox.submit(job, Call(epoch.header.contract, anchor_data(number, epoch.commitment), gas), now_us)
        elif _has_failed(known) and self._is_next(epoch, len(known)):
            outbox.try_again(job, now_us)
        else:
            return known
        outbox.advance(now_us)
        return self._store().of_job(job)

    def _is_next(self, epoch: reads.StoredEpoch, attempts: int) -> bool:
        """Whether the contract waits for just this epoch, whose attempts so far came to nothing.

        Raises:
            NotAnchoredError: it has this epoch from somebody else, or has refused it again and again.
        """
        latest = read_latest(ANCHOR, partial(self.chain.call, epoch.header.contract))
        if latest >= epoch.header.epoch or attempts >= _ATTEMPTS:
            raise NotAnchoredError(epoch=epoch.header.epoch, latest=latest, attempts=attempts)
        return latest == epoch.header.epoch - 1

    def _check(self, epoch: reads.StoredEpoch) -> None:
        header = epoch.header
        with self.database.transaction(self.tenant, snapshot=True) as session:
            bodies = [leaf.body for leaf in reads.some_leaves(session, header.first_seq, header.last_seq)]
        awards = check_awards((decode(body) for body in bodies if body is not None), self.codes)
        with self.database.transaction(self.tenant) as session:
            store.note_passed(session, header.epoch, awards)

    def _note_anchored(self, epoch: int, attempt: Attempt) -> bool:
        """Keep where a commitment stands for good; False if the chain does not show it at this moment."""
        receipt = self.chain.receipt(attempt.hash)
        if receipt is None:
            return False
        with self.database.transaction(self.tenant) as session:
            store.note_anchored(session, epoch, attempt.hash, receipt.block_number, receipt.gas_used)
        return True

    def _wanted(self) -> Iterator[tuple[str, bytes]]:
        """Yield the contracts that must stand there, and what deploys them."""
        with self.database.transaction(self.tenant) as session:
            programmes = loyalty.programmes(session)
        publisher = self.signer.address
        yield ANCHOR, anchor_creation(self.target, publisher, ROTATION_S)
        for programme in programmes:
            book, first = terms_of(programme)
            delays = (ROTATION_S, NOTICE_S)
            yield f"{TERMS}:{programme.id}", terms_creation(self.target, publisher, delays, book, first)

    def _deploy(self, name: str, creation: bytes, now_us: int) -> None:
        outbox = self._outbox()
        deployment = deploy(outbox, f"{self.tenant}:{name}", creation, now_us=now_us)
        while not deployment.is_final and outbox.advance(now_us):
            deployment = deploy(outbox, f"{self.tenant}:{name}", creation, now_us=now_us)
        if not deployment.is_final:
            return
        if name != ANCHOR:
            self._take_terms(deployment.address)
        with self.database.transaction(self.tenant) as session:
            store.add_contract(session, name, deployment.address)
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
        return StoredOutbox(self.database, self.keeper, self.chain.chain_id(), self.signer.address)

    def _outbox(self) -> Outbox:
        return Outbox(self.chain, self._store(), self.signer)


def _final(attempts: Sequence[Attempt]) -> Attempt | None:
    """Return the attempt that has done its work for good, None while none has."""
    return next((each for each in attempts if each.state is State.FINAL and each.succeeded), None)


def _has_failed(attempts: Sequence[Attempt]) -> bool:
    return not any(each.is_open or each.succeeded for each in attempts)
