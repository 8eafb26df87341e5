"""Segments as the console shows them: sizes, one of them, a rule that is tried while it is written, and saving it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any, Final
from uuid import UUID

from keyuan import events, segments
from keyuan.engines.database import Session
from keyuan.flows.console_kept import Kept
from keyuan.flows.group import COLUMNS, group
from keyuan.flows.places import PORTRAITS
from keyuan.kernel.clock import to_us
from keyuan.kernel.errors import ConflictError, MissingError
from keyuan.profiles import listing
from keyuan.profiles import reads as profiles
from keyuan.profiles.catalogue import NAMES
from keyuan.profiles.record import Moment
from keyuan.segments import Segment
from keyuan.segments.rules import Rule, RuleError, compile_rule
from keyuan.segments.rules.model import Every, Node

SHOWN: Final = 7
Record = tuple[UUID, tuple[Any, ...]]


class NoSuchSegmentError(MissingError):
    """There is no segment of this name."""


class ChangedMeanwhileError(ConflictError):
    """Somebody saved this segment meanwhile; look at the rule again before saving yours."""


@dataclass(frozen=True, slots=True)
class Sized:
    """A segment and how many people are in it."""

    segment: Segment
    size: int


@dataclass(frozen=True, slots=True)
class SegmentList:
    """All segments, and how many people have a portrait."""

    now: datetime
    segments: Sequence[Sized]
    portraits: int


@dataclass(frozen=True, slots=True)
class Step:
    """How many people are left after one more part of a rule."""

    node: Node
    people: int


@dataclass(frozen=True, slots=True)
class Tried:
    """What a rule would hold for: everybody with a portrait has agreed to personalisation; the others are left out."""

    rule: Rule
    people: int
    portraits: int
    customers: int
    steps: Sequence[Step]
    joining: int | None
    leaving: int | None
    some: Sequence[tuple[UUID, tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class SegmentPage:
    """One segment; `tried` is what the draft would do, `wrong` why it is no rule."""

    segment: Segment
    tried: Tried | None
    wrong: RuleError | None
    members: int
    overlaps: Sequence[Sized]


def segment_list(session: Session, system_now: datetime) -> SegmentList:
    """Return all segments with their sizes, largest first."""
    now = events.clock_at(session, system_now)
    sizes = segments.sizes(session, now)
    found = [Sized(each, sizes.get(each.name, 0)) for each in segments.segments(session)]
    return SegmentList(now, sorted(found, key=lambda each: -each.size), profiles.count(session))


def one_segment(session: Session, name: str) -> Segment:
    """Return a segment.

    Raises:
        NoSuchSegmentError: there is none.
    """
    for found in segments.segments(session):
        if found.name == name:
            return found
    raise NoSuchSegmentError


def try_rule(session: Session, kept: Kept, text: str, current: str | None, seed: int = 0) -> Tried:
    """Say whom a rule holds for; against the rule in force of a segment, who would join and leave.

    Raises:
        RuleError: the text is no rule; it says where, and what to write instead.
    """
    rule = compile_rule(text, COLUMNS)
    records = _records(session, kept)
    holds = _matcher(rule)
    inside = [record for record in records if holds(record[1])]
    was = None if current is None else _matcher(compile_rule(current, COLUMNS))
    before = None if was is None else {who for who, values in records if was(values)}
    after = {who for who, _ in inside}
    some = Random(seed).sample(inside, min(SHOWN, len(inside)))  # noqa: S311  # whom a page shows
    return Tried(
        rule=rule,
        people=len(inside),
        portraits=len(records),
        customers=listing.count_everybody(session),
        steps=_steps(rule, records),
        joining=None if before is None else len(after - before),
        leaving=None if before is None else len(before - after),
        some=some,
    )


def overlaps(session: Session, name: str, system_now: datetime) -> tuple[int, list[Sized]]:
    """Return how many members a segment has, and how many of them are in each other one, most first."""
    now = events.clock_at(session, system_now)
    mine = segments.current(session, segments.members(session, name, now))
    counts: dict[str, int] = {}
    for stays in mine.values():
        for other in stays:
            counts[other] = counts.get(other, 0) + 1
    found = [Sized(each, counts.get(each.name, 0)) for each in segments.segments(session) if each.name != name]
    return len(mine), sorted((each for each in found if each.size), key=lambda each: -each.size)


def segment_page(session: Session, kept: Kept, name: str, draft: str | None, system_now: datetime) -> SegmentPage:
    """Return a segment, and what a draft of its rule would change; a draft that is no rule says what is wrong.

    Raises:
        NoSuchSegmentError: there is none.
    """
    segment = one_segment(session, name)
    members, sized = overlaps(session, name, system_now)
    tried, wrong = None, None
    try:
        tried = try_rule(session, kept, segment.rule if draft is None else draft, segment.rule)
    except RuleError as error:
        wrong = error
    return SegmentPage(segment, tried, wrong, members, sized)


def save_segment(session: Session, name: str, rule: str, rule_before: str, system_now: datetime) -> None:
    """Keep another rule of a segment, and look at everybody by it.

    Raises:
        NoSuchSegmentError: there is none of this name.
        ChangedMeanwhileError: the rule in force is not the one that was looked at.
        RuleError: the text is no rule.
    """
    compile_rule(rule, COLUMNS)
    events.lock_position(session, PORTRAITS)
    segment = one_segment(session, name)
    if segment.rule != rule_before:
        raise ChangedMeanwhileError
    segments.save(session, [replace(segment, rule=rule)])
    now = events.clock_at(session, system_now)
    at_us = to_us(max(now, listing.newest_instant(session) or now))
    group(session, [Moment(who, 0, at_us, values) for who, values in profiles.trait_rows(session)])


def _records(session: Session, kept: Kept) -> list[Record]:
    return kept.of(session, "records", None, lambda: list(profiles.trait_rows(session)))


def _matcher(rule: Rule) -> Callable[[Sequence[Any]], bool | None]:
    return rule.matcher(NAMES)


def _steps(rule: Rule, records: Sequence[Record]) -> list[Step]:
    """Return how a rule narrows, part by part; a rule that is no row of ANDs has one part."""
    parts = rule.node.items if isinstance(rule.node, Every) else (rule.node,)
    steps: list[Step] = []
    left = records
    for part in parts:
        holds = _matcher(Rule("", part, rule.columns))
        left = [record for record in left if holds(record[1])]
        steps.append(Step(part, len(left)))
    return steps
