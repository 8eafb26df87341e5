"""A rule as SQL: one emitter per engine over the checked tree.

Deliberately not here: running it (`evaluate`). Everything is in parentheses, so no precedence is left to an engine;
numbers are cast wide before they meet, so nothing overflows; text compares by code point.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from decimal import Decimal

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
    Kind,
    Literal,
    Member,
    Node,
    Not,
    Some,
    Type,
)

_INT4_MAX = 2**31 - 1
_DUCKDB_NARROW = 18


class Emitter(ABC):
    """What the engines have in common: standard SQL. `names` maps columns to quoted SQL names."""

    nulls: Mapping[Kind, str]

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def sql(self, node: Node) -> str:  # noqa: C901, PLR0911, PLR0912  # one case for each kind of node
        """Write a condition or a value as one SQL expression."""
        match node:
            case Every(items):
                return "(" + " AND ".join(self.sql(item) for item in items) + ")"
            case Some(items):
                return "(" + " OR ".join(self.sql(item) for item in items) + ")"
            case Not(item):
                return f"(NOT {self.sql(item)})"
            case IsNull(item):
                return f"({self.sql(item)} IS NULL)"
            case IsTruth(item, truth):
                return f"({self.sql(item)} IS {'TRUE' if truth else 'FALSE'})"
            case Compare(operator, left, right):
                one, other = self._alike(left, right)
                return f"({one} {operator} {other})"
            case Between(item, low, high):
                one, least, most = self._alike(item, low, high)
                return f"({one} BETWEEN {least} AND {most})"
            case Among():
                return self._among(node)
            case Member(item, items):
                return self.member(item, items)
            case Arithmetic(operator, left, right):
                return f"({self.exact(left)} {operator} {self.exact(right)})"
            case Call():
                return self._call(node)
            case Column(name):
                return self._names[name]
            case Literal():
                return self._literal(node)

    @abstractmethod
    def exact(self, node: Node) -> str:
        """Write a number for arithmetic, in a type whose results cannot overflow."""

    @abstractmethod
    def wide(self, node: Node) -> str:
        """Write a number that will stand beside a number of another type."""

    def text(self, value: str) -> str:
        """Write a text literal."""
        return "'" + value.replace("'", "''") + "'"

    def collated(self, node: Node) -> str:
        """Write a text that will be compared by code point."""
        return self.sql(node)

    @abstractmethod
    def member(self, item: Node, items: Node) -> str:
        """Write `item IN items`; for an empty list that is false, even of NULL."""

    @abstractmethod
    def macro(self, name: str) -> str:
        """Return the template of a macro."""

    def null(self, kind: Type) -> str:
        """Write a NULL of a type."""
        return f"CAST(NULL AS {self.nulls[kind.kind]})"

    def _literal(self, node: Literal) -> str:
        match node.value:
            case None:
                return self.null(node.type)
            case bool():
                return "TRUE" if node.value else "FALSE"
            case int():
                return str(node.value) if 0 <= node.value <= _INT4_MAX else f"CAST({node.value} AS BIGINT)"
            case Decimal():
                # Without a point it would be an integer to an engine, and overflow like one.
                digits = f"{node.value:f}" if node.type.scale else f"{node.value:f}.0"
                return f"({digits})" if node.value < 0 else digits
            case str():
                return self.text(node.value)

    def _alike(self, *nodes: Node) -> list[str]:
        """Write values that will be compared with each other."""
        kinds = {node.type.kind for node in nodes}
        if Kind.TEXT in kinds:
            return [self.collated(node) for node in nodes]
        if Kind.NUMBER in kinds and not all(node.type.int64 for node in nodes):
            return [self.wide(node) for node in nodes]
        return [self.sql(node) for node in nodes]

    def _among(self, node: Among) -> str:
        item, *choices = self._alike(node.item, *node.choices)
        if node.with_null:
            choices.append(self.null(node.item.type))
        return f"({item} IN ({', '.join(choices)}))"

    def _call(self, node: Call) -> str:
        if node.macro == "coalesce":
            return f"COALESCE({', '.join(self._alike(*node.arguments))})"
        if node.macro in {"minus", "abs"}:
            number = self.exact(node.arguments[0])
            return f"(- {number})" if node.macro == "minus" else f"abs({number})"
        arguments = [
            self.collated(argument) if argument.type.kind is Kind.TEXT else self.sql(argument)
            for argument in node.arguments
        ]
        if MACROS[node.macro].many:
            words = ", ".join(self.sql(argument) for argument in node.arguments[1:])
            arguments = [arguments[0], words]
        return self.macro(node.macro).format(*arguments)


class PostgresEmitter(Emitter):
    """PostgreSQL 15 and newer. Any number beside a NUMERIC becomes one, and a NUMERIC has no practical end."""

    nulls: Mapping[Kind, str] = {
        Kind.BOOLEAN: "BOOLEAN",
        Kind.NUMBER: "NUMERIC",
        Kind.TEXT: "TEXT",
        Kind.TEXTS: "TEXT[]",
        Kind.UNKNOWN: "TEXT",
    }

    def exact(self, node: Node) -> str:
        """Write a number as NUMERIC."""
        return f"CAST({self.sql(node)} AS NUMERIC)" if node.type.int64 else self.sql(node)

    def wide(self, node: Node) -> str:
        """Write a number as it is."""
        return self.sql(node)

    def text(self, value: str) -> str:
        r"""Write a text literal; with a backslash as E'…', so that no server setting changes its meaning."""
        quoted = super().text(value)
        return "E" + quoted.replace("\\", "\\\\") if "\\" in value else quoted

    def collated(self, node: Node) -> str:
        """Write a text with the collation of code points."""
        return f'({self.sql(node)} COLLATE "C")'

    def member(self, item: Node, items: Node) -> str:
        """Write `= ANY`, which is SQL's own meaning."""
        return f"({self.collated(item)} = ANY ({self.sql(items)}))"

    def macro(self, name: str) -> str:
        """Return the template for PostgreSQL."""
        return MACROS[name].postgres


