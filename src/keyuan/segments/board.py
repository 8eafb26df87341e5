"""All rules of a tenant, compiled once, asked for one trait record at a time.

Pure. A rule that is unknown (NULL) for somebody does not hold for her.
"""

from collections.abc import Iterable, Mapping, Sequence

from keyuan.segments.model import Segment
from keyuan.segments.rules import ColumnType, Rule, compile_rule, together


class Board:
    """The segments whose rules hold for a record of trait values in a fixed order of columns."""

    def __init__(self, segments: Iterable[Segment], columns: Mapping[str, ColumnType]) -> None:
        self.rules: dict[str, Rule] = {segment.name: compile_rule(segment.rule, columns) for segment in segments}
        self._bits = together(list(self.rules.values()), list(columns))
        self._sets: dict[int, frozenset[str]] = {}

    def holds(self, values: Sequence[object]) -> frozenset[str]:
        """Return the names of the segments whose rule is true for one record."""
        bits = self._bits(values)
        known = self._sets.get(bits)
        return known if known is not None else self._named(bits)

    def _named(self, bits: int) -> frozenset[str]:
        """Few combinations occur; each set is made once, so that comparing two is mostly comparing identities."""
        names = frozenset(name for place, name in enumerate(self.rules) if bits >> place & 1)
        self._sets[bits] = names
        return names
