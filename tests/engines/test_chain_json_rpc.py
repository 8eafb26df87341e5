"""JSON-RPC both ways: the read-only answerer, strict and bounded, and the questions to a node that may be anything."""

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.epochs import EPOCHS, LOOP, REFUSAL, creation, entry
from keyuan.engines.chain import (
    Call,
    CallRevertedError,
    Chain,
    ChainAnswerError,
    ChainUnreachableError,
    InsufficientFundsError,
    LogFilter,
    NonceTooHighError,
    NonceTooLowError,
    SendingRefusedError,
    UnderpricedError,
    WrongChainError,
    revert_reason,
)
from keyuan.engines.chain.addresses import contract_address
from keyuan.engines.chain.embedded import EmbeddedChain
from keyuan.engines.chain.json_rpc import JsonRpcChain, Limits, Wire, answer
from keyuan.engines.chain.json_rpc.wire import NodeAddressError
from keyuan.engines.chain.signer import Signer

GAS = 200_000


class Kept(NamedTuple):
    """An embedded chain with a contract that took two epochs."""

    chain: EmbeddedChain
    address: bytes
    loop: bytes


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    signer = Signer(b"\x07" * 32)
    chain = EmbeddedChain(tmp_path_factory.mktemp("chain"), signer.address)
    epochs, loop = (contract_address(signer.address, nonce) for nonce in (0, 1))
    calls = [Call(None, creation(EPOCHS)), Call(None, creation(LOOP)), Call(epochs, entry(1)), Call(epochs, entry(2))]
    for nonce, call in enumerate(calls):
        chain.send_raw(signer.sign(chain.chain_id(), nonce, call._replace(gas=GAS), chain.fees()).raw)
    yield Kept(chain, epochs, loop)
    chain.close()


def asked(chain: Chain, method: object, *params: object, limits: Limits | None = None) -> dict[str, Any]:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    found = json.loads(answer(chain, body, limits))
    assert (found.pop("jsonrpc"), found.pop("id")) == ("2.0", 1)
    return found


def code(found: dict[str, Any]) -> int:
    assert found.keys() == {"error"}
    return found["error"]["code"]


def word(value: bytes) -> str:
    return "0x" + value.hex()


def test_the_six_questions_are_answered(kept: Kept):
    chain = kept.chain
    assert asked(chain, "eth_chainId") == {"result": hex(chain.chain_id())}
    assert asked(chain, "net_version") == {"result": str(chain.chain_id())}
    assert asked(chain, "eth_blockNumber") == {"result": "0x4"}
    assert asked(chain, "eth_getCode", word(kept.address), "latest") == {"result": word(EPOCHS)}
    assert asked(chain, "eth_getCode", word(kept.address), "earliest") == {"result": "0x"}
    question = {"to": word(kept.address), "data": "0x"}
    for block, epoch in (("latest", 2), ("finalized", 2), ("0x3", 1), ({"blockNumber": "0x2"}, 0)):
        assert asked(chain, "eth_call", question, block) == {"result": word(epoch.to_bytes(32, "big"))}
    (log,) = asked(chain, "eth_getLogs", {"fromBlock": "0x4", "address": word(kept.address)})["result"]
    assert (log["topics"], log["data"]) == ([word((2).to_bytes(32, "big"))], word(entry(2)[32:]))
    several = {"fromBlock": "0x0", "address": [word(kept.address), word(kept.loop), word(kept.address)]}
    assert [log["blockNumber"] for log in asked(chain, "eth_getLogs", several)["result"]] == ["0x3", "0x4"]
    refused = asked(chain, "eth_call", {"to": word(kept.address), "input": word(entry(9))})["error"]
    assert (refused["code"], refused["message"]) == (3, f"execution reverted: {REFUSAL}")
    assert revert_reason(bytes.fromhex(refused["data"][2:])) == REFUSAL


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        ("eth_sendRawTransaction", ["0x00"], -32601),
        ("eth_accounts", [], -32601),
        ("debug_traceTransaction", [], -32601),
        (7, [], -32600),
        ("eth_chainId", [1], -32602),
        ("eth_getCode", [], -32602),
        ("eth_getCode", ["0x12"], -32602),
        ("eth_getCode", ["0x" + "0" * 40, "0x01"], -32602),
        ("eth_getCode", ["0x" + "0" * 40, "0x99"], -32000),
        ("eth_getCode", ["0x" + "0" * 40, {"blockHash": "0x" + "0" * 64}], -32602),
        ("eth_call", ["0x"], -32602),
        ("eth_call", [{"data": "0x00"}], -32602),
        ("eth_call", [{"to": "0x" + "0" * 40, "data": "0x0"}], -32602),
        ("eth_call", [{"to": "0x" + "0" * 40, "data": "0x", "input": "0x00"}], -32602),
        ("eth_call", [{"to": "0x" + "0" * 40}, "latest", {}], -32602),
        ("eth_getLogs", [{"blockHash": "0x" + "0" * 64}], -32602),
        ("eth_getLogs", [{"fromBlock": "0x2", "toBlock": "0x1"}], -32005),
        ("eth_getLogs", [{"topics": [None] * 5}], -32602),
        ("eth_getLogs", [{"topics": ["0x12"]}], -32602),
        ("eth_getLogs", [{"address": [None]}], -32602),
        ("eth_getLogs", [{"address": ["0x" + "0" * 40] * 11}], -32005),
        ("eth_getLogs", [{"topics": [["0x" + "0" * 64] * 101]}], -32005),
    ],
)
def test_everything_else_is_refused_by_its_code(kept: Kept, method: object, params: list[Any], expected: int):
    assert code(asked(kept.chain, method, *params)) == expected


