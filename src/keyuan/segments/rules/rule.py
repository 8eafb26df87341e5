"""A rule, ready to be asked: compiled once, when it is saved, and then the same on every engine.

Deliberately not here: running it over many rows (`evaluate`) and reading rows (`rows`). Values given to a rule must
be of the types it was compiled for (bool, int, Decimal, str, tuple of str, or None); they are checked where they
enter.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from keyuan.segments.rules.check import check
from keyuan.segments.rules.closure import compile_closure, compile_together
from keyuan.segments.rules.emit import EMITTERS, quoted
from keyuan.segments.rules.model import ColumnType, Node


class Rule:
    """A checked rule: `text` as written, `columns` it uses (sorted), `node` its tree; asked in Python or as SQL."""

    def __init__(self, text: str, node: Node, columns: tuple[str, ...]) -> None:
        self.text = text
        self.columns = columns
        self.node = node

    def __repr__(self) -> str:
        return f"Rule({self.text!r})"

    @cached_property
    def holds(self) -> Callable[[Mapping[str, object]], bool | None]:
        """The function of one row as a mapping; a missing key is NULL."""
        load = {name: f"get({name!r})" for name in self.columns}
        return compile_closure(self.node, load, "get = row.get")

    def matcher(self, names: Sequence[str]) -> Callable[[Sequence[Any]], bool | None]:
        """Return the function of one row as a tuple, its values in the order of `names`; the fastest form."""
        load = {name: f"row[{place}]" for place, name in enumerate(names)}
        return compile_closure(self.node, load)

    def sql(self, engine: str, names: Mapping[str, str] | None = None) -> str:
        """Write the rule as one boolean SQL expression for `postgres` or `duckdb`.

        Literals stand in it: where a driver takes % for a parameter, double it first.

        Args:
            engine: whose SQL.
            names: column to SQL identifier, unquoted (columns of type unknown may be left out); by default each
                column is called by its own name.
        """
        known = {name: name for name in self.columns} if names is None else names
        return EMITTERS[engine]({name: quoted(known[name]) for name in known}).sql(self.node)


def together(rules: Sequence[Rule], names: Sequence[str]) -> Callable[[Sequence[Any]], int]:
    """Return one function of many rules over a row as a tuple: bit n of its answer is set when rule n is true."""
    load = {name: f"row[{place}]" for place, name in enumerate(names)}
    return compile_together([rule.node for rule in rules], load)


def compile_rule(text: str, columns: Mapping[str, ColumnType]) -> Rule:
    """Compile a rule over typed columns.

    Raises:
        RuleError: the text is not a rule over these columns; the message says what to change, and where.
    """
    node, used = check(text, columns)
    return Rule(text, node, used)
