"""The verdict on an experiment: its kind, decided by rules set beforehand, and its words in Chinese and English.

A verdict is on the first metric, one per treated arm. What it says when it cannot tell matters as much as when it can.
Not here: figures (`analysis`). Thresholds: `p` below 0.05 works or harms, below 0.10 in the good direction is likely to
work; a check below 0.001 withholds the verdict; fewer than 30 known values in an arm are too few for any.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from keyuan.experiments.analysis import ALPHA, Analysis, Comparison
from keyuan.experiments.model import Design

ALPHA_LIKELY = 0.10
CHECK_P_MIN = 0.001
VALUES_ENOUGH = 30

Language = Literal["en", "zh"]


class Kind(StrEnum):
    """What a verdict comes to."""

    WORKS = "works"
    LIKELY_WORKS = "likely_works"
    NO_EFFECT_SEEN = "no_effect_seen"
    HARMFUL = "harmful"
    TOO_EARLY = "too_early"
    NO_VERDICT = "no_verdict"
    FALSE_ALARM = "false_alarm"


class Why(StrEnum):
    """Why a verdict is what it is, where its kind alone does not say it."""

    FIGURES = "figures"
    SAMPLE_RATIO = "sample_ratio"
    COVARIATE_DIFFERS = "covariate_differs"
    MISSING_DIFFERS = "missing_differs"
    TOO_FEW = "too_few"
    NOTHING_VARIES = "nothing_varies"
    NOBODY_TREATED = "nobody_treated"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The verdict on one treated arm."""

    arm: str
    kind: Kind
    why: Why

    @property
    def label(self) -> dict[Language, str]:
        """Return the name of its kind."""
        return _LABELS[self.kind]

    def sentence(self, language: Language) -> str:
        """Return the verdict in one sentence or two."""
        return _SENTENCES[self.kind, self.why][language]


def verdicts(design: Design, analysis: Analysis) -> tuple[Verdict, ...]:
    """Return the verdict on each treated arm, in their order."""
    primary = design.metrics[0]
    found: list[Verdict] = []
    for comparison in analysis.of(primary.column):
        kind, why = _judged(comparison, analysis.srm_p, primary.lower_is_better)
        if design.unfinished and why is Why.FIGURES:
            kind, why = Kind.TOO_EARLY, Why.UNFINISHED
        elif design.nobody_treated and why is Why.FIGURES:
            kind = Kind.NO_EFFECT_SEEN if _p(comparison) >= ALPHA else Kind.FALSE_ALARM
            why = Why.NOBODY_TREATED
        found.append(Verdict(arm=comparison.arm, kind=kind, why=why))
    return tuple(found)


def _judged(seen: Comparison, srm_p: float, lower_is_better: bool) -> tuple[Kind, Why]:  # noqa: FBT001  # of one call
    for p, why in (
        (srm_p, Why.SAMPLE_RATIO),
        (seen.covariate_p, Why.COVARIATE_DIFFERS),
        (seen.missing_p, Why.MISSING_DIFFERS),
    ):
        if p is not None and p < CHECK_P_MIN:
            return Kind.NO_VERDICT, why
    if min(seen.known) < VALUES_ENOUGH:
        return Kind.TOO_EARLY, Why.TOO_FEW
    if seen.p is None:
        return Kind.TOO_EARLY, Why.NOTHING_VARIES
    gain = -seen.difference if lower_is_better else seen.difference
    if seen.p < ALPHA:
        return (Kind.WORKS if gain > 0 else Kind.HARMFUL), Why.FIGURES
    likely = seen.p < ALPHA_LIKELY and gain > 0
    return (Kind.LIKELY_WORKS if likely else Kind.NO_EFFECT_SEEN), Why.FIGURES


def _p(seen: Comparison) -> float:
    return 1.0 if seen.p is None else seen.p


