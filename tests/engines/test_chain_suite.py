"""What every chain does, tried on each implementation: the embedded one, its reader, and a real node by JSON-RPC."""

import os
from collections.abc import Iterator
from time import monotonic, sleep
from typing import NamedTuple

import pytest

from chains import anvil
from chains.epochs import EPOCHS, REFUSAL, creation, entry
from keyuan.engines.chain import (
    Call,
    CallRevertedError,
    Chain,
    ChainReader,
    Fees,
    InsufficientFundsError,
    LogFilter,
    NonceTooLowError,
    Receipt,
    SendingRefusedError,
    UnderpricedError,
    WrongChainError,
)
from keyuan.engines.chain.addresses import contract_address
from keyuan.engines.chain.embedded import EmbeddedChain, Replica
from keyuan.engines.chain.signer import Signer

NODES = ["embedded", "read beside its owner"] + (["anvil"] if anvil.is_to_be_had() else [])
GAS = 200_000


class World(NamedTuple):
    """A chain to write to, the same chain to read from, and an account with funds."""

    chain: Chain
    reader: ChainReader
    signer: Signer

    def send(self, call: Call) -> Receipt:
        raw = self.signer.sign(
            self.chain.chain_id(), self.chain.nonce(self.signer.address), call._replace(gas=GAS), self.chain.fees()
        ).raw
        return self.mined(self.chain.send_raw(raw))

    def mined(self, transaction: bytes) -> Receipt:
        """The receipt; a node of its own process takes its time."""
        until = monotonic() + 20
        while (found := self.chain.receipt(transaction)) is None:
            assert monotonic() < until
            sleep(0.01)
        return found

    def deployed(self) -> bytes:
        made = self.send(Call(None, creation(EPOCHS)))
        assert made.contract is not None
        return made.contract

    def signed(self, call: Call, *, nonce: int | None = None, fees: Fees | None = None, chain_id: int | None = None):
        nonce = self.chain.nonce(self.signer.address) if nonce is None else nonce
        chain_id = chain_id or self.chain.chain_id()
        return self.signer.sign(chain_id, nonce, call._replace(gas=GAS), fees or self.chain.fees())


