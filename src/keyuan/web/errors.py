"""Errors on the web: RFC 9457 problem details, the one place where our errors meet HTTP codes.

Deliberately not here: pages for people. A problem never repeats what was sent.
"""

import json
import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

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


async def _on_any_error(_: Request, error: Exception) -> Response:
    return _unexpected(error)


def _unexpected(error: Exception) -> Response:
    """Name the kind of error only: its message may hold personal data."""
    _log.error("unexpected %s", type(error).__name__)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here; it was logged.")


def install(app: FastAPI) -> None:
    """Let all errors of an app answer as problem details."""
    app.add_exception_handler(KeyuanError, _on_keyuan_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(Exception, _on_any_error)
