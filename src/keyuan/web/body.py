"""Request bodies: read with a limit, inflated with a limit.

A gzip body is known by its first bytes: some clients label it as form data, or not at all. Nothing is kept beyond
the limit, so a small body that inflates to gigabytes costs no more than an honest one.
Units: bytes after inflation.
"""

import asyncio
import zlib
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

BODY_BYTES_MAX = 512_000
READ_S_MAX = 15.0
_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_MEMBERS_MAX = 16
_KNOWN_ENCODINGS = ("", "identity", "gzip", "x-gzip")


async def read_body(request: Request) -> bytes:
    """Return the body as it was sent.

    Raises:
        HTTPException: 413 too large, 408 too slow, 400 broken off, 415 an encoding that is not gzip.
    """
    if request.headers.get("content-encoding", "").strip().lower() not in _KNOWN_ENCODINGS:
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The only content encoding is gzip.")
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > BODY_BYTES_MAX:
        raise _too_large()
    try:
        async with asyncio.timeout(READ_S_MAX):
            return await _collect(request)
    except TimeoutError:
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, "The body came too slowly.") from None
    except ClientDisconnect:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "The body broke off.") from None


async def _collect(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise _too_large()
    return bytes(body)


def inflated(body: bytes) -> bytes:
    """Return a body inflated if it is gzip, else as it is.

    Raises:
        HTTPException: 413 too large once inflated, 400 damaged.
    """
    if not body.startswith(_GZIP):
        return body
    whole = bytearray()
    for _ in range(_MEMBERS_MAX):  # gzip files may follow each other
        engine = zlib.decompressobj(_GZIP_WINDOW)
        try:
            whole += engine.decompress(body, BODY_BYTES_MAX + 1 - len(whole))
        except zlib.error:
            raise _damaged() from None
        if len(whole) > BODY_BYTES_MAX:
            raise _too_large()
        if not engine.eof:
            raise _damaged()
        body = engine.unused_data
        if not body.startswith(_GZIP):
            return bytes(whole)
    raise _damaged()


def _too_large() -> HTTPException:
    detail = f"A request may have at most {BODY_BYTES_MAX} bytes after inflation."
    return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, {"Connection": "close"})


def _damaged() -> HTTPException:
    return HTTPException(HTTPStatus.BAD_REQUEST, "The gzip body is damaged.")
