"""A read-only JSON-RPC answerer: request bytes in, response bytes out, over any chain.

With it a verifier asks the embedded chain as it asks any node. Six questions, strict limits; everything else does not
exist. A call needs a contract that stands there: code that is sent along is never run.
Deliberately not here: HTTP. Whoever mounts it says that the embedded chain is kept by the operator.
Source: JSON-RPC 2.0; Ethereum JSON-RPC specification; EIP-1898 for blocks by number; code 3 for reverts as in geth.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from keyuan.engines.chain.json_rpc import words
from keyuan.engines.chain.model import CallRevertedError, ChainReader, Log, LogFilter
from keyuan.kernel.errors import EngineError, KeyuanError

_PARSE, _REQUEST, _METHOD, _PARAMS = -32700, -32600, -32601, -32602
_INTERNAL: Final = -32603
_SERVER, _LIMIT = -32000, -32005
_REVERTED: Final = 3
_TOPICS_MAX: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may cost. A batch shares `gas` out evenly among its requests."""

    body_bytes: int = 131_072
    brackets: int = 500
    batch: int = 50
    gas: int = 5_000_000
    log_blocks: int = 10_000
    logs: int = 10_000
    topics: int = 100
    addresses: int = 10


class _AnswerError(Exception):
    """An error of JSON-RPC: code, message and data."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data

    def written(self) -> dict[str, Any]:
        found: dict[str, Any] = {"code": self.code, "message": self.message}
        return found if self.data is None else found | {"data": self.data}


@dataclass(frozen=True, slots=True)
class _Asking:
    """A request at work: the chain, the limits, and the gas that each call may use."""

    chain: ChainReader
    limits: Limits
    gas: int


def answer(chain: ChainReader, body: bytes, limits: Limits | None = None) -> bytes:
    """Answer one request or a batch; empty when there is nothing to answer (notifications only)."""
    limits = limits or Limits()
    if len(body) > limits.body_bytes:
        return _packed(_failed(None, _AnswerError(_LIMIT, f"a request has at most {limits.body_bytes} bytes")))
    if body.count(b"[") + body.count(b"{") > limits.brackets:
        # Nothing that is nested deep is even begun to be read.
        return _packed(_failed(None, _AnswerError(_LIMIT, f"a request has at most {limits.brackets} brackets")))
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return _packed(_failed(None, _AnswerError(_PARSE, "not JSON")))
    if not words.is_list(found):
        return _packed(_one(_Asking(chain, limits, limits.gas), found))
    if not 0 < len(found) <= limits.batch:
        return _packed(_failed(None, _AnswerError(_REQUEST, f"a batch has 1 to {limits.batch} requests")))
    asking = _Asking(chain, limits, limits.gas // len(found))
    answers = [given for given in (_one(asking, request) for request in found) if given is not None]
    return _packed(answers or None)


def _packed(given: object) -> bytes:
    return b"" if given is None else json.dumps(given, separators=(",", ":")).encode()


def _failed(number: object, wrong: _AnswerError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": wrong.written()}


def _one(asking: _Asking, request: object) -> dict[str, Any] | None:
    """One answer; None for a notification, whatever it asked."""
    if not words.is_object(request) or request.get("jsonrpc") != "2.0":
        return _failed(None, _AnswerError(_REQUEST, 'a request is an object with "jsonrpc": "2.0"'))
    number = request.get("id")
    if isinstance(number, bool) or not isinstance(number, str | int | float | None):
        return _failed(None, _AnswerError(_REQUEST, "an id is a text, a number or null"))
    try:
        given = {"jsonrpc": "2.0", "id": number, "result": _answered(asking, request)}
    except _AnswerError as wrong:
        given = _failed(number, wrong)
    return given if "id" in request else None


def _answered(asking: _Asking, request: dict[str, Any]) -> object:
    method, params = request.get("method"), request.get("params", [])
    if not isinstance(method, str):
        raise _AnswerError(_REQUEST, "a method is a text")
    if method not in _METHODS:
        raise _AnswerError(_METHOD, f"only {', '.join(sorted(_METHODS))} are answered here")
    if not words.is_list(params):
        raise _AnswerError(_PARAMS, "params are a list")
    try:
        return _METHODS[method](asking, params)
    except words.WordError as error:
        raise _AnswerError(_PARAMS, "not a hexadecimal word of the right length") from error
    except CallRevertedError as error:
        text = "execution reverted" + (f": {error.reason}" if error.reason else "")
        raise _AnswerError(_REVERTED, text, words.data(error.data)) from error
    except EngineError as error:
        raise _AnswerError(_SERVER, "the chain does not answer now") from error
    except KeyuanError as error:
        raise _AnswerError(_INTERNAL, error.message) from error


def _count(params: list[Any], low: int, high: int) -> None:
    if not low <= len(params) <= high:
        raise _AnswerError(_PARAMS, f"{low} to {high} parameters" if low < high else f"{low} parameters")


def _number(asking: _Asking, word: Any) -> int:
    """A block by its number or tag."""
    newest = asking.chain.block_number()
    if words.is_object(word) and word.keys() == {"blockNumber"}:
        word = word["blockNumber"]
    if word in (None, "latest", "pending"):
        return newest
    if word in ("safe", "finalized"):
        return max(0, newest - asking.chain.finality_blocks)
    number = 0 if word == "earliest" else words.to_int(word)
    if number > newest:
        raise _AnswerError(_SERVER, "no such block yet")
    return number


def _chain_id(asking: _Asking, params: list[Any]) -> str:
    _count(params, 0, 0)
    return words.quantity(asking.chain.chain_id())


def _net_version(asking: _Asking, params: list[Any]) -> str:
    _count(params, 0, 0)
    return str(asking.chain.chain_id())


def _block_number(asking: _Asking, params: list[Any]) -> str:
    _count(params, 0, 0)
    return words.quantity(asking.chain.block_number())


def _get_code(asking: _Asking, params: list[Any]) -> str:
    _count(params, 1, 2)
    block = _number(asking, params[1] if params[1:] else None)
    return words.data(asking.chain.get_code(words.to_address(params[0]), block))


def _call(asking: _Asking, params: list[Any]) -> str:
    _count(params, 1, 2)
    question: Any = params[0]
    if not words.is_object(question) or "to" not in question:
        raise _AnswerError(_PARAMS, "a call is an object with `to`")
    if question.get("data", question.get("input")) != question.get("input", question.get("data")):
        raise _AnswerError(_PARAMS, "`data` and `input` differ")
    to = words.to_address(question["to"])
    data = words.to_bytes(question.get("data", question.get("input", "0x")))
    block = _number(asking, params[1] if params[1:] else None)
    gas = min(asking.gas, words.to_int(question["gas"])) if "gas" in question else asking.gas
    return words.data(asking.chain.call(to, data, block, gas))


def _get_logs(asking: _Asking, params: list[Any]) -> list[dict[str, Any]]:
    _count(params, 1, 1)
    question: Any = params[0]
    if not words.is_object(question) or question.keys() - {"address", "fromBlock", "toBlock", "topics"}:
        raise _AnswerError(_PARAMS, "a filter has address, fromBlock, toBlock and topics")
    first, last = _number(asking, question.get("fromBlock")), _number(asking, question.get("toBlock"))
    if not first <= last < first + asking.limits.log_blocks:
        raise _AnswerError(_LIMIT, f"a filter spans 1 to {asking.limits.log_blocks} blocks")
    topics = _topics(asking, question)
    found: list[Log] = []
    for address in _addresses(asking, question):
        found += asking.chain.get_logs(LogFilter(address, first, last, topics))
    if len(found) > asking.limits.logs:
        raise _AnswerError(_LIMIT, f"more than {asking.limits.logs} logs; ask for fewer blocks")
    found.sort(key=lambda log: (log.block_number, log.place))
    return [words.from_log(log) for log in found]


def _addresses(asking: _Asking, question: dict[str, Any]) -> Sequence[bytes | None]:
    """One contract, several, or any."""
    given = question.get("address")
    some = given if words.is_list(given) else [given]
    if len(some) > asking.limits.addresses:
        raise _AnswerError(_LIMIT, f"at most {asking.limits.addresses} addresses")
    if given is None or not some:
        return [None]
    return sorted({words.to_address(address) for address in some})


def _topics(asking: _Asking, question: dict[str, Any]) -> tuple[tuple[bytes, ...] | None, ...]:
    given = question.get("topics", [])
    if not words.is_list(given) or len(given) > _TOPICS_MAX:
        raise _AnswerError(_PARAMS, f"topics are a list of at most {_TOPICS_MAX}")
    places: list[tuple[bytes, ...] | None] = []
    for some in given:
        any_of = some if words.is_list(some) else [some]
        if len(any_of) > asking.limits.topics:
            raise _AnswerError(_LIMIT, f"at most {asking.limits.topics} topics for one place")
        places.append(None if some is None or not any_of else tuple(words.to_hash(topic) for topic in any_of))
    return tuple(places)


_METHODS: Final[dict[str, Callable[[_Asking, list[Any]], object]]] = {
    "eth_blockNumber": _block_number,
    "eth_call": _call,
    "eth_chainId": _chain_id,
    "eth_getCode": _get_code,
    "eth_getLogs": _get_logs,
    "net_version": _net_version,
}
