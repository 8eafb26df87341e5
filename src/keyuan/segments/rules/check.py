"""Meaning and types: sqlglot's tree to ours, node by node, from an allow-list.

Deliberately not here: evaluating anything. NULL literals and empty columns take the type they stand beside; a
comparison or a sum with a literal NULL *is* NULL, and becomes one here, so that no engine has to guess the type of a
NULL.
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, NoReturn, cast

from sqlglot import exp

from keyuan.kernel.sentences import mark
from keyuan.segments.rules import numbers
from keyuan.segments.rules.arithmetic import arithmetic, minus
from keyuan.segments.rules.calls import call
from keyuan.segments.rules.foreign import foreign
from keyuan.segments.rules.kinds import NULL_BOOLEAN, KindsError, comparison, is_null, numbers_only, same_kind
from keyuan.segments.rules.macros import FUNCTIONS
from keyuan.segments.rules.model import (
    BOOLEAN,
    TEXT,
    TYPES,
    UNKNOWN,
    Among,
    Between,
    Column,
    ColumnType,
    Every,
    IsNull,
    IsTruth,
    Kind,
    Literal,
    Member,
    Node,
    Not,
    RuleError,
    Some,
    Type,
)
from keyuan.segments.rules.parse import FUNCTION, parse
from keyuan.segments.rules.tokens import Sort, Token, refuse

_TOO_WIDE = mark(
    "The result of %(operator)s could pass 34 digits before or 4 after the point, so no engine could promise it; "
    "use smaller factors, or compare the columns themselves."
)
_COMPARISONS: Mapping[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_ARITHMETIC: Mapping[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
_NULL = Literal(None, UNKNOWN)


def check(text: str, columns: Mapping[str, ColumnType]) -> tuple[Node, tuple[str, ...]]:
    """Parse and type a rule; returns its tree and the names of the columns it uses, sorted.

    Raises:
        RuleError: the text is not a rule over these columns.
    """
    tree, tokens = parse(text)
    checker = _Checker(text, tokens, columns)
    node = checker.condition(tree)
    return node, tuple(sorted(checker.used))


class _Checker:
    """One pass over one tree; every method returns a typed node or raises `RuleError`."""

    def __init__(self, text: str, tokens: list[Token], columns: Mapping[str, ColumnType]) -> None:
        self._text = text
        self._tokens = tokens
        self._columns = columns
        self.used: set[str] = set()
        self._makers: Mapping[type[exp.Expr], Callable[[Any], Node]] = {
            exp.Column: self._column,
            exp.Literal: self._literal,
            exp.Null: self._null,
            exp.Boolean: self._boolean,
            exp.Paren: self._paren,
            exp.Not: self._not,
            exp.And: self._every,
            exp.Or: self._some,
            exp.Neg: self._negative,
            exp.Between: self._between,
            exp.Is: self._is,
            exp.In: self._in,
            exp.Anonymous: self._call,
        }

    def node(self, tree: exp.Expr) -> Node:
        """Type any expression of the allow-list."""
        try:
            return self._typed(tree)
        except KindsError as wrong:
            self._refuse(tree, wrong.sentence, **wrong.said)

    def _typed(self, tree: exp.Expr) -> Node:
        kind = type(tree)
        if kind in _COMPARISONS:
            return self._compare(tree, _COMPARISONS[kind])
        if kind in _ARITHMETIC:
            return self._arithmetic(tree, _ARITHMETIC[kind])
        make = self._makers.get(kind)
        if make is None:
            self._refuse(tree, mark("This is not part of the rule language."))
        return make(tree)

    def condition(self, tree: exp.Expr) -> Node:
        """Type an expression that must be true, false or NULL."""
        node = self.node(tree)
        if is_null(node) and node.type.kind in {Kind.UNKNOWN, Kind.BOOLEAN}:
            return NULL_BOOLEAN
        if node.type.kind is not Kind.BOOLEAN:
            self._refuse(tree, mark("This is %(kind)s; compare it with something."), kind=node.type.kind.value)
        return node

    def _column(self, tree: exp.Expr) -> Node:
        token = self._token(tree.name)
        name = token.text
        found = self._columns.get(name)
        if found is None:
            self._unknown_column(token)
        self.used.add(name)
        kind = TYPES[found]
        return _NULL if kind is UNKNOWN else Column(name, kind)

    def _unknown_column(self, token: Token) -> NoReturn:
        """Name what the writer may have meant."""
        folded = {name.casefold(): name for name in self._columns}
        near = [folded[name] for name in get_close_matches(token.text.casefold(), folded, 3, 0.6)]
        hint = foreign(token.text) if token.sort is Sort.NAME else None
        said = {"name": token.text}
        if near:
            sentence = mark("There is no column %(name)s. Did you mean %(near)s?")
            said["near"] = " or ".join(near)
        elif hint:
            sentence, said["hint"] = mark("There is no column %(name)s. %(hint)s"), hint
        elif self._columns:
            sentence = mark("There is no column %(name)s. There are: %(known)s.")
            said["known"] = ", ".join(sorted(self._columns)[:10])
        else:
            sentence = mark("There is no column %(name)s. There are no columns.")
        refuse(self._text, token.offset, sentence, **said)

    def _literal(self, tree: exp.Expr) -> Node:
        token = self._token(tree.name)
        if token.sort is Sort.STRING:
            return Literal(token.text, TEXT)
        return self._number(token, "")

    def _number(self, token: Token, sign: str) -> Node:
        if token.text.isdigit():
            value = numbers.whole(sign + token.text)
            if value is None:
                refuse(self._text, token.offset, mark("A whole number lies between -2^63 and 2^63 - 1."))
            digits = len(str(abs(value)))
            return Literal(value, Type(Kind.NUMBER, digits, 0, whole=True, int64=True))
        exact = numbers.decimal(sign + token.text)
        if exact is None:
            refuse(self._text, token.offset, mark("A number has at most 14 digits before and 4 after the point."))
        scale = -cast("int", exact.as_tuple().exponent)
        return Literal(exact, Type(Kind.NUMBER, max(exact.adjusted() + 1, 0), scale))

    def _null(self, tree: exp.Expr) -> Node:
        del tree
        return _NULL

    def _boolean(self, tree: exp.Expr) -> Node:
        return Literal(bool(tree.this), BOOLEAN)

    def _paren(self, tree: exp.Expr) -> Node:
        return self.node(tree.this)

    def _not(self, tree: exp.Expr) -> Node:
        item = self.condition(tree.this)
        return item if is_null(item) else Not(item)

    def _every(self, tree: exp.Expr) -> Node:
        return Every(tuple(self.condition(part) for part in _chain(tree, exp.And)))

    def _some(self, tree: exp.Expr) -> Node:
        return Some(tuple(self.condition(part) for part in _chain(tree, exp.Or)))

    def _compare(self, tree: exp.Expr, operator: str) -> Node:
        left, right = self.node(tree.this), self.node(tree.expression)
        return comparison(operator, left, right)

    def _arithmetic(self, tree: exp.Expr, operator: str) -> Node:
        left, right = self.node(tree.this), self.node(tree.expression)
        numbers_only(left, right)
        if is_null(left) or is_null(right):
            return Literal(None, Type(Kind.NUMBER))
        result = arithmetic(operator, left, right)
        if result is None:
            self._refuse(tree, _TOO_WIDE, operator=operator)
        return result

    def _negative(self, tree: exp.Expr) -> Node:
        inner = tree.this
        if type(inner) is exp.Literal and self._token(inner.name).sort is Sort.NUMBER:
            return self._number(self._token(inner.name), "-")
        item = self.node(inner)
        numbers_only(item)
        return Literal(None, Type(Kind.NUMBER)) if is_null(item) else minus(item)

    def _between(self, tree: exp.Expr) -> Node:
        item, low, high = self.node(tree.this), self.node(tree.args["low"]), self.node(tree.args["high"])
        same_kind(item, low, high)
        if any(map(is_null, (item, low, high))):
            above = comparison(">=", item, low)
            return Every((above, comparison("<=", item, high)))
        return Between(item, low, high)

    def _is(self, tree: exp.Expr) -> Node:
        item = self.node(tree.this)
        if isinstance(tree.expression, exp.Null):
            return Literal(value=True, type=BOOLEAN) if is_null(item) else IsNull(item)
        if item.type.kind not in {Kind.BOOLEAN, Kind.UNKNOWN}:
            sentence = mark("This is %(kind)s, never TRUE or FALSE; compare it with something.")
            self._refuse(tree, sentence, kind=item.type.kind.value)
        if is_null(item):
            return Literal(value=False, type=BOOLEAN)
        return IsTruth(item, bool(tree.expression.this))

    def _in(self, tree: exp.Expr) -> Node:
        item = self.node(tree.this)
        if tree.args.get("field") is not None:
            return self._member(tree, item, self.node(tree.args["field"]))
        choices = [cast("Literal", self.node(choice)) for choice in tree.expressions]
        for choice in choices:
            same_kind(item, choice)
        same_kind(*choices)
        given = tuple(choice for choice in choices if choice.value is not None)
        if is_null(item) or not given:
            return NULL_BOOLEAN
        return Among(item, given, len(given) < len(choices))

    def _member(self, tree: exp.Expr, item: Node, items: Node) -> Node:
        if items.type.kind not in {Kind.TEXTS, Kind.UNKNOWN}:
            sentence = mark("This looks into %(kind)s; only a list can be looked into.")
            self._refuse(tree, sentence, kind=items.type.kind.value)
        if item.type.kind not in {Kind.TEXT, Kind.UNKNOWN}:
            self._refuse(tree, mark("A list holds text, and this looks for %(kind)s in it."), kind=item.type.kind.value)
        if is_null(items):
            return NULL_BOOLEAN
        return Member(Literal(None, TEXT) if is_null(item) else item, items)

    def _call(self, tree: exp.Expr) -> Node:
        token = self._token(tree.name.removeprefix(FUNCTION))
        name = token.text.lower()
        if name not in FUNCTIONS:
            self._unknown_function(token, name)
        result = call(name, [self.node(argument) for argument in tree.expressions])
        if result is None:
            refuse(self._text, token.offset, mark("Write %(example)s."), example=FUNCTIONS[name])
        return result

    def _unknown_function(self, token: Token, name: str) -> NoReturn:
        near, hint = get_close_matches(name, FUNCTIONS, 1, 0.6), foreign(name)
        said = {"name": token.text}
        if near:
            sentence, said["near"] = mark("There is no function %(name)s. Did you mean %(near)s?"), near[0]
        elif hint:
            sentence, said["hint"] = mark("There is no function %(name)s. %(hint)s"), hint
        else:
            sentence = mark("There is no function %(name)s. There are: %(known)s.")
            said["known"] = ", ".join(FUNCTIONS)
        refuse(self._text, token.offset, sentence, **said)

    def _token(self, place: str) -> Token:
        """Look up what a placeholder stands for."""
        return self._tokens[int(place)]

    def _refuse(self, tree: exp.Expr, sentence: str, **said: str) -> NoReturn:
        """Point at the first word of the expression that has a place."""
        places = [
            int(leaf.name.removeprefix(FUNCTION))
            for leaf in tree.walk()
            if isinstance(leaf, (exp.Column, exp.Literal, exp.Anonymous))
        ]
        if not places:
            raise RuleError(sentence, said)
        refuse(self._text, self._tokens[min(places)].offset, sentence, **said)


def _chain(tree: exp.Expr, kind: type[exp.Expr]) -> list[exp.Expr]:
    """Flatten `a AND b AND c`, however it leans, without recursion; returns the parts from left to right."""
    parts: list[exp.Expr] = []
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if type(part) is kind:
            waiting += [part.expression, part.this]
        else:
            parts.append(part)
    return parts
