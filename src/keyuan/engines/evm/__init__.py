"""An EVM in memory that holds one contract: to run bytecode, not to be a chain.

No accounts to pay from, no gas to care about, no blocks but a time. What is run with: pyrevm where it is installed,
py-evm elsewhere; the answers are the same, the second takes a hundred times as long. Drivers are imported when a
machine is opened. Chains stand in `engines/chain`.
Units: `_s` seconds since 1970.
"""

import sys
from importlib.util import find_spec
from typing import Literal

from keyuan.engines.evm.model import Machine, RevertedError

Kind = Literal["pyrevm", "py-evm"]


def best_kind() -> Kind:
    """Return the faster machine of those that are installed."""
    return "pyrevm" if find_spec("pyrevm") else "py-evm"


def open_machine(kind: Kind | None = None) -> Machine:
    """Return an empty machine, the faster one unless a kind is asked for."""
    if (kind or best_kind()) == "pyrevm":
        from keyuan.engines.evm.revm import RevmMachine  # noqa: PLC0415  # a driver, imported when it is needed

        return RevmMachine()
    # py-evm raises the interpreter's recursion limit so far that a deeply nested JSON text would end the process.
    limit = sys.getrecursionlimit()
    from keyuan.engines.evm.pyevm import PyEvmMachine  # noqa: PLC0415  # it takes more than a second

    sys.setrecursionlimit(limit)
    return PyEvmMachine()


__all__ = ["Kind", "Machine", "RevertedError", "best_kind", "open_machine"]
