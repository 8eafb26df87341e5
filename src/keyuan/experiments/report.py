"""An analysis as one JSON value: the same from the command, the demo and the pages.

Not here: any decision. `p` and `interval` are null where nothing can be computed; with one treated arm a metric holds
its figures itself, with several one entry per arm.
"""

from typing import Any

from keyuan.experiments.analysis import Analysis, Comparison
from keyuan.experiments.model import Design
from keyuan.experiments.verdict import verdicts


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
        "difference": seen.difference,
        "interval": None if seen.interval is None else list(seen.interval),
        "p": seen.p,
        "control": seen.means[0],
        "treated": seen.means[1],
        "known": list(seen.known),
        "variance_left": seen.variance_left,
        "covariate_p": seen.covariate_p,
        "missing_p": seen.missing_p,
        "people_wanted": seen.people_wanted,
    }
