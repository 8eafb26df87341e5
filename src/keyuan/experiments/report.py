"""An analysis as one JSON value, and back: the same from the command, the demo and the pages.

Not here: any decision. `p` and `interval` are null where nothing can be computed; with one treated arm a metric holds
its figures itself, with several one entry per arm. Figures have ten digits: an engine adds rows up in any order, and
that moves the last of a float's sixteen.
"""

from collections.abc import Mapping
from typing import Any

from keyuan.experiments.analysis import Analysis, Comparison
from keyuan.experiments.model import Design, Metric
from keyuan.experiments.verdict import Why, verdicts

_ARM, _BEFORE = "arm", "{}_before"
_DIGITS = 10


def report(design: Design, analysis: Analysis) -> dict[str, Any]:
    """Return people per arm, figures per metric, the sample ratio's p, and the verdict in words."""
    judged = verdicts(design, analysis)
    alone = len(judged) == 1
    by_metric = {metric.column: analysis.of(metric.column) for metric in design.metrics}
    answer: dict[str, Any] = {
        "n": dict(analysis.people),
        "control": design.control,
        "split": dict(analysis.shares),
        "metrics": {
            metric: _figures(seen[0]) if alone else {each.arm: _figures(each) for each in seen}
            for metric, seen in by_metric.items()
        },
        "level": analysis.level,
        "srm_p": analysis.srm_p,
        "verdict_metric": design.metrics[0].column,
    }
    words = [
        {
            "verdict": verdict.sentence("en"),
            "verdict_zh": verdict.sentence("zh"),
            "verdict_kind": verdict.kind.value,
            "verdict_why": verdict.why.value,
        }
        for verdict in judged
    ]
    if alone:
        return answer | words[0]
    return answer | {"verdict": {verdict.arm: told for verdict, told in zip(judged, words, strict=True)}}


def _figures(seen: Comparison) -> dict[str, Any]:
    return {
        "difference": _rounded(seen.difference),
        "interval": None if seen.interval is None else [_rounded(end) for end in seen.interval],
        "p": _rounded(seen.p),
        "control": _rounded(seen.means[0]),
        "treated": _rounded(seen.means[1]),
        "known": list(seen.known),
        "variance_left": _rounded(seen.variance_left),
        "covariate_p": _rounded(seen.covariate_p),
        "missing_p": _rounded(seen.missing_p),
        "people_wanted": seen.people_wanted,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")


def read_back(told: Mapping[str, Any]) -> tuple[Design, Analysis]:
    """Return the design and the analysis that a report of ours tells; names of columns of files are not in it."""
    treated = [arm for arm in told["n"] if arm != told["control"]]
    alone = len(treated) == 1
    comparisons = tuple(
        _comparison(name, arm, figures if alone else figures[arm])
        for name, figures in told["metrics"].items()
        for arm in treated
    )
    has_before = {each.metric for each in comparisons if each.covariate_p is not None}
    words = told if alone else told["verdict"][treated[0]]
    design = Design(
        arm=_ARM,
        control=told["control"],
        metrics=tuple(
            Metric(column=name, covariate=_BEFORE.format(name) if name in has_before else None)
            for name in told["metrics"]
        ),
        shares=told["split"],
        nobody_treated=told.get("nobody_treated", False),
        unfinished=words["verdict_why"] == Why.UNFINISHED,
    )
    analysis = Analysis(
        people=told["n"],
        shares=told["split"],
        srm_p=told["srm_p"],
        level=told["level"],
        comparisons=comparisons,
    )
    return design, analysis


def _comparison(metric: str, arm: str, figures: Mapping[str, Any]) -> Comparison:
    interval, known = figures["interval"], figures["known"]
    return Comparison(
        metric=metric,
        arm=arm,
        known=(known[0], known[1]),
        means=(figures["control"], figures["treated"]),
        difference=figures["difference"],
        interval=None if interval is None else (interval[0], interval[1]),
        p=figures["p"],
        variance_left=figures["variance_left"],
        covariate_p=figures["covariate_p"],
        missing_p=figures["missing_p"],
        people_wanted=figures["people_wanted"],
    )
