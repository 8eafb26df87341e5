"""Is the process up (`/livez`), and can it serve (`/readyz`): the database answers and holds our tables."""

from collections.abc import Callable
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from keyuan.engines.database import Database
from keyuan.events.reads import log_exists
from keyuan.kernel.errors import EngineError
from keyuan.web.errors import RETRY_AFTER_S, problem


def check_database(database: Database, tenant: int) -> Callable[[], bool]:
    """Return a function that tells whether the database answers and was migrated."""

    def ready() -> bool:
        with database.transaction(tenant) as session:
            return log_exists(session)

    return ready


def routes(ready: Callable[[], bool]) -> list[Route]:
    """Return the two routes."""

    async def livez(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        try:
            if await run_in_threadpool(ready):
                return JSONResponse({"status": "ok"})
        except EngineError:
            pass
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "The database is not ready.", headers)

    return [Route("/livez", livez, methods=["GET"]), Route("/readyz", readyz, methods=["GET"])]
