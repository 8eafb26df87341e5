"""What the pages of campaigns say: states, verdicts, metrics with their units, and differences as sentences.

Sentences stand in the catalogue. Deliberately not here: figures (`flows.console_reading`) and layout.
Units: money in minor units of the campaign's currency, other metrics are counts per person.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Final, NamedTuple, cast

from keyuan.campaigns import Campaign, Channel, MessageState, Span, State
from keyuan.flows.campaign_checks import Check, Level
from keyuan.flows.campaign_launch import NobodyMovedError, NobodyToTreatError, WrongTimeError
from keyuan.flows.campaign_money import OverBudgetError
from keyuan.flows.console_campaigns import before_of
from keyuan.flows.console_reading import ASKED_SHARE, Figure, Range, Reading, Worth, people_wanted
from keyuan.kernel.errors import RefusedError
from keyuan.kernel.sentences import mark
from keyuan.promotions import Offer
from keyuan.web.console.campaign_form import Fault
from keyuan.web.console.words import Words
from keyuan.web.pages.formats import MINUS

METRICS: Final[Mapping[str, str]] = {
    "orders": mark("Orders per customer"),
    "spend_minor": mark("Spend per customer"),
    "active_weeks": mark("Weeks with an order, per customer"),
}
DEFINITIONS: Final[Mapping[str, str]] = {
    "orders": mark("Orders placed in the window. Somebody who placed none counts as 0."),
    "spend_minor": mark("What those orders came to, added up exactly in the smallest unit of money."),
    "active_weeks": mark("Weeks of seven days, counted from the first day of the window, with at least one order."),
}
_MORE: Final[Mapping[str, str]] = {
    "orders": mark("Treated customers placed %(value)s more orders each"),
    "spend_minor": mark("Treated customers spent %(value)s more each"),
    "active_weeks": mark("Treated customers came in %(value)s more weeks each"),
}
_LESS: Final[Mapping[str, str]] = {
    "orders": mark("Treated customers placed %(value)s fewer orders each"),
    "spend_minor": mark("Treated customers spent %(value)s less each"),
    "active_weeks": mark("Treated customers came in %(value)s fewer weeks each"),
}
VERDICTS: Final[Mapping[str, tuple[str, str]]] = {
    "works": (mark("Works"), "accent"),
    "likely_works": (mark("Likely works"), "accent"),
    "no_effect_seen": (mark("No effect seen"), ""),
    "harmful": (mark("Harmful"), "warn"),
    "too_early": (mark("Too early to say"), ""),
    "no_verdict": (mark("No verdict"), "warn"),
    "false_alarm": (mark("False alarm"), "warn"),
}
ADVICE: Final[Mapping[str, tuple[str, str]]] = {
    "works": (mark("Extend it"), mark("Offer it to more people, again with a hold-out, so that it stays measured.")),
    "likely_works": (mark("Test it again"), mark("Run it once more with other people before you extend it.")),
    "no_effect_seen": (mark("Do not extend it; take the rest of the budget back"), ""),
    "harmful": (mark("Stop it"), mark("Take the rest of the budget back, and look at who was told what.")),
    "too_early": (mark("Wait"), mark("The page changes by itself when there is enough to see.")),
    "no_verdict": (
        mark("Look at the split first"),
        mark("As long as it is off, no figure of this page can be trusted."),
    ),
    "nobody_treated": (
        mark("Nothing to decide"),
        mark("This run checks the method. A campaign of your own is judged in the same way."),
    ),
}
CHANNELS: Final[Mapping[Channel, str]] = {Channel.INBOX: mark("Wallet inbox"), Channel.EMAIL: mark("E-mail")}
MESSAGES: Final[Mapping[MessageState, str]] = {
    MessageState.QUEUED: mark("Not sent yet"),
    MessageState.SENDING: mark("Being sent"),
    MessageState.SENT: mark("Delivered"),
    MessageState.FAILED: mark("Failed"),
    MessageState.WITHHELD: mark("Withheld"),
}
_CHECKS: Final[Mapping[str, tuple[str, str]]] = {
    "people": (mark("People in the segment"), mark("%(people)s now")),
    "arms": (mark("Size of the arms"), mark("about %(treated)s treated, %(held_out)s held out")),
    "email": (mark("Can be reached by e-mail"), mark("%(people)s, that is %(share)s of the segment")),
    "inbox": (mark("Can be reached in the wallet"), mark("%(people)s, that is %(share)s of the segment")),
    "budget": (mark("Budget"), mark("%(expected_minor)s needed, about; %(budget_minor)s there")),
    "window": (mark("Window"), mark("from %(since)s; launched now, %(at)s UTC")),
    "offer": (mark("Time of the coupon"), mark("good from %(valid_from)s to %(valid_until)s")),
    "smallest_effect": (
        mark("What the test can see"),
        mark("a difference of %(effect)s orders each or more, %(share)s of the mean, in 4 of 5 such tests"),
    ),
    "overlap": (mark("Other campaigns"), mark("%(people)s of these people are in another one that is running")),
}
_NO_OVERLAP: Final = mark("none of these people is in another one that is running")
_MENDS: Final[Mapping[tuple[str, Level], str]] = {
    ("people", Level.STOP): mark("Nobody is in it. Choose another segment, or change its rule."),
    ("arms", Level.WARN): mark(
        "With fewer than %(least)s people in an arm there is no verdict. Take a larger segment, or hold out more."
    ),
    ("email", Level.WARN): mark(
        "Fewer than half agreed to marketing e-mail and have an address; the others are reached in the wallet only."
    ),
    ("inbox", Level.WARN): mark("Fewer than half are members of the programme; the others find no message."),
    ("budget", Level.WARN): mark(
        "Chance may treat a few more people than that; with %(most_minor)s it is enough anyway."
    ),
    ("budget", Level.STOP): mark("Raise the budget to %(most_minor)s, lower the face value, or hold out more."),
    ("window", Level.WARN): mark(
        "It has begun: what people did before the launch counts too. Begin tomorrow or later."
    ),
    ("window", Level.STOP): mark("It is over, so nobody can be moved any more. Choose days that are still to come."),
    ("offer", Level.WARN): mark("The coupon is not good for the whole window. Save the draft again, and it will be."),
    ("smallest_effect", Level.WARN): mark(
        "Effects this large are rare, so most likely nothing will be seen. Take a larger segment, or a longer window."
    ),
    ("overlap", Level.WARN): mark(
        "What both of them do cannot be told apart. Wait until %(campaigns)s has ended, or take other people."
    ),
}
_REFUSED: Final[Mapping[type[RefusedError], str]] = {
    OverBudgetError: mark(
        "Not launched: coupons for %(coupons)s treated people come to %(needed_minor)s, and the budget is"
        " %(budget_minor)s. Nothing was sent, and no money moved. Raise the budget, and launch again."
    ),
    NobodyToTreatError: mark("Not launched: nobody would be treated. Nothing was sent, and no money moved."),
    WrongTimeError: mark("Not launched: the window is over. Nothing was sent, and no money moved."),
    NobodyMovedError: mark("Not launched: the window is over. Nothing was sent, and no money moved."),
}
_LEVELS: Final[Mapping[Level, tuple[str, str, str]]] = {
    Level.OK: (mark("In order"), "good", "check"),
    Level.WARN: (mark("To know"), "warn", "alert"),
    Level.STOP: (mark("Stops the launch"), "bad", "stop"),
}
_SENTENCE_ENDS: Final = ("。", "：", ". ", ": ")
_LAST: Final = timedelta(microseconds=1)
_PERCENT_FINE_BELOW: Final = 0.01
_P_SHOWN_MIN: Final = 0.001
_P_FINE_BELOW: Final = 0.1


class CheckWords(NamedTuple):
    """A check in words: its name, its figures, how to mend it, and the word, tone and icon of what it comes to."""

    title: str
    figures: str
    mend: str
    level: str
    tone: str
    icon: str


@dataclass(frozen=True, slots=True)
class CampaignWords:
    """The words of one language and of one campaign's currency."""

    words: Words

    def title(self, campaign: Campaign) -> str:
        """Name a campaign."""
        return campaign.title_zh if self.words.say.language == "zh" else campaign.title_en

    def state(self, campaign: Campaign, now: datetime) -> tuple[str, str]:
        """Say how far a campaign is, and the tone of its tag."""
        if campaign.state is State.DRAFT:
            return self.words.text(mark("Draft")), "outline"
        if campaign.state is State.ENDED:
            return self.words.text(mark("Ended")), ""
        if now >= campaign.window.until:
            return self.words.text(mark("Window is over")), ""
        if now < campaign.window.since:
            return self.words.text(mark("Launched")), "accent"
        return self.words.text(mark("Running")), "accent"

    def offer(self, offer: Offer) -> str:
        """Name an offer."""
        return offer.title_zh if self.words.say.language == "zh" else offer.title_en

    def check(self, check: Check, others: Mapping[str, Campaign]) -> CheckWords:
        """Say what a check found; other campaigns are called by their titles."""
        title, figures = _CHECKS[check.name]
        facts = {name: self._fact(name, fact) for name, fact in check.facts.items()}
        facts["campaigns"] = self.words.listed([self.title(others[name]) for name in _names(check) if name in others])
        figures = _NO_OVERLAP if check.name == "overlap" and check.level is Level.OK else figures
        said = self.words.text(figures) % facts if _is_told(check) else ""
        mend = _MENDS.get((check.name, check.level))
        level, tone, icon = _LEVELS[check.level]
        words = self.words.text(mend) % facts if mend else ""
        return CheckWords(self.words.text(title), said, words, self.words.text(level), tone, icon)

    def refusal(self, refused: RefusedError) -> str:
        """Say why a launch was refused, and what is safe."""
        message = _REFUSED.get(type(refused))
        facts = {name: self._fact(name, fact) for name, fact in refused.facts.items()}
        return refused.message if message is None else self.words.text(message) % facts

    def _fact(self, name: str, fact: object) -> str:
        say = self.words.say
        if isinstance(fact, datetime):
            return say.iso(fact) if name == "at" else say.full_day(fact - _LAST if name.endswith("until") else fact)
        if isinstance(fact, int):
            return say.money(fact, self.words.currency) if name.endswith("_minor") else say.number(fact)
        if isinstance(fact, float):
            return say.share(fact) if name == "share" else f"{fact:.2f}"
        return str(fact)

    def fault(self, fault: Fault) -> str:
        """Say what is wrong with a field."""
        return self.words.text(fault.message) % fault.facts

    def metric(self, name: str) -> str:
        """Name a metric; one without a word of its own by its name."""
        return self.words.text(METRICS[name]) if name in METRICS else name

    def definition(self, name: str) -> str:
        """Say what a metric counts."""
        return self.words.text(DEFINITIONS[name]) if name in DEFINITIONS else ""

    def verdict(self, kind: str) -> tuple[str, str]:
        """Name a kind of verdict, and the tone of its tag."""
        label, tone = VERDICTS.get(kind, (kind, ""))
        return self.words.text(label), tone

    def advice(self, kind: str, reading: Reading | None) -> tuple[str, str]:
        """Say what to do, and why."""
        label, why = ADVICE[kind]
        wanted = None if reading is None or why else people_wanted(reading)
        if wanted is None or reading is None:
            return self.words.text(label), self.words.text(why) if why else ""
        say = self.words.say
        facts = {"share": self.share(ASKED_SHARE), "wanted": say.short(wanted), "people": say.number(reading.everybody)}
        return self.words.text(label), self.words.text(
            mark("To see a difference of %(share)s takes about %(wanted)s people; there are %(people)s.")
        ) % facts

    def headline(self, sentence: Mapping[str, str]) -> tuple[str, str]:
        """Cut a verdict into its first sentence and what follows."""
        language = self.words.say.language
        said = sentence[language]
        ends = [place for end in _SENTENCE_ENDS if (place := said.find(end)) >= 0]
        cut = min(ends, default=len(said)) + 1
        first, rest = said[:cut].strip(), said[cut:].strip()
        return first.rstrip("：:"), rest[:1].upper() + rest[1:]

    def amount(self, name: str, value: float) -> str:
        """Write a value of a metric."""
        if name.endswith("_minor"):
            return self.words.say.money(round(value), self.words.currency)
        return f"{round(value, 2) + 0.0:,.2f}".replace("-", MINUS)

    def signed(self, name: str, value: float) -> str:
        """Write a difference, with its sign."""
        written = self.amount(name, value)
        return (
            f"+{written}" if not written.startswith(MINUS) and any(each in "123456789" for each in written) else written
        )

    def percent(self, value: float) -> str:
        """Write a value of the axis of relative differences."""
        places = 0 if value == 0 or abs(value) >= _PERCENT_FINE_BELOW else 1
        sign = "+" if value > 0 else MINUS if value < 0 else ""
        return f"{sign}{abs(value) * 100:.{places}f}%"

    def relative(self, value: float) -> str:
        """Write a relative difference, with its sign."""
        written = f"{abs(value) * 100:.1f}%"
        return written if written == "0.0%" else f"{'+' if value > 0 else MINUS}{written}"

    def share(self, value: float) -> str:
        """Write a share that somebody chose: 20%."""
        return f"{value * 100:g}%"

    def p(self, value: float | None) -> str:
        """Write a probability."""
        if value is None:
            return "—"
        return "< 0.001" if value < _P_SHOWN_MIN else f"{value:.3f}" if value < _P_FINE_BELOW else f"{value:.2f}"

    def days(self, span: Span) -> str:
        """Write a span by its first and last day; years stand once where they are the same."""
        first, last = span.since, span.until - _LAST
        say, same = self.words.say, span.since.year == last.year
        if self.words.say.language == "zh":
            if same and first.month == last.month:
                return f"{say.full_day(first)}至 {last.day} 日"
            return f"{say.full_day(first)}至 {say.day(last) if same else say.full_day(last)}"
        return f"{say.day(first) if same else say.full_day(first)} – {say.full_day(last)}"

    def length(self, span: Span) -> str:
        """Write how many days a span has."""
        days = (span.until - span.since).days
        return self.words.translator.ngettext("%(n)s day", "%(n)s days", days) % {"n": days}

    def before(self, window: Span) -> Span:
        """Return the time before a window."""
        return before_of(window)

    def split(self, holdout: float) -> str:
        """Write how people were to be split."""
        return f"{(1 - holdout) * 100:g} : {holdout * 100:g}"

    def expected(self, people: int, holdout: float) -> str:
        """Write how many people the arms were to have."""
        held = round(people * holdout)
        return f"{self.words.say.number(people - held)} : {self.words.say.number(held)}"

    def gain(self, minor: float) -> str:
        """Write an amount, its sign first; a gain has none."""
        return self.words.say.money(round(minor), self.words.currency)

    def order_cost(self, worth: Worth) -> str:
        """Write what one more order costs; an end that the interval does not give is said to be open."""
        if worth.reward_minor == 0:
            return self.words.text(mark("nothing was spent yet"))
        if worth.order_minor is None:
            return self.words.text(mark("no more orders were seen"))
        low, high = worth.order_minor
        if high is None:
            return self.words.text(mark("at least %(money)s, no upper limit")) % {"money": self.gain(low)}
        return self.words.text(mark("%(low)s to %(high)s")) % {"low": self.gain(low), "high": self.gain(high)}

    def span(self, name: str, range_: Range) -> str:
        """Write an interval."""
        joined = self.words.text(mark("%(low)s to %(high)s"))
        return joined % {"low": self.signed(name, range_.low), "high": self.signed(name, range_.high)}

    def found(self, figure: Figure) -> str:
        """Say a difference with its interval as a sentence."""
        sentences = _MORE if figure.difference >= 0 else _LESS
        value = self.amount(figure.name, abs(figure.difference))
        first = self.words.text(sentences[figure.name]) % {"value": value}
        if not any(each in "123456789" for each in value):
            first = self.words.text(mark("Both arms are as good as alike"))
        if figure.range is None:
            return first + self.words.text(mark("."))
        ends = {"low": self.signed(figure.name, figure.range.low), "high": self.signed(figure.name, figure.range.high)}
        if figure.range.holds_zero:
            return (
                first
                + self.words.text(
                    mark(", but the true difference may lie anywhere from %(low)s to %(high)s, across zero.")
                )
                % ends
            )
        return first + self.words.text(mark("; the true difference lies from %(low)s to %(high)s.")) % ends

    def channel(self, channel: Channel) -> str:
        """Name a channel."""
        return self.words.text(CHANNELS[channel])

    def message(self, state: MessageState) -> str:
        """Say how far a message is."""
        return self.words.text(MESSAGES[state])


def _names(check: Check) -> list[str]:
    """Return the names of the campaigns that a check found."""
    found = check.facts.get("campaigns")
    return list(cast("Mapping[str, int]", found)) if isinstance(found, Mapping) else []


def _is_told(check: Check) -> bool:
    """Tell whether a check has all the figures of its sentence: of an empty segment some cannot be given."""
    return check.name != "smallest_effect" or isfinite(float(str(check.facts.get("share", "inf"))))
