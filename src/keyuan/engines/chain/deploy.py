"""Contracts are deployed through the outbox, like everything else that is sent.

Where one will stand follows from who sends and which nonce, so it is known, and kept with the job, before it is sent.
Deliberately not here: bytecode and what constructors take (`contracts`).
"""

from typing import NamedTuple

from keyuan.engines.chain.addresses import contract_address
from keyuan.engines.chain.model import Call, ChainReader
from keyuan.engines.chain.outbox import Attempt, Outbox, State
from keyuan.kernel.errors import RefusedError


class DeploymentFailedError(RefusedError):
    """The contract's constructor refused; see what it was given."""


class Deployment(NamedTuple):
    """A contract that was asked for: where it stands, or will stand, and the transaction that makes it."""

    name: str
    address: bytes
    attempt: Attempt

    @property
    def is_final(self) -> bool:
        """Whether it stands there for good."""
        return self.attempt.state is State.FINAL


def deploy(
    outbox: Outbox, name: str, bytecode: bytes, arguments: bytes = b"", *, now_us: int, gas: int | None = None
) -> Deployment:
    """Ask for a contract; asked again with the same code and encoded arguments it is the same one.

    Raises:
        DeploymentFailedError: the constructor refused, and finally so.
        JobConflictError: this name was asked for with other code or arguments.
    """
    attempt = outbox.submit(f"deploy:{name}", Call(None, bytecode + arguments, gas), now_us)
    if attempt.state is State.FINAL and not attempt.succeeded:
        raise DeploymentFailedError(contract=name)
    return Deployment(name, contract_address(attempt.sender, attempt.nonce), attempt)


def stands(chain: ChainReader, deployment: Deployment, runtime: bytes) -> bool:
    """Whether the chain has, at that address, code that begins with `runtime` (immutables follow it in Vyper)."""
    return bool(runtime) and chain.get_code(deployment.address).startswith(runtime)
