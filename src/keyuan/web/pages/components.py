"""A page with every design token and component, in both languages: what pages are built from."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyuan.web.pages.render import page

TOKENS: Final = (
    "canvas", "surface", "sunken", "line", "line2", "ink", "ink2", "ink3", "accent", "wash",
    "good", "warn", "bad", "c1", "c2", "c3", "c4", "cx", "c0", "grid",
)  # fmt: skip


def routes() -> list[Route]:
    """Return the route of the page."""
    return [Route(f"/{language}/components", _components, methods=["GET"]) for language in ("zh", "en")]


async def _components(request: Request) -> Response:
    return page(request, "components.html", {"tokens": TOKENS})