@pytest.fixture(scope="module", params=NODES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    signer = Signer(os.urandom(32))
    if request.param == "anvil":
        with anvil.running() as node:
            node.fund(signer.address)
            chain = node.chain()
            yield World(chain, chain, signer)
        return
    folder = tmp_path_factory.mktemp("chain")
    chain = EmbeddedChain(folder, signer.address)
    yield World(chain, chain if request.param == "embedded" else Replica(folder), signer)
    chain.close()


def test_blocks_are_numbered_and_name_their_parents(world: World):
    before = world.reader.head()
    world.send(Call(world.signer.address, b""))
    after = world.reader.head()
    assert (after.number, after.parent) == (before.number + 1, before.hash)
    assert after.timestamp >= before.timestamp
    assert world.reader.block(before.number) == before
    assert world.reader.block(after.number + 1) is None
    assert world.reader.block_number() == after.number


def test_a_contract_stands_where_it_was_said_to_stand(world: World):
    nonce = world.chain.nonce(world.signer.address)
    made = world.send(Call(None, creation(EPOCHS)))
    assert made.contract == contract_address(world.signer.address, nonce)
    assert world.reader.get_code(made.contract) == EPOCHS
    assert world.reader.get_code(made.contract, made.block_number - 1) == b""
    assert world.reader.nonce(world.signer.address) == nonce + 1


def test_what_was_written_is_read_and_older_blocks_have_older_states(world: World):
    address = world.deployed()
    first, second = (world.send(Call(address, entry(epoch, b"%d" % epoch))) for epoch in (1, 2))
    assert world.reader.call(address, b"") == (2).to_bytes(32, "big")
    assert world.reader.call(address, b"", first.block_number) == (1).to_bytes(32, "big")
    assert world.reader.call(address, (2).to_bytes(32, "big"), second.block_number) == entry(2, b"2")[32:]


def test_a_refused_call_says_the_contracts_reason(world: World):
    address = world.deployed()
    with pytest.raises(CallRevertedError, match=REFUSAL) as refused:
        world.reader.call(address, entry(2))
    assert refused.value.reason == REFUSAL
    with pytest.raises(CallRevertedError, match=REFUSAL):
        world.reader.estimate_gas(world.signer.address, Call(address, entry(2)))


def test_a_refused_transaction_stands_in_a_block_and_changes_nothing(world: World):
    address = world.deployed()
    receipt = world.send(Call(address, entry(5)))
    assert (receipt.succeeded, receipt.logs, receipt.contract) == (False, (), None)
    assert world.reader.call(address, b"") == bytes(32)


def test_logs_are_found_by_contract_place_and_topic(world: World):
    address, other = world.deployed(), world.deployed()
    receipts = [world.send(Call(address, entry(epoch))) for epoch in (1, 2, 3)]
    world.send(Call(other, entry(1)))
    first, last = receipts[0].block_number, world.reader.block_number()
    topic = (2).to_bytes(32, "big")
    assert world.reader.get_logs(LogFilter(address, first, last)) == [receipt.logs[0] for receipt in receipts]
    assert world.reader.get_logs(LogFilter(address, first, first)) == list(receipts[0].logs)
    assert world.reader.get_logs(LogFilter(address, first, last, ((topic,),))) == list(receipts[1].logs)
    assert len(world.reader.get_logs(LogFilter(None, first, last, (None,)))) == 4
    assert world.reader.receipt(receipts[1].transaction) == receipts[1]


def test_the_same_bytes_sent_again_are_not_done_again(world: World):
    address = world.deployed()
    signed = world.signed(Call(address, entry(1)))
    assert world.chain.send_raw(signed.raw) == signed.hash == world.chain.send_raw(signed.raw)
    world.mined(signed.hash)
    assert world.chain.send_raw(signed.raw) == signed.hash
    assert world.reader.call(address, b"") == (1).to_bytes(32, "big")


def test_a_transaction_nobody_has_seen_is_pending_and_not_failed(world: World):
    assert world.reader.receipt(os.urandom(32)) is None


def test_a_place_that_is_taken_is_said_so(world: World):
    world.send(Call(world.signer.address, b""))
    late = world.signed(Call(world.signer.address, b"other"), nonce=world.chain.nonce(world.signer.address) - 1)
    with pytest.raises(NonceTooLowError):
        world.chain.send_raw(late.raw)


def test_what_cannot_be_taken_is_refused_by_name(world: World):
    call = Call(world.signer.address, b"")
    with pytest.raises(UnderpricedError):
        world.chain.send_raw(world.signed(call, fees=Fees(1, 1)).raw)
    with pytest.raises(InsufficientFundsError):
        world.chain.send_raw(world.signed(call, fees=Fees(2**100, 1)).raw)
    poor = Signer(os.urandom(32))
    with pytest.raises(InsufficientFundsError):
        world.chain.send_raw(poor.sign(world.chain.chain_id(), 0, call._replace(gas=GAS), world.chain.fees()).raw)
    with pytest.raises(SendingRefusedError):
        world.chain.send_raw(b"\x02nothing")
    with pytest.raises((WrongChainError, SendingRefusedError)):
        world.chain.send_raw(world.signed(call, chain_id=1).raw)


def test_the_gas_that_is_said_to_do_does(world: World):
    address = world.deployed()
    call = Call(address, entry(1))
    gas = world.reader.estimate_gas(world.signer.address, call)
    raw = world.signer.sign(
        world.chain.chain_id(), world.chain.nonce(world.signer.address), call._replace(gas=gas), world.chain.fees()
    ).raw
    receipt = world.mined(world.chain.send_raw(raw))
    assert receipt.succeeded
    assert receipt.gas_used <= gas
    assert world.reader.balance(world.signer.address) > 0


def test_gas_is_the_same_on_every_implementation(world: World):
    address = world.deployed()
    assert world.send(Call(address, entry(1, b"\x11" * 32))).gas_used == 66_957
