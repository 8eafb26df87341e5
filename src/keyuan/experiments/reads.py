"""Questions about experiments as they are stored; what their figures say is `analysis`."""

from typing import NamedTuple
from uuid import UUID

from keyuan.engines.database import Session, load_statements
from keyuan.experiments.model import Arm, Experiment, UnknownExperimentError

_SQL = load_statements(__package__ or "")


class Size(NamedTuple):
    """How many people are in an arm, and how many of them met its treatment."""

    people: int
    exposed: int


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
