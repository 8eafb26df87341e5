"""Is everything as it should be? The ledger is rebuilt from its entries and compared, tenant by tenant.

Then the epochs are made again from the ledger's entries, and their commitments compared with those on the chain.
"""

from collections.abc import Callable, Iterable

from keyuan import ledger
from keyuan.anchor import reads
from keyuan.anchor.audit import EpochDifferenceError, check_epochs
from keyuan.engines.database import Database


def verify(database: Database, tenants: Iterable[int]) -> list[ledger.Report]:
    """Return a report per tenant: PASS, or the first difference and its place."""
    reports: list[ledger.Report] = []
    for tenant in tenants:
        with database.transaction(tenant, snapshot=True) as session:
            reports.append(ledger.verify(session))
    return reports


def verify_epochs(database: Database, tenant: int, anchored: Callable[[bytes], list[bytes]]) -> str:
    """Return what was compared of a tenant's epochs; `anchored` gives the commitments of a contract, in order.

    Raises:
        EpochDifferenceError: the first difference, and its place.
    """
    with database.transaction(tenant, snapshot=True) as session:
        counts, epochs = check_epochs(session), reads.epochs(session)
    on_chain = anchored(epochs[0].header.contract) if epochs else []
    for number, (commitment, epoch) in enumerate(zip(on_chain, epochs, strict=False), 1):
        if commitment != epoch.commitment:
            raise EpochDifferenceError(f"epoch {number}", "the chain has another commitment for it")
    if len(on_chain) > len(epochs):
        raise EpochDifferenceError(f"epoch {len(epochs) + 1}", "the chain has its commitment, and it is not stored")
    return f"{counts.movements} movements in {counts.epochs} epochs, {len(on_chain)} of them on the chain"
