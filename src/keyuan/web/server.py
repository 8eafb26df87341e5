"""The web server: one FastAPI app with the intake and the health routes; errors as problem details.

Deliberately not here: running it (`app`), and pages. The access log stays off (`uvicorn_options`): a query string or
a path may hold personal data.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware

from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets
from keyuan.events.intake import Plan
from keyuan.kernel.clock import system_now
from keyuan.web import errors, health
from keyuan.web.appender import Appender, group_writer
from keyuan.web.chain import ChainRpc, OpenChain
from keyuan.web.console import Console
from keyuan.web.coupons import Coupons
from keyuan.web.intake import Intake, Patience
from keyuan.web.pages import built, components, static_routes
from keyuan.web.streams import Server, Streams
from keyuan.web.wallet.routes import routes as wallet_routes
from keyuan.web.write_keys import WriteKeys

PACKED_FROM: Final = 1_000
"""Answers of so many bytes are sent compressed. Secrets on a page cannot be guessed from its size by another site: our
cookies do not go along with what that site asks for."""
_PATIENCE = Patience()


def make_app(
    database: Database,
    secrets: Secrets,
    *,
    tenant: int = 1,
    now: Callable[[], datetime] = system_now,
    plan: Plan | None = None,
    patience: Patience = _PATIENCE,
    open_chain: OpenChain | None = None,
) -> FastAPI:
    """Return the app; its appender starts and stops with it.

    `tenant` is the one that `/readyz` asks for; with `open_chain` there is a `/rpc` over the embedded chain.
    """
    built.tell_missing()
    appender = Appender(group_writer(database, secrets, now))
    write_keys = WriteKeys(database)
    intake = Intake(write_keys, appender, now=now, plan=plan, patience=patience)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
        appender.start()
        try:
            yield
        finally:
            appender.close()

    app = FastAPI(title="Keyuan", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.streams = streams = Streams()
    app.router.routes.extend([*intake.routes(), *health.routes(health.check_database(database, tenant))])
    app.router.routes.extend(Coupons(database, secrets, write_keys, now).routes())
    app.router.routes.extend(
        [*static_routes(), *components.routes(), *Console(database, secrets, tenant, now, streams).routes()]
    )
    app.router.routes.extend(wallet_routes(database, secrets, rpc="/rpc" if open_chain is not None else ""))
    if open_chain is not None:
        app.router.routes.extend(ChainRpc(open_chain).routes())
    app.add_middleware(GZipMiddleware, minimum_size=PACKED_FROM, compresslevel=6)
    errors.install(app)
    return app


def make_server(app: FastAPI, **where: Any) -> Server:
    """Return what serves an app, at a host and port or on sockets that are given to it."""
    return Server(uvicorn.Config(app, **where, **uvicorn_options()), app.state.streams)


def uvicorn_options() -> dict[str, Any]:
    """Return what uvicorn is run with besides host and port."""
    return {
        "access_log": False,
        "log_level": "warning",
        "server_header": False,
        "timeout_keep_alive": 75,
        "timeout_graceful_shutdown": 10,
        "ws": "none",
    }
