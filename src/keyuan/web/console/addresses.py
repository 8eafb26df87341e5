"""Filters live in the address: what was chosen is read from it, and every choice is another address."""

from collections.abc import Mapping
from datetime import MAXYEAR, UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request

_NUMBER_DIGITS_MAX = 18


def number(request: Request, name: str) -> int | None:
    """Return a number of the query; what is none is left out, as if it was not given."""
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS_MAX else None


def code(request: Request, name: str) -> UUID | None:
    """Return an id of the query."""
    try:
        return UUID(request.query_params.get(name, ""))
    except ValueError:
        return None


def day(request: Request, name: str) -> datetime | None:
    """Return the beginning of a day, in UTC."""
    try:
        return datetime.strptime(request.query_params.get(name, ""), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def after(at: datetime | None) -> datetime | None:
    """Return the end of a day: a filter includes its last one."""
    return None if at is None or at.year == MAXYEAR else at + timedelta(days=1)


def changed(request: Request, **changes: object) -> str:
    """Return the address of the same page with other filters; None takes one away."""
    kept: Mapping[str, str] = dict(request.query_params)
    found = {**kept, **{name: None if value is None else str(value) for name, value in changes.items()}}
    query = urlencode({name: value for name, value in found.items() if value})
    return f"{request.url.path}?{query}" if query else request.url.path


def with_query(address: str, **query: object) -> str:
    """Return an address with a query."""
    return f"{address}?{urlencode(query)}"
