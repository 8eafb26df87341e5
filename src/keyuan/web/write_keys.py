"""Write keys on requests: HTTP Basic with the key as user name, checked against the tenant's sources.

Answers are remembered for a short time, refusals too; a revoked key therefore works for that long at most.
"""

import base64
import binascii
import time
from collections.abc import Callable
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from keyuan.engines.database import Database
from keyuan.events import Source, source_of_key, tenant_of_key

REMEMBER_S = 10.0
_REMEMBER_MAX = 4_096
_HEADER_MAX = 500
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="keyuan", charset="UTF-8"'}


def key_of(authorization: str) -> str | None:
    """Return the user name of a Basic header; None if there is none. Clients leave the password empty."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic" or len(credentials) > _HEADER_MAX:
        return None
    try:
        return base64.b64decode(credentials, validate=True).decode("ascii").partition(":")[0]
    except (binascii.Error, ValueError):
        return None


class WriteKeys:
    """Finds the source that a write key belongs to."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._remembered: dict[str, tuple[Source | None, float]] = {}

    async def source_of(self, request: Request) -> Source:
        """Return the source that a request comes from.

        Raises:
            HTTPException: 401, it has no write key that holds.
        """
        key = key_of(request.headers.get("authorization", ""))
        if key is not None:
            known, source = self.remembered(key)
            if not known:
                source = await run_in_threadpool(self.look_up, key)
            if source is not None:
                return source
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "Give a write key as user name of HTTP Basic.", _CHALLENGE)

    def remembered(self, key: str) -> tuple[bool, Source | None]:
        """Return whether the answer is known, and the answer; never waits."""
        source, until = self._remembered.get(key, (None, 0.0))
        return until > self._monotonic(), source

    def look_up(self, key: str) -> Source | None:
        """Return the source of a key from the database, and remember the answer.

        Raises:
            EngineError: the database does not answer.
        """
        tenant = tenant_of_key(key)
        if tenant is None:
            return None
        with self._database.transaction(tenant) as session:
            source = source_of_key(session, key)
        if len(self._remembered) >= _REMEMBER_MAX:
            self._remembered.clear()
        self._remembered[key] = (source, self._monotonic() + REMEMBER_S)
        return source
