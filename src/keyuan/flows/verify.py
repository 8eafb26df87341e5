"""Is everything as it should be? The ledger is rebuilt from its entries and compared, tenant by tenant.

Then the epochs are made again from the ledger's entries, and their commitments compared with those on the chain.
"""

from collections.abc import Callable, Iterable, Mapping

from keyuan import ledger
from keyuan.anchor import outbox, reads
from keyuan.anchor.audit import EpochDifferenceError, check_epochs, check_terms
from keyuan.anchor.header import Domain
from keyuan.engines.database import Database


def verify(database: Database, tenants: Iterable[int]) -> list[ledger.Report]:
    """Return a report per tenant: PASS, or the first difference and its place."""
    reports: list[ledger.Report] = []
    for tenant in tenants:
        with database.transaction(tenant, snapshot=True) as session:
            reports.append(ledger.verify(session))
    return reports


Asked = Callable[[bytes], list[bytes] | None]
"""What a chain says of a contract at an address; None when there is no chain to be asked."""


def verify_epochs(
    database: Database, tenant: int, anchored: Asked, *, deployed: Asked | None = None, contract: bytes | None = None
) -> str:
    """Return what was compared of a tenant's epochs.

    Args:
        database: where they are stored.
        tenant: whose they are.
        anchored: gives the commitments of a contract, in order.
        deployed: gives the digests of the terms at an address, in order; without it terms are not asked for.
        contract: where the commitments must stand; without it the database is believed, which a superuser can change.

    Raises:
        EpochDifferenceError: the first difference, and its place.
    """
    # Epochs go on while this looks: what the chain has must be stored by then, what is stored as final still be there.
    with database.transaction(tenant) as session:
        known = reads.domain(session)
    before = _there(anchored, contract, known)
    with database.transaction(tenant, snapshot=True) as session:
        counts, epochs, domain = check_epochs(session), reads.epochs(session), reads.domain(session)
        final, done = outbox.final_anchors(session), reads.anchored(session).epochs
        terms = check_terms(session)
    if contract is not None and domain is not None and domain.contract != contract:
        raise EpochDifferenceError("domain", "the commitments stand in another contract than the one that was named")
    words, after = f"{counts.movements} movements in {counts.epochs} epochs", _there(anchored, contract, domain)
    if before is None or after is None:
        return f"{words}, compared with no chain"
    if len(before) > len(epochs):
        raise EpochDifferenceError(f"epoch {len(epochs) + 1}", "the chain has its commitment, and it is not stored")
    for number, (commitment, epoch) in enumerate(zip(after, epochs, strict=False), 1):
        if commitment != epoch.commitment:
            raise EpochDifferenceError(f"epoch {number}", "the chain has another commitment for it")
    _check_final(final, domain, len(after))
    _check_still_there(done, len(after))
    if deployed is not None:
        _check_deployed(terms, deployed)
    return f"{words}, {min(len(after), len(epochs))} of them on the chain"


def _there(anchored: Asked, contract: bytes | None, domain: Domain | None) -> list[bytes] | None:
    """Return what is anchored where commitments stand, nothing while they stand nowhere."""
    place = contract or (domain and domain.contract)
    return anchored(place) if place else []


def _check_final(final: Iterable[outbox.Final], domain: Domain | None, on_chain: int) -> None:
    for each in final:
        if domain is None or (each.chain_id, each.contract) != (domain.chain_id, domain.contract):
            raise EpochDifferenceError("domain", "epochs were anchored in another contract than the one it names")
        _check_still_there(each.epochs, on_chain)


def _check_still_there(final: int, on_chain: int) -> None:
    """What was once seen final must be there still: a chain that was set back is told."""
    if final > on_chain:
        raise EpochDifferenceError(
            f"epoch {on_chain + 1}", "it was final on the chain, and the chain has it no more: was it set back?"
        )


def _check_deployed(terms: Mapping[bytes, list[bytes]], deployed: Asked) -> None:
    for address, hashes in terms.items():
        if (deployed(address) or [])[: len(hashes)] != hashes:
            raise EpochDifferenceError("terms", f"the chain has others at 0x{address.hex()}")
