"""Which types may stand beside each other, and what a literal NULL makes of them.

Deliberately not here: places in the text; `check` adds them to a `KindsError`.
"""

from keyuan.kernel.sentences import mark
from keyuan.segments.rules.model import BOOLEAN, Compare, Kind, Literal, Node

NULL_BOOLEAN = Literal(None, BOOLEAN)


class KindsError(Exception):
    """Types do not go together; the sentence says which, and `check` knows where."""

    def __init__(self, sentence: str, **said: str) -> None:
        self.sentence, self.said = sentence, said
        super().__init__(sentence)


def is_null(node: Node) -> bool:
    """Tell whether an expression is a literal NULL, or a column that holds nothing else."""
    return isinstance(node, Literal) and node.value is None


def same_kind(*nodes: Node) -> None:
    """Refuse text beside numbers, and lists beside anything.

    Raises:
        KindsError: they cannot be compared.
    """
    kinds = [node.type.kind for node in nodes if node.type.kind is not Kind.UNKNOWN]
    if Kind.TEXTS in kinds:
        raise KindsError(mark("A list is not compared; look into it with 'X' IN column."))
    for kind in kinds[1:]:
        if kind is not kinds[0]:
            sentence = mark("This compares %(kind)s and %(other)s; both sides must be of one type.")
            raise KindsError(sentence, kind=kinds[0].value, other=kind.value)


def numbers_only(*nodes: Node) -> None:
    """Refuse to calculate with anything but numbers and NULL.

    Raises:
        KindsError: one is neither.
    """
    for node in nodes:
        if node.type.kind not in {Kind.NUMBER, Kind.UNKNOWN}:
            raise KindsError(mark("This calculates with %(kind)s; use numbers."), kind=node.type.kind.value)


def comparison(operator: str, left: Node, right: Node) -> Node:
    """Build a comparison; with a literal NULL it is NULL.

    Raises:
        KindsError: the two cannot be compared.
    """
    same_kind(left, right)
    return NULL_BOOLEAN if is_null(left) or is_null(right) else Compare(operator, left, right)
