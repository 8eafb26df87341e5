"""All rules of a tenant, compiled once, asked for one trait record at a time.

Pure. A rule that is unknown (NULL) for somebody does not hold for her.
"""

from collections.abc import Iterable, Mapping, Sequence

from keyuan.segments.model import Segment
from keyuan.segments.rules import ColumnType, Rule, compile_rule


class Board:
    """The segments whose rules hold for a record of trait values in a fixed order of columns."""

    def __init__(self, segments: Iterable[Segment], columns: Mapping[str, ColumnType]) -> None:
        self.rules: dict[str, Rule] = {segment.name: compile_rule(segment.rule, columns) for segment in segments}
        self._matchers = [(1 << place, rule.matcher(list(columns))) for place, rule in enumerate(self.rules.values())]
        self._sets: dict[int, frozenset[str]] = {}

    def holds(self, values: Sequence[object]) -> frozenset[str]:
        """Return the names of the segments whose rule is true for one record."""
        mask = 0
        for bit, matcher in self._matchers:
            if matcher(values) is True:
                mask |= bit
        known = self._sets.get(mask)
        return known if known is not None else self._named(mask)

    def _named(self, mask: int) -> frozenset[str]:
        """Few combinations occur; each set is made once, so that comparing two is mostly comparing identities."""
        names = frozenset(name for place, name in enumerate(self.rules) if mask >> place & 1)
        self._sets[mask] = names
        return names
