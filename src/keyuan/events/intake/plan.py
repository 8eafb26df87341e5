"""The tracking plan: which event, trait and context field may stand in clear; what it does not name is sealed.

A plain field is left in clear only while it is a short scalar; anything longer or nested is sealed all the same.
Deliberately not here: the sealing itself (`sealing.py`). Pure but for reading the shipped file.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import msgspec

from keyuan.events.intake.fields import Members, members, scalar
from keyuan.events.model import CALENDAR, PlanError, Reason

VERSION = 1
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_ ]{0,63}(\.[A-Za-z][A-Za-z0-9_ ]{0,63}){0,3}")
_KIND = re.compile(r"[a-z][a-z_]{0,39}")
_RESERVED = "context"
_HERE = "keyuan.events.intake"

Tree = dict[str, "Tree | None"]
"""Names of plain fields: None ends a name, a tree goes on inside the object of that name."""


@dataclass(frozen=True, slots=True)
class EventPlan:
    """One named event: the `kind` under which the log files it, and its plain properties."""

    kind: str = "track"
    plain: Tree = field(default_factory=dict[str, "Tree | None"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What may stand in clear. An event whose name the plan does not know keeps nothing in clear, not even the name."""

    events: Mapping[str, EventPlan]
    traits: Tree
    context: Tree


UNNAMED = EventPlan()


class _Fields(msgspec.Struct, forbid_unknown_fields=True):
    plain: list[str] = []
    sealed: list[str] = []  # for readers; checked only against `plain`


class _Event(_Fields, forbid_unknown_fields=True):
    kind: str = UNNAMED.kind


class _File(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    events: dict[str, _Event] = {}
    traits: _Fields = msgspec.field(default_factory=_Fields)
    context: _Fields = msgspec.field(default_factory=_Fields)


@cache
def shipped_plan() -> Plan:
    """Return the plan that comes with Keyuan."""
    return parse_plan(resources.files(_HERE).joinpath("tracking_plan.toml").read_text(encoding="utf-8"))


def parse_plan(toml: str) -> Plan:
    """Return the plan that a TOML text describes (docs/reference/tracking-plan.md).

    Raises:
        PlanError: with every name that is wrong, at once.
    """
    try:
        file = msgspec.convert(tomllib.loads(toml), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise PlanError(f"The tracking plan is not valid: {error}.") from None
    faults = [] if file.version == VERSION else [f"version must be {VERSION}"]
    plan = Plan(
        events={name: _event(name, one, faults) for name, one in file.events.items()},
        traits=_tree("traits", file.traits, faults),
        context=_tree("context", file.context, faults),
    )
    if faults:
        raise PlanError(f"The tracking plan is not valid: {'; '.join(faults)}.")
    return plan


def split(found: Members, plain: Tree) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what may stand in clear, and the rest."""
    clear: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, raw in found.items():
        inner = plain.get(name)
        if inner and bytes(raw).startswith(b"{"):
            nested_clear, nested_rest = split(members(raw, Reason.MALFORMED, "A field"), inner)
            clear |= {name: nested_clear} if nested_clear else {}
            rest |= {name: nested_rest} if nested_rest else {}
        elif inner is None and name in plain and (value := scalar(raw)) is not None:
            clear[name] = value
        else:
            rest[name] = raw
    return clear, rest


def _event(name: str, event: _Event, faults: list[str]) -> EventPlan:
    if not _KIND.fullmatch(event.kind):
        faults.append(f"events.{name}: kind must be a short word in lower case")
    if event.kind == CALENDAR:
        faults.append(f"events.{name}: the kind {CALENDAR} is for what Keyuan itself tells")
    if event.kind == "order" and event.plain:
        faults.append(f"events.{name}: the fields of an order are fixed")
    return EventPlan(event.kind, _tree(f"events.{name}", event, faults))


def _tree(where: str, fields: _Fields, faults: list[str]) -> Tree:
    """Turn dotted names into a tree."""
    faults += [f"{where}: {name} is not a field name" for name in fields.plain if not _NAME.fullmatch(name)]
    faults += [f"{where}: {name} is both plain and sealed" for name in set(fields.plain) & set(fields.sealed)]
    tree: Tree = {}
    for name in fields.plain:
        *path, leaf = name.split(".")
        branch: Tree | None = tree
        for step in path:
            branch = None if branch is None else branch.setdefault(step, {})
        if branch is None or leaf in branch or name.split(".")[0] == _RESERVED:
            faults.append(f"{where}: {name} is reserved, stands twice or is inside another plain field")
        else:
            branch[leaf] = None
    return tree
