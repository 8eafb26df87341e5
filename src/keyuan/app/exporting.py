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
from keyuan.kernel.errors import InputError, MissingError


class UnknownSegmentError(MissingError):
    """There is no such segment."""


class IncompleteExportError(InputError):
    """Say whose data or which segment: --person for a person, --segment for a segment."""


_RISKY = ("=", "+", "-", "@", "\t", "\r")


def export_to(
    installation: Installation, kind: str, out: Path, *, person: str | None = None, segment: str | None = None
) -> int:
    """Write an export and return how many rows it has; a person's is one."""
    with installation.database.transaction(installation.tenant, snapshot=True) as session:
        if kind == "person" and person is not None:
            found = take_along(session, installation.secrets, person)
            out.write_text(json.dumps(found, ensure_ascii=False, indent=2, default=str) + "\n", encoding="utf-8")
            return 1
        if kind == "segment" and segment is not None:
            return _write(out, ("person",), ((each,) for each in _members(session, segment)))
        if kind == "ledger":
            return _write(out, list(ledger.Entry._fields), (_entry(entry) for entry in ledger.entries(session)))
    raise IncompleteExportError


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
