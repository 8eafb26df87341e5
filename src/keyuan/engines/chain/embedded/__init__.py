"""The embedded chain: py-evm in process, a journal on disk, one owner and any number of readers.

Importing this takes about a second; `keyuan.engines.chain` itself does not import it.
"""

from keyuan.engines.chain.embedded.journal import JournalError, JournalFullError, JournalStoppedError
from keyuan.engines.chain.embedded.owner import EmbeddedChain
from keyuan.engines.chain.embedded.replica import ChainMissingError, NoSuchBlockError, ReplayDiffersError, Replica

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
