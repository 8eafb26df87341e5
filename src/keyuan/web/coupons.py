"""Coupons at the till: `POST /v1/coupons/redeem` uses a code for an order, once.

The till shows a write key, as it does to send events. Deliberately not here: what using a coupon does
(`flows.campaign_redeem`). Neither codes nor orders are logged or repeated.
"""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets
from keyuan.flows.campaign_redeem import Paid, redeem_now
from keyuan.web.admission import Admission
from keyuan.web.body import inflated, read_body
from keyuan.web.write_keys import WriteKeys

WAITING_MAX = 64
_Text = Annotated[str, Meta(min_length=1, max_length=256)]


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    code: _Text
    order_id: _Text


_ASKED = msgspec.json.Decoder(_Asked)


class Coupons:
    """The handler of the one route."""

    def __init__(self, database: Database, secrets: Secrets, keys: WriteKeys, now: Callable[[], datetime]) -> None:
        self._database = database
        self._secrets = secrets
        self._keys = keys
        self._now = now
        self._admission = Admission(WAITING_MAX)

    def routes(self) -> list[Route]:
        """Return the route to put into an app."""
        return [Route("/v1/coupons/redeem", self._redeem, methods=["POST"])]

    async def _redeem(self, request: Request) -> Response:
        with self._admission.enter():
            source = await self._keys.source_of(request)
            asked = _read(inflated(await read_body(request)))
            paid = await run_in_threadpool(self._use, source.tenant, asked)
        return Response(msgspec.json.encode(paid._asdict()), media_type="application/json")

    def _use(self, tenant: int, asked: _Asked) -> Paid:
        with self._database.transaction(tenant) as session:
            return redeem_now(session, self._secrets, asked.code, asked.order_id, self._now())


def _read(body: bytes) -> _Asked:
    try:
        return _ASKED.decode(body)
    except (msgspec.DecodeError, UnicodeError):
        detail = "The body must be a JSON object with code and order_id, texts of 1 to 256 characters."
        raise HTTPException(HTTPStatus.BAD_REQUEST, detail) from None
