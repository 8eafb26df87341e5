"""Random typed rules and rows, from a seed: what the property tests of the rule language and its planted bugs use.

Rules come as text with few parentheses, so that precedence is tried too. Nothing here knows how rules are compiled.
"""

from decimal import Decimal
from random import Random
from typing import Any

from keyuan.segments.rules import ColumnType, Table

COLUMNS = {
    "i": ColumnType.INTEGER,
    "j": ColumnType.INTEGER,
    "d": ColumnType.DECIMAL,
    "e": ColumnType.DECIMAL,
    "t": ColumnType.TEXT,
    "Text Two": ColumnType.TEXT,
    "l": ColumnType.TEXTS,
    "标签": ColumnType.TEXTS,
    "b": ColumnType.BOOLEAN,
    "and": ColumnType.BOOLEAN,
    "z": ColumnType.UNKNOWN,
}
INTEGERS = [0, 1, -1, 2, 3, 7, 30, -30, 2**31 - 1, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63), 10**13]
DECIMALS = [
    Decimal(text)
    for text in ("0", "0.5", "-0.5", "1", "3", "1.5", "0.0001", "-0.0001", "2.25", "30.01", "99999999999999.9999")
] + [Decimal("-99999999999999.9999"), Decimal(7), Decimal("0.3333")]
TEXTS = ["", "a", "A", "ab", "b", "ä", "a\u0308", "z", "Z", "É", "客", "客缘", "𝄞", "\uffff", "😀", "a'b", "a\\b"]
ODD_TEXTS = [
    "%",
    "_",
    "a b",
    "a ",
    " a",
    "AND",
    "{0}",
    "$1",
    ":x",
    "\t",
    "ß",
    "ss",
    "I",
    "ı",
    "1",
    "\u200d",
    "👩\u200d🚀",
]
WORDS = ["a", "A", "客", "COFFEE", "", "a'b", "a\\b", "😀", "%"]


def random_rows(random: Random, count: int) -> Table:
    """Make rows of `COLUMNS`, about a fifth of the values NULL."""
    makers = {
        ColumnType.BOOLEAN: lambda: random.random() < 0.5,
        ColumnType.INTEGER: lambda: _integer(random),
        ColumnType.DECIMAL: lambda: _decimal(random),
        ColumnType.TEXT: lambda: random.choice(TEXTS + ODD_TEXTS) if random.random() < 0.9 else _noise(random),
        ColumnType.TEXTS: lambda: tuple(random.choices(WORDS, k=random.choice([0, 0, 1, 2, 3, 8]))),
        ColumnType.UNKNOWN: lambda: None,
    }
    rows: list[tuple[Any, ...]] = [
        tuple(None if random.random() < 0.2 else makers[kind]() for kind in COLUMNS.values()) for _ in range(count - 1)
    ]
    return Table(dict(COLUMNS), [*rows, (None,) * len(COLUMNS)])


def _integer(random: Random) -> int:
    return random.choice(INTEGERS) if random.random() < 0.8 else random.randint(-(2**63), 2**63 - 1)


def _decimal(random: Random) -> Decimal:
    if random.random() < 0.8:
        return random.choice(DECIMALS)
    return Decimal(random.randint(-(10**18) + 1, 10**18 - 1)).scaleb(-4)


def _noise(random: Random) -> str:
    """Text of any code points but NUL and surrogates."""
    points = [random.choice([random.randint(1, 0x7F), random.randint(0xE000, 0x10FFFF)]) for _ in range(3)]
    return "".join(map(chr, points))


