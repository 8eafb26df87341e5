"""The form of a campaign's draft: what was typed, what is wrong with it, and the plan that it makes.

A fault stands beside its field, as a sentence of the catalogue with its facts. Deliberately not here: whether the
campaign may begin (`flows.campaign_checks` decides that on the saved draft).
Units: money is typed in major units and read exactly; shares are typed in per cent; days are UTC, the last included.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from keyuan.campaigns import Campaign, Span
from keyuan.flows.console_campaigns import Plan
from keyuan.kernel.money import MINOR_MAX, AmountError, exponent, parse_minor
from keyuan.kernel.sentences import mark
from keyuan.promotions import Offer

TITLE_CHARACTERS_MAX: Final = 60
HOLDOUT_PERCENT: Final = (5, 50)
DAYS: Final = (7, 366)
LANGUAGES: Final = ("zh", "en")
_YEAR_END: Final = 3000
FIELDS: Final = (
    "title_zh", "title_en", "segment", "offer_zh", "offer_en", "face", "holdout", "from", "to", "budget", "language",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a field cannot be as it is."""

    message: str
    facts: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Choices:
    """What a form may say: the segments there are, the first day that is left, and the money of the programme."""

    segments: Sequence[str]
    today: datetime
    currency: str


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it was filled in: the values as typed, the faults by field, and the plan if there are none."""

    values: Mapping[str, str]
    faults: Mapping[str, Fault]
    plan: Plan | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a form would come to, as far as it says: people are those of the segment now, the arms by their shares."""

    people: int | None
    treated: int | None
    face_minor: int | None
    cost_minor: int | None
    budget_minor: int | None
    window: Span | None


def today_of(now: datetime) -> datetime:
    """Return the first instant of a day, in UTC."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def outlook(values: Mapping[str, str], sizes: Mapping[str, int], choices: Choices) -> Outlook:
    """Return what a form would come to; what cannot be read yet is left open."""
    faults: dict[str, Fault] = {}
    read = _Reader(values, faults)
    people, percent = sizes.get(values["segment"]), read.percent("holdout")
    face, budget = (read.money(name, choices.currency) for name in ("face", "budget"))
    since, until = read.window(choices.today)
    treated = None if people is None or "holdout" in faults else people - round(people * percent / 100)
    return Outlook(
        people=people,
        treated=treated,
        face_minor=None if "face" in faults else face,
        cost_minor=None if treated is None or "face" in faults else treated * face,
        budget_minor=None if "budget" in faults else budget,
        window=None if since is None or until is None or "to" in faults else Span(since, until),
    )


def blank(choices: Choices, segment: str = "") -> dict[str, str]:
    """Return what a new form holds; it begins tomorrow, so that nothing counts from before the launch."""
    first = choices.today + timedelta(days=1)
    return dict.fromkeys(FIELDS, "") | {
        "segment": segment,
        "holdout": "20",
        "from": f"{first:%Y-%m-%d}",
        "to": f"{first + timedelta(days=27):%Y-%m-%d}",
        "language": LANGUAGES[0],
    }


def values_of(campaign: Campaign, offer: Offer) -> dict[str, str]:
    """Return what the form of a draft holds, as it was kept."""
    last = campaign.window.until - timedelta(days=1)
    return {
        "title_zh": campaign.title_zh,
        "title_en": campaign.title_en,
        "segment": campaign.segment,
        "offer_zh": offer.title_zh,
        "offer_en": offer.title_en,
        "face": _major(offer.face_minor, offer.currency),
        "holdout": f"{campaign.holdout * 100:g}",
        "from": f"{campaign.window.since:%Y-%m-%d}",
        "to": f"{last:%Y-%m-%d}",
        "budget": _major(campaign.budget_minor, campaign.currency),
        "language": campaign.language,
    }


def _major(minor: int, currency: str) -> str:
    return f"{Decimal(minor).scaleb(-exponent(currency)):f}"


def filled(form: Mapping[str, str], choices: Choices) -> Filled:
    """Read a form."""
    values = {name: " ".join(form.get(name, "").split()) for name in FIELDS}
    faults: dict[str, Fault] = {}
    read = _Reader(values, faults)
    titles = {name: read.text(name) for name in ("title_zh", "title_en", "offer_zh", "offer_en")}
    segment = read.one_of("segment", choices.segments, Fault(mark("Choose a segment.")))
    language = read.one_of("language", LANGUAGES, Fault(mark("Choose a language.")))
    face, budget = (read.money(name, choices.currency) for name in ("face", "budget"))
    if face and budget and budget < face:
        faults["budget"] = Fault(mark("This is less than one coupon."))
    percent = read.percent("holdout")
    since, until = read.window(choices.today)
    if faults or since is None or until is None:
        return Filled(values, faults, None)
    plan = Plan(
        **titles, segment=segment, face_minor=face, holdout=percent / 100, since=since, until=until,
        budget_minor=budget, language=language,
    )  # fmt: skip
    return Filled(values, faults, plan)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads fields one by one and keeps what is wrong with them."""

    values: Mapping[str, str]
    faults: dict[str, Fault]

    def text(self, name: str) -> str:
        value = self.values[name]
        if not value:
            self.faults[name] = Fault(mark("Write a title; customers read it."))
        elif len(value) > TITLE_CHARACTERS_MAX:
            self.faults[name] = Fault(mark("At most %(n)s characters."), {"n": TITLE_CHARACTERS_MAX})
        return value

    def one_of(self, name: str, choices: Sequence[str], fault: Fault) -> str:
        if self.values[name] not in choices:
            self.faults[name] = fault
        return self.values[name]

    def money(self, name: str, currency: str) -> int:
        try:
            minor = parse_minor(self.values[name], currency)
        except AmountError:
            minor = 0
        if not 0 < minor <= MINOR_MAX:
            self.faults[name] = Fault(mark("Write an amount above zero, such as 5.00."))
        return minor

    def percent(self, name: str) -> int:
        low, high = HOLDOUT_PERCENT
        text = self.values[name].removesuffix("%").strip()
        value = int(text) if text.isascii() and text.isdigit() and len(text) < len("1000") else -1
        if not low <= value <= high:
            self.faults[name] = Fault(mark("A whole number from %(low)s to %(high)s."), {"low": low, "high": high})
        return value

    def window(self, today: datetime) -> tuple[datetime | None, datetime | None]:
        since, last = self._day("from"), self._day("to")
        if since is None or last is None:
            return None, None
        days = (last - since).days + 1
        if since < today:
            self.faults["from"] = Fault(mark("This day is over; begin today or later."))
        if not DAYS[0] <= days <= DAYS[1]:
            self.faults["to"] = Fault(
                mark("The campaign lasts %(low)s to %(high)s days."), {"low": DAYS[0], "high": DAYS[1]}
            )
        return since, last + timedelta(days=1)

    def _day(self, name: str) -> datetime | None:
        try:
            day = datetime.strptime(self.values[name], "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            day = None
        if day is None or day.year >= _YEAR_END:
            self.faults[name] = Fault(mark("Choose a day."))
            return None
        return day
