"""The verdict: by rules set beforehand, in two languages, and withheld where it would be none."""

import json
from dataclasses import replace

import pytest

from keyuan.experiments.analysis import Analysis, Comparison
from keyuan.experiments.model import Design, Metric
from keyuan.experiments.report import read_back, report
from keyuan.experiments.verdict import Kind, Verdict, Why, verdicts

DESIGN = Design(arm="arm", control="held", metrics=(Metric(column="orders"), Metric(column="spend")))
SEEN = Comparison(
    metric="orders",
    arm="treated",
    known=(200, 800),
    means=(3.0, 3.5),
    difference=0.5,
    interval=(0.1, 0.9),
    p=0.01,
)
FEWER = {"difference": -0.5, "interval": (-0.9, -0.1)}


def judged(design: Design = DESIGN, srm_p: float = 0.5, **changed: object) -> Verdict:
    primary = replace(SEEN, **changed)
    other = replace(SEEN, metric="spend", p=1e-9)
    analysis = Analysis(
        people={"held": 200, "treated": 800},
        shares={"held": 0.2, "treated": 0.8},
        srm_p=srm_p,
        level=0.95,
        comparisons=(primary, other),
    )
    (verdict,) = verdicts(design, analysis)
    told = report(design, analysis) | {"nobody_treated": design.nobody_treated}
    assert (told["verdict"], told["verdict_zh"]) == (verdict.sentence("en"), verdict.sentence("zh"))
    if not design.metrics[0].lower_is_better:
        assert report(*read_back(json.loads(json.dumps(told)))) == report(design, analysis)
    return verdict


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({}, Kind.WORKS),
        ({"p": 0.0499}, Kind.WORKS),
        ({"p": 0.05}, Kind.LIKELY_WORKS),
        ({"p": 0.0999}, Kind.LIKELY_WORKS),
        ({"p": 0.1}, Kind.NO_EFFECT_SEEN),
        (FEWER, Kind.HARMFUL),
        (FEWER | {"p": 0.06}, Kind.NO_EFFECT_SEEN),
        ({"known": (29, 800)}, Kind.TOO_EARLY),
        ({"known": (30, 30)}, Kind.WORKS),
        ({"p": None, "interval": None}, Kind.TOO_EARLY),
        ({"srm_p": 0.00099}, Kind.NO_VERDICT),
        ({"srm_p": 0.001}, Kind.WORKS),
        ({"covariate_p": 0.0009}, Kind.NO_VERDICT),
        ({"covariate_p": 0.01}, Kind.WORKS),
        ({"missing_p": 0.0009}, Kind.NO_VERDICT),
        ({"srm_p": 1e-9, "known": (2, 2)}, Kind.NO_VERDICT),
    ],
)
def test_a_verdict_follows_its_rule(changed: dict[str, float], kind: Kind):
    assert judged(**changed).kind is kind


def test_less_is_good_where_that_was_said():
    fewer = replace(DESIGN, metrics=(Metric(column="orders", lower_is_better=True), Metric(column="spend")))
    assert judged(fewer).kind is Kind.HARMFUL
    assert judged(fewer, **FEWER).kind is Kind.WORKS
    assert judged(fewer, **FEWER, p=0.07).kind is Kind.LIKELY_WORKS


def test_an_a_a_test_sees_nothing_or_says_that_it_is_a_false_alarm():
    history = replace(DESIGN, nobody_treated=True)
    quiet = judged(history, p=0.3)
    assert quiet.kind is Kind.NO_EFFECT_SEEN
    assert quiet.sentence("en").startswith("No effect that this test could see.")
    assert "没有看出差别" in quiet.sentence("zh")
    for figures in ({"p": 0.049}, FEWER):
        alarm = judged(history, **figures)
        assert alarm.kind is Kind.FALSE_ALARM
        assert "A false alarm, as expected in 1 of 20 such tests." in alarm.sentence("en")
        assert "每 20 次里本来就会有 1 次" in alarm.sentence("zh")
    assert judged(history, p=0.07).kind is Kind.NO_EFFECT_SEEN
    assert judged(history, srm_p=1e-5).why is Why.SAMPLE_RATIO


def test_before_its_time_is_over_an_experiment_has_no_verdict_but_its_checks_count():
    open_still = replace(DESIGN, unfinished=True)
    for design in (open_still, replace(open_still, nobody_treated=True)):
        for p in (0.0001, 0.07, 0.9):
            assert (judged(design, p=p).kind, judged(design, p=p).why) == (Kind.TOO_EARLY, Why.UNFINISHED)
        assert judged(design, srm_p=1e-5).kind is Kind.NO_VERDICT
    early = judged(open_still)
    assert early.sentence("en").startswith("Too early to say")
    assert early.sentence("zh").startswith("还早，先别下结论")


def test_every_verdict_has_a_label_in_both_languages():
    for kind in Kind:
        label = Verdict(arm="a", kind=kind, why=Why.FIGURES).label
        assert label["en"] != label["zh"]
        assert all(label.values())


def test_with_several_arms_each_has_its_verdict():
    analysis = Analysis(
        people={"held": 200, "a": 200, "b": 200},
        shares={"held": 1 / 3, "a": 1 / 3, "b": 1 / 3},
        srm_p=1.0,
        level=0.975,
        comparisons=(replace(SEEN, arm="a"), replace(SEEN, arm="b", p=0.7)),
    )
    design = replace(DESIGN, metrics=(Metric(column="orders"),))
    told = report(design, analysis)
    assert {arm: each["verdict_kind"] for arm, each in told["verdict"].items()} == {
        "a": "works",
        "b": "no_effect_seen",
    }
    assert told["metrics"]["orders"]["b"]["p"] == 0.7
    assert report(*read_back(told)) == told
