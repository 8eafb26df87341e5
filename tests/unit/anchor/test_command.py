"""The verifier as a customer runs it: one file, nothing installed, against a file or against a contract on a chain.

The chain is the embedded one with the real contract, behind the same JSON-RPC that the app serves.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import pytest

from keyuan import contracts
from keyuan.anchor import keyuan_verify
from keyuan.app.proving import NobodyTrustedError, Trusted, UncheckedError
from keyuan.engines.chain import Call, Chain
from keyuan.engines.chain.embedded import EmbeddedChain
from keyuan.engines.chain.json_rpc import answer
from keyuan.engines.chain.signer import Signer
from unit.anchor.made_up import DOMAIN, SIZES, History, written

PROGRAM = Path(keyuan_verify.__file__)
GAS = 3_000_000
HOUR_S = 3_600


class World(NamedTuple):
    """A history whose commitments stand in a contract, and where to ask for them."""

    history: History
    url: str
    chain: Chain


def send(chain: Chain, signer: Signer, call: Call) -> bytes:
    nonce = chain.nonce(signer.address)
    receipt = chain.receipt(chain.send_raw(signer.sign(chain.chain_id(), nonce, call, chain.fees()).raw))
    assert receipt is not None
    assert receipt.succeeded
    return receipt.contract or b""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    signer = Signer(os.urandom(32))
    chain = EmbeddedChain(tmp_path_factory.mktemp("chain"), signer.address)
    anchor = contracts.load("LedgerAnchor")
    arguments = signer.address.rjust(32, b"\0") + HOUR_S.to_bytes(32)
    address = send(chain, signer, Call(None, anchor.codes["cancun"].creation + arguments, GAS))
    history = History(domain=DOMAIN._replace(chain_id=chain.chain_id(), contract=address))
    for number, closed in enumerate(history.closed, 1):
        data = anchor.selectors["anchor(uint64,bytes32)"] + number.to_bytes(32) + closed.commitment
        send(chain, signer, Call(address, data, GAS))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            body = b'{"jsonrpc": "2.0", "id": 1, "result": "0x"}' if self.path == "/nothing" else answer(chain, asked)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield World(history, f"http://127.0.0.1:{server.server_port}", chain)
    server.shutdown()
    thread.join()
    server.server_close()
    chain.close()


def run(folder: Path, file: Any, *options: str) -> tuple[int, str]:
    """Run the file alone, in a folder without anything of ours, and return its exit code and what it said."""
    (folder / "bundle.json").write_bytes(written(file))
    (folder / PROGRAM.name).write_bytes(PROGRAM.read_bytes())
    command = [sys.executable, "-I", "-S", PROGRAM.name, "bundle.json", *options]
    done = subprocess.run(
        command, cwd=folder, env={"LC_ALL": "C"}, capture_output=True, check=False, timeout=60, encoding="utf-8"
    )
    return done.returncode, done.stdout + done.stderr


def by_chain(world: World, **other: str) -> list[str]:
    domain = world.history.state.domain
    given = {"rpc": world.url, "contract": f"0x{domain.contract.hex()}", "chain-id": str(domain.chain_id)} | other
    return [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", value)]


def test_a_bundle_is_whole_against_the_contract(world: World, tmp_path: Path):
    account = world.history.accounts()[0]
    code, said = run(tmp_path, world.history.bundle(account), *by_chain(world), "--statement")
    assert code == 0, said
    assert "whole: nothing is missing to epoch 5, the newest" in said
    assert said.count(" UTC\t") == len(world.history.holding(account).leaves)


def test_an_audit_file_is_whole_against_the_contract(world: World, tmp_path: Path):
    code, said = run(tmp_path, world.history.audit("茶园"), *by_chain(world))
    root = world.history.closed[-1].records["茶园", "points"].root
    assert code == 0, said
    assert f"茶园/points: 4 accounts; owed {root.available + root.held} points" in said


def test_a_changed_bundle_is_refused_in_plain_words(world: World, tmp_path: Path):
    file = world.history.bundle(world.history.accounts()[0])
    file["leaves"][1]["salt"] = "00" * 32
    code, said = run(tmp_path, file, *by_chain(world))
    assert code == 1
    assert said.startswith(f"refused: leaf {file['leaves'][1]['seq']} (")
    assert said.strip().endswith("this is not what the log has there")


def test_an_older_bundle_is_complete_to_its_epoch(world: World, tmp_path: Path):
    older = History(sizes=SIZES[:3], drawn=sum(SIZES), domain=world.history.state.domain)
    code, said = run(tmp_path, older.bundle(older.accounts()[0]), *by_chain(world))
    assert code == 3, said
    assert said.startswith("complete to epoch 3 of 5")


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"chain_id": "1"}, "the node is of another chain"),
        ({"contract": "0x" + "11" * 20}, "no contract that anchors epochs"),
        ({"rpc": "http://127.0.0.1:9"}, "the chain does not answer eth_chainId"),
        ({"rpc": "file:///etc/hostname"}, "must begin with http"),
        ({"rpc": "{nothing}"}, "the chain answers eth_chainId with no number"),
    ],
    ids=str,
)
def test_a_root_of_trust_that_cannot_be_read_checks_nothing(
    world: World, tmp_path: Path, other: dict[str, str], reason: str
):
    options = dict(zip(*[iter(by_chain(world))] * 2, strict=True)) | {
        f"--{name.replace('_', '-')}": value.format(nothing=f"{world.url}/nothing") for name, value in other.items()
    }
    code, said = run(tmp_path, {}, *[part for pair in options.items() for part in pair])
    assert (code, reason in said) == (2, True), said


def test_keyuan_audit_reads_the_same_root_of_trust(world: World, tmp_path: Path):
    domain, known = world.history.state.domain, [closed.commitment for closed in world.history.closed]
    by_rpc = Trusted(None, world.url, f"0x{domain.contract.hex()}", domain.chain_id)
    (tmp_path / "known.json").write_text(json.dumps(world.history.commitments()))
    assert by_rpc.root().commitments == Trusted(tmp_path / "known.json").root().commitments == known
    for nobody in (Trusted(), by_rpc._replace(contract=None), by_rpc._replace(commitments=tmp_path / "known.json")):
        with pytest.raises(NobodyTrustedError):
            nobody.root()
    for silent in (by_rpc._replace(rpc="http://127.0.0.1:9"), Trusted(tmp_path / "missing.json")):
        with pytest.raises(UncheckedError):
            silent.root()


def test_what_was_trusted_is_said(world: World, tmp_path: Path):
    (tmp_path / "known.json").write_text(json.dumps(world.history.commitments()))
    file, domain = world.history.bundle(world.history.accounts()[0]), world.history.state.domain
    assert (
        "by the commitments in known.json; epoch 5 was closed on 2017-"
        in run(tmp_path, file, "--commitments", "known.json")[1]
    )
    by = f"by contract 0x{domain.contract.hex()} on chain {domain.chain_id}, block {world.chain.block_number()}; "
    assert by in run(tmp_path, file, *by_chain(world))[1]


def test_a_file_of_commitments_is_enough(world: World, tmp_path: Path):
    file = world.history.bundle(world.history.accounts()[0])
    (tmp_path / "known.json").write_text(json.dumps(world.history.commitments()))
    assert run(tmp_path, file, "--commitments", "known.json")[0] == 0
    (tmp_path / "known.json").write_text("{}")
    assert run(tmp_path, file, "--commitments", "known.json")[0] == 2
    assert run(tmp_path, file, "--commitments", "missing.json")[0] == 2


def test_whom_to_trust_has_to_be_said(world: World, tmp_path: Path):
    file = world.history.bundle(world.history.accounts()[0])
    assert run(tmp_path, file)[0] == 2
    assert run(tmp_path, file, "--rpc", world.url)[0] == 2
    assert run(tmp_path, file, *by_chain(world), "--commitments", "known.json")[0] == 2


def test_the_four_bytes_of_calls_are_those_of_the_contract():
    selectors = contracts.load("LedgerAnchor").selectors
    assert selectors["latest()"].hex() == keyuan_verify.LATEST
    assert selectors["commitments(uint64,uint64)"].hex() == keyuan_verify.COMMITMENTS


def test_an_order_is_known_by_its_number():
    from keyuan.loyalty.model import order_subject  # noqa: PLC0415  # the one place where the two meet

    reference = keyuan_verify.sha(order_subject("A-茶-17"))
    assert keyuan_verify.order_reference("A-茶-17") == reference


def test_nothing_but_the_standard_library_is_imported():
    lines = PROGRAM.read_text(encoding="utf-8").splitlines()
    names = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert names <= sys.stdlib_module_names
