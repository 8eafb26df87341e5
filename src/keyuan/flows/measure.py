"""What a campaign has done: the figures per person of everybody in an arm, held against those of the hold-out.

Whoever was assigned counts, exposed or not, and with zeros if she ordered nothing. Figures come from the lake, arms
from the database; they meet in memory only, so no person and no arm is ever written to the lake. Who may not be
followed through the whole window, or was forgotten, is left out and counted: the lake does not know all that she did.
Deliberately not here: the statistics and the words (`experiments`), and what a figure is (`insight`).
Units: as in `insight.per_customer`; `as_of` is the programme clock's.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from keyuan import events
from keyuan.campaigns import Campaign
from keyuan.engines.database import Session
from keyuan.engines.files.expressions import Expressions
from keyuan.engines.lake import Lake
from keyuan.engines.secrets import Secrets
from keyuan.experiments import reads, store
from keyuan.experiments.analysis import Analysis, analyse
from keyuan.experiments.fetch import fetch
from keyuan.experiments.model import CovariateTellsAllError, Design, Experiment, Metric
from keyuan.experiments.report import report
from keyuan.flows.lake_people import customer_numbers, followed_throughout, followed_timelines
from keyuan.insight.metrics import CUSTOMER_METRICS
from keyuan.insight.per_customer import ARM, BEFORE, CustomerFigures, Window, customer_figures
from keyuan.insight.tables import EVENTS
from keyuan.kernel.clock import to_us
from keyuan.kernel.errors import MissingError
from keyuan.profiles.reads import senders_of_all

METRICS: Final = tuple(metric.name for metric in CUSTOMER_METRICS)
"""What is compared; the verdict is on the first."""
_UNIT: Final = "customer"


class NobodyToMeasureError(MissingError):
    """Nobody of this campaign may be followed through its whole window, so there is nothing to measure."""


def measure(session: Session, lake: Lake, secrets: Secrets, campaign: Campaign, as_of: datetime) -> dict[str, Any]:
    """Return what a launched campaign has done up to an instant, as one JSON value.

    Raises:
        UnknownExperimentError: it was not launched.
        NobodyToMeasureError: nobody is in it, or nobody may be followed.
    """
    experiment = reads.experiment(session, campaign.name)
    arms = reads.arms(session, campaign.name)
    window = _until(Window(*campaign.window), as_of)
    seen = _followed(session, arms, window)
    if not seen:
        raise NobodyToMeasureError(campaign=campaign.name)
    numbers = customer_numbers(secrets, session.tenant, seen)
    with lake.open(session.tenant) as tables:
        known = {numbers[person]: arms[person] for person in seen}
        rows = customer_figures(tables, known, window, Window(*campaign.before), campaign.currency)
    design = _design(experiment, campaign, unfinished=as_of < campaign.window.until)
    design, analysis = _analysed(design, rows)
    exposed = {arm: size.exposed for arm, size in reads.sizes(session, campaign.name).items()}
    left_out = Counter(arms[person] for person in arms.keys() - seen)
    return report(design, analysis) | {
        "campaign": campaign.name,
        "segment": campaign.segment,
        "as_of": _told(as_of),
        "window": [_told(at) for at in campaign.window],
        "before": [_told(at) for at in campaign.before],
        "currency": campaign.currency,
        "exposed": {arm: exposed.get(arm, 0) for arm in analysis.people},
        "left_out": {arm: left_out[arm] for arm in analysis.people},
        "nobody_treated": campaign.nobody_treated,
    }


def keep_measured(
    session: Session, lake: Lake, secrets: Secrets, campaign: Campaign, as_of: datetime, read_at: datetime
) -> dict[str, Any]:
    """Measure a campaign, and keep what was found as its newest reading.

    Raises:
        UnknownExperimentError: it was not launched.
        NobodyToMeasureError: nobody is in it, or nobody may be followed.
    """
    version = lake.version(session.tenant, EVENTS)  # before it is read: what comes in meanwhile is read again
    body = measure(session, lake, secrets, campaign, as_of)
    store.keep_reading(session, campaign.name, reads.Reading(read_at, as_of, version, body))
    return body


def _until(window: Window, as_of: datetime) -> Window:
    return window._replace(until_at=max(window.from_at, min(window.until_at, as_of)))


def _followed(session: Session, people: Mapping[UUID, str], window: Window) -> set[UUID]:
    """Return those of whom the lake knows all that they did in a window."""
    span = to_us(window.from_at), to_us(window.until_at)
    timelines = followed_timelines(session, people)
    followed = {person for person, timeline in timelines.items() if followed_throughout(timeline, *span)}
    senders = senders_of_all(session, followed)
    gone = events.forgotten(session, {sender for hers in senders.values() for sender in hers})
    return {person for person in followed if gone.keys().isdisjoint(senders.get(person, ()))}


def _design(experiment: Experiment, campaign: Campaign, *, unfinished: bool) -> Design:
    return Design(
        arm=ARM,
        control=experiment.control,
        metrics=tuple(Metric(column=name, covariate=name + BEFORE) for name in METRICS),
        shares={arm.name: arm.end - arm.start for arm in experiment.arms},
        unit=_UNIT,
        nobody_treated=campaign.nobody_treated,
        unfinished=unfinished,
    )


def _analysed(design: Design, rows: Sequence[CustomerFigures]) -> tuple[Design, Analysis]:
    """Return the analysis, and the design with which it came about.

    What everybody did before is certainly from before. Where it tells a metric exactly (a few people, nearly all
    zeros), it does so by chance and is left out.
    """
    columns = {name: [row[place] for row in rows] for place, name in enumerate(CustomerFigures._fields)}
    with Expressions() as tables, tables.asking():
        observed = fetch(tables.columns("people", columns), design)
    while True:
        try:
            return design, analyse(design, observed)
        except CovariateTellsAllError as error:
            design = _without_covariate(design, error.metric)


def _without_covariate(design: Design, column: str) -> Design:
    return replace(
        design,
        metrics=tuple(replace(each, covariate=None) if each.column == column else each for each in design.metrics),
    )


def _told(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
