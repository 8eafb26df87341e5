"""What pages of campaigns say: verdicts cut in two, checks with their figures, differences, days and money."""

from datetime import UTC, datetime

import pytest

from campaign_house import CAMPAIGN
from keyuan.campaigns import Span
from keyuan.experiments import verdict
from keyuan.flows.campaign_checks import Check, Level
from keyuan.flows.campaign_launch import NobodyToTreatError
from keyuan.flows.campaign_money import OverBudgetError
from keyuan.flows.console_reading import Figure, Range, Worth
from keyuan.web.console.campaign_words import VERDICTS, CampaignWords
from keyuan.web.console.words import Words
from keyuan.web.pages.formats import Formats
from keyuan.web.pages.i18n import LANGUAGES, Language, translator

AT = datetime(2018, 1, 2, 10, tzinfo=UTC)
SINCE, UNTIL = datetime(2018, 1, 3, tzinfo=UTC), datetime(2018, 2, 1, tzinfo=UTC)
FACTS = {
    "people": {"segment": "families", "people": 0, "as_of": AT},
    "arms": {"treated": 20, "held_out": 1_234, "least": 30},
    "email": {"people": 12, "share": 0.3},
    "inbox": {"people": 12, "share": 0.3},
    "budget": {
        "budget_minor": 100, "currency": "USD", "face_minor": 50, "expected_minor": 150, "most_minor": 123_450
    },
    "window": {"since": SINCE, "until": UNTIL, "at": AT, "nobody_treated": False},
    "offer": {"valid_from": SINCE, "valid_until": UNTIL},
    "smallest_effect": {"metric": "orders", "effect": 1.456, "mean": 4.0, "share": 0.364},
    "overlap": {"campaigns": {CAMPAIGN.name: 3}, "people": 3},
}  # fmt: skip
"""One check of each name, with the facts that `campaign_checks` gives."""


def words(language: Language) -> CampaignWords:
    return CampaignWords(Words(translator(language), Formats(language), "USD"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", list(verdict._SENTENCES), ids=lambda key: f"{key[0]}-{key[1]}")
def test_every_verdict_has_a_headline_that_stands_alone(language: Language, key: tuple[verdict.Kind, verdict.Why]):
    first, rest = words(language).headline(verdict._SENTENCES[key])
    assert 4 <= len(first) <= 80
    assert not first.endswith(("：", ":", "，", ","))
    assert rest[:1] == rest[:1].upper()
    assert words(language).verdict(key[0].value)[0]


def test_every_kind_of_verdict_has_a_word():
    assert VERDICTS.keys() == {kind.value for kind in verdict.Kind}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("name", list(FACTS))
def test_every_check_is_said_with_its_figures(language: Language, level: Level, name: str):
    said = words(language).check(Check(name, level, FACTS[name]), {CAMPAIGN.name: CAMPAIGN})
    assert said.title
    assert said.figures
    assert "%(" not in said.figures + said.mend
    assert "None" not in said.figures + said.mend
    assert said.tone == {Level.OK: "good", Level.WARN: "warn", Level.STOP: "bad"}[level]


def test_a_check_that_stops_says_how_to_mend_it():
    for name in ("people", "budget", "window"):
        assert words("en").check(Check(name, Level.STOP, FACTS[name]), {}).mend
    assert "$1,234.50" in words("zh").check(Check("budget", Level.STOP, FACTS["budget"]), {}).mend
    mixed = words("zh").check(Check("overlap", Level.WARN, FACTS["overlap"]), {CAMPAIGN.name: CAMPAIGN})
    assert CAMPAIGN.title_zh in mixed.mend


def test_what_an_empty_segment_cannot_say_is_left_out():
    assert words("en").check(Check("smallest_effect", Level.WARN, {"metric": "orders"}), {}).figures == ""


def test_a_refusal_says_what_is_safe():
    refused = OverBudgetError(budget_minor=10_000, needed_minor=20_000, coupons=40)
    assert "40 treated people come to $200.00, and the budget is $100.00" in words("en").refusal(refused)
    assert "钱也没有动" in words("zh").refusal(NobodyToTreatError(campaign="x", people=3, left_out=0))


@pytest.mark.parametrize(
    ("since", "until", "en", "zh"),
    [
        ((2017, 10, 1), (2018, 1, 1), "1 Oct – 31 Dec 2017", "2017 年 10 月 1 日至 12 月 31 日"),
        ((2018, 1, 3), (2018, 1, 31), "3 Jan – 30 Jan 2018", "2018 年 1 月 3 日至 30 日"),
        ((2017, 12, 6), (2018, 1, 3), "6 Dec 2017 – 2 Jan 2018", "2017 年 12 月 6 日至 2018 年 1 月 2 日"),
    ],
)
def test_a_span_is_said_by_its_first_and_last_day(since: tuple[int, ...], until: tuple[int, ...], en: str, zh: str):
    span = Span(datetime(*since, tzinfo=UTC), datetime(*until, tzinfo=UTC))
    assert words("en").days(span) == en
    assert words("zh").days(span) == zh


def figure(difference: float, low: float, high: float, name: str = "orders") -> Figure:
    return Figure(name, 5.0, 5.0 - difference, difference, Range(low, difference, high), 0.5, 0.4, (100, 30))


def test_a_difference_is_a_sentence_that_says_whether_zero_is_inside():
    inside = words("en").found(figure(-0.11, -1.05, 0.83))
    assert inside.startswith("Treated customers placed 0.11 fewer orders each, but the true difference may lie")
    assert "from −1.05 to +0.83, across zero." in inside
    assert words("zh").found(figure(0.5, 0.1, 0.9)) == "活动组人均多下 0.50 单；真实差别在 +0.10 到 +0.90 之间。"
    assert words("zh").found(figure(0.004, -0.2, 0.2)).startswith("两组几乎一样，但真实差别")
    assert "spent $3.54 more each" in words("en").found(figure(354.1, -3210.0, 3918.0, "spend_minor"))


def test_numbers_have_true_signs_and_zero_has_none():
    said = words("en")
    assert (said.signed("orders", -0.11), said.signed("orders", 0.2)) == ("−0.11", "+0.20")
    assert (said.signed("orders", 0.001), said.signed("orders", -0.001)) == ("0.00", "0.00")
    assert said.signed("spend_minor", -354.1) == "−$3.54"
    assert (said.relative(0.0004), said.relative(-0.021)) == ("0.0%", "−2.1%")
    assert (said.percent(0.0), said.percent(0.005), said.percent(-0.1)) == ("0%", "+0.5%", "−10%")
    assert (said.p(0.0004), said.p(0.0432), said.p(0.846), said.p(None)) == ("< 0.001", "0.043", "0.85", "—")


def cost(order_minor: tuple[float, float | None] | None, reward_minor: float = 500.0) -> Worth:
    return Worth(False, reward_minor, 0.3, None, order_minor)


def test_a_cost_without_upper_limit_says_so():
    assert words("en").order_cost(cost((219.4, None))) == "at least $2.19, no upper limit"
    assert words("zh").order_cost(cost((219.4, None))) == "至少 $2.19，没有上限"
    assert words("en").order_cost(cost((100.0, 250.0))) == "$1.00 to $2.50"
    assert words("en").order_cost(cost(None)) == "no more orders were seen"
    assert words("zh").order_cost(cost((0.0, None), 0.0)) == "还没有花钱"
