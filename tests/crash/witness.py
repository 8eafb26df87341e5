"""Is every movement committed to, once, and as it was first seen? For kills of the closer and of the chain's owner.

Faults are sentences that begin with their kind: `alarm`, `different`, `missing`, `epoch`.
"""

import time
from collections import Counter
from collections.abc import Iterator
from functools import partial

from crash.house import RECOVER_S, House
from keyuan import ledger
from keyuan.anchor import reads
from keyuan.app.anchoring import verify_anchored
from keyuan.app.chains import read_chain
from keyuan.app.installation import Installation
from keyuan.contracts.calls import read_commitments, read_latest
from keyuan.engines.chain import ChainReader, LogFilter
from keyuan.engines.database import Session
from keyuan.flows.anchor_epochs import ANCHOR
from keyuan.kernel.errors import EngineError


class Witness:
    """Looks now and then, and remembers every commitment that it has seen."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.faults: list[str] = []

    def look(self, served: House) -> None:
        """Note what is stored and what is on the chain by now; neither may ever change."""
        stored, anchored = _once_it_answers(served)
        for name, found in (("stored", stored), ("on the chain", anchored)):
            common = min(len(found), len(self.seen))
            if found[:common] != self.seen[:common] or (name == "stored" and len(found) < len(self.seen)):
                self.faults.append(f"different: what is {name} is not what was seen before")
        self.seen = max(stored, anchored, self.seen, key=len)

    def judge(self, served: House) -> list[str]:
        """Have everything anchored that there is, and return everything that is wrong."""
        answer = served.ask("anchor")
        self.look(served)
        with served.inside() as inside:
            ok, words = verify_anchored(inside, inside.tenant)
            found = [] if ok else [f"different: {words}"]
            with inside.session(snapshot=True) as session:
                found += _faults(inside, session)
        return [*self.faults, *found, *([] if answer["anchored"] else ["missing: nothing was anchored in this run"])]


def _once_it_answers(served: House) -> tuple[list[bytes], list[bytes]]:
    """Return what is stored and what is anchored; a database that was hit is recovering, however ready web is."""
    until_s = time.monotonic() + RECOVER_S
    while True:
        try:
            with served.inside() as inside, inside.session() as session:
                chain = read_chain(inside.settings, inside.folder)
                anchored = [] if chain is None else _commitments(session, chain)
                return [epoch.commitment for epoch in reads.epochs(session)], anchored
        except EngineError:
            assert time.monotonic() < until_s, "the database does not answer again"


def _commitments(session: Session, chain: ChainReader) -> list[bytes]:
    contract = reads.contracts(session).get(ANCHOR)
    if contract is None:
        return []
    ask = partial(chain.call, contract)
    return read_commitments(1, read_latest(ANCHOR, ask), ask)


def _faults(inside: Installation, session: Session) -> Iterator[str]:
    progress, counts = reads.progress(session), reads.counts(session)
    if progress.alarm is not None:
        yield f"alarm: {progress.alarm}"
    if not progress.epochs == progress.anchored == counts.epochs:
        yield f"missing: {progress.epochs} epochs are closed, {progress.anchored} anchored"
    if counts.movements != ledger.count_movements(session):
        yield f"missing: {counts.movements} of {ledger.count_movements(session)} movements are in epochs"
    chain = read_chain(inside.settings, inside.folder)
    stored = [epoch.commitment for epoch in reads.epochs(session)]
    if chain is None or _commitments(session, chain) != stored:
        yield "missing: the chain has not just the commitments that are stored"
    contract = reads.contracts(session).get(ANCHOR)
    if chain is not None and contract is not None:
        wanted = LogFilter(contract, 0, chain.block_number())
        times = Counter(int.from_bytes(log.topics[1], "big") for log in chain.get_logs(wanted) if len(log.topics) > 1)
        yield from (f"epoch {number}: anchored {count} times" for number, count in times.items() if count != 1)
    final = session.rows(
        "SELECT a.job, count(*) FROM anchor.attempt AS a WHERE a.state = 4 AND a.succeeded GROUP BY a.job"
    )
    yield from (f"epoch of {job}: {count} transactions have done it" for job, count in final if count != 1)
