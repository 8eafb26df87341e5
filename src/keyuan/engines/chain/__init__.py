"""Chains: one protocol, an embedded chain and any node by JSON-RPC, and an outbox that loses nothing.

What imports heavy drivers is imported where it is needed: `embedded`, `signer` and `deploy`.
"""

from keyuan.engines.chain.model import (
    Block,
    Call,
    CallRevertedError,
    Chain,
    ChainAnswerError,
    ChainOwnedError,
    ChainReader,
    ChainUnreachableError,
    Fees,
    InsufficientFundsError,
    Log,
    LogFilter,
    NonceTooHighError,
    NonceTooLowError,
    Receipt,
    SendingRefusedError,
    UnderpricedError,
    WrongChainError,
    revert_reason,
)

__all__ = [
    "Block",
    "Call",
    "CallRevertedError",
    "Chain",
    "ChainAnswerError",
    "ChainOwnedError",
    "ChainReader",
    "ChainUnreachableError",
    "Fees",
    "InsufficientFundsError",
    "Log",
    "LogFilter",
    "NonceTooHighError",
    "NonceTooLowError",
    "Receipt",
    "SendingRefusedError",
    "UnderpricedError",
    "WrongChainError",
    "revert_reason",
]
