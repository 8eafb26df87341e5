"""What things are called on pages: kinds, purposes, traits, reasons, and a rule said as a sentence.

Sentences are composed in the language of the page; the parts stand in the catalogue. Deliberately not here: layout.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from keyuan.consent import Purpose
from keyuan.kernel.sentences import mark
from keyuan.ledger import Kind
from keyuan.profiles.catalogue import TRAITS, Trait
from keyuan.profiles.traits import Value
from keyuan.segments import Segment
from keyuan.web.pages.formats import Formats
from keyuan.web.pages.i18n import Translator

KINDS: Final[Mapping[Kind, str]] = {
    Kind.AWARD: mark("Earn"),
    Kind.REDEEM: mark("Redeem"),
    Kind.HOLD: mark("Hold"),
    Kind.CAPTURE: mark("Capture"),
    Kind.VOID: mark("Void"),
    Kind.EXPIRE: mark("Expire"),
}
BUDGET_KINDS: Final[Mapping[Kind, str]] = {
    Kind.FUND: mark("Budget granted"),
    Kind.RESERVE: mark("Set aside for coupons"),
    Kind.SPEND: mark("Spent on a coupon"),
    Kind.RELEASE: mark("Set free again"),
}
PURPOSES: Final[Mapping[Purpose, str]] = {
    Purpose.LOYALTY: mark("Loyalty programme"),
    Purpose.PERSONALISATION: mark("Personalisation"),
    Purpose.MARKETING_EMAIL: mark("Marketing e-mail"),
}
EVENTS: Final[Mapping[str, str]] = {
    "order": mark("Order"),
    "coupon_redeemed": mark("Used a coupon"),
    "campaign_sent": mark("Was sent a campaign"),
}
SOURCES: Final[Mapping[str, str]] = {
    "orders": mark("Computed from orders"),
    "lines": mark("Computed from the lines of orders"),
    "orders and lines": mark("Computed from orders and their lines"),
    "coupon redemptions": mark("Counted from used coupons"),
    "campaign sends": mark("Counted from campaigns sent"),
    "declared": mark("As the customer said"),
}
_KIND_WORDS: Final[Mapping[str, str]] = {
    "int64": mark("whole number"),
    "decimal": mark("decimal number"),
    "text": mark("text"),
    "list": mark("list of text"),
}
_BESIDE_DIGITS: Final = re.compile(r"(?<=[\u4e00-\u9fff])(?=\d)|(?<=\d)(?=[\u4e00-\u9fff])")
BY_NAME: Final[Mapping[str, Trait]] = {trait.name: trait for trait in TRAITS}


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language and currency."""

    translator: Translator
    say: Formats
    currency: str

    def text(self, message: str) -> str:
        """Say a sentence of the catalogue."""
        return self.translator.gettext(message)

    def label(self, trait: Trait) -> str:
        """Name a trait."""
        return _BESIDE_DIGITS.sub(" ", trait.zh) if self.say.language == "zh" else trait.en

    def title(self, segment: Segment) -> str:
        """Name a segment."""
        return segment.title_zh if self.say.language == "zh" else segment.title_en

    def kind(self, kind: Kind) -> str:
        """Name what an entry did."""
        return self.text(KINDS[kind] if kind in KINDS else BUDGET_KINDS[kind])

    def purpose(self, purpose: Purpose) -> str:
        """Name what consent is for."""
        return self.text(PURPOSES[purpose])

    def event(self, kind: str) -> str:
        """Name what happened; what has no word of its own is shown as it was sent."""
        return self.text(EVENTS[kind]) if kind in EVENTS else kind

    def source(self, trait: Trait) -> str:
        """Say what a trait is made of."""
        return self.text(SOURCES[trait.source])

    def type_of(self, trait: Trait) -> str:
        """Name the type that a trait has in rules."""
        return self.text(_KIND_WORDS[trait.kind])

    def listed(self, names: list[str]) -> str:
        """Put names in a row."""
        return ("、" if self.say.language == "zh" else ", ").join(names)

    def category(self, name: str) -> str:
        """Write a category, which tills send in capitals."""
        return name.capitalize() if name.isupper() else name

    def value(self, trait: Trait, value: Value) -> str:
        """Write the value of a trait."""
        if value is None or value == ():
            return "—"
        if isinstance(value, tuple):
            return self.listed([self.category(each) for each in value])
        if isinstance(value, Decimal):
            is_share = trait.unit == "share 0–1"
            return self.say.share(value) if is_share else self.say.number(value.normalize() + 0)
        return self._whole(trait, value) if isinstance(value, int) else str(value)

    def _whole(self, trait: Trait, value: int) -> str:
        match trait.unit:
            case "minor units":
                return self.say.money(value, self.currency)
            case "ISO weekday 1–7":
                return self.say.weekday(value)
            case "hour 0–23":
                return self.say.hour(value)
            case _:
                return self.say.number(value)