class DuckDbEmitter(Emitter):
    """DuckDB 2. A BIGINT beside a DECIMAL would be squeezed into it, so both become DECIMAL(38,4) first."""

    nulls: Mapping[Kind, str] = {
        Kind.BOOLEAN: "BOOLEAN",
        Kind.NUMBER: "DECIMAL(38,4)",
        Kind.TEXT: "VARCHAR",
        Kind.TEXTS: "VARCHAR[]",
        Kind.UNKNOWN: "VARCHAR",
    }

    def exact(self, node: Node) -> str:
        """Write a number with its digits, but more than 18: up to there DuckDB would keep a result in 64 bits."""
        precision = max(node.type.digits + node.type.scale, _DUCKDB_NARROW + 1)
        return f"CAST({self.sql(node)} AS DECIMAL({precision},{node.type.scale}))"

    def wide(self, node: Node) -> str:
        """Write a number as DECIMAL(38,4)."""
        return f"CAST({self.sql(node)} AS DECIMAL(38,4))"

    def member(self, item: Node, items: Node) -> str:
        """Write list_contains, which gives NULL for an unknown item in an empty list, where SQL says false."""
        one, many = self.sql(item), self.sql(items)
        found = f"list_contains({many}, {one})"
        if isinstance(item, Literal) and item.value is not None:
            return found
        return f"(CASE WHEN len({many}) = 0 THEN FALSE ELSE {found} END)"

    def macro(self, name: str) -> str:
        """Return the template for DuckDB."""
        return MACROS[name].duckdb


EMITTERS: Mapping[str, type[Emitter]] = {"postgres": PostgresEmitter, "duckdb": DuckDbEmitter}


def quoted(name: str) -> str:
    """Write a column name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
