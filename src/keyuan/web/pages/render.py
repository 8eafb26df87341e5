"""Pages are rendered here: Jinja with autoescape, and an answer with the headers that a page must have.

The policy allows nothing but our own files: no inline script, no inline style, no other host. Deliberately not here:
what a page shows (`console`, `wallet`), and who may see it.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final, cast

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from keyuan.web.pages.built import loader
from keyuan.web.pages.formats import Formats
from keyuan.web.pages.forms import read_form
from keyuan.web.pages.i18n import (
    LANG_ATTRIBUTE,
    LANGUAGE_NAMES,
    LANGUAGES,
    Language,
    in_language,
    language_of,
    translator,
)
from keyuan.web.pages.icons import icon, rings

PARTS: Final = ("pages", "console", "wallet")
"""Parts of the site, each a package with `templates/` and `static/` of its own; names are shared."""
THEMES: Final = ("light", "dark")
THEME_COOKIE: Final = "keyuan_theme"
_POLICY: Final[Mapping[str, str]] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".wasm": "application/wasm"}


def policy(**changed: str) -> str:
    """Return the content security policy; a page that needs more says what, as `connect_src="'self' https:"`."""
    rules = {**_POLICY, **{name.replace("_", "-"): rule for name, rule in changed.items()}}
    return "; ".join(f"{name} {rule}" for name, rule in rules.items())


def page(
    request: Request, template: str, context: Mapping[str, Any], *, status: int = 200, csp: str | None = None
) -> HTMLResponse:
    """Return a page in the language of its address."""
    language = language_of(request)
    html = environment(language).get_template(template).render(
        request=request,
        lang_attribute=LANG_ATTRIBUTE[language],
        other_languages=[(LANGUAGE_NAMES[each], LANG_ATTRIBUTE[each], in_language(request, each))
                         for each in LANGUAGES if each != language],
        here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        theme=theme_of(request),
        **context,
    )  # fmt: skip
    return HTMLResponse(html, status, _HEADERS | {"Content-Security-Policy": csp or policy()})


def fragment(language: Language, template: str, context: Mapping[str, Any]) -> str:
    """Return a part of a page, as it is sent into one that stands open."""
    return environment(language).get_template(template).render(**context)


def redirect(address: str) -> Response:
    """Send a browser on with GET, as after a form."""
    return RedirectResponse(address, 303, _HEADERS)


def inside(address: str, otherwise: str) -> str:
    """Return an address of this site that somebody gave; another one if it leads elsewhere."""
    is_inside = address.startswith("/") and not address.startswith(("//", "/\\")) and "\\" not in address
    return address if is_inside and address.isprintable() else otherwise


def theme_of(request: Request) -> str | None:
    """Return the theme that was chosen; None follows the system."""
    chosen = request.cookies.get(THEME_COOKIE)
    return chosen if chosen in THEMES else None


@cache
def environment(language: Language) -> Environment:
    """Return the templates of all parts of the site, with the words and formats of one language."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(f"keyuan.web.{part}") for part in PARTS if _has(part, "templates")]),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = translator(language)
    cast("Any", made).install_gettext_callables(
        words.gettext, words.ngettext, newstyle=True, pgettext=words.pgettext, npgettext=words.npgettext
    )
    given = {"language": language, "say": Formats(language), "icon": icon, "rings": rings, "static": static_address}
    given |= {"dot": "·" if language == "zh" else " · ", "scripts": loader(static_address)}
    cast("dict[str, Any]", made.globals).update(given)
    return made


@cache
def static_address(name: str) -> str:
    """Return the address of a file of ours, with its digest: whoever has it need not ask again."""
    return f"/static/{name}?v={hashlib.sha256(_bytes(name)).hexdigest()[:12]}"


def static_routes() -> list[Route]:
    """Return the routes of static files and of the choice of a theme."""
    return [
        Route("/static/{name:path}", _static, methods=["GET", "HEAD"]),
        Route("/{language:str}/theme", _choose_theme, methods=["POST"]),
    ]


def _has(part: str, folder: str) -> bool:
    return resources.files("keyuan.web").joinpath(part, folder).is_dir()


def _file(name: str) -> Traversable | None:
    """Return a static file of any part; None if no part has one of this name."""
    for part in PARTS:
        folder = resources.files("keyuan.web").joinpath(part, "static")
        found = folder.joinpath(*name.split("/"))
        if folder.is_dir() and found.is_file():
            return found
    return None


@cache
def _bytes(name: str) -> bytes:
    file = _file(name)
    if file is None:
        raise FileNotFoundError(name)
    return file.read_bytes()


async def _static(request: Request) -> Response:
    """Give a file of ours; names are those that exist, so nothing else can be reached."""
    name: str = request.path_params["name"]
    suffix = name[name.rfind(".") :] if "." in name else ""
    if ".." in name or suffix not in _TYPES or _file(name) is None:
        raise HTTPException(404)
    fresh = "v" in request.query_params
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if fresh else "no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(_bytes(name), 200, headers, _TYPES[suffix])


async def _choose_theme(request: Request) -> Response:
    """Keep the other theme in a cookie and show the same page again."""
    form = await read_form(request)
    to, back = form.get("to", ""), form.get("back", "")
    answer = redirect(inside(back, f"/{language_of(request)}/console"))
    if to in THEMES:
        answer.set_cookie(THEME_COOKIE, to, max_age=31_536_000, httponly=True, samesite="lax")
    else:
        answer.delete_cookie(THEME_COOKIE)
    return answer
