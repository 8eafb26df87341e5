"""Calls of functions: which meaning of `macros` a name has for the types of its arguments.

Deliberately not here: unknown names, which `check` refuses. None says that the arguments do not fit the function.
"""

from keyuan.segments.rules.arithmetic import common_number, minus
from keyuan.segments.rules.kinds import is_null, numbers_only, same_kind
from keyuan.segments.rules.macros import MACROS, Macro
from keyuan.segments.rules.model import TEXT, Call, Kind, Literal, Member, Node, Type


def call(name: str, arguments: list[Node]) -> Node | None:
    """Build the call of a function of `macros.FUNCTIONS`.

    Raises:
        KindsError: the arguments do not go together.
    """
    if not arguments:
        return None
    if name == "abs":
        return _absolute(arguments)
    if name == "coalesce":
        return _coalesce(arguments)
    if name == "contains" and arguments[0].type.kind is Kind.TEXTS:
        return _member(arguments)
    return _macro(name, arguments)


def _absolute(arguments: list[Node]) -> Node | None:
    if len(arguments) != 1:
        return None
    numbers_only(arguments[0])
    return Literal(None, Type(Kind.NUMBER)) if is_null(arguments[0]) else minus(arguments[0], macro="abs")


def _coalesce(arguments: list[Node]) -> Node:
    """The first value that is not NULL; literals of NULL fall away."""
    same_kind(*arguments)
    given = [node for node in arguments if not is_null(node)]
    if len(given) <= 1:
        return given[0] if given else arguments[0]
    kind = common_number(given) if given[0].type.kind is Kind.NUMBER else given[0].type
    return Call("coalesce", tuple(given), kind)


def _member(arguments: list[Node]) -> Node | None:
    """`contains(list, 'X')` is `'X' IN list`."""
    items, *rest = arguments
    if len(rest) != 1 or rest[0].type.kind not in {Kind.TEXT, Kind.UNKNOWN}:
        return None
    return Member(Literal(None, TEXT) if is_null(rest[0]) else rest[0], items)


def _macro(name: str, arguments: list[Node]) -> Node | None:
    """Find the meaning by the type of the first argument."""
    found = [(key, macro) for key, macro in MACROS.items() if macro.function == name and _fits(macro, arguments)]
    if not found:
        return None
    key, macro = found[0]
    if any(map(is_null, arguments)):
        return Literal(None, macro.result)
    return Call(key, tuple(arguments), macro.result)


def _fits(macro: Macro, arguments: list[Node]) -> bool:
    """Compare arguments with what a macro takes; NULL fits everything but a literal word."""
    first, *rest = arguments
    if first.type.kind not in {macro.arguments[0].kind, Kind.UNKNOWN}:
        return False
    if any(node.type.kind not in {Kind.TEXT, Kind.UNKNOWN} for node in rest):
        return False
    if macro.many:
        return bool(rest) and all(isinstance(node, Literal) and node.value is not None for node in rest)
    return len(arguments) == len(macro.arguments)
