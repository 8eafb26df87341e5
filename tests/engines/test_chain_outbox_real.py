"""The outbox on real chains: deployed and anchored through it, with transactions dropped, doubled and taken out."""

import os
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from chains import anvil
from chains.epochs import EPOCHS, creation, entry
from chains.memory import MemoryStore
from keyuan.engines.chain import Call, Chain, ChainUnreachableError, WrongChainError
from keyuan.engines.chain.deploy import Deployment, DeploymentFailedError, deploy, stands
from keyuan.engines.chain.embedded import EmbeddedChain
from keyuan.engines.chain.json_rpc import JsonRpcChain, Wire
from keyuan.engines.chain.outbox import JobConflictError, Outbox, Policy, State
from keyuan.engines.chain.signer import Signer

GAS = 200_000
FINALITY = 3
AT_ONCE = Policy(again_s=0, raise_s=10**6)
REFUSING = bytes.fromhex("60006000fd")


def settle(outbox: Outbox, store: MemoryStore) -> None:
    """Rounds until nothing is open."""
    until = monotonic() + 20
    while store.open_attempts():
        assert monotonic() < until
        outbox.advance(0)
        sleep(0.01)


def deployed(outbox: Outbox, store: MemoryStore) -> Deployment:
    deploy(outbox, "Epochs", creation(EPOCHS), now_us=0)
    settle(outbox, store)
    return deploy(outbox, "Epochs", creation(EPOCHS), now_us=0)


def newest(chain: Chain, address: bytes) -> int:
    return int.from_bytes(chain.call(address, b""), "big")


def test_a_contract_is_deployed_once_at_an_address_known_before(tmp_path: Path):
    signer, store = Signer(os.urandom(32)), MemoryStore()
    chain = EmbeddedChain(tmp_path, signer.address)
    outbox = Outbox(chain, store, signer)
    asked = deploy(outbox, "Epochs", creation(EPOCHS), now_us=0)
    assert not asked.is_final
    assert not stands(chain, asked, EPOCHS)
    made = deployed(outbox, store)
    assert made.is_final
    assert made.address == asked.address
    assert stands(chain, made, EPOCHS)
    assert not stands(chain, made, REFUSING)
    assert chain.block_number() == 1
    with pytest.raises(JobConflictError):
        deploy(outbox, "Epochs", creation(EPOCHS), b"other arguments", now_us=0)
    deploy(outbox, "Refusing", REFUSING, now_us=0, gas=GAS)
    settle(outbox, store)
    with pytest.raises(DeploymentFailedError):
        deploy(outbox, "Refusing", REFUSING, now_us=0, gas=GAS)
    chain.close()


def test_what_the_embedded_chain_mined_while_its_caller_died_is_found_and_not_done_again(tmp_path: Path):
    signer, store = Signer(os.urandom(32)), MemoryStore()
    chain = EmbeddedChain(tmp_path, signer.address)
    outbox = Outbox(chain, store, signer)
    made = deployed(outbox, store)
    signed = outbox.submit("anchor:1", Call(made.address, entry(1), GAS), 0)
    chain.send_raw(signed.raw)  # and killed before it was noted
    chain.close()
    again = EmbeddedChain(tmp_path, signer.address)
    settle(Outbox(again, store, signer), store)
    assert newest(again, made.address) == 1
    assert again.block_number() == 2
    assert store.of_job("anchor:1")[0].succeeded
    again.close()


@pytest.fixture
def node() -> Iterator[anvil.Anvil]:
    with anvil.running() as started:
        yield started


if anvil.is_to_be_had():

    def test_on_a_real_node_drops_doubles_and_reorgs_anchor_each_epoch_once(node: anvil.Anvil):
        signer, store = Signer(os.urandom(32)), MemoryStore()
        node.fund(signer.address)
        chain = node.chain(FINALITY)
        outbox = Outbox(chain, store, signer, AT_ONCE)
        deploy(outbox, "Epochs", creation(EPOCHS), now_us=0)
        outbox.advance(0)
        node.mine(FINALITY + 1)
        made = deployed(outbox, store)
        node.automine(False)
        jobs = {epoch: Call(made.address, entry(epoch), GAS) for epoch in (1, 2, 3)}
        for epoch, call in jobs.items():
            outbox.submit(f"anchor:{epoch}", call, 0)
        outbox.advance(0)
        for attempt in store.open_attempts():
            node.drop(attempt.hash)
        node.mine()
        assert newest(chain, made.address) == 0, "all were dropped"
        assert {row.state for row in store.open_attempts()} == {State.SENT}
        outbox.advance(1)
        for attempt in store.open_attempts():
            chain.send_raw(attempt.raw)
        node.mine()
        assert newest(chain, made.address) == 3
        outbox.advance(2)
        assert {row.state for row in store.open_attempts()} == {State.MINED}
        node.reorg(1)
        assert newest(chain, made.address) == 0, "the node forgets what was in the block"
        assert {row.state for row in outbox.advance(3)} == {State.SENT}
        node.mine(FINALITY)
        assert {row.state for row in outbox.advance(4)} == {State.MINED}
        node.reorg(FINALITY)
        outbox.advance(5)
        node.mine(FINALITY + 1)
        settle(outbox, store)
        assert newest(chain, made.address) == 3
        for epoch in jobs:
            (row,) = store.of_job(f"anchor:{epoch}")
            assert (row.state, row.succeeded) == (State.FINAL, True)
            assert chain.call(made.address, epoch.to_bytes(32, "big")) == entry(epoch)[32:]

    def test_a_second_submission_of_an_epoch_reverts(node: anvil.Anvil):
        signer, store = Signer(os.urandom(32)), MemoryStore()
        node.fund(signer.address)
        chain = node.chain()
        outbox = Outbox(chain, store, signer, AT_ONCE)
        made = deployed(outbox, store)
        for job in ("anchor:1", "anchor:1 by mistake"):
            outbox.submit(job, Call(made.address, entry(1), GAS), 0)
        settle(outbox, store)
        assert [row.succeeded for row in store.rows.values()] == [True, True, False]
        assert newest(chain, made.address) == 1
        outbox.try_again("anchor:1 by mistake", 0)
        settle(outbox, store)
        assert [row.succeeded for row in store.of_job("anchor:1 by mistake")] == [False, False]

    def test_a_node_that_is_down_or_another_one_is_told_apart_and_harms_nothing(node: anvil.Anvil):
        signer, store = Signer(os.urandom(32)), MemoryStore()
        node.fund(signer.address)
        wrong = JsonRpcChain(Wire(node.url), chain_id=1, finality_blocks=0)
        with pytest.raises(WrongChainError):
            wrong.block_number()
        wrong.close()
        outbox = Outbox(node.chain(), store, signer, AT_ONCE)
        kept = outbox.submit("anchor:1", Call(signer.address, entry(1), GAS), 0)
        node.process.kill()
        node.process.wait()
        with pytest.raises(ChainUnreachableError):
            outbox.advance(0)
        assert store.of_job("anchor:1") == [kept]
        port = int(node.url.rpartition(":")[2])
        with anvil.running(port) as other:
            other.fund(signer.address)
            settle(outbox, store)
            assert store.of_job("anchor:1")[0].succeeded
