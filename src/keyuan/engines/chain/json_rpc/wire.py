"""One question to a node over HTTP and its answer, with limits on time and size; a connection is used again.

Everything asked here may be asked twice, sending a signed transaction too: its bytes are the same. So a connection
that turns out closed is opened again once.
Units: seconds; bytes.
"""

import base64
import http.client
import json
import threading
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from keyuan.engines.chain.json_rpc import words
from keyuan.engines.chain.model import ChainAnswerError, ChainUnreachableError
from keyuan.kernel.errors import InputError, RefusedError

_ANSWER_MAX: Final = 64 * 1024 * 1024
_OK: Final = 200


class NodeAddressError(InputError):
    """The chain's address must be an http:// or https:// URL."""


class NodeRefusalError(RefusedError):
    """The node answered with an error."""

    def __init__(self, code: int, text: str, data: object, **facts: object) -> None:
        self.code, self.text, self.data = code, text, data
        super().__init__(f"The chain's node refused: {text}", code=code, **facts)


class Wire:
    """Questions to the node at one address. May be used by several threads, one question at a time."""

    def __init__(self, url: str, *, timeout_s: float = 10.0, answer_max: int = _ANSWER_MAX) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NodeAddressError
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=timeout_s)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Content-Type": "application/json"}
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            self._headers["Authorization"] = "Basic " + base64.b64encode(login).decode()
        self._answer_max = answer_max
        self._lock = threading.Lock()
        self._asked = 0

    def ask(self, method: str, *arguments: object) -> Any:
        """Return the node's result.

        Raises:
            ChainUnreachableError: no answer, or none in time.
            ChainAnswerError: the answer is not one of JSON-RPC.
            NodeRefusalError: the node's own error.
        """
        with self._lock:
            self._asked += 1
            number = self._asked
            question = {"jsonrpc": "2.0", "id": number, "method": method, "params": arguments}
            body = self._post(json.dumps(question).encode(), method)
        try:
            found = json.loads(body)
        except ValueError as error:
            raise ChainAnswerError(method=method) from error
        if not words.is_object(found) or found.get("id") != number:
            raise ChainAnswerError(method=method)
        wrong = found.get("error")
        if words.is_object(wrong):
            raise NodeRefusalError(int(wrong.get("code", 0)), str(wrong.get("message", "")), wrong.get("data"))
        if "result" not in found:
            raise ChainAnswerError(method=method)
        return found["result"]

    def _post(self, body: bytes, method: str) -> bytes:
        for last in (False, True):
            try:
                return self._exchange(body, method)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                # A node that was restarted has closed what was open; only that is worth a second try at once.
                if last or not isinstance(error, ConnectionError | http.client.HTTPException):
                    raise ChainUnreachableError(method=method, reason=type(error).__name__) from error
        raise ChainUnreachableError(method=method)

    def _exchange(self, body: bytes, method: str) -> bytes:
        self._connection.request("POST", self._path, body, self._headers)
        reply = self._connection.getresponse()
        found = reply.read(self._answer_max + 1)
        if len(found) > self._answer_max:
            self._connection.close()
            raise ChainAnswerError(
                "The chain's node answered more than is read.", method=method, limit=self._answer_max
            )
        if reply.status != _OK and not found.lstrip().startswith(b"{"):
            raise ChainUnreachableError(method=method, status=reply.status)
        return found

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()
