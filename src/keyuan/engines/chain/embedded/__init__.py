"""The embedded chain: py-evm in process, a journal on disk, one owner and any number of readers.

Importing this takes about a second; `keyuan.engines.chain` itself does not import it. py-evm raises the interpreter's
recursion limit to 100,000, for calls nested 1,024 deep; with that limit a hostile JSON text of open brackets ends the
process. So the limit is put back, and a contract may nest some dozens of calls; ours nest none.
"""

import sys
from typing import Final

_LIMIT: Final = min(sys.getrecursionlimit(), 3_000)

# ruff: noqa: E402  # the limit is read before the library is imported, and put back after it
from keyuan.engines.chain.embedded.journal import JournalError, JournalFullError, JournalStoppedError
from keyuan.engines.chain.embedded.owner import EmbeddedChain
from keyuan.engines.chain.embedded.replica import ChainMissingError, NoSuchBlockError, ReplayDiffersError, Replica

sys.setrecursionlimit(_LIMIT)

__all__ = [
    "ChainMissingError",
    "EmbeddedChain",
    "JournalError",
    "JournalFullError",
    "JournalStoppedError",
    "NoSuchBlockError",
    "ReplayDiffersError",
    "Replica",
]
