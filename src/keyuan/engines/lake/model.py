"""What a lake is: append-only tables of one tenant that remember how far their reader has come.

Deliberately not here: which tables there are (flows), and what is asked of them (`insight`).
Units: a column is `int64`, `text` or `date`, and any of them may be NULL; instants are integer microseconds (`_us`).
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from keyuan.kernel.errors import ConflictError, CorruptionError

Expression = Any
"""An Ibis table expression; the library has no type stubs."""


class LakeMovedError(ConflictError):
    """Another writer has moved this table of the lake; ask for its position again and go on from there."""


class LakeShapeError(CorruptionError):
    """A table of the lake has other columns than this version writes; delete its folder, and it is filled again."""


class LakeDamagedError(CorruptionError):
    """A file of the lake is damaged or missing; delete the table's folder, and it is filled again."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A table: its name and the kind of each column; `reader` names who fills it and whose position it holds."""

    name: str
    columns: Mapping[str, str]
    reader: str


class Step(NamedTuple):
    """What an append moves: the position that its writer has seen, and the one after it."""

    after: int
    upto: int


class Span(NamedTuple):
    """What a number did from an instant (inclusive) to another one; None: without end on that side."""

    number: int
    from_us: int | None
    until_us: int | None


Row = tuple[Any, ...]
Columns = Mapping[str, Sequence[object]]


class Tables(Protocol):
    """Tables opened for questions; what is opened stays as it is until it is closed."""

    def table(self, shape: Shape) -> Expression:
        """Return a table to write an Ibis expression over; one that was never written is empty."""
        ...

    def beside(self, name: str, kinds: Mapping[str, str], columns: Columns) -> Expression:
        """Return columns from memory as a table beside those of the lake; nothing of it is ever written to files."""
        ...

    def rows(self, expression: Expression) -> list[Row]:
        """Return the rows of an expression over the tables.

        Raises:
            LakeDamagedError: a file cannot be read.
            EngineError: the engine ran out of memory.
        """
        ...


class Lake(Protocol):
    """Tables in files. Writers of one table wait for each other; readers wait for nobody but the removal of files."""

    def position(self, tenant: int, shape: Shape) -> int:
        """Return how far the table's reader has come, as the last append said; 0 before the first."""
        ...

    def version(self, tenant: int, shape: Shape) -> int:
        """Return a number that is greater after each change of the table, erasures too; -1 before the first."""
        ...

    def append(self, tenant: int, shape: Shape, columns: Columns, step: Step) -> None:
        """Add rows, given as columns of one length, and move the position with them; both happen or neither.

        Raises:
            LakeMovedError: the position is not `step.after`; nothing was added.
            LakeShapeError: the table has other columns.
            EngineError: the files cannot be written; nothing was added.
        """
        ...

    def delete(self, tenant: int, shape: Shape, column: str, numbers: Collection[int]) -> int:
        """Take the rows that hold one of these numbers out of every version; return how many there were."""
        ...

    def unlink(self, tenant: int, shape: Shape, column: str, spans: Collection[Span]) -> int:
        """Put NULL in place of the numbers in their spans of `at_us`, in every version; return in how many rows."""
        ...

    def open(self, tenant: int) -> AbstractContextManager[Tables]:
        """Open the tables of a tenant for questions."""
        ...