def test_what_is_no_request_is_told_so(kept: Kept):
    for body, expected in [
        (b"[" * 500, -32700), (b"[" * 100_000, -32005),
        (b"", -32700), (b"{", -32700), (b"\xff", -32700), (b"[]", -32600), (b"1", -32600),
        (b"{}", -32600), (b'{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":{}}', -32602),
        (b" " * 200_000, -32005),
    ]:  # fmt: skip
        found = json.loads(answer(kept.chain, body))
        assert (found["error"]["code"], found["jsonrpc"]) == (expected, "2.0"), body[:40]


def test_a_batch_is_answered_in_order_and_without_its_notifications(kept: Kept):
    batch: list[Any] = [{"jsonrpc": "2.0", "id": n, "method": "eth_blockNumber"} for n in ("a", 2, None)]
    batch += [{"jsonrpc": "2.0", "method": "eth_blockNumber"}, {"jsonrpc": "2.0", "method": "no_such"}, 5]
    found = json.loads(answer(kept.chain, json.dumps(batch).encode()))
    assert [given["id"] for given in found] == ["a", 2, None, None]
    assert found[-1]["error"]["code"] == -32600
    assert answer(kept.chain, b'{"jsonrpc":"2.0","method":"eth_chainId"}') == b""
    assert answer(kept.chain, b'[{"jsonrpc":"2.0","method":"eth_chainId"}]') == b""
    assert json.loads(answer(kept.chain, json.dumps(batch * 9).encode()))["error"]["code"] == -32600


def test_limits_hold(kept: Kept):
    small = Limits(log_blocks=2, logs=1, gas=60_000, body_bytes=200)
    assert code(asked(kept.chain, "eth_getLogs", {"fromBlock": "earliest"}, limits=small)) == -32005
    assert code(asked(kept.chain, "eth_getLogs", {"fromBlock": "0x3"}, limits=small)) == -32005
    assert len(asked(kept.chain, "eth_getLogs", {"fromBlock": "0x4"}, limits=small)["result"]) == 1
    endless = {"to": word(kept.loop), "data": "0x"}
    assert code(asked(kept.chain, "eth_call", endless, limits=small)) == 3
    assert code(asked(kept.chain, "eth_call", endless | {"gas": hex(2**60)}, limits=small)) == 3
    assert code(asked(kept.chain, "eth_call", endless | {"gas": "0x10"})) == 3


