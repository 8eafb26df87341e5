"""Owners of an embedded chain that are killed: forked from one process, so that the library is imported once.

Each takes the chain over from the one before, sends until it is killed, and notes every answer in a file. As a program
it reads lines of `folder moment seed` and answers each when its owner is dead.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import NoReturn, Self

from chains.epochs import EPOCHS, creation, entry
from keyuan.engines.chain import Call
from keyuan.engines.chain.embedded import EmbeddedChain, Replica
from keyuan.engines.chain.embedded.journal import Journal
from keyuan.engines.chain.model import HASH_BYTES
from keyuan.engines.chain.signer import open_publisher

GAS = 200_000
ANSWERS = "answers"
PLANTED = "planted: answered first"


class Runs:
    """The program, started once; used from tests."""

    def __enter__(self) -> Self:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._program = subprocess.Popen(
            [sys.executable, "-m", "chains.owner_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._program.communicate()

    def one(self, folder: Path, moment: str, random: Random) -> None:
        """Let one owner live and die."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(f"{folder}\t{moment}\t{random.randrange(10**9)}\n")
        self._program.stdin.flush()
        assert self._program.stdout.readline() == "dead\n"

    def answered(self, folder: Path) -> int:
        return len((folder / ANSWERS).read_text().split())

    def faults(self, folder: Path) -> list[str]:
        """What is wrong with the chain that is left, given what was answered."""
        answers = [bytes.fromhex(word) for word in (folder / ANSWERS).read_text().split()]
        chain = Replica(folder / "chain")
        lost = [f"lost {answer.hex()}" for answer in answers if chain.receipt(answer) is None]
        doubled = ["answered twice"] if len(set(answers)) != len(answers) else []
        signer = open_publisher(folder / "keys")
        counted = chain.nonce(signer.address) == chain.block_number()
        return lost + doubled + ([] if counted else ["blocks and transactions differ"])


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit


class _Trap:
    """Where an owner is killed: at the n-th time that it writes or syncs."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._left = random.randrange(1, 6)
        self._write, self._sync, self._append = os.pwrite, os.fsync, Journal.append
        self._waiting: list[bytes] = []

    def _is_here(self) -> bool:
        self._left -= 1
        return self._left == 0

    def write(self, handle: int, body: bytes, offset: int) -> int:
        if self._is_here():
            self._write(handle, body[: self._random.randrange(len(body) + 1)], offset)
            _die()
        return self._write(handle, body, offset)

    def before_sync(self, handle: int) -> None:
        if self._is_here():
            _die()
        self._sync(handle)

    def after_sync(self, handle: int) -> None:
        self._sync(handle)
        if self._is_here():
            _die()

    def late(self, journal: Journal, payload: bytes) -> None:
        self._waiting.append(payload)
        if len(self._waiting) > 1:
            self._append(journal, self._waiting.pop(0))


def _plant(moment: str, random: Random) -> None:
    """Arrange for the kill."""
    trap = _Trap(random)
    if moment == "in the write":
        os.pwrite = trap.write
    elif moment == "before the sync":
        os.fsync = trap.before_sync
    elif moment == "after the sync":
        os.fsync = trap.after_sync
    elif moment == PLANTED:

        def late(self: Journal, payload: bytes) -> None:
            trap.late(self, payload)

        Journal.append = late


def _own(folder: Path, moment: str, seed: int) -> NoReturn:
    signer = open_publisher(folder / "keys")
    _plant(moment, Random(seed))
    chain = EmbeddedChain(folder / "chain", signer.address)
    answers = os.open(folder / ANSWERS, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    address: bytes | None = None
    epoch = 0
    while True:
        call = Call(None, creation(EPOCHS), GAS) if address is None else Call(address, entry(epoch), GAS)
        nonce = chain.nonce(signer.address)
        answer = chain.send_raw(signer.sign(chain.chain_id(), nonce, call, chain.fees()).raw)
        os.write(answers, answer.hex().encode() + b"\n")
        receipt = chain.receipt(answer)
        assert receipt is not None
        assert receipt.succeeded
        address = address or receipt.contract
        epoch += 1


def _wait_for_answers(folder: Path, more: int) -> None:
    path = folder / ANSWERS
    wanted = (path.stat().st_size if path.exists() else 0) + more * (2 * HASH_BYTES + 1)
    while not path.exists() or path.stat().st_size < wanted:
        time.sleep(0.001)


def _serve() -> None:
    for line in sys.stdin:
        folder, moment, seed = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            _own(Path(folder), moment, int(seed))
        if moment in ("at random", PLANTED):
            _wait_for_answers(Path(folder), more=2)
            time.sleep(Random(seed).random() / 10)
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        sys.stdout.write("dead\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
