"""Entering and leaving: stays are what a naive walk over the observations gives, however they are cut into batches."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from keyuan.segments import Moves, Seen, Stay, moves

ANNA, BO = uuid.UUID(int=1), uuid.UUID(int=2)
NAMES = ("a", "b", "c")

observations = st.lists(
    st.tuples(st.sampled_from([ANNA, BO]), st.integers(0, 3), st.frozensets(st.sampled_from(NAMES))), max_size=12
)


def timed(steps: list[tuple[uuid.UUID, int, frozenset[str]]]) -> list[Seen]:
    """Return observations at growing instants; a step of 0 repeats the instant."""
    at_us, found = 0, []
    for person, step, holds in steps:
        at_us += step
        found.append(Seen(person, at_us, holds))
    return found


class Table:
    """A fake of the membership table."""

    def __init__(self) -> None:
        self.rows: dict[tuple[uuid.UUID, str, int], int | None] = {}

    def current(self) -> dict[uuid.UUID, dict[str, int]]:
        found: dict[uuid.UUID, dict[str, int]] = {}
        for (person, segment, entered), left in self.rows.items():
            if left is None:
                found.setdefault(person, {})[segment] = entered
        return found

    def keep(self, change: Moves) -> None:
        for stay in change.ended:
            key = (stay.person, stay.segment, stay.entered_at_us)
            assert self.rows[key] is None
            self.rows[key] = stay.left_at_us
        for stay in change.begun:
            self.rows[stay.person, stay.segment, stay.entered_at_us] = stay.left_at_us


def members_at(rows: dict[tuple[uuid.UUID, str, int], int | None], at_us: int) -> set[tuple[uuid.UUID, str]]:
    return {
        (person, segment)
        for (person, segment, entered), left in rows.items()
        if entered <= at_us and (left is None or left > at_us)
    }


@given(observations, st.integers(1, 5))
def test_membership_at_any_instant_is_what_was_last_seen(steps: list[tuple[uuid.UUID, int, frozenset[str]]], size: int):
    seen = timed(steps)
    table, kept = Table(), dict[uuid.UUID, dict[str, int]]()
    for start in range(0, len(seen), size):
        table.keep(moves(kept, seen[start : start + size]))
        assert {person: stays for person, stays in kept.items() if stays} == table.current()
    for at_us in range(-1, 40):
        last = {each.person: each.holds for each in seen if each.at_us <= at_us}
        assert members_at(table.rows, at_us) == {(person, name) for person, holds in last.items() for name in holds}


def test_a_person_who_stays_is_not_written_again():
    current = {ANNA: {"a": 5}}
    assert moves(current, [Seen(ANNA, 9, frozenset({"a"}))]) == Moves([], [])


def test_a_stay_that_begins_and_ends_in_one_batch_is_kept():
    change = moves({}, [Seen(ANNA, 1, frozenset({"a"})), Seen(ANNA, 4, frozenset())])
    assert change.begun == [Stay(ANNA, "a", 1, 4)]
    assert change.ended == []
