"""`/rpc` over a real HTTP connection: a client of another house reads the embedded chain, and is told who keeps it."""

from collections.abc import Generator
from functools import partial
from pathlib import Path

import httpx
import pytest
from web3 import HTTPProvider, Web3

from keyuan.app.chains import FOLDER, own_chain, read_chain
from keyuan.contracts.artifacts import load
from keyuan.contracts.calls import anchor_creation, anchor_data
from keyuan.engines.chain import Call, Chain
from keyuan.engines.chain.outbox.post import AccountSigner
from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets
from keyuan.flows.anchor_epochs import ROTATION_S
from keyuan.kernel.config import Settings
from keyuan.web import make_app
from web.serving import serving

COMMITMENT = bytes(range(32))
GAS = 2_000_000


class Publisher:
    """The owner of the chain, which sends one transaction after the other."""

    def __init__(self, chain: Chain, signer: AccountSigner) -> None:
        self.chain, self.signer, self.nonce = chain, signer, 0

    def send(self, to: bytes | None, data: bytes) -> bytes | None:
        call = Call(to, data, GAS)
        sent = self.chain.send_raw(self.signer.sign(self.chain.chain_id(), self.nonce, call, self.chain.fees()).raw)
        self.nonce += 1
        receipt = self.chain.receipt(sent)
        assert receipt is not None
        assert receipt.succeeded
        return receipt.contract


@pytest.fixture
def address(database: Database, secrets: Secrets, tmp_path: Path) -> Generator[str]:
    with serving(make_app(database, secrets, open_chain=partial(read_chain, Settings(), tmp_path))) as address:
        yield address + "/rpc"


@pytest.fixture
def publisher(tmp_path: Path) -> Generator[Publisher]:
    with own_chain(Settings(), tmp_path) as (chain, signer):
        yield Publisher(chain, signer)


def test_a_client_of_another_house_reads_commitments_and_sees_each_new_block(address: str, publisher: Publisher):
    contract = publisher.send(None, anchor_creation("cancun", publisher.signer.address, ROTATION_S))
    assert contract is not None
    client = Web3(HTTPProvider(address))
    ours = client.eth.contract(address=Web3.to_checksum_address(contract), abi=load("LedgerAnchor").abi)
    assert client.eth.chain_id == publisher.chain.chain_id()
    assert ours.functions.latest().call() == 0
    publisher.send(contract, anchor_data(1, COMMITMENT))
    assert ours.functions.latest().call() == 1
    assert ours.functions.commitment(1).call() == COMMITMENT
    assert client.eth.block_number == publisher.chain.block_number() == 2
    logs = client.eth.get_logs({"address": Web3.to_checksum_address(contract), "fromBlock": 0, "toBlock": 2})
    assert logs[-1]["data"] == COMMITMENT


def test_every_answer_says_who_keeps_the_chain(address: str, publisher: Publisher):
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
    told, answered = httpx.get(address, timeout=60), httpx.post(address, json=asked, timeout=60)
    assert told.json() == {
        "chain": "embedded",
        "chain_id": publisher.chain.chain_id(),
        "kept_by": {"en": "kept by the operator", "zh": "由运营方保管"},
    }
    assert int(answered.json()["result"], 16) == told.json()["chain_id"]
    for each in (told, answered):
        assert each.headers["keyuan-chain"] == "embedded; kept-by=operator"


def test_a_page_of_another_origin_may_ask(address: str):
    asked = httpx.options(address, headers={"Origin": "https://example.org", "Access-Control-Request-Method": "POST"})
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == "*"
    assert "content-type" in asked.headers["access-control-allow-headers"]


def test_before_the_first_contract_there_is_no_chain_to_ask_and_later_there_is(address: str, tmp_path: Path):
    none = httpx.post(address, json={"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"})
    assert none.status_code == 404
    assert "no embedded chain yet" in none.json()["detail"]
    with own_chain(Settings(), tmp_path):
        assert (tmp_path / FOLDER).is_dir()
        assert httpx.get(address, timeout=60).status_code == 200


def test_nobody_writes_through_it(address: str, publisher: Publisher):
    call = Call(None, anchor_creation("cancun", publisher.signer.address, ROTATION_S), GAS)
    signed = publisher.signer.sign(publisher.chain.chain_id(), 0, call, publisher.chain.fees())
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": ["0x" + signed.raw.hex()]}
    assert httpx.post(address, json=asked, timeout=60).json()["error"]["code"] == -32601
    assert publisher.chain.block_number() == 0
