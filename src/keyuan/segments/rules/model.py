"""What a rule is made of: column types, limits, the errors, and the checked tree.

Deliberately not here: reading text (`tokens`, `parse`), giving types (`check`), and meaning (`closure`, `emit`). A
tree holds only nodes of this file, with a type on each: whoever has one may emit it without looking twice.
Units: `digits` are decimal digits before the point, `scale` digits after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from keyuan.kernel.errors import InputError
from keyuan.kernel.sentences import mark

RULE_BYTES_MAX = 4_096
PARTS_MAX = 256
DEPTH_MAX = 32
CHOICES_MAX = 100
# decimal(38,4): what every engine can hold exactly.
DIGITS_MAX = 34
SCALE_MAX = 4
# decimal(18,4): one value of a row.
VALUE_DIGITS_MAX = 14
INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1
INT64_DIGITS = 19


class RuleError(InputError):
    """The rule cannot be used as it is written.

    `sentence` with `said` in its places is the message: whoever shows it may say both in another language. Where in the
    rule it is stands in `facts`: line and column.
    """

    def __init__(self, sentence: str, said: Mapping[str, str] | None = None, /, **place: int) -> None:
        self.sentence, self.said = sentence, said or {}
        super().__init__(sentence % said if said else sentence, **place)


class RowsError(InputError):
    """The rows cannot be read as typed columns."""


class ColumnType(Enum):
    """The type of a column of rows; the value is its name in words."""

    BOOLEAN = "boolean"
    INTEGER = "whole number"
    DECIMAL = "decimal number"
    TEXT = "text"
    TEXTS = "list of text"
    UNKNOWN = "unknown"


class Kind(Enum):
    """What may be compared with what."""

    BOOLEAN = mark("true or false")
    NUMBER = mark("a number")
    TEXT = mark("text")
    TEXTS = mark("a list of text")
    UNKNOWN = mark("NULL")


@dataclass(frozen=True, slots=True)
class Type:
    """The type of an expression.

    `whole` numbers are Python integers; `int64` ones also fit a BIGINT, because no arithmetic was done on them.
    """

    kind: Kind
    digits: int = 0
    scale: int = 0
    whole: bool = False
    int64: bool = False


BOOLEAN = Type(Kind.BOOLEAN)
TEXT = Type(Kind.TEXT)
TEXTS = Type(Kind.TEXTS)
UNKNOWN = Type(Kind.UNKNOWN)
INTEGER = Type(Kind.NUMBER, INT64_DIGITS, 0, whole=True, int64=True)
DECIMAL = Type(Kind.NUMBER, VALUE_DIGITS_MAX, SCALE_MAX)

TYPES = {
    ColumnType.BOOLEAN: BOOLEAN,
    ColumnType.INTEGER: INTEGER,
    ColumnType.DECIMAL: DECIMAL,
    ColumnType.TEXT: TEXT,
    ColumnType.TEXTS: TEXTS,
    ColumnType.UNKNOWN: UNKNOWN,
}

Scalar = bool | int | Decimal | str | None


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; None is NULL, of the type it stands for."""

    value: Scalar
    type: Type


@dataclass(frozen=True, slots=True)
class Column:
    """The value of a column in the row at hand."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left + right`, `left - right` or `left * right`."""

    operator: str
    left: "Node"
    right: "Node"
    type: Type


@dataclass(frozen=True, slots=True)
class Call:
    """A macro of `macros`, by the name of one exact meaning."""

    macro: str
    arguments: "tuple[Node, ...]"
    type: Type


@dataclass(frozen=True, slots=True)
class Compare:
    """`left operator right`, the operator one of = <> < <= > >=."""

    operator: str
    left: "Node"
    right: "Node"
    type: Type = BOOLEAN


@dataclass(frozen=True, slots=True)
class Among:
    """`item IN (choices)`; `with_null` when NULL is one of the choices."""

    item: "Node"
    choices: tuple[Literal, ...]
    with_null: bool
    type: Type = BOOLEAN


@dataclass(frozen=True, slots=True)
class Member:
    """`item IN items`, where items is a list of text."""

    item: "Node"
    items: "Node"
    type: Type = BOOLEAN


@dataclass(frozen=True, slots=True)
class Between:
    """`item BETWEEN low AND high`, both ends inside."""

    item: "Node"
    low: "Node"
    high: "Node"
    type: Type = BOOLEAN


@dataclass(frozen=True, slots=True)
class IsNull:
    """`item IS NULL`, never NULL itself."""

    item: "Node"
    type: Type = BOOLEAN


@dataclass(frozen=True, slots=True)
class IsTruth:
    """`item IS TRUE` or `item IS FALSE`, never NULL itself."""

    item: "Node"
    truth: bool
    type: Type = BOOLEAN


@dataclass(frozen=True, slots=True)
class Not:
    """`NOT item`; NULL stays NULL."""

    item: "Node"
    type: Type = BOOLEAN


@dataclass(frozen=True, slots=True)
class Every:
    """`a AND b AND …`."""

    items: "tuple[Node, ...]"
    type: Type = BOOLEAN


@dataclass(frozen=True, slots=True)
class Some:
    """`a OR b OR …`."""

    items: "tuple[Node, ...]"
    type: Type = BOOLEAN


Node = Literal | Column | Arithmetic | Call | Compare | Among | Member | Between | IsNull | IsTruth | Not | Every | Some
