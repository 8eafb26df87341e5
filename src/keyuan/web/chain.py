"""`/rpc`: read-only JSON-RPC over the embedded chain, so that a verifier asks it as it asks any node.

Every answer says that this chain is kept by the operator: whoever does not trust the operator keeps the commitments
from day to day, or anchors on a chain that others keep. Deliberately not here: what is answered
(`engines.chain.json_rpc`), and chains behind a node, which are asked at that node.
"""

import json
from collections.abc import Callable
from http import HTTPStatus

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyuan.engines.chain import ChainReader
from keyuan.engines.chain.json_rpc import answer
from keyuan.kernel.errors import MissingError
from keyuan.web.admission import Admission
from keyuan.web.body import read_body

WAITING_MAX = 16
_HEADERS = {
    "Keyuan-Chain": "embedded; kept-by=operator",
    "Cache-Control": "no-store",
    # Anybody may ask, from any page: nothing here depends on who asks.
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Keyuan-Chain",
}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Max-Age": "86400",
}
OpenChain = Callable[[], ChainReader | None]


class NoChainYetError(MissingError):
    """There is no embedded chain yet; it is made when the first programme's terms are deployed."""


class ChainRpc:
    """The handlers, and the chain once it is there. One request at a time works; running contracts takes a core."""

    def __init__(self, open_chain: OpenChain) -> None:
        self._open_chain = open_chain
        self._chain: ChainReader | None = None
        self._one = CapacityLimiter(1)
        self._admission = Admission(WAITING_MAX)

    def routes(self) -> list[Route]:
        """Return the routes to put into an app."""
        return [
            Route("/rpc", self._tell, methods=["GET"]),
            Route("/rpc", self._ask, methods=["POST"]),
            Route("/rpc", self._preflight, methods=["OPTIONS"]),
        ]

    async def _ask(self, request: Request) -> Response:
        with self._admission.enter():
            body = await read_body(request)
            given = await run_sync(self._answered, body, limiter=self._one)
        status = HTTPStatus.OK if given else HTTPStatus.NO_CONTENT
        return Response(given, status, _HEADERS, "application/json")

    async def _tell(self, _request: Request) -> Response:
        with self._admission.enter():
            chain_id = await run_sync(lambda: self._reader().chain_id(), limiter=self._one)
        label = {"en": "kept by the operator", "zh": "由运营方保管"}
        found = {"chain": "embedded", "chain_id": chain_id, "kept_by": label}
        return Response(json.dumps(found, ensure_ascii=False), 200, _HEADERS, "application/json")

    async def _preflight(self, _request: Request) -> Response:
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=_HEADERS | _PREFLIGHT)

    def _answered(self, body: bytes) -> bytes:
        return answer(self._reader(), body)

    def _reader(self) -> ChainReader:
        if self._chain is None:
            self._chain = self._open_chain()
        if self._chain is None:
            raise NoChainYetError
        return self._chain
