"""JSON-RPC, both ways: any node by its address (`node`), and a small read-only answerer over any chain (`readonly`)."""

from keyuan.engines.chain.json_rpc.node import JsonRpcChain
from keyuan.engines.chain.json_rpc.readonly import Limits, answer
from keyuan.engines.chain.json_rpc.wire import Wire

__all__ = ["JsonRpcChain", "Limits", "Wire", "answer"]
