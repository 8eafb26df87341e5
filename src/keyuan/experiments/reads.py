"""Questions about experiments as they are stored; what their figures say is `analysis`."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from keyuan.engines.database import Session, load_statements
from keyuan.experiments.model import Arm, Experiment, UnknownExperimentError

_SQL = load_statements(__package__ or "")


class Size(NamedTuple):
    """How many people are in an arm, and how many of them met its treatment."""

    people: int
    exposed: int


class Reading(NamedTuple):
    """The newest figures of an experiment, as `report` tells them: what they are as of, and when they were read.

    `lake_version` is that of the table that was read.
    """

    read_at: datetime
    as_of: datetime
    lake_version: int
    body: dict[str, Any]


def experiment(session: Session, name: str) -> Experiment:
    """Return an experiment as it was begun.

    Raises:
        UnknownExperimentError: there is none of this name.
    """
    row = session.row(_SQL["experiment"], experiment=name)
    if row is None:
        raise UnknownExperimentError(experiment=name)
    salt, control, *arms = row
    return Experiment(name=name, salt=salt, control=control, arms=tuple(map(Arm, *arms)))


def arms(session: Session, name: str) -> dict[UUID, str]:
    """Return the arm of everybody in an experiment."""
    return dict(session.rows(_SQL["arms"], experiment=name))


def sizes(session: Session, name: str) -> dict[str, Size]:
    """Return the size of each arm that holds somebody."""
    return {arm: Size(people, exposed) for arm, people, exposed in session.rows(_SQL["sizes"], experiment=name)}


def reading(session: Session, name: str) -> Reading | None:
    """Return the newest reading of an experiment; None if nobody has read it yet."""
    row = session.row(_SQL["reading"], experiment=name)
    if row is None:
        return None
    read_at, as_of, lake_version, body = row
    return Reading(read_at, as_of, lake_version, msgspec.json.decode(body))
