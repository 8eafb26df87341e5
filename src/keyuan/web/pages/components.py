"""A page with every design token and component, in both languages: what pages are built from."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyuan.web.pages.i18n import language_of, translator
from keyuan.web.pages.render import page

TOKENS: Final = (
    "canvas", "surface", "sunken", "line", "line2", "ink", "ink2", "ink3", "accent", "wash",
    "good", "warn", "bad", "c1", "c2", "c3", "c4", "cx", "c0", "grid",
)  # fmt: skip
_NUMBERS: Final = [str(number) for number in range(1, 9)]
_CAME: Final = [820, 900, 870, 960, 1010, 990, 1080, 1106]
_BACK: Final = [210, 260, 190, 240, 230, 250, 270, 180]
_GONE: Final = [-180, -170, -220, -150, -210, -260, -190, -240]
_TICKS: Final = {
    "line": {"bottom": 0, "top": 1_500, "step": 500, "ticks": ["0", "500", "1,000", "1,500"]},
    "bars": {"bottom": -400, "top": 400, "step": 200, "ticks": ["−400", "−200", "0", "200", "400"]},
}
_DRAWN: Final[dict[str, dict[str, Any]]] = {
    "line": _TICKS["line"]
    | {"kind": "line", "labels": _NUMBERS, "tips": _NUMBERS, "values": _CAME, "last": f"{_CAME[-1]:,}"},
    "bars": _TICKS["bars"]
    | {
        "kind": "bars",
        "labels": _NUMBERS,
        "tips": _NUMBERS,
        "series": [{"tone": "c3", "values": _BACK}, {"tone": "c0", "values": _GONE}],
        "net": [back + gone for back, gone in zip(_BACK, _GONE, strict=True)],
    },
    "heat": {
        "kind": "heat",
        "columns": _NUMBERS[:6],
        "rows": _NUMBERS[:6],
        "cells": [[column, row, share / 10, f"{share * 10}%"] for row in range(6) for column in range(6 - row)
                  for share in [9 - column - row // 2]],
        "tips": [],
    },
}  # fmt: skip
"""Made-up charts, as the script draws them; what each field means is said in `console.plots`."""


def routes() -> list[Route]:
    """Return the route of the page."""
    return [Route(f"/{language}/components", _components, methods=["GET"]) for language in ("zh", "en")]


async def _components(request: Request) -> Response:
    say = translator(language_of(request)).gettext
    plots: list[tuple[str, str, str, list[tuple[str, str]]]] = [
        ("line", say("How many customers come each week?"), say("customers"), []),
        (
            "bars",
            say("Do more come than stay away?"),
            say("customers"),
            [("f3", say("Back after a gap")), ("f0", say("Did not come again")), ("fk", say("Net"))],
        ),
        (
            "heat",
            say("Do they come again after the first order?"),
            say("share of those who first ordered in a month, by months after"),
            [],
        ),
    ]
    return page(request, "components.html", {"tokens": TOKENS, "plots": plots, "drawn": _DRAWN})
