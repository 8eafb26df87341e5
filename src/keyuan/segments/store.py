"""Writing segments and their membership."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from keyuan.engines.database import Session, load_statements
from keyuan.kernel.clock import from_us
from keyuan.segments.model import Moves, Segment, Stay, UnknownSegmentError

_SQL = load_statements(__package__ or "")
_STAY = {"person": "uuid", "segment": "text", "entered_at": "timestamptz", "left_at": "timestamptz"}


def save(session: Session, segments: Iterable[Segment]) -> int:
    """Keep segments by name and return how many are new or changed; a changed rule is a new version."""
    return sum(
        session.execute(
            _SQL["save"],
            tenant=session.tenant,
            segment=segment.name,
            rule=segment.rule,
            title_en=segment.title_en,
            title_zh=segment.title_zh,
        )
        for segment in segments
    )


def keep_moves(session: Session, moves: Moves) -> None:
    """Write down, later, who left and who entered."""
    if moves.ended or moves.begun:
        session.later(lambda session: _write(session, moves))


def leave_all(session: Session, people: Sequence[uuid.UUID], at: datetime) -> int:
    """End every stay of people who may no longer be grouped, and return how many there were."""
    return session.execute(_SQL["leave_all"], people=list(people), at=at)


def _write(session: Session, moves: Moves) -> None:
    if moves.ended:
        people, names, _, ends = zip(*moves.ended, strict=True)
        ends_at = [from_us(at_us) for at_us in ends]
        session.execute(_SQL["end_stays"], people=list(people), segments=list(names), ends=ends_at)
    if moves.begun:
        _stage(session, moves.begun)
        begun = session.rows_if_free(_SQL["begin_stays"], tenant=session.tenant)
        if begun is None:  # to be ready for one that is there costs each row a second look into the index
            begun = session.rows(_SQL["begin_stays_again"], tenant=session.tenant)
        missing = len(moves.begun) - begun[0][0]
        if missing:
            raise UnknownSegmentError(tenant=session.tenant, missing=missing)


def _stage(session: Session, stays: Iterable[Stay]) -> None:
    session.stage(
        "stay_in",
        _STAY,
        (
            (person, segment, from_us(entered), None if left is None else from_us(left))
            for person, segment, entered, left in stays
        ),
        narrow=True,
    )
