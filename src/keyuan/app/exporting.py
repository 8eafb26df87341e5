"""What leaves as a file: everything kept of one person (to take along), the ledger's entries, a segment's people."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from keyuan import events, ledger, segments
from keyuan.app.installation import Installation
from keyuan.engines.database import Session
from keyuan.flows.take_along import take_along
from keyuan.kernel.clock import system_now
from keyuan.kernel.errors import MissingError


class UnknownSegmentError(MissingError):
    """There is no such segment."""


_RISKY = ("=", "+", "-", "@", "\t", "\r")


def export_person(installation: Installation, user_id: str, out: Path) -> int:
    """Write everything kept of a person as JSON; return how many people that are: one."""
    with installation.database.transaction(installation.tenant, snapshot=True) as session:
        found = take_along(session, installation.secrets, user_id)
    out.write_text(json.dumps(found, ensure_ascii=False, indent=2, default=str) + "\n", encoding="utf-8")
    return 1


def export_ledger(installation: Installation, out: Path) -> int:
    """Write all entries of the ledger as CSV, and return how many there are."""
    with installation.database.transaction(installation.tenant, snapshot=True) as session:
        return _write(out, list(ledger.Entry._fields), (_entry(entry) for entry in ledger.entries(session)))


def export_segment(installation: Installation, segment: str, out: Path) -> int:
    """Write the people of a segment as CSV, and return how many there are."""
    with installation.database.transaction(installation.tenant, snapshot=True) as session:
        return _write(out, ("person",), ((each,) for each in _members(session, segment)))


def _members(session: Session, name: str) -> Sequence[Any]:
    known = {each.name for each in segments.segments(session)}
    if name not in known:
        raise UnknownSegmentError(f"There is no segment {name}; there are {', '.join(sorted(known))}.")
    return segments.members(session, name, events.clock_at(session, system_now()))


def _entry(entry: ledger.Entry) -> Iterable[object]:
    return (value.hex() if isinstance(value, bytes) else value for value in entry)


def _write(out: Path, header: Sequence[str], rows: Iterable[Iterable[object]]) -> int:
    count = 0
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for row in rows:
            writer.writerow([_harmless(value) for value in row])
            count += 1
    return count


def _harmless(value: object) -> object:
    """A spreadsheet would run text that begins like a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_RISKY) else value
