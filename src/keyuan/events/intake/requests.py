"""What a request body holds: the raw events of a batch, or one event, cut apart without being decoded.

A body that is not JSON is refused whole. What breaks a strict parser only is cut out all the same, because one bad
event must not take the others with it: nesting too deep to parse, half a surrogate pair (JSON, but no Unicode), and NaN
or Infinity, which some clients write.
Deliberately not here: HTTP and inflating. Pure.
"""

import json
import re
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from msgspec import Raw

from keyuan.kernel.errors import InputError

BATCH_EVENTS_MAX = 12_500
"""More acceptable events, of 41 bytes at the least, do not fit into a body anyway."""
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},:]', re.DOTALL)
_NOT_A_NUMBER = re.compile(rb"NaN|Infinity")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ELEMENT_DEPTH = 2


class NotJsonError(InputError):
    """The body is not JSON."""


class NotABatchError(InputError):
    """The body must be a JSON object with a list `batch` of events."""


class NotAnEventError(InputError):
    """The body must be a JSON object: one event."""


class TooManyEventsError(InputError):
    """A batch holds too many events; send it in parts."""


class Cut(NamedTuple):
    """The raw events of a request, and the context for those that have none of their own."""

    raws: list[bytes]
    context: bytes | None = None


class _Batch(msgspec.Struct):
    batch: list[Raw]
    context: Raw | None = None


_BATCH = msgspec.json.Decoder(_Batch)
_EVENT = msgspec.json.Decoder(dict[str, Raw])


def cut_batch(body: bytes) -> Cut:
    """Return the events of a batch.

    Raises:
        NotJsonError, NotABatchError, TooManyEventsError: the request as a whole is refused.
    """
    try:
        whole = _BATCH.decode(body)
        context = None if whole.context is None else bytes(whole.context)
        cut = Cut([bytes(raw) for raw in whole.batch], context)
    except msgspec.ValidationError:
        raise NotABatchError from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        if not (_NOT_A_NUMBER.search(body) or _SURROGATE.search(body)) or not _reads_loosely(body, float):
            raise NotJsonError from None
        cut = Cut(_salvaged(body))
    except RecursionError:
        cut = Cut(_salvaged(body))
    if len(cut.raws) > BATCH_EVENTS_MAX:
        raise TooManyEventsError(most=BATCH_EVENTS_MAX)
    return cut


def cut_single(body: bytes) -> Cut:
    """Return the one event of a body.

    Raises:
        NotJsonError, NotAnEventError: the request is refused.
    """
    try:
        _EVENT.decode(body)
    except msgspec.ValidationError:
        raise NotAnEventError from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        if not _SURROGATE.search(body) or not _reads_loosely(body, _refuse_constant):
            raise NotJsonError from None
    except RecursionError:
        pass  # the gate quarantines it, as what was let through just above
    return Cut([body.strip()])


def _reads_loosely(body: bytes, constant: Callable[[str], float]) -> bool:
    """Tell whether a parser that minds no surrogates can read a body; `constant` takes NaN and Infinity."""
    try:
        json.loads(body, parse_constant=constant)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _salvaged(body: bytes) -> list[bytes]:
    """Cut the elements of the list `batch` apart by brackets and commas only.

    Raises:
        NotABatchError: the brackets do not match, or there is no such list.
    """
    elements: list[bytes] = []
    depth, start, begun = 0, 0, False
    last_two: tuple[bytes, bytes] = (b"", b"")
    for token in _TOKEN.finditer(body):
        mark = token[0]
        if mark in (b"[", b"{"):
            depth += 1
            if mark == b"[" and depth == _ELEMENT_DEPTH and last_two == (b'"batch"', b":"):
                start, begun, elements = token.end(), True, []
        elif begun and depth == _ELEMENT_DEPTH and mark in (b",", b"]"):
            elements.append(body[start : token.start()].strip())
            start, begun = token.end(), mark == b","
            depth -= mark == b"]"
        elif mark in (b"]", b"}"):
            depth -= 1
        last_two = (last_two[1], mark)
    if depth != 0 or not elements:
        raise NotABatchError
    return elements
