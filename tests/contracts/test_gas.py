"""What transactions cost, to the unit of gas; `python tests/contracts/test_gas.py` writes the snapshot anew."""

import json
import sys
from pathlib import Path

from contracts import deployed
from keyuan.contracts.artifacts import TARGETS, Target

SNAPSHOT = Path(__file__).with_name("gas.json")
ANCHOR_MAX = 55_000


def measured(target: Target) -> dict[str, int]:
    """Return the gas of each kind of transaction, data of usual size, none of it zero."""
    chain = deployed.tester()
    publisher, other = chain.get_accounts()[1:3]
    anchor, terms = deployed.anchor(chain, publisher, target), deployed.terms(chain, publisher, target)
    gas = {"LedgerAnchor": anchor.gas(anchor.made), "ProgramTerms": terms.gas(terms.made)}
    for epoch in (1, 2):
        gas["anchor, the first" if epoch == 1 else "anchor"] = anchor.gas(
            anchor.send(publisher, "anchor", epoch, b"\xa5" * 32)
        )
    starts_at_us = (deployed.now_s(chain) + deployed.DAY) * 10**6
    # The instant's digits change with the time of the chain, and a zero byte costs less: it is made to have none.
    starts_at_us |= 0x0101_0101_0101
    gas["append"] = terms.gas(terms.send(publisher, "append", 2, deployed.FIRST._replace(starts_at_us=starts_at_us)))
    gas["propose_publisher"] = anchor.gas(anchor.send(publisher, "propose_publisher", other))
    gas["cancel_proposal"] = anchor.gas(anchor.send(publisher, "cancel_proposal"))
    anchor.send(publisher, "propose_publisher", other)
    deployed.pass_time(chain, deployed.DELAY_S)
    gas["accept_publisher"] = anchor.gas(anchor.send(other, "accept_publisher"))
    return gas


def test_transactions_cost_what_the_snapshot_says():
    assert {target: measured(target) for target in TARGETS} == json.loads(SNAPSHOT.read_text())


def test_an_epoch_is_anchored_for_less_than_its_limit():
    assert all(gas["anchor"] <= ANCHOR_MAX for gas in json.loads(SNAPSHOT.read_text()).values())


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps({target: measured(target) for target in TARGETS}, indent=1) + "\n")
    sys.exit()
