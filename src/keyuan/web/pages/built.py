"""Scripts of others that pages load: built by `make pages` from locked packages, carried by the wheel, never committed.

Pages read without them: a page whose script was not built leaves it out. Deliberately not here: our own scripts, which
stand beside the pages that use them, and the building (`frontend`).
"""

import logging
from collections.abc import Callable
from importlib import resources
from typing import Final

from markupsafe import Markup

SCRIPTS: Final = ("htmx.js", "sse.js", "charts.js")
"""htmx, its extension for server-sent events, and ECharts with the charts we draw."""
_log = logging.getLogger(__name__)


def is_built(name: str) -> bool:
    """Whether a script is there."""
    return resources.files("keyuan.web").joinpath("pages", "static", "built", name).is_file()


def tell_missing() -> None:
    """Say once, at start, that scripts are missing and how to make them."""
    missing = [name for name in SCRIPTS if not is_built(name)]
    if missing:
        _log.error(
            "pages are served without scripts, because %s %s not built: run `make pages` (it needs npm, or a Node from "
            "PyPI, which it installs), then start again",
            ", ".join(missing),
            "was" if len(missing) == 1 else "were",
        )


def loader(address: Callable[[str], str]) -> Callable[..., Markup]:
    """Return what templates call to load scripts, in order; it needs to know where static files are."""

    def scripts(*names: str) -> Markup:
        found = [Markup('<script src="{}" defer></script>').format(address(f"built/{name}"))
                 for name in names if is_built(name)]  # fmt: skip
        return Markup("\n").join(found)

    return scripts
