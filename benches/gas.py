"""What a movement costs on a chain when an epoch is anchored, against a token that keeps every balance there.

Both are sent to the same embedded chain by the same account: our commitments as the product sends them, and transfers
of the smallest ERC-20 there is (`erc20.vy`, compiled here), to a holder and to somebody who had none.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

from benches.server import TENANT
from keyuan.engines.chain import Call
from keyuan.engines.chain.deploy import deploy
from keyuan.engines.chain.embedded import EmbeddedChain
from keyuan.engines.chain.outbox import Outbox
from keyuan.engines.chain.signer import Signer
from keyuan.engines.database import Database
from keyuan.flows.outbox import StoredOutbox

SOURCE: Final = Path(__file__).with_name("erc20.vy")
EVM: Final = "cancun"
SUPPLY: Final = 10**9
_TRANSFER: Final = bytes.fromhex("a9059cbb")
_WORD: Final = 32


class Gas(NamedTuple):
    """Gas of one transaction of each kind."""

    anchor: int
    to_holder: int
    to_new: int


class Spender:
    """The publisher's account, which pays for everything here."""

    def __init__(self, database: Database, chain: EmbeddedChain, signer: Signer) -> None:
        self.chain = chain
        self.store = StoredOutbox(database, TENANT, chain.chain_id(), signer.address)
        self.outbox = Outbox(chain, self.store, signer)

    def deployed(self, name: str, creation: bytes, now_us: int) -> bytes:
        """Return the address of a contract that is made now."""
        deployment = deploy(self.outbox, name, creation, now_us=now_us)
        self.outbox.advance(now_us)
        return deployment.address

    def sent(self, job: str, call: Call, now_us: int) -> int:
        """Send a call, and return its gas."""
        self.outbox.submit(job, call, now_us)
        self.outbox.advance(now_us)
        receipt = self.chain.receipt(self.store.of_job(job)[-1].hash)
        assert receipt is not None
        assert receipt.succeeded
        return receipt.gas_used


def measure(spender: Spender, anchor: int, now_us: int) -> Gas:
    """Return what an epoch cost that is not the first (which pays for storage that others find), and two transfers."""
    token = spender.deployed("bench:erc20", compiled() + SUPPLY.to_bytes(_WORD, "big"), now_us)
    # An address and amounts as they usually are: a zero byte costs less.
    receiver, amount = bytes.fromhex("a5" * 20), 0x7A69
    call = Call(token, _TRANSFER + receiver.rjust(_WORD, b"\0") + amount.to_bytes(_WORD, "big"))
    to_new = spender.sent("bench:to_new", call, now_us)
    return Gas(anchor=anchor, to_holder=spender.sent("bench:to_holder", call, now_us), to_new=to_new)


def compiled() -> bytes:
    """Return the token's creation code, made as our own contracts are."""
    command = [sys.executable, "-m", "vyper.cli.vyper_compile", "-f", "bytecode", "-O", "gas"]
    command += ["--evm-version", EVM, "--disable-sys-path", "-p", ".", SOURCE.name]
    made = subprocess.run(command, cwd=SOURCE.parent, capture_output=True, text=True, check=True)
    return bytes.fromhex(made.stdout.strip().removeprefix("0x"))
