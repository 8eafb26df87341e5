"""A customer's proofs as her own browser asks for them: the part that all proofs share is kept between requests.

The log of an epoch never changes, so what was built for one customer serves the next; when a newer epoch is final on
the chain, it is built again.
"""

import threading
from typing import Any, NamedTuple
from uuid import UUID

from keyuan.anchor import reads
from keyuan.anchor.bundle import Ledger
from keyuan.anchor.moments import Moment, open_moment
from keyuan.engines.database import Session
from keyuan.flows.prove import NothingAnchoredError, Proof, Prover, shared_part


class Anchor(NamedTuple):
    """Where commitments stand: what a browser is told to ask for, and compares with what the bundle says."""

    chain_id: int
    contract: bytes
    epochs: int


class _Kept(NamedTuple):
    epoch: int
    moment: Moment
    ledger: Ledger


class Proofs:
    """Makes proofs as of the newest epoch that is final on the chain, for one tenant after the other."""

    def __init__(self) -> None:
        self._kept: dict[int, _Kept] = {}
        self._one = threading.Lock()

    def of(self, session: Session, person: UUID) -> list[Proof]:
        """Return a bundle for each book in which a person has points; `session` sees one snapshot.

        Raises:
            NothingAnchoredError: no epoch is final on the chain yet.
            NotAMemberError, NothingToProveError, ErasedError: as `Prover.of`.
        """
        kept = self._newest(session)
        return Prover(session, kept.moment, kept.ledger).of(person)

    def commitments(self, session: Session) -> dict[str, Any]:
        """Return the commitments of all epochs until the newest that is final."""
        kept = self._newest(session)
        return Prover(session, kept.moment, kept.ledger).commitments()

    def _newest(self, session: Session) -> _Kept:
        epoch = reads.anchored(session).epochs
        if not epoch:
            raise NothingAnchoredError
        with self._one:
            kept = self._kept.get(session.tenant)
            if kept is None or kept.epoch != epoch:
                moment = open_moment(session, epoch, lambda _done, _total: None)
                kept = _Kept(epoch, moment, shared_part(session, moment))
                self._kept[session.tenant] = kept
            return kept


def anchor_of(session: Session) -> Anchor | None:
    """Return where a tenant's commitments stand, None while none is there."""
    domain, anchored = reads.domain(session), reads.anchored(session)
    if domain is None or not anchored.epochs:
        return None
    return Anchor(domain.chain_id, domain.contract, anchored.epochs)