class RuleMaker:
    """Writes conditions; `portable` ones have no list, function or text, so that any SQL reads them as they are."""

    def __init__(self, random: Random, *, portable: bool = False) -> None:
        self._random = random
        self._portable = portable

    def rule(self) -> str:
        """Write one rule."""
        return self.condition(self._random.choice([1, 2, 2, 3, 3, 4]))

    def condition(self, depth: int) -> str:
        """Write ANDs and ORs of parts."""
        parts = [self._part(depth) for _ in range(self._random.choice([1, 1, 2, 2, 3]))]
        text = parts[0]
        for part in parts[1:]:
            text += f" {self._random.choice(['AND', 'OR', 'and', 'Or'])} {part}"
        return text

    def _part(self, depth: int) -> str:
        prefix = self._random.choice(["", "", "", "NOT ", "not NOT "])
        if depth > 0 and self._random.random() < 0.45:
            return f"{prefix}({self.condition(depth - 1)})"
        return prefix + self._predicate(depth)

    def _predicate(self, depth: int) -> str:
        makers = [self._numbers, self._numbers, self._booleans, self._is_null, self._is_truth, self._bare]
        if not self._portable:
            makers += [self._texts, self._texts, self._lists, self._lists, self._function]
        return self._random.choice(makers)(depth)

    def _numbers(self, depth: int) -> str:
        return self._compared(lambda: self.number(depth), self._number_literal)

    def _texts(self, depth: int) -> str:
        del depth
        return self._compared(self.text, self._text_literal)

    def _booleans(self, depth: int) -> str:
        return self._compared(lambda: self._boolean(depth), lambda: self._random.choice(["TRUE", "false", "NULL"]))

    def _compared(self, value: Any, literal: Any) -> str:
        kind = self._random.randrange(10)
        negated = self._random.choice(["", "", "NOT "])
        if kind < 6:
            return f"{value()} {self._random.choice(['=', '<>', '!=', '<', '<=', '>', '>='])} {value()}"
        if kind < 8:
            return f"{value()} {negated}BETWEEN {value()} AND {value()}"
        choices = [literal() for _ in range(self._random.choice([1, 2, 3, 6]))]
        return f"{value()} {negated}IN ({', '.join(choices)})"

    def _is_null(self, depth: int) -> str:
        values = [lambda: self.number(depth), lambda: self._boolean(depth)]
        if not self._portable:
            values += [self.text, self._list]
        return f"{self._random.choice(values)()} IS {self._random.choice(['', 'NOT '])}NULL"

    def _is_truth(self, depth: int) -> str:
        return f"{self._boolean(depth)} IS {self._random.choice(['', 'NOT '])}{self._random.choice(['TRUE', 'FALSE'])}"

    def _bare(self, depth: int) -> str:
        return self._boolean(depth)

    def _lists(self, depth: int) -> str:
        del depth
        item = self._random.choice([self._word(), self._word(), self.text(), "NULL"])
        return f"{item} {self._random.choice(['', 'NOT '])}IN {self._list()}"

    def _function(self, depth: int) -> str:
        del depth
        words = ", ".join(self._word() for _ in range(self._random.choice([1, 2, 3])))
        return self._random.choice(
            [
                f"starts_with({self.text()}, {self.text()})",
                f"ENDS_WITH({self.text()}, {self.text()})",
                f"contains({self.text()}, {self.text()})",
                f"contains({self._list()}, {self.text()})",
                f"contains_any({self._list()}, {words})",
                f"contains_all({self._list()}, {words})",
            ]
        )

    def number(self, depth: int) -> str:
        """Write a sum, product or single number."""
        kind = self._random.randrange(12)
        if kind < 6 or depth <= 0:
            return self._number_atom()
        if kind < 8:
            return f"{self.number(depth - 1)} {self._random.choice('+-')} {self._factor(depth - 1)}"
        if kind == 8:
            return f"{self._factor(depth - 1)} * {self._factor(depth - 1)}"
        if kind == 9:
            return f"-{self._factor(depth - 1)}".replace("--", "- -")
        if kind == 10 or self._portable:
            return f"({self.number(depth - 1)})"
        return self._random.choice(
            [
                f"abs({self.number(depth - 1)})",
                f"coalesce({self.number(depth - 1)}, {self.number(0)}, {self.number(0)})",
                f"length({self._random.choice([self.text, self._list])()})",
            ]
        )

    def _factor(self, depth: int) -> str:
        return self._number_atom() if self._random.random() < 0.7 else f"({self.number(depth)})"

    def _number_atom(self) -> str:
        columns = ["i", "j", "d", "e", "z"] if not self._portable else ["i", "j"]
        return self._random.choice(columns) if self._random.random() < 0.6 else self._number_literal()

    def _number_literal(self) -> str:
        if self._portable:
            return str(self._random.randint(0, 9))
        if self._random.random() < 0.08:
            return "NULL"
        if self._random.random() < 0.5:
            return str(self._random.choice([0, 1, 2, 3, 7, 30, *INTEGERS]))
        return self._random.choice([format(self._random.choice(DECIMALS), "f"), "1e3", "5E-1", ".5", "2.", "1.50000"])

    def text(self) -> str:
        """Write a text column, literal, NULL or choice of them."""
        columns = ["t", '"Text Two"', "z"]
        kind = self._random.randrange(20)
        if kind < 11:
            return self._random.choice(columns)
        if kind < 18:
            return self._text_literal()
        return "NULL" if kind == 18 else f"coalesce({self._random.choice(columns)}, {self._text_literal()})"

    def _text_literal(self) -> str:
        return _quoted(self._random.choice(TEXTS + ODD_TEXTS)) if self._random.random() < 0.95 else "NULL"

    def _word(self) -> str:
        return _quoted(self._random.choice(WORDS))

    def _list(self) -> str:
        return self._random.choice(["l", "标签", "l", "z"])

    def _boolean(self, depth: int) -> str:
        if depth > 0 and self._random.random() < 0.3:
            return f"({self.condition(depth - 1)})"
        return self._random.choice(["b", "b", '"and"', "z", "TRUE", "NULL"] if not self._portable else ["b", '"and"'])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