@given(body=st.binary(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from(
        ["2.0", "eth_call", "eth_getLogs", "eth_getCode", "latest", "0x1", "0x" + "0" * 40]),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(
        st.sampled_from(["jsonrpc", "id", "method", "params", "to", "data", "fromBlock", "topics"]), part),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
@settings(max_examples=150, deadline=None, database=None)
def test_no_bytes_break_the_answerer(kept: Kept, body: bytes):
    found = json.loads(answer(kept.chain, body) or b"null")
    for given_ in found if isinstance(found, list) else [found]:
        assert given_ is None or ("result" in given_) != ("error" in given_)


@contextmanager
def serving(respond: Callable[[bytes], tuple[int, bytes]]) -> Generator[str, None, None]:
    """An HTTP server on this machine that answers by a function."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status, body = respond(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def node_chain(url: str, chain_id: int) -> Generator[JsonRpcChain, None, None]:
    chain = JsonRpcChain(Wire(url, timeout_s=5), chain_id=chain_id, finality_blocks=0)
    try:
        yield chain
    finally:
        chain.close()


def test_our_own_client_reads_our_own_answerer(kept: Kept):
    chain_id = kept.chain.chain_id()
    with (
        serving(lambda body: (200, answer(kept.chain, body))) as url,
        node_chain(url, chain_id) as chain,
    ):
        assert chain.block_number() == 4
        assert chain.get_code(kept.address) == EPOCHS
        assert chain.call(kept.address, b"", 3) == kept.chain.call(kept.address, b"", 3)
        wanted = LogFilter(kept.address, 0, 4, (((1).to_bytes(32, "big"),),))
        assert chain.get_logs(wanted) == kept.chain.get_logs(wanted) != []
        with pytest.raises(CallRevertedError, match=REFUSAL):
            chain.call(kept.address, entry(7))


WEB3 = """
import sys
from web3 import Web3
w3 = Web3(Web3.HTTPProvider(sys.argv[1]))
contract = Web3.to_checksum_address(sys.argv[2])
assert w3.eth.chain_id == int(sys.argv[3]) and w3.net.version == sys.argv[3]
assert w3.eth.block_number == 4
assert int.from_bytes(w3.eth.call({"to": contract, "data": "0x"}, "latest"), "big") == 2
assert len(w3.eth.get_logs({"address": contract, "fromBlock": 0, "toBlock": "latest"})) == 2
assert len(w3.eth.get_code(contract)) > 100
"""


def test_web3_reads_it_as_any_node(kept: Kept):
    with serving(lambda body: (200, answer(kept.chain, body))) as url:
        arguments = [url, word(kept.address), str(kept.chain.chain_id())]
        subprocess.run([sys.executable, "-c", WEB3, *arguments], check=True, timeout=60)


def saying(**said: object) -> Callable[[bytes], tuple[int, bytes]]:
    """A node that knows its chain id and says one thing to everything else."""

    def respond(body: bytes) -> tuple[int, bytes]:
        question = json.loads(body)
        told = {"result": "0x5"} if question["method"] == "eth_chainId" else said
        if question["method"] == "eth_getTransactionReceipt":
            told = {"result": None}
        return 200, json.dumps({"jsonrpc": "2.0", "id": question["id"], **told}).encode()

    return respond


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("nonce too low: next nonce 5, tx nonce 4", NonceTooLowError),
        ("Nonce too high", NonceTooHighError),
        ("replacement transaction underpriced", UnderpricedError),
        ("max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1", UnderpricedError),
        ("insufficient funds for gas * price + value", InsufficientFundsError),
        ("Upfront cost exceeds account balance", InsufficientFundsError),
        ("exceeds block gas limit", SendingRefusedError),
    ],
)
def test_what_nodes_say_becomes_our_errors(text: str, error: type[Exception]):
    with serving(saying(error={"code": -32000, "message": text})) as url, node_chain(url, 5) as chain:
        with pytest.raises(error) as raised:
            chain.send_raw(b"\x02")
        assert type(raised.value) is error


def test_a_transaction_that_a_node_knows_is_sent():
    with serving(saying(error={"code": -32000, "message": "already known"})) as url, node_chain(url, 5) as chain:
        assert len(chain.send_raw(b"\x02")) == 32


def test_the_wrong_chain_is_seen_before_anything_is_asked_or_sent():
    with serving(saying(result="0x1")) as url, node_chain(url, 1) as chain:
        for question in (chain.block_number, chain.head, lambda: chain.send_raw(b"\x02")):
            with pytest.raises(WrongChainError):
                question()


@pytest.mark.parametrize("said", [{"result": "12"}, {"result": None}, {"result": []}, {}, {"result": "0x012"}])
def test_an_answer_that_cannot_be_used_is_called_so(said: dict[str, Any]):
    with serving(saying(**said)) as url, node_chain(url, 5) as chain, pytest.raises(ChainAnswerError):
        chain.block_number()


@pytest.mark.parametrize(("status", "body"), [(503, b"<html>"), (200, b"[1]"), (200, b"no JSON")])
def test_what_is_no_node_is_told_so(status: int, body: bytes):
    with (
        serving(lambda _: (status, body)) as url,
        node_chain(url, 5) as chain,
        pytest.raises((ChainUnreachableError, ChainAnswerError)),
    ):
        chain.block_number()


def test_an_endless_answer_is_not_read_to_its_end():
    with serving(lambda _: (200, b"1" * 5_000)) as url:
        wire = Wire(url, answer_max=1_000)
        with pytest.raises(ChainAnswerError, match="more than is read"):
            wire.ask("eth_chainId")
        wire.close()


def test_an_address_that_is_none_is_refused_at_once():
    for url in ("file:///etc/passwd", "localhost:8545", ""):
        with pytest.raises(NodeAddressError):
            Wire(url)


def test_the_drivers_are_imported_only_where_they_are_needed():
    light = "import keyuan.engines.chain, keyuan.engines.chain.json_rpc, keyuan.engines.chain.outbox, sys;"
    light += "sys.exit(any(name in sys.modules for name in ('web3', 'eth', 'eth_account', 'eth_utils', 'pyrevm')))"
    subprocess.run([sys.executable, "-c", light], check=True, timeout=60)


def test_open_brackets_do_not_end_a_process_that_has_the_embedded_chain():
    """With the recursion limit that py-evm sets, Python 3.11's reader of JSON overflows the stack and dies."""
    program = "import json, sys, keyuan.engines.chain.embedded\n"
    program += "try: json.loads('[' * 200_000)\nexcept RecursionError: sys.exit(7)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 7


def test_reasons_are_read_from_what_a_contract_returns():
    assert revert_reason(b"") is None
    assert revert_reason(b"\x08\xc3\x79\xa0") is None
    assert revert_reason(bytes.fromhex("4e487b71") + (0x11).to_bytes(32, "big")) == "panic 0x11"
    endless = bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + b"\xff" * 32 + b"x"
    assert revert_reason(endless) == "x"
