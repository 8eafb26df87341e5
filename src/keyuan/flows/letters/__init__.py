"""What letters say, in Chinese and English: plain text and the same as simple HTML.

Nothing in them is loaded from anywhere, and nothing tells whether they were opened. Each says why she gets it, and how
to get no more. Deliberately not here: to whom they go (`deliver`), and how they travel (`engines.mail`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, Final, NamedTuple

from babel.dates import format_date
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from keyuan.kernel.money import exponent, symbol

LANGUAGES: Final[Mapping[str, str]] = {"en": "en", "zh": "zh-CN"}
"""The languages of letters, with the names that mail programs know them by."""
_DAYS: Final = {"en": ("d MMMM y", "en_GB"), "zh": ("y 年 M 月 d 日", "zh_CN")}


class Written(NamedTuple):
    """A letter as it reads."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferLetter:
    """What the letter of an offer tells: what it is worth, until which day, to whom it goes and why."""

    language: str
    shop: str
    title: str
    offer: str
    face_minor: int
    currency: str
    code: str
    last_day: date
    group: str
    unsubscribe: str

    def written(self) -> Written:
        """Return the letter in its language."""
        told: dict[str, Any] = {
            "told": self,
            "face": _money(self.face_minor, self.currency),
            "last_day": _day(self.last_day, self.language),
        }
        text, html = (_template(f"offer.{self.language}.{kind}").render(told) for kind in ("txt", "html"))
        return Written(self.title, text, html)


def _money(minor: int, currency: str) -> str:
    """Return an amount, exactly; whole ones without the places after the point."""
    places = exponent(currency)
    whole, rest = divmod(minor, 10**places)
    return f"{symbol(currency)}{whole:,}" if rest == 0 else f"{symbol(currency)}{Decimal(minor).scaleb(-places):,f}"


def _day(day: date, language: str) -> str:
    pattern, locale = _DAYS[language]
    return format_date(day, pattern, locale)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__package__ or "keyuan.flows.letters"),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _template(name: str) -> Any:
    return _environment().get_template(name)
