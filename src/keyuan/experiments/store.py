"""Writing experiments: begun once, people assigned once, exposures logged once; told again, nothing changes.

A reading is the one thing that is written over: the newest stays.

Not here: who is assigned (a flow unseals the names and asks `assignment`).
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from keyuan.engines.database import Session, load_statements
from keyuan.experiments.model import DesignError, Experiment, NotAssignedError, SecondTryError
from keyuan.experiments.reads import Reading
from keyuan.experiments.reads import experiment as read_experiment

_SQL = load_statements(__package__ or "")
_ARM = {"person": "uuid", "arm": "text"}


def begin(session: Session, experiment: Experiment, at: datetime) -> bool:
    """Keep an experiment and tell whether it is new.

    Raises:
        SecondTryError: one of this name was begun with another salt or other arms.
    """
    new = session.execute(
        _SQL["begin"],
        tenant=session.tenant,
        experiment=experiment.name,
        salt=experiment.salt,
        control=experiment.control,
        arms=[arm.name for arm in experiment.arms],
        starts=[arm.start for arm in experiment.arms],
        ends=[arm.end for arm in experiment.arms],
        begun_at=at,
    )
    if not new and read_experiment(session, experiment.name) != experiment:
        raise SecondTryError(experiment=experiment.name)
    return bool(new)


def keep_arms(session: Session, name: str, arms: Mapping[UUID, str]) -> int:
    """Keep the arms of people and return how many are new; exposed or not, they count (intention to treat).

    Raises:
        UnknownExperimentError: there is no such experiment.
        DesignError: an arm that the experiment does not have.
        SecondTryError: somebody is in another arm already.
    """
    unknown = set(arms.values()) - {arm.name for arm in read_experiment(session, name).arms}
    if unknown:
        raise DesignError(f"The experiment {name!r} has no arm {min(unknown)!r}.")
    session.stage("arm_in", _ARM, arms.items(), narrow=True)
    new = session.execute(_SQL["assign"], tenant=session.tenant, experiment=name)
    differing = session.row(_SQL["differing"], experiment=name)
    if differing is not None and differing[0]:
        raise SecondTryError(experiment=name, people=differing[0])
    return new


def expose(session: Session, name: str, people: Collection[UUID], at: datetime) -> int:
    """Log that people met the treatment, and return for how many it is the first time.

    Raises:
        NotAssignedError: somebody is in no arm of the experiment.
    """
    listed = list(people)
    unassigned = session.row(_SQL["unassigned"], experiment=name, people=listed)
    if unassigned is not None and unassigned[0]:
        raise NotAssignedError(experiment=name, people=unassigned[0])
    return session.execute(_SQL["expose"], tenant=session.tenant, experiment=name, people=listed, at=at)


def keep_reading(session: Session, name: str, reading: Reading) -> bool:
    """Keep what an experiment says now in the place of what it said before; an older reading is not kept.

    Raises:
        UnknownExperimentError: there is no such experiment.
    """
    read_experiment(session, name)
    kept = session.execute(
        _SQL["keep_reading"],
        tenant=session.tenant,
        experiment=name,
        read_at=reading.read_at,
        as_of=reading.as_of,
        lake_version=reading.lake_version,
        body=msgspec.json.encode(reading.body).decode(),
    )
    return bool(kept)


def forget(session: Session, people: Collection[UUID]) -> int:
    """Delete what is kept of people in all experiments, and return in how many arms they were."""
    return session.execute(_SQL["forget"], people=list(people))