_LABELS: dict[Kind, dict[Language, str]] = {
    Kind.WORKS: {"en": "Works", "zh": "有效"},
    Kind.LIKELY_WORKS: {"en": "Likely works", "zh": "很可能有效"},
    Kind.NO_EFFECT_SEEN: {"en": "No effect seen", "zh": "没有看出差别"},
    Kind.HARMFUL: {"en": "Harmful", "zh": "有害"},
    Kind.TOO_EARLY: {"en": "Too early", "zh": "还早"},
    Kind.NO_VERDICT: {"en": "No verdict", "zh": "不能下结论"},
    Kind.FALSE_ALARM: {"en": "False alarm", "zh": "误报"},
}

_SENTENCES: dict[tuple[Kind, Why], dict[Language, str]] = {
    (Kind.WORKS, Why.FIGURES): {
        "en": "It works. If it did nothing, a difference this large would come up in fewer than 1 of 20 tests.",
        "zh": "这次活动有效。假如它毫无作用，20 次检验里出现这么大差别的还不到 1 次。",
    },
    (Kind.LIKELY_WORKS, Why.FIGURES): {
        "en": "It likely works. If it did nothing, as much would still come up in 1 or 2 of 20 tests: test it again.",
        "zh": "这次活动很可能有效。但假如它毫无作用，20 次检验里也会有 1 到 2 次这样的结果，先再试一次。",
    },
    (Kind.NO_EFFECT_SEEN, Why.FIGURES): {
        "en": "No effect that this test could see. It may still be anywhere in the interval.",
        "zh": "这次活动没有看出差别。真实的差别仍可能落在区间里的任何一处。",
    },
    (Kind.HARMFUL, Why.FIGURES): {
        "en": "It does harm. If it did nothing, a difference this large would come up in fewer than 1 of 20 tests.",
        "zh": "这次活动有害。假如它毫无作用，20 次检验里出现这么大差别的还不到 1 次。",
    },
    (Kind.TOO_EARLY, Why.TOO_FEW): {
        "en": "Too early to say: an arm has fewer than 30 people with a value.",
        "zh": "还早，先别下结论：有一组里有数据的客户不到 30 人。",
    },
    (Kind.TOO_EARLY, Why.NOTHING_VARIES): {
        "en": "Too early to say: inside each arm everybody has the same value, so there is no measure of chance.",
        "zh": "还早，先别下结论：每一组里所有人的数值都一样，无从衡量偶然的影响。",
    },
    (Kind.TOO_EARLY, Why.UNFINISHED): {
        "en": "Too early to say: the time that was set beforehand is not over, and looking sooner finds effects that"
        " are not there.",
        "zh": "还早，先别下结论：事先定好的观察期还没有结束，提前下结论容易看出并不存在的差别。",
    },
    (Kind.NO_VERDICT, Why.SAMPLE_RATIO): {
        "en": "The split is off, so there is no verdict. Find out first how people were lost or added.",
        "zh": "分组比例不对，这次不给结论。先查清哪一组多了人或少了人，再看数字。",
    },
    (Kind.NO_VERDICT, Why.COVARIATE_DIFFERS): {
        "en": "The arms differed in the covariate already, so there is no verdict. Either people were not assigned by"
        " chance, or the covariate is not from before the experiment.",
        "zh": "两组在协变量上本来就不一样，这次不给结论。要么分组不是随机的，要么协变量并非实验之前的数据。",
    },
    (Kind.NO_VERDICT, Why.MISSING_DIFFERS): {
        "en": "The arms miss values unequally, so there is no verdict. Find out first why people have no value.",
        "zh": "两组缺失数据的比例不一样，这次不给结论。先查清哪一组、为什么有人没有数据。",
    },
    (Kind.NO_EFFECT_SEEN, Why.NOBODY_TREATED): {
        "en": "No effect that this test could see. Nobody was treated in this A/A test, so there was none to see.",
        "zh": "没有看出差别。这是一次 A/A 检验，没有人真正受到活动影响，本来就不该有差别。",
    },
    (Kind.FALSE_ALARM, Why.NOBODY_TREATED): {
        "en": "A false alarm, as expected in 1 of 20 such tests. Nobody was treated in this A/A test.",
        "zh": "这是一次误报：这样的检验，每 20 次里本来就会有 1 次。这是 A/A 检验，没有人真正受到活动影响。",
    },
}
