"""Numbers, money and dates as they stand on pages.

Exact below 10,000; then Chinese counts in 万 and 亿, English in k and M. Tables and the ledger are always exact. Signs
are true minus (U+2212) and explicit plus on differences. Deliberately not here: words (`i18n`).
Units: money in whole minor units of a currency; instants are aware UTC datetimes.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from keyuan.kernel.money import exponent, symbol
from keyuan.web.pages.i18n import Language

MINUS: Final = "−"  # the sign, not the hyphen
_EXACT_BELOW: Final = 10_000
_SCALES: Final[dict[Language, tuple[tuple[int, str, int], ...]]] = {
    "zh": ((10**8, " 亿", 2), (10**4, " 万", 1)),
    "en": ((10**9, "B", 2), (10**6, "M", 2), (10**3, "k", 1)),
}
_MONTHS: Final = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_WEEKDAYS: Final[dict[Language, list[str]]] = {
    "zh": ["周一", "周二", "周三", "周四", "周五", "周六", "周日"],
    "en": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
}


@dataclass(frozen=True, slots=True)
class Formats:
    """The formats of one language."""

    language: Language

    def number(self, value: float | Decimal) -> str:
        """Exact, with commas."""
        return f"{value:,}".replace("-", MINUS)

    def signed(self, value: int) -> str:
        """A difference: always with its sign, but for 0."""
        return f"+{value:,}" if value > 0 else self.number(value)

    def short(self, value: int) -> str:
        """A figure at a glance."""
        sign, size = (MINUS, -value) if value < 0 else ("", value)
        if size >= _EXACT_BELOW:
            for unit, name, places in _SCALES[self.language]:
                if size >= unit:
                    return f"{sign}{size / unit:,.{places}f}{name}"
        return f"{sign}{size:,}"

    def money(self, minor: int, currency: str, *, cents: bool = True) -> str:
        """An amount, its sign first: −$1,243.50."""
        places = exponent(currency)
        major = Decimal(abs(minor)).scaleb(-places)
        words = f"{major:,.{places if cents else 0}f}"
        return f"{MINUS if minor < 0 else ''}{symbol(currency)}{words}"

    def money_short(self, minor: int, currency: str) -> str:
        """An amount at a glance, without cents."""
        whole = round(Decimal(abs(minor)).scaleb(-exponent(currency)))
        return f"{MINUS if minor < 0 else ''}{symbol(currency)}{self.short(whole)}"

    def share(self, value: float | Decimal) -> str:
        """A share of 1 as a percentage with one decimal."""
        return f"{value * 100:.1f}%".replace("-", MINUS)

    def day(self, at: date) -> str:
        """A day without its year: 12 月 29 日, 29 Dec."""
        return f"{at.month} 月 {at.day} 日" if self.language == "zh" else f"{at.day} {_MONTHS[at.month - 1]}"

    def full_day(self, at: date) -> str:
        """A day with its year: 2017 年 12 月 29 日, 29 Dec 2017."""
        return f"{at.year} 年 {self.day(at)}" if self.language == "zh" else f"{self.day(at)} {at.year}"

    def tick(self, at: date) -> str:
        """A day under an axis: 7/2, 2 Jul."""
        return f"{at.month}/{at.day}" if self.language == "zh" else self.day(at)

    def month(self, at: date) -> str:
        """A month under an axis: 2月, Feb."""
        return f"{at.month}月" if self.language == "zh" else _MONTHS[at.month - 1]

    def year_month(self, at: date) -> str:
        """A month with its year."""
        return f"{at.year} 年 {at.month} 月" if self.language == "zh" else f"{_MONTHS[at.month - 1]} {at.year}"

    def minute(self, at: datetime) -> str:
        """A day and time: 12 月 29 日 00:02."""
        return f"{self.day(at)} {at:%H:%M}"

    def iso(self, at: datetime) -> str:
        """As in the ledger: 2017-12-30 22:55:13; the column says UTC."""
        return f"{at:%Y-%m-%d %H:%M:%S}"

    def iso_day(self, at: date) -> str:
        """As in the ledger: 2017-12-30."""
        return f"{at:%Y-%m-%d}"

    def weekday(self, number: int) -> str:
        """The name of an ISO weekday, 1 Monday."""
        return _WEEKDAYS[self.language][number - 1]

    def hour(self, hour: int) -> str:
        """The name of an hour of the day."""
        return f"{hour} 点" if self.language == "zh" else f"{hour}:00"

    def days_ago(self, days: int) -> str:
        """How long ago, in days."""
        if self.language == "zh":
            return "今天" if days == 0 else f"{days} 天前"
        return "today" if days == 0 else f"{days} day{'' if days == 1 else 's'} ago"
