"""The functions of the rule language: each one exact meaning, written once per engine.

Deliberately not here: `coalesce` and lists with IN, which are not NULL whenever an argument is and so have nodes or
code of their own. Every macro here is strict (a NULL argument gives NULL) and never fails. Templates take their
arguments by position; text arguments arrive with their collation, numbers wide enough.
"""

from dataclasses import dataclass

from keyuan.segments.rules.model import BOOLEAN, TEXT, TEXTS, Kind, Type

LENGTH = Type(Kind.NUMBER, 10, 0, whole=True, int64=True)


@dataclass(frozen=True, slots=True)
class Macro:
    """One meaning; a macro with `many` takes one or more literal words after its argument."""

    function: str
    arguments: tuple[Type, ...]
    result: Type
    python: str
    postgres: str
    duckdb: str
    many: bool = False


MACROS = {
    "starts_with": Macro(
        "starts_with",
        (TEXT, TEXT),
        BOOLEAN,
        "{0}.startswith({1})",
        "starts_with({0}, {1})",
        "starts_with({0}, {1})",
    ),
    "ends_with": Macro(
        "ends_with",
        (TEXT, TEXT),
        BOOLEAN,
        "{0}.endswith({1})",
        "(right({0}, length({1})) = {1})",
        "ends_with({0}, {1})",
    ),
    "contains_text": Macro(
        "contains",
        (TEXT, TEXT),
        BOOLEAN,
        "({1} in {0})",
        "(strpos({0}, {1}) > 0)",
        "contains({0}, {1})",
    ),
    "length_text": Macro("length", (TEXT,), LENGTH, "len({0})", "length({0})", "length({0})"),
    "length_texts": Macro("length", (TEXTS,), LENGTH, "len({0})", "cardinality({0})", "len({0})"),
    "contains_any": Macro(
        "contains_any",
        (TEXTS,),
        BOOLEAN,
        "(not {1}.isdisjoint({0}))",
        "({0} && CAST(ARRAY[{1}] AS TEXT[]))",
        "list_has_any({0}, [{1}])",
        many=True,
    ),
    "contains_all": Macro(
        "contains_all",
        (TEXTS,),
        BOOLEAN,
        "{1}.issubset({0})",
        "({0} @> CAST(ARRAY[{1}] AS TEXT[]))",
        "list_has_all({0}, [{1}])",
        many=True,
    ),
}

# What a rule may call, with an example for messages.
FUNCTIONS = {
    "abs": "abs(number)",
    "coalesce": "coalesce(column, 0)",
    "contains": "contains(list, 'X') or contains(text, 'x')",
    "contains_all": "contains_all(list, 'X', 'Y')",
    "contains_any": "contains_any(list, 'X', 'Y')",
    "ends_with": "ends_with(text, 'x')",
    "length": "length(text) or length(list)",
    "starts_with": "starts_with(text, 'x')",
}
