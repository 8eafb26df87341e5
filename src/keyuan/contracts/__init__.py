"""The contracts: Vyper sources, what the compiler made of them, and their rules once more in Python.

Not here: any chain. Who deploys, sends and asks is `engines/chain`; who runs bytecode is `engines/evm`. This room
imports nothing of ours but the kernel, and no person is known here.
"""

from keyuan.contracts.artifacts import Artifact, Code, load
from keyuan.contracts.calls import (
    AnswerError,
    anchor_creation,
    anchor_data,
    anchor_runtime,
    append_data,
    read_commitment,
    read_commitments,
    read_latest,
    terms_creation,
    terms_runtime,
)
from keyuan.contracts.replay import (
    Machine,
    ReplayError,
    TermsCode,
    TermsRecord,
    our_target,
    read_terms,
    replayed,
)
from keyuan.contracts.terms import (
    Book,
    InvalidTermsError,
    Purchase,
    Terms,
    check_first,
    check_next,
    doubled_digest,
    may_hurt,
    name_digest,
    quote,
    quote_many,
    terms_bytes,
    terms_hash,
    terms_hashes,
    version_at,
)

__all__ = [
    "AnswerError",
    "Artifact",
    "Book",
    "Code",
    "InvalidTermsError",
    "Machine",
    "Purchase",
    "ReplayError",
    "Terms",
    "TermsCode",
    "TermsRecord",
    "anchor_creation",
    "anchor_data",
    "anchor_runtime",
    "append_data",
    "check_first",
    "check_next",
    "doubled_digest",
    "load",
    "may_hurt",
    "name_digest",
    "our_target",
    "quote",
    "quote_many",
    "read_commitment",
    "read_commitments",
    "read_latest",
    "read_terms",
    "replayed",
    "terms_bytes",
    "terms_creation",
    "terms_hash",
    "terms_hashes",
    "terms_runtime",
    "version_at",
]
