"""What the compiler made of our contracts, as shipped: interface and bytecode for two versions of the EVM.

Not here: compiling (`compile`). The files beside are written by it alone, and a test compiles again and compares.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, Literal, NamedTuple

from keyuan.kernel.errors import MissingError

Name = Literal["LedgerAnchor", "ProgramTerms"]
Target = Literal["paris", "cancun"]
NAMES: Final[tuple[Name, ...]] = ("LedgerAnchor", "ProgramTerms")
TARGETS: Final[tuple[Target, ...]] = ("paris", "cancun")
"""Oldest first: `paris` has no PUSH0 and runs on chains that stayed behind."""


class UnknownContractError(MissingError):
    """There is no such contract."""


class Code(NamedTuple):
    """Bytecode for one version of the EVM.

    `creation` is followed by the constructor's arguments when it is sent. `runtime` lacks the immutables, which the
    constructor appends: a deployed contract begins with it.
    """

    creation: bytes
    runtime: bytes


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract.

    `sources` are sha256 digests in hex by file; `selectors` four bytes by signature of a function; `topics` the first
    topic of a log by signature of an event.
    """

    name: Name
    compiler: str
    sources: Mapping[str, str]
    abi: tuple[Mapping[str, Any], ...]
    selectors: Mapping[str, bytes]
    topics: Mapping[str, bytes]
    codes: Mapping[Target, Code]

    def target_of(self, deployed: bytes) -> Target | None:
        """Return for which EVM the code at an address was compiled from our source; None when it was not."""
        for target, code in self.codes.items():
            if deployed.startswith(code.runtime) and (len(deployed) - len(code.runtime)) % 32 == 0:
                return target
        return None


@lru_cache
def load(name: Name) -> Artifact:
    """Return the artifact of a contract."""
    if name not in NAMES:
        raise UnknownContractError(name=name)
    kept = json.loads((files("keyuan.contracts") / "artifacts" / f"{name}.json").read_text(encoding="utf-8"))
    codes = {
        target: Code(bytes.fromhex(code["creation"]), bytes.fromhex(code["runtime"]))
        for target, code in kept["codes"].items()
    }
    selectors = {signature: bytes.fromhex(selector) for signature, selector in kept["selectors"].items()}
    topics = {signature: bytes.fromhex(topic) for signature, topic in kept["topics"].items()}
    return Artifact(name, kept["compiler"], kept["sources"], tuple(kept["abi"]), selectors, topics, codes)
