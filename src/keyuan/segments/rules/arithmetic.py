"""The types of sums and products: SQL's decimal rules, bounded so that no engine can overflow.

Deliberately not here: the calculation itself. A result type that does not fit decimal(38,4), that is 34 digits before
and 4 after the point, is refused from the types alone, whatever the rows hold; so a rule that was accepted cannot
fail later.
Units: an int64 column counts as decimal(19,0), a literal as the digits it is written with.
"""

from keyuan.segments.rules.model import DIGITS_MAX, SCALE_MAX, Arithmetic, Call, Kind, Node, Type


def arithmetic(operator: str, left: Node, right: Node) -> Node | None:
    """Build `left operator right` over two numbers; None when its type is too wide."""
    one, other = left.type, right.type
    if operator == "*":
        digits, scale = one.digits + other.digits, one.scale + other.scale
    else:
        digits, scale = max(one.digits, other.digits) + 1, max(one.scale, other.scale)
    if digits > DIGITS_MAX or scale > SCALE_MAX:
        return None
    whole = one.whole and other.whole
    return Arithmetic(operator, left, right, Type(Kind.NUMBER, digits, scale, whole=whole))


def minus(item: Node, macro: str = "minus") -> Node:
    """Build `-item` or `abs(item)`: as many digits, but no longer an int64 (of -2^63 there is no other sign)."""
    kind = item.type
    return Call(macro, (item,), Type(Kind.NUMBER, kind.digits, kind.scale, whole=kind.whole))


def common_number(nodes: list[Node]) -> Type:
    """Find the type that holds each of these numbers."""
    return Type(
        Kind.NUMBER,
        max(node.type.digits for node in nodes),
        max(node.type.scale for node in nodes),
        whole=all(node.type.whole for node in nodes),
        int64=all(node.type.int64 for node in nodes),
    )
