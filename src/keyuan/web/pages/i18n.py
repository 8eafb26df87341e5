"""Two languages: message catalogues, and which language an address asks for.

English sentences in the code are the names of messages; the Chinese ones in `locale/zh/*.po` are written first, not
translated, and a test keeps them whole. One file per part of the site, all read at start.
Deliberately not here: numbers, money and dates (`formats`).
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final, Literal, cast

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from starlette.requests import Request

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
LANG_ATTRIBUTE: Final[Mapping[Language, str]] = {"zh": "zh-CN", "en": "en"}
LANGUAGE_NAMES: Final[Mapping[Language, str]] = {"zh": "中文", "en": "English"}


class Translator:
    """Sentences of one language, as Jinja and Python ask for them."""

    def __init__(self, language: Language, catalogue: Mapping[tuple[str | None, str], str]) -> None:
        self.language: Language = language
        self._catalogue = catalogue

    def gettext(self, message: str) -> str:
        """Return a sentence."""
        return self._catalogue.get((None, message), message)

    def pgettext(self, context: str, message: str) -> str:
        """Return a sentence whose English alone says too little."""
        return self._catalogue.get((context, message), message)

    def ngettext(self, singular: str, plural: str, count: int) -> str:
        """Return a sentence for a number of things; Chinese has one form."""
        return self._catalogue.get((None, singular), singular if count == 1 else plural)

    def npgettext(self, context: str, singular: str, plural: str, count: int) -> str:
        """Return a sentence for a number of things, in a context."""
        return self._catalogue.get((context, singular), singular if count == 1 else plural)


@cache
def translator(language: Language) -> Translator:
    """Return the sentences of a language; read once."""
    return Translator(language, {} if language == "en" else catalogue(language))


def catalogue(language: Language) -> dict[tuple[str | None, str], str]:
    """Return all sentences that a language's files hold, by context and message."""
    folder = resources.files("keyuan.web").joinpath("locale", language)
    found: dict[tuple[str | None, str], str] = {}
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".po"):
            with file.open("rb") as text:
                found |= _sentences(read_po(text, locale=language, abort_invalid=True))
    return found


def _sentences(messages: Catalog) -> dict[tuple[str | None, str], str]:
    found: dict[tuple[str | None, str], str] = {}
    for message in messages:
        name = message.id if isinstance(message.id, str) else message.id[0]
        string: object = message.string
        words = string if isinstance(string, str) else cast("tuple[str, ...]", string or ("",))[0]
        if name and words:
            found[message.context, name] = words
    return found


def language_of(request: Request) -> Language:
    """Return the language of an address; where it names none, the one that the browser prefers."""
    first = request.url.path.split("/")[1]
    for language in LANGUAGES:
        if first == language:
            return language
    wanted = request.headers.get("accept-language", "")
    return "zh" if wanted[:2].lower() == "zh" else "en"


def in_language(request: Request, language: Language) -> str:
    """Return the address of the same page in another language."""
    path = request.url.path.split("/", 2)
    rest = f"/{path[2]}" if len(path) > 2 else ""  # noqa: PLR2004  # "", language, rest
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/{language}{rest}{query}"
