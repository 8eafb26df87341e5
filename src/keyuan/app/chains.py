"""Which chain an installation's commitments go to: the embedded one, a node by its address, or none."""

from collections.abc import Generator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keyuan.app.installation import KEYS
from keyuan.contracts import read_terms
from keyuan.contracts.calls import read_commitments, read_latest
from keyuan.engines.chain import Chain, ChainReader
from keyuan.engines.chain.json_rpc import JsonRpcChain, Wire
from keyuan.engines.chain.outbox.post import AccountSigner
from keyuan.kernel.config import Settings

if TYPE_CHECKING:
    from keyuan.engines.chain.embedded import Replica

FOLDER: Final = "chain"
KEPT_BY: Final = {"embedded": "kept by the operator", "json-rpc": "kept by others", "off": "switched off"}


@contextmanager
def own_chain(settings: Settings, folder: Path) -> Generator[tuple[Chain, AccountSigner], None, None]:
    """Open the chain to write to it, and the publisher that signs; not for a chain that is switched off.

    Raises:
        ChainOwnedError: another process owns the embedded chain.
        PublisherKeyError, PublisherKeyOpenError: the publisher's key cannot be used.
    """
    from keyuan.engines.chain.signer import open_publisher  # noqa: PLC0415  # a second, for who anchors only

    signer = open_publisher(folder / KEYS)
    if settings.chain == "json-rpc":
        chain: Chain = _node(settings)
    else:
        from keyuan.engines.chain.embedded import EmbeddedChain  # noqa: PLC0415  # likewise

        chain = EmbeddedChain(folder / FOLDER, signer.address)
    with closing(chain):
        yield chain, signer


def read_chain(settings: Settings, folder: Path) -> "Replica | JsonRpcChain | None":
    """Return the chain to ask it; None where it is switched off or the embedded one was never made."""
    if settings.chain == "off":
        return None
    if settings.chain == "json-rpc":
        return _node(settings)
    from keyuan.engines.chain.embedded import ChainMissingError, Replica  # noqa: PLC0415  # a second, as above

    try:
        return Replica(folder / FOLDER)
    except ChainMissingError:
        return None


@contextmanager
def reading(settings: Settings, folder: Path) -> Generator[ChainReader | None, None, None]:
    """Ask the chain for a while; None as in `read_chain`."""
    chain = read_chain(settings, folder)
    try:
        yield chain
    finally:
        if chain is not None:
            chain.close()


def read_anchored(chain: ChainReader, contract: bytes) -> list[bytes]:
    """Return the commitments that stand in a LedgerAnchor, in order."""
    ask = partial(chain.call, contract)
    return read_commitments(1, read_latest("LedgerAnchor", ask), ask)


def read_deployed(chain: ChainReader, contract: bytes) -> list[bytes]:
    """Return the digests of the terms that stand in a ProgramTerms, in order."""
    return list(read_terms(chain.get_code(contract), partial(chain.call, contract)).hashes)


def _node(settings: Settings) -> JsonRpcChain:
    url = settings.chain_url.get_secret_value() if settings.chain_url else ""
    return JsonRpcChain(Wire(url), chain_id=settings.chain_id or 0, finality_blocks=settings.chain_finality_blocks)
