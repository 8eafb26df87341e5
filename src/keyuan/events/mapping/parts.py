"""The parts of an event and how a column fills them: fields, sums and templates. Pure.

A part answers for a whole chunk at once; faults are marked as in `values.py` and explained only when one is found.
"""

from collections.abc import Sequence

import msgspec

from keyuan.engines.files import Chunk, Value
from keyuan.events.mapping.model import Field
from keyuan.events.mapping.plan import ROW_NUMBER, Piece, SourcePlan
from keyuan.events.mapping.values import FAULT, Memo, ValueFaultError, as_text, fragments, term_fault, terms
from keyuan.events.model import Reason, Refusal

_MISSING = {
    "messageId": Reason.BAD_MESSAGE_ID,
    "userId": Reason.NO_SENDER,
    "anonymousId": Reason.NO_SENDER,
}
_encode = msgspec.json.encode


class Part:
    """One field: how its column becomes fragments, or a sum of integers."""

    def __init__(self, name: str, given: Field, plan: SourcePlan) -> None:
        column = given.column or given.sum
        self._name, self._given, self._currency = name, given, plan.currency
        self._place = -1 if column is None else plan.places[column]
        self._head = f",{_encode(name).decode()}:"
        make = fragments if given.sum is None else None
        self._memo = make(name, given, plan.currency) if make else terms(given, plan.currency)
        self._fixed = "" if given.constant is None else self._head + _encode(given.constant).decode()

    def row_texts(self, chunk: Chunk) -> Sequence[str]:
        """Return one fragment for each row."""
        if self._place < 0:
            return [self._fixed] * len(chunk.row)
        return list(map(self._memo.__getitem__, chunk.columns[self._place]))

    def texts(self, chunk: Chunk, spans: Sequence[tuple[int, int]], starts: Sequence[int]) -> Sequence[str]:
        """Return one fragment for each event."""
        if self._place < 0:
            return [self._fixed] * len(spans)
        column = chunk.columns[self._place]
        if self._given.sum is None:
            return [self._memo[column[at]] for at in starts]
        numbers: list[int] = list(map(self._memo.__getitem__, column))
        sums = (sum(numbers[start:stop]) for start, stop in spans)
        return [f"{self._head}{total}" if total >= 0 else f"{FAULT}sum{FAULT}" for total in sums]

    def fault(self, chunk: Chunk, row: int) -> Refusal | None:
        """Return why the value of one row is refused, or None."""
        if self._place < 0:
            return None
        value = chunk.columns[self._place][row]
        if self._given.sum is not None:
            found = term_fault(self._name, self._given, self._currency, value)
            return None if found is None else Refusal(*found)
        text: str = self._memo[value]
        if FAULT not in text:
            return None
        _, reason, why, *_ = text.split(FAULT)
        return Refusal(Reason(reason), why)


class Template:
    """A text with the values of columns in it, as a member of the event."""

    def __init__(self, name: str, pieces: Sequence[Piece], plan: SourcePlan) -> None:
        self._head = f',"{name}":'
        self._pieces = [(piece.text, self._place(piece, plan)) for piece in pieces]
        self._memos = [_template_memo(name, piece.column or "") for piece in pieces]

    @staticmethod
    def _place(piece: Piece, plan: SourcePlan) -> int | None:
        if piece.column is None or piece.column == ROW_NUMBER:
            return None if piece.column is None else -1
        return plan.places[piece.column]

    def texts(self, chunk: Chunk, starts: Sequence[int]) -> list[str]:
        """Return one member of JSON for each event."""
        columns: list[list[str]] = []
        for (text, place), memo in zip(self._pieces, self._memos, strict=True):
            columns.append([text] * len(starts))
            if place is not None:
                values: Sequence[Value] = chunk.row if place < 0 else chunk.columns[place]
                columns.append([memo[values[at]] for at in starts])
        return [self._member(text) for text in map("".join, zip(*columns, strict=True))]

    def _member(self, text: str) -> str:
        return text if FAULT in text else self._head + _encode(text).decode()


def _template_memo(name: str, column: str) -> Memo:
    def make(value: Value) -> str:
        if value is None or value == "":
            raise ValueFaultError(_MISSING[name], "is missing")
        text = as_text(value)
        if FAULT in text:
            raise ValueFaultError(Reason.CONTROL_CHARACTERS, "holds a NUL")
        return text

    return Memo(make, lambda fault: f"{FAULT}{fault.reason}{FAULT}{name}: {column} {fault.why}{FAULT}")
