"""A rule as a Python function: source is written from the checked tree and compiled once.

Deliberately not here: checking rows; `rows` does that where they enter. Nothing of the rule's text reaches the
source: columns become `c0`, `c1`, constants are bound by name, operators come from a table. NULL is None, and logic
is SQL's: for every condition there are two plain tests, "is true" and "is false"; where both fail it is NULL. A row
that fails the first AND of a rule leaves at once. Conditions used as values are computed once into `t0`, `t1`;
nothing here can fail, so order is free.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keyuan.segments.rules.macros import MACROS
from keyuan.segments.rules.model import (
    Among,
    Arithmetic,
    Between,
    Call,
    Column,
    Compare,
    Every,
    IsNull,
    IsTruth,
    Literal,
    Member,
    Node,
    Not,
    Some,
)
from keyuan.segments.rules.numbers import EXACT

_COMPARE = {"=": "==", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_EXACT = {"+": "add", "-": "subtract", "*": "multiply"}


@dataclass(frozen=True, slots=True)
class _Value:
    """Source of a value that holds when none of `nullable` is None; `never` when it is NULL in every row."""

    nullable: tuple[str, ...]
    source: str
    never: bool = False

    @property
    def present(self) -> list[str]:
        return [f"{name} is not None" for name in self.nullable]

    @property
    def complete(self) -> str:
        """The value or None, as one expression."""
        if self.never:
            return "None"
        if not self.nullable:
            return self.source
        return f"(None if {' or '.join(f'{name} is None' for name in self.nullable)} else {self.source})"


_NEVER = _Value((), "None", never=True)


def compile_closure(node: Node, load: Mapping[str, str], first: str = "") -> Callable[[Any], bool | None]:
    """Return the function of a rule; `load` maps a column to source that reads it from `row`, after line `first`."""
    writer = _Writer(load)
    return _compiled([*([first] if first else []), *writer.body(node)], writer.constants)


def compile_together(nodes: Sequence[Node], load: Mapping[str, str]) -> Callable[[Any], int]:
    """Return one function of many rules: bit n of its answer says whether rule n is true.

    One call for all of them, and each column is read once: most rules cost less than calling a function does.
    """
    writer = _Writer(load)
    return _compiled(writer.bits(nodes), writer.constants)


def _compiled(lines: Iterable[str], constants: Mapping[str, object]) -> Callable[[Any], Any]:
    source = "def rule(row):\n" + "\n".join(f" {line}" for line in lines)
    space: dict[str, Any] = {"__builtins__": {"len": len, "abs": abs}, "X": EXACT, **constants}
    exec(compile(source, "<rule>", "exec"), space)  # noqa: S102  # the source is ours, from checked nodes only
    return space["rule"]


class _Writer:
    """Writes the lines of one function."""

    def __init__(self, load: Mapping[str, str]) -> None:
        self._load = load
        self._lines: list[str] = []
        self._columns: dict[str, str] = {}
        self._values: dict[int, _Value] = {}
        self._split: dict[int, Every] = {}
        self._temporaries = 0
        self.constants: dict[str, object] = {}

    def body(self, node: Node) -> list[str]:
        """Write the statements of a whole rule."""
        if isinstance(node, (Every, Some)):
            self._chain(node.items, isinstance(node, Every))
        elif (strict := self._strict(node)) is not None:
            self._lines.append(f"return {strict.complete}")
        else:
            true, false = self.true(node), self.false(node)
            self._lines += [f"if {true}: return True", f"if {false}: return False", "return None"]
        return self._lines

    def bits(self, nodes: Sequence[Node]) -> list[str]:
        """Write the statements of many rules; what is not true, false or NULL, sets no bit."""
        self._lines.append("bits = 0")
        for place, node in enumerate(nodes):
            test = self.true(node)
            self._lines.append(f"if {test}: bits |= {1 << place}")
        return [*self._lines, "return bits"]

    def _chain(self, items: tuple[Node, ...], every: bool) -> None:  # noqa: FBT001  # AND or OR
        """Leave at the first false of an AND, or the first true of an OR; a NULL on the way decides in the end."""
        early, late = ("False", "True") if every else ("True", "False")
        start = len(self._lines)
        self._lines.append(f"n = {late}")
        seen_null = False
        for item in items:
            seen_null |= self._link(item, early, every=every)
        if not seen_null:
            del self._lines[start]
        self._lines.append("return n" if seen_null else f"return {late}")

    def _link(self, item: Node, early: str, *, every: bool) -> bool:
        """Write one part of a chain; tells whether it can be NULL."""
        strict = self._strict(item)
        if strict is None:
            go_on, leave = self.true(item), self.false(item)
            if not every:
                go_on, leave = leave, go_on
            self._lines += [f"if not ({go_on}):", f"  if {leave}: return {early}", "  n = None"]
            return True
        if strict.never:
            self._lines.append("n = None")
            return True
        leave = f"if not {strict.source}" if every else f"if {strict.source}"
        if not strict.nullable:
            self._lines.append(f"{leave}: return {early}")
            return False
        null = " or ".join(f"{name} is None" for name in strict.nullable)
        self._lines += [f"if {null}: n = None", f"el{leave}: return {early}"]
        return True

    def true(self, node: Node) -> str:  # noqa: PLR0911  # one case for each kind of node
        """Write a test that holds exactly when a condition is true."""
        match node:
            case Every(items):
                return "(" + " and ".join(self.true(item) for item in items) + ")"
            case Some(items):
                return "(" + " or ".join(self.true(item) for item in items) + ")"
            case Not(item):
                return self.false(item)
            case IsNull(item):
                return self._is_null(item)
            case IsTruth(item, truth):
                return self.true(item) if truth else self.false(item)
            case Member() if not _plain(node):
                item, items = self.value(node.item), self.value(node.items)
                tests = [*items.present, *item.present, f"{item.source} in {items.source}"]
                return "False" if item.never else f"({' and '.join(tests)})"
            case Among():
                found = self._among(node)
                return f"({' and '.join([*found.present, found.source])})"
            case Between() if not self._closed(node):
                return self.true(self._halves(node))
            case _:
                value = self.value(node)
                return "False" if value.never else f"({' and '.join([*value.present, value.source])})"

    def false(self, node: Node) -> str:  # noqa: PLR0911  # one case for each kind of node
        """Write a test that holds exactly when a condition is false."""
        match node:
            case Every(items):
                return "(" + " or ".join(self.false(item) for item in items) + ")"
            case Some(items):
                return "(" + " and ".join(self.false(item) for item in items) + ")"
            case Not(item):
                return self.true(item)
            case IsNull() | IsTruth():
                return f"(not {self.true(node)})"
            case Member() if not _plain(node):
                return self._member_is_false(node)
            case Among(with_null=True):
                return "False"
            case Among():
                found = self._among(node)
                return f"({' and '.join([*found.present, f'not {found.source}'])})"
            case Between() if not self._closed(node):
                return self.false(self._halves(node))
            case _:
                value = self.value(node)
                return "False" if value.never else f"({' and '.join([*value.present, f'not {value.source}'])})"

    def _member_is_false(self, node: Member) -> str:
        """An empty list holds nothing, not even an unknown item."""
        item, items = self.value(node.item), self.value(node.items)
        tests = [*item.present, f"{item.source} not in {items.source}"]
        absent = "" if item.never else f" or ({' and '.join(tests)})"
        return f"({' and '.join([*items.present, f'(not {items.source}{absent})'])})"

    def _is_null(self, node: Node) -> str:
        value = self.value(node)
        if value.never:
            return "True"
        return f"({' or '.join(f'{name} is None' for name in value.nullable)})" if value.nullable else "False"

    def value(self, node: Node) -> _Value:
        """Write an expression as a value, once."""
        known = self._values.get(id(node))
        if known is None:
            known = self._strict(node) or self._temporary(
                f"True if {self.true(node)} else False if {self.false(node)} else None"
            )
            self._values[id(node)] = known
        return known

    def _strict(self, node: Node) -> _Value | None:  # noqa: PLR0911  # one case for each kind of node
        """Write an expression that is NULL exactly when one of its parts is; None when it is not of that kind."""
        match node:
            case Literal(value):
                return _NEVER if value is None else _Value((), self._constant(value))
            case Column(name):
                return self._column(name)
            case Arithmetic(operator, left, right, kind):
                pattern = f"({{0}} {operator} {{1}})" if kind.whole else f"X.{_EXACT[operator]}({{0}}, {{1}})"
                return self._joined(pattern, left, right)
            case Compare(operator, left, right):
                return self._joined(f"({{0}} {_COMPARE[operator]} {{1}})", left, right)
            case Between(item, low, high) if self._closed(node):
                return self._joined("({1} <= {0} <= {2})", item, low, high)
            case Member(item, items) if _plain(node):
                return self._joined("({0} in {1})", item, items)
            case Among(with_null=False):
                return self._among(node)
            case Call():
                return self._call(node)
            case _:
                return None

    def _call(self, node: Call) -> _Value:
        if node.macro == "coalesce":
            known = self._values.get(id(node))
            return known or self._coalesce(node)
        if node.macro in {"minus", "abs"}:
            whole = {"minus": "(-{0})", "abs": "abs({0})"}[node.macro]
            return self._joined(whole if node.type.whole else f"X.{node.macro}({{0}})", *node.arguments)
        macro = MACROS[node.macro]
        if not macro.many:
            return self._joined(macro.python, *node.arguments)
        words = self._constant(frozenset(word.value for word in node.arguments[1:] if isinstance(word, Literal)))
        first = self.value(node.arguments[0])
        return _Value(first.nullable, macro.python.format(first.source, words))

    def _coalesce(self, node: Call) -> _Value:
        *first, last = [self.value(argument) for argument in node.arguments]
        source = last.complete
        for value in reversed(first):
            test = " and ".join(value.present) or "True"
            source = f"({value.source} if {test} else {source})"
        self._values[id(node)] = found = self._temporary(source)
        return found

    def _joined(self, pattern: str, *nodes: Node) -> _Value:
        """Put strict parts together: NULL when any of them is."""
        values = [self.value(node) for node in nodes]
        if any(value.never for value in values):
            return _NEVER
        nullable = dict.fromkeys(name for value in values for name in value.nullable)
        return _Value(tuple(nullable), pattern.format(*(value.source for value in values)))

    def _among(self, node: Among) -> _Value:
        item = self.value(node.item)
        choices = self._constant(frozenset(choice.value for choice in node.choices))
        return _Value(item.nullable, f"({item.source} in {choices})")

    def _closed(self, node: Between) -> bool:
        """Tell whether both ends are always there; else one end alone may make a BETWEEN false."""
        return not self.value(node.low).nullable and not self.value(node.high).nullable

    def _halves(self, node: Between) -> Every:
        """Say BETWEEN as two comparisons, the same two each time: values are remembered by node."""
        if id(node) not in self._split:
            above, below = Compare(">=", node.item, node.low), Compare("<=", node.item, node.high)
            self._split[id(node)] = Every((above, below))
        return self._split[id(node)]

    def _column(self, name: str) -> _Value:
        """Read a column just before its first use."""
        if name not in self._columns:
            self._columns[name] = f"c{len(self._columns)}"
            self._lines.append(f"{self._columns[name]} = {self._load[name]}")
        return _Value((self._columns[name],), self._columns[name])

    def _temporary(self, source: str) -> _Value:
        name = f"t{self._temporaries}"
        self._temporaries += 1
        self._lines.append(f"{name} = {source}")
        return _Value((name,), name)

    def _constant(self, value: object) -> str:
        if type(value) is int or value is True or value is False:
            return f"({value})"
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name


def _plain(node: Member) -> bool:
    """Tell whether the item looked for is always there."""
    return isinstance(node.item, Literal) and node.item.value is not None
