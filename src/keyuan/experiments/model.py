"""What an experiment is asked, and what was seen of it: plain values, checked once.

Not here: the engine (`fetch`), the statistics (`analysis`) and the words (`verdict`).
Units: shares 0–1. A metric has one value per person.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from keyuan.kernel.errors import ConflictError, InputError, MissingError

ARMS_MAX = 20
METRICS_MAX = 50
SHARES_OFF_MAX = 0.005


class DesignError(InputError):
    """An experiment cannot be analysed as it is described; who describes it can correct that."""


class CovariateTellsAllError(DesignError):
    """A covariate tells its metric exactly, so it adds nothing that is known."""

    def __init__(self, metric: str, covariate: str | None) -> None:
        super().__init__(
            f"The covariate {covariate!r} tells {metric!r} exactly, so it is no figure from before the experiment;"
            " name one that is, or none."
        )
        self.metric = metric


class UnknownExperimentError(MissingError):
    """There is no such experiment; begin it first."""


class NotMeasuredError(MissingError):
    """Nobody has measured this experiment yet; `keyuan up` does so within a minute after a campaign was launched."""


class NotAssignedError(MissingError):
    """Somebody is in no arm of this experiment, and cannot have met its treatment."""


class SecondTryError(ConflictError):
    """An experiment, or the arm of a person, is decided once; take another name for another experiment."""


@dataclass(frozen=True, slots=True)
class Arm:
    """An arm and the buckets that are its own, from `start` up to but not including `end`."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """How people come into arms, decided before anybody is looked at.

    Raises:
        DesignError: arms overlap, lie outside 0–1, or do not hold the control.
    """

    name: str
    salt: str
    control: str
    arms: tuple[Arm, ...]

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        if self.control not in names or len(set(names)) != len(names) or not 1 < len(names) <= ARMS_MAX:
            raise DesignError(f"An experiment has 2 to {ARMS_MAX} arms of different names, the control among them.")
        ordered = sorted(self.arms, key=lambda arm: arm.start)
        inside = all(0 <= arm.start < arm.end <= 1 for arm in ordered)
        if not inside or any(first.end > second.start for first, second in pairwise(ordered)):
            raise DesignError("The buckets of arms lie in 0–1 and do not overlap.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A column with one number per person; `covariate` is a column with what was so before the experiment."""

    column: str
    covariate: str | None = None
    lower_is_better: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How an experiment is to be read, said before anybody looks at its figures.

    `arm` is the column of arms, `control` the arm that the others are held against. The verdict is on the first
    metric. `shares` is the share of people each arm was to get; None: equal. `unit` is the column that tells people
    apart; None: each row is somebody. `nobody_treated`: an A/A, in which the arms differ in nothing. `unfinished`: more
    is still to be counted; figures are for one look, when all is.

    Raises:
        DesignError: it contradicts itself.
    """

    arm: str
    control: str
    metrics: tuple[Metric, ...]
    shares: Mapping[str, float] | None = None
    unit: str | None = None
    nobody_treated: bool = False
    unfinished: bool = False

    def __post_init__(self) -> None:
        _check_columns(self)
        if self.shares is not None:
            _check_shares(self.shares, self.control)


def _check_columns(design: Design) -> None:
    columns = [metric.column for metric in design.metrics]
    if not 0 < len(columns) <= METRICS_MAX:
        raise DesignError(f"{len(columns)} metrics are asked for; name 1 to {METRICS_MAX}.")
    twice = sorted(first for first, second in pairwise(sorted(columns)) if first == second)
    if twice:
        raise DesignError(f"The metric {twice[0]!r} is named twice; once is enough.")
    if design.arm in columns or design.unit in columns:
        raise DesignError("A metric cannot be the column of the arms or of the people; name another column.")
    if design.arm == design.unit:
        raise DesignError("The column of the arms cannot be the column of the people; name another column.")
    for metric in design.metrics:
        _check_covariate(metric, design, columns)


def _check_covariate(metric: Metric, design: Design, columns: list[str]) -> None:
    if metric.covariate in (design.arm, design.unit) and metric.covariate is not None:
        raise DesignError("A covariate cannot be the column of the arms or of the people; name another column.")
    if metric.covariate in columns:
        raise DesignError(
            f"{metric.covariate!r} is a metric of this experiment and cannot be a covariate too: a covariate must come"
            " from before the experiment, or it takes the effect away. Name a column from before."
        )


def _check_shares(shares: Mapping[str, float], control: str) -> None:
    if control not in shares:
        raise DesignError(f"The split says nothing of the control {control!r}; give its share too.")
    if not 1 < len(shares) <= ARMS_MAX:
        raise DesignError(f"The split has {len(shares)} arms; give 2 to {ARMS_MAX}.")
    for arm, share in shares.items():
        if not 0 < share < 1:
            raise DesignError(f"The share of {arm!r} is {share}, must be > 0 and < 1.")
    total = math.fsum(shares.values())
    if abs(total - 1) > SHARES_OFF_MAX:
        raise DesignError(f"The shares add up to {total:g}, must be 1.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """One metric in one arm: of the known values their number, mean and variance (divided by count − 1).

    The same of the covariate, over the same people. With fewer than 2 values the variances mean nothing and are 0;
    `skewness` is 0 where values are as far above the mean as below it, or where there are fewer than 3.
    """

    count: int
    mean: float = 0.0
    var: float = 0.0
    covariate_mean: float = 0.0
    covariate_var: float = 0.0
    cov: float = 0.0
    skewness: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was seen: people per arm, and per metric (by its column) and arm the moments; all arms, metrics in order."""

    people: Mapping[str, int]
    moments: Mapping[str, Mapping[str, Moments]] = field(default_factory=dict[str, Mapping[str, Moments]])
