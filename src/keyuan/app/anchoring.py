"""Bringing the points to the chain: contracts, epochs, gate, commitments, from a command that owns the embedded chain.

Deliberately not here: a chain that is kept by somebody else, and a process that does this all the time.
"""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from keyuan.anchor import reads, store
from keyuan.anchor.audit import EpochDifferenceError
from keyuan.app.installation import KEYS, Installation
from keyuan.contracts.calls import read_commitments, read_latest
from keyuan.flows.anchor_epochs import Anchoring
from keyuan.flows.close_epochs import EPOCH, Closer
from keyuan.flows.verify import verify_epochs
from keyuan.kernel.clock import system_now, to_us

CHAIN = "chain"
KEPT_BY = "kept by the operator"

Report = Callable[[int, int], None]
"""Epochs that are anchored, and all there are (0 while it is not known)."""


def bring_to_chain(installation: Installation, report: Report) -> dict[str, Any]:
    """Close everything that there is, have every award computed again, and anchor it; return what there is then.

    Raises:
        ChainOwnedError: another process owns the embedded chain.
        WrongAwardError: an award is not what the terms give; its epoch and those after it are not anchored.
    """
    from keyuan.engines.chain.embedded import EmbeddedChain  # noqa: PLC0415  # a second, for who anchors only
    from keyuan.engines.chain.signer import open_publisher  # noqa: PLC0415  # likewise

    signer = open_publisher(installation.folder / KEYS)
    with closing(EmbeddedChain(installation.folder / CHAIN, signer.address)) as chain:
        anchoring = Anchoring(installation.database, installation.tenant, chain, signer)
        addresses = anchoring.prepare(to_us(system_now()))
        closer = Closer(installation.database, installation.tenant)
        report(0, 0)
        while closer.step(system_now(), rest=True):
            pass
        anchored = _anchor_all(installation, anchoring, report)
        return _found(installation) | {
            "anchored": anchored,
            "contracts": {name: "0x" + address.hex() for name, address in addresses.items()},
            "gas": _gas(anchoring, anchored),
            "chain": KEPT_BY,
        }


def _anchor_all(installation: Installation, anchoring: Anchoring, report: Report) -> int:
    with installation.database.transaction(installation.tenant) as session:
        epochs = store.last_epoch(session)
    anchored = -1
    while (now := anchoring.step(to_us(system_now()))) > anchored:
        anchored = now
        report(anchored, epochs)
    return anchored


def _found(installation: Installation) -> dict[str, int]:
    with installation.database.transaction(installation.tenant) as session:
        return reads.counts(session)._asdict()


def _gas(anchoring: Anchoring, anchored: int) -> dict[str, float]:
    """Return what anchoring an epoch costs, and per movement of a full one; the first one costs more."""
    used = anchoring.gas_used(min(2, anchored)) if anchored else None
    return {} if used is None else {"anchor": used, "per_movement": round(used / EPOCH, 2)}


def verify_anchored(installation: Installation, tenant: int) -> tuple[bool, str]:
    """Make a tenant's epochs again from its entries, compare them with the chain's, and say in words what was found."""
    try:
        words = verify_epochs(installation.database, tenant, partial(_on_chain, installation.folder / CHAIN))
    except EpochDifferenceError as error:
        return False, f"FAIL: tenant {tenant}, {error.where}: {error.what}"
    return True, f"PASS: tenant {tenant}, {words}"


def _on_chain(folder: Path, contract: bytes) -> list[bytes]:
    """Return the commitments that the embedded chain has; none where it was never made."""
    from keyuan.engines.chain.embedded import ChainMissingError, Replica  # noqa: PLC0415  # a second, as above

    try:
        ask = partial(Replica(folder).call, contract)
    except ChainMissingError:
        return []
    return read_commitments(1, read_latest("LedgerAnchor", ask), ask)
