"""A real node for tests: anvil, from npm by a lock file, beside the virtual environment. Its public keys are not used.

Where it is not and cannot be installed, there are no tests with it; `.ci/run` installs npm.
"""

import fcntl
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from keyuan.engines.chain import ChainUnreachableError
from keyuan.engines.chain.json_rpc import JsonRpcChain, Wire

_HERE = Path(__file__).parent
_PLACE = Path(sys.prefix) / "test-node"
CHAIN_ID = 424_242


@lru_cache
def is_to_be_had() -> bool:
    """Whether anvil is here or can be installed."""
    is_packaged = (sys.platform, platform.machine()) == ("linux", "x86_64")
    if shutil.which("anvil") is None and not (is_packaged and shutil.which("npm")):
        return False
    try:
        return subprocess.run([program(), "--version"], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def program() -> str:
    """Return anvil's path; install it if need be."""
    found = shutil.which("anvil")
    if found is not None:
        return found
    _PLACE.mkdir(exist_ok=True)
    path = _PLACE / "node_modules" / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
    with (_PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = (_HERE / "package-lock.json").read_bytes()
        if not path.exists() or (_PLACE / "package-lock.json").read_bytes() != wanted:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(_HERE / name, _PLACE)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(command, cwd=_PLACE, check=True, timeout=240, stdout=subprocess.DEVNULL)
    return str(path)


class Anvil:
    """A running node, with the words that only anvil knows."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.process = process
        self._wire = Wire(self.url)
        self._opened: list[JsonRpcChain] = []

    def chain(self, finality_blocks: int = 0) -> JsonRpcChain:
        chain = JsonRpcChain(Wire(self.url), chain_id=CHAIN_ID, finality_blocks=finality_blocks)
        self._opened.append(chain)
        return chain

    def close(self) -> None:
        self._wire.close()
        for chain in self._opened:
            chain.close()

    def ask(self, method: str, *arguments: object) -> Any:
        return self._wire.ask(method, *arguments)

    def fund(self, address: bytes, wei: int = 10**24) -> None:
        self.ask("anvil_setBalance", "0x" + address.hex(), hex(wei))

    def mine(self, blocks: int = 1) -> None:
        self.ask("anvil_mine", hex(blocks))

    def reorg(self, depth: int) -> None:
        """Replace the newest blocks by empty ones; what was in them is forgotten."""
        self.ask("anvil_reorg", depth, [])

    def automine(self, on: bool) -> None:  # noqa: FBT001  # as in the node's own method
        self.ask("evm_setAutomine", on)

    def drop(self, transaction: bytes) -> None:
        self.ask("anvil_dropTransaction", "0x" + transaction.hex())


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@contextmanager
def running(port: int | None = None) -> Generator[Anvil, None, None]:
    """Start a node and stop it."""
    port = port or _free_port()
    command = [program(), "--port", str(port), "--chain-id", str(CHAIN_ID), "--accounts", "1", "--mnemonic-random"]
    command += ["--hardfork", "prague", "--silent"]
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(_PLACE)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        node = Anvil(port, process)
        try:
            _wait(node)
            yield node
        finally:
            node.close()
            process.kill()


def _wait(node: Anvil) -> None:
    until = monotonic() + 30
    while True:
        try:
            node.ask("eth_chainId")
        except ChainUnreachableError:
            if monotonic() > until or node.process.poll() is not None:
                raise
            sleep(0.05)
        else:
            return
