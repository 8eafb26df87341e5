"""The way of the points to the chain: epochs are closed, every award is computed again, commitments are sent.

One process does it all the time (`workers.run_anchor`); a command does it itself where nobody serves, else it asks and
waits. Deliberately not here: which chain it is (`chains`).
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from keyuan.anchor import reads, store
from keyuan.anchor.audit import EpochDifferenceError
from keyuan.app.chains import KEPT_BY, own_chain, read_anchored, read_deployed, reading
from keyuan.app.installation import Installation
from keyuan.app.use import is_served
from keyuan.engines.chain import Chain, ChainAnswerError, ChainReader, ChainUnreachableError
from keyuan.engines.chain.outbox.post import AccountSigner
from keyuan.flows.anchor_epochs import Anchoring
from keyuan.flows.close_epochs import Closer, ask_for_the_rest
from keyuan.flows.verify import verify_epochs
from keyuan.kernel.clock import system_now, to_us
from keyuan.kernel.errors import EngineError, KeyuanError, RefusedError

_POLL_S = 0.1
_log = logging.getLogger(__name__)

Report = Callable[[int, int], None]
"""Epochs that are anchored, and all that there will be (0 while it is not known)."""


class AnchoringStoppedError(RefusedError):
    """Anchoring has stopped; the ledger goes on. Somebody has to look."""


class Line:
    """One tenant's epochs on their way to the chain."""

    def __init__(self, installation: Installation, tenant: int, chain: Chain, signer: AccountSigner) -> None:
        settings, self._database, self._tenant = installation.settings, installation.database, tenant
        self._closer = Closer(
            self._database, tenant, settings.epoch_movements, timedelta(seconds=settings.epoch_wait_s)
        )
        keeper = min(installation.tenants())
        self._anchoring = Anchoring(self._database, tenant, chain, signer, keeper, settings.chain_evm)
        self._anchored = -1
        self._alarm: str | None = None

    def step(self) -> bool:
        """Close an epoch that is due and bring everything open further; return whether there was something to do.

        What stops it is kept as an alarm, and tried again with the next step: the ledger and other tenants go on. So
        they do while a node does not answer, without an alarm.

        Raises:
            EngineError: the database is in trouble.
        """
        try:
            closed = self._close()
            anchored = self._anchor()
        except (ChainUnreachableError, ChainAnswerError):
            return False
        except EngineError:
            raise
        except KeyuanError as error:
            self._raise_alarm(str(error))
            return False
        self._raise_alarm(None)
        busy = closed > 0 or anchored != self._anchored
        self._anchored = anchored
        return busy

    def _close(self) -> int:
        try:
            return self._closer.step(system_now())
        except store.NoDomainError:
            return 0

    def _anchor(self) -> int:
        now_us = to_us(system_now())
        return self._anchoring.step(now_us) if self._anchoring.prepare(now_us) else 0

    def _raise_alarm(self, alarm: str | None) -> None:
        if alarm is not None and alarm != self._alarm:
            _log.error("tenant %s: anchoring has stopped: %s", self._tenant, alarm)
        with self._database.transaction(self._tenant) as session:
            store.raise_alarm(session, alarm)
        self._alarm = alarm


def bring_to_chain(installation: Installation, report: Report) -> dict[str, Any]:
    """Have everything closed that there is, every award computed again, and all of it anchored; return what there is.

    Raises:
        ChainOwnedError: another process owns the embedded chain.
        AnchoringStoppedError: an award is not what the terms give, say; its epoch and those after it are not anchored.
    """
    report = _told_once(report)
    if installation.settings.chain != "off":
        with installation.session() as session:
            store.raise_alarm(session, None)  # an old one would be taken for a new one
            ask_for_the_rest(session)
        if is_served(installation.folder):
            _wait(installation, report)
        else:
            _do(installation, report)
    return _found(installation)


def _told_once(report: Report) -> Report:
    """The same, but told again only what has changed."""
    last: tuple[int, int] | None = None

    def told(done: int, total: int) -> None:
        nonlocal last
        if last != (done, total):
            report(done, total)
        last = (done, total)

    return told


def _wait(installation: Installation, report: Report) -> None:
    while not _is_complete(installation, report):
        time.sleep(_POLL_S)


def _do(installation: Installation, report: Report) -> None:
    with own_chain(installation.settings, installation.folder) as (chain, signer):
        chain.block_number()  # a node that does not answer is told at once
        line = Line(installation, installation.tenant, chain, signer)
        while True:
            busy = line.step()
            if _is_complete(installation, report):
                return
            if not busy:
                time.sleep(_POLL_S)


def _is_complete(installation: Installation, report: Report) -> bool:
    with installation.session() as session:
        progress = reads.progress(session)
        left = max(progress.close_through - progress.last_entry, 0)
    report(progress.anchored, progress.epochs + -(-left // installation.settings.epoch_movements))
    if progress.alarm is not None:
        raise AnchoringStoppedError(f"Anchoring has stopped; the ledger goes on: {progress.alarm}")
    return progress.is_complete


def _found(installation: Installation) -> dict[str, Any]:
    with installation.session() as session:
        counts, anchored, contracts = reads.counts(session), reads.anchored(session), reads.contracts(session)
    used = anchored.gas_used
    per_movement = None if used is None else round(used / installation.settings.epoch_movements, 2)
    return counts._asdict() | {
        "anchored": anchored.epochs,
        "contracts": {name: "0x" + address.hex() for name, address in contracts.items()},
        "gas": {} if used is None else {"anchor": used, "per_movement": per_movement},
        "chain": KEPT_BY[installation.settings.chain],
    }


def verify_anchored(installation: Installation, tenant: int) -> tuple[bool, str]:
    """Make a tenant's epochs again from its entries, compare them with the chain's, and say in words what was found."""
    try:
        ask = partial(_on_chain, installation, read_anchored), partial(_on_chain, installation, read_deployed)
        words = verify_epochs(installation.database, tenant, ask[0], deployed=ask[1])
    except EpochDifferenceError as error:
        return False, f"FAIL: tenant {tenant}, {error.where}: {error.what}"
    return True, f"PASS: tenant {tenant}, {words}"


def _on_chain(
    installation: Installation, read: Callable[[ChainReader, bytes], list[bytes]], contract: bytes
) -> list[bytes] | None:
    """Return what the chain has at an address: None if it is switched off, nothing if it was never made."""
    if installation.settings.chain == "off":
        return None
    with reading(installation.settings, installation.folder) as chain:
        return [] if chain is None else read(chain, contract)
