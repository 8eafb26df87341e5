"""Rows become events: raw JSON in the form of the Segment specification, with their time. Pure.

A chunk is turned column by column into fragments of JSON (`values.py`), and fragments are joined: no dictionary is
made for a line. A row that cannot be turned refuses its event, with the reason and the number of the row; an order
with one bad line is refused whole, because without that line its amount would be wrong.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import count
from typing import Any

import msgspec

from keyuan.engines.files import Chunk, Reject
from keyuan.events.mapping.load import fields_of
from keyuan.events.mapping.made_up import made_up_traits
from keyuan.events.mapping.merge import NO_TIME_US, Made
from keyuan.events.mapping.parts import Part, Template
from keyuan.events.mapping.plan import SourcePlan, templates
from keyuan.events.mapping.values import FAULT, Memo, ValueFaultError, as_text
from keyuan.events.model import Reason, Refusal
from keyuan.kernel.clock import DAY_US, from_us

SHOWN_TEXT_MAX = 200
_FIRST_YEAR_US, _LAST_YEAR_US = -62_135_596_800_000_000, 253_402_300_799_999_999
_encode = msgspec.json.encode


def events_of(plan: SourcePlan, chunks: Iterable[Chunk]) -> Iterator[Made]:
    """Yield the events of one source in order."""
    builder = _Builder(plan)
    for chunk in chunks:
        yield from builder.events(chunk)


def refused_lines(file: str, rank: int, rejects: Iterable[Reject]) -> Iterator[Made]:
    """Yield the lines of a file that are not rows."""
    for number, reject in enumerate(rejects):
        body = _encode({"type": "row", "file": file, "row": reject.line, "text": reject.text})
        detail = f"{file}, line {reject.line}: {reject.why}."
        yield Made(NO_TIME_US, rank, number, body, Refusal(Reason.MALFORMED, detail))


class _Builder:
    """The converters of one source, with what they remember."""

    def __init__(self, plan: SourcePlan) -> None:
        source = plan.source
        self._plan = plan
        self._numbers = count()
        self._templates = {name: Template(name, pieces, plan) for name, pieces in templates(source).items()}
        self._fields = [Part(name, given, plan) for name, given in fields_of(source.fields).items()]
        lines = {} if source.lines is None else fields_of(source.lines.fields)
        self._lines = [Part(name, given, plan) for name, given in lines.items()]
        self._made_up = Memo(lambda value: made_up_traits(value) if value is not None else "", _no_fault)
        event = "" if source.event is None else f',"event":{_encode(source.event).decode()}'
        self._head = f'{{"type":"{source.kind}"{event}'
        self._member = "traits" if source.kind == "identify" else "properties"
        self._list = "" if source.lines is None else f",{_encode(source.lines.name).decode()}:[{{"

    def events(self, chunk: Chunk) -> Iterator[Made]:
        """Yield the events of one chunk."""
        spans = _spans(chunk, grouped=bool(self._lines))
        starts = [start for start, _ in spans]
        ids = map("".join, zip(*[each.texts(chunk, starts) for each in self._templates.values()], strict=True))
        columns = [part.texts(chunk, spans, starts) for part in self._fields]
        columns += [self._extras(chunk, starts), self._lists(chunk, spans), self._marks(chunk, starts)]
        members = map("".join, zip(*columns, strict=True))
        times = [chunk.time_us[start] for start in starts]
        head, member, rank, numbers = self._head, f'","{self._member}":{{', self._plan.rank, self._numbers
        for span, time_us, own, fields in zip(spans, times, ids, members, strict=True):
            body = f'{head}{own},"timestamp":"{_stamp(time_us)}{member}{fields[1:]}}}}}'
            if time_us is None or FAULT in body:
                yield self._refused(chunk, span, own, body)
            else:
                yield Made(time_us, rank, next(numbers), body.encode(), None)

    def _extras(self, chunk: Chunk, starts: Sequence[int]) -> Sequence[str]:
        """Return the made-up fields of each event."""
        made_up = self._plan.source.made_up
        if made_up is None:
            return [""] * len(starts)
        column = chunk.columns[self._plan.places[made_up.column]]
        return [self._made_up[column[start]] for start in starts]

    def _lists(self, chunk: Chunk, spans: Sequence[tuple[int, int]]) -> Sequence[str]:
        """Return the list of lines of each event."""
        if not self._lines:
            return [""] * len(spans)
        columns = [part.row_texts(chunk) for part in self._lines]
        rows = [text[1:] for text in map("".join, zip(*columns, strict=True))]
        return [f"{self._list}{'},{'.join(rows[start:stop])}}}]" for start, stop in spans]

    def _marks(self, chunk: Chunk, starts: Sequence[int]) -> Sequence[str]:
        """Return a fault for each event whose rows have no key or do not agree, else nothing."""
        keyless = self._plan.selection.group_by is not None and (chunk.key is None or None in chunk.key)
        if chunk.uneven is None and not keyless:
            return [""] * len(starts)
        uneven = chunk.uneven or [None] * len(chunk.row)
        keys = chunk.key or [None] * len(chunk.row)
        return [FAULT if uneven[start] is not None or (keyless and keys[start] is None) else "" for start in starts]

    def _refused(self, chunk: Chunk, span: tuple[int, int], ids: str, body: str) -> Made:
        """Return the refusal of an event, with the first row that is at fault and what it holds."""
        row, refusal = self._why(chunk, span, body)
        columns = self._plan.selection.columns
        shown = {
            ".".join(column): None if value is None else as_text(value)[:SHOWN_TEXT_MAX]
            for column, value in zip(columns, (values[row] for values in chunk.columns), strict=True)
        }
        file = self._plan.source.file
        about = _encode({"type": "row", "file": file, "row": chunk.row[row], "columns": shown})
        if FAULT not in ids:
            # The ids are kept where there are any, so that the refusal is sealed under its sender's own key.
            about = b"{" + ids[1:].encode() + b"," + about[1:]
        refusal = Refusal(refusal.reason, f"{file}, row {chunk.row[row]}: {refusal.detail}.")
        time_us = chunk.time_us[span[0]]
        place = NO_TIME_US if time_us is None else time_us
        return Made(place, self._plan.rank, next(self._numbers), about, refusal)

    def _why(self, chunk: Chunk, span: tuple[int, int], body: str) -> tuple[int, Refusal]:
        start, stop = span
        source = self._plan.source
        if source.group_by is not None and (chunk.key is None or chunk.key[start] is None):
            return start, Refusal(Reason.BAD_PROPERTIES, f"{source.group_by} is missing")
        if chunk.uneven is not None and (name := chunk.uneven[start]) is not None:
            return start, Refusal(Reason.BAD_PROPERTIES, f"the rows of one {source.group_by} differ in {name}")
        if _stamp(chunk.time_us[start]) == FAULT:
            grouped = f" in a row of this {source.group_by}" if source.group_by else ""
            return start, Refusal(Reason.BAD_TIME, f"the time {source.time.column} cannot be read{grouped}")
        for row in range(start, stop):
            for part in self._lines + self._fields:
                fault = part.fault(chunk, row)
                if fault is not None:
                    return row, fault
        _, reason, why, *_ = body.split(FAULT)
        return start, Refusal(Reason(reason), why)


def _spans(chunk: Chunk, *, grouped: bool) -> list[tuple[int, int]]:
    """Return from where to where the rows of each event go; a row without a key stands alone."""
    size = len(chunk.row)
    keys = chunk.key
    if not grouped or keys is None:
        return [(at, at + 1) for at in range(size)]
    later = iter(keys)
    next(later, None)
    cuts = [at for at, (one, other) in enumerate(zip(keys, later, strict=False), 1) if one != other or other is None]
    return list(zip([0, *cuts], [*cuts, size], strict=True))


def _stamp(time_us: int | None) -> str:
    """Return the time as RFC 3339 in UTC; a fault if there is none, or no calendar of ours holds it."""
    if time_us is None or not _FIRST_YEAR_US <= time_us <= _LAST_YEAR_US:
        return FAULT
    day, rest_us = divmod(time_us, DAY_US)
    second, microsecond = divmod(rest_us, 1_000_000)
    return f"{_day(day)}T{_time_of_day(second)}Z" if microsecond == 0 else _fine_stamp(time_us)


def _fine_stamp(time_us: int) -> str:
    return from_us(time_us).isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=4_000)
def _day(day: int) -> str:
    return from_us(day * DAY_US).date().isoformat()


@lru_cache(maxsize=86_400)
def _time_of_day(second: int) -> str:
    return from_us(second * 1_000_000).time().isoformat()


def _no_fault(fault: ValueFaultError) -> Any:
    raise AssertionError(fault.why)
