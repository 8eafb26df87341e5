"""Errors on the web: RFC 9457 problem details, the one place where our errors meet HTTP codes.

Deliberately not here: pages for people. A problem never repeats what was sent.
"""

import json
import logging
import traceback
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keyuan.events.intake.requests import TooManyEventsError
from keyuan.kernel.errors import (
    ConflictError,
    CorruptionError,
    EngineError,
    InputError,
    KeyuanError,
    MissingError,
    RefusedError,
)

RETRY_AFTER_S = 2
_log = logging.getLogger(__name__)
_STATUS: tuple[tuple[type[KeyuanError], HTTPStatus], ...] = (
    (TooManyEventsError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (InputError, HTTPStatus.BAD_REQUEST),
    (MissingError, HTTPStatus.NOT_FOUND),
    (ConflictError, HTTPStatus.CONFLICT),
    (RefusedError, HTTPStatus.FORBIDDEN),
    (EngineError, HTTPStatus.SERVICE_UNAVAILABLE),
    (CorruptionError, HTTPStatus.INTERNAL_SERVER_ERROR),
)


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Return a problem details answer."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(json.dumps(body), status, headers, "application/problem+json")


def problem_of(error: KeyuanError) -> Response:
    """Return the answer to one of our errors."""
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        _log.warning("not available: %s", type(error).__name__)
        return problem(status, "Try again in a moment.", {"Retry-After": str(RETRY_AFTER_S)})
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("%s", type(error).__name__)
        return problem(status, "Something contradicts itself here; it was logged.")
    return problem(status, error.message)


async def _on_keyuan_error(_: Request, error: Exception) -> Response:
    return problem_of(error) if isinstance(error, KeyuanError) else _unexpected(error)


async def _on_http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return _unexpected(error)
    headers = dict(error.headers) if error.headers else None
    return problem(error.status_code, str(error.detail), headers)


async def _on_validation_error(_: Request, error: Exception) -> Response:
    """Say which fields are wrong and why; what was sent is not repeated."""
    if not isinstance(error, RequestValidationError):
        return _unexpected(error)
    faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, faults)


def _unexpected(error: Exception) -> Response:
    """Say where it happened, and the kind of error only: its message may hold personal data."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    _log.error("unexpected %s at\n%s", type(error).__name__, frames)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here; it was logged.")


class Unexpected:
    """ASGI middleware: an error that nobody expected is answered and logged here, before a server logs its message."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything through; answer 500 if that fails before an answer has begun."""
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:  # noqa: BLE001  # the last place that can keep a message out of the server's log
            response = _unexpected(error)
            if scope["type"] == "http" and not begun:
                await response(scope, receive, send)


def install(app: FastAPI) -> None:
    """Let all errors of an app answer as problem details."""
    app.add_exception_handler(KeyuanError, _on_keyuan_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_middleware(Unexpected)
