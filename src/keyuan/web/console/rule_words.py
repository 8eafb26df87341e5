"""A rule, said as a sentence: each part of it a clause that people understand without knowing the language of rules.

What has no saying of its own is said by its parts; nothing is left out. Deliberately not here: what a rule means
(`segments.rules`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keyuan.flows.group import COLUMNS
from keyuan.kernel.sentences import mark
from keyuan.segments.rules import compile_rule
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
    RuleError,
    Some,
)
from keyuan.web.console.words import BY_NAME, Words

_SENTENCES: Final = frozenset({"hint", "kind", "other"})
"""What is said of a wrong rule that is our word, and not a name or sign out of the rule."""
_MIRRORED: Final[Mapping[str, str]] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
_COMPARED: Final[Mapping[str, str]] = {
    "=": mark("%(trait)s is %(value)s"),
    "<>": mark("%(trait)s is not %(value)s"),
    "<": mark("%(trait)s below %(value)s"),
    "<=": mark("%(trait)s at most %(value)s"),
    ">": mark("%(trait)s above %(value)s"),
    ">=": mark("%(trait)s at least %(value)s"),
}
_SAYINGS: Final[Mapping[tuple[str, str], str]] = {
    ("recency_days", "<="): mark("came in the last %(value)s days"),
    ("recency_days", "<"): mark("came less than %(value)s days ago"),
    ("recency_days", ">"): mark("has not come for more than %(value)s days"),
    ("recency_days", ">="): mark("has not come for %(value)s days or more"),
    ("orders_90d", ">="): mark("placed at least %(value)s orders in 90 days"),
    ("orders_30d", ">="): mark("placed at least %(value)s orders in 30 days"),
    ("orders", ">="): mark("placed at least %(value)s orders in all"),
    ("coupon_redemptions", ">="): mark("used at least %(value)s coupons"),
    ("mean_basket_minor", ">="): mark("spends at least %(value)s on a basket"),
    ("spend_90d_minor", ">="): mark("spent at least %(value)s in 90 days"),
}
_BETWEEN: Final[Mapping[str, str]] = {
    "recency_days": mark("last came %(low)s to %(high)s days ago"),
}


@dataclass(frozen=True, slots=True)
class RuleWords:
    """Says rules in one language."""

    words: Words

    def clauses(self, node: Node) -> list[str]:
        """Return the parts of a rule, each of which must hold."""
        return [self.clause(part) for part in (node.items if isinstance(node, Every) else (node,))]

    def sentence(self, rule: str) -> str:
        """Say a saved rule in one line; as it is written, if a trait it names is gone."""
        try:
            clauses = self.clauses(compile_rule(rule, COLUMNS).node)
        except RuleError:
            return rule
        joint = self._text(mark(", and "))
        return joint.join(clauses)

    def clause(self, node: Node) -> str:  # noqa: PLR0911  # one line for each kind of node
        """Say one part."""
        match node:
            case Compare(operator=operator, left=Column() as column, right=right):
                return self._compared(column, operator, right)
            case Compare(operator=operator, left=left, right=Column() as column):
                return self._compared(column, _MIRRORED[operator], left)
            case Compare(operator=operator, left=left, right=right):
                return self._text(_COMPARED[operator], trait=self._term(left), value=self._term(right))
            case Between(item=item, low=low, high=high):
                return self._between(item, low, high)
            case Member(item=item, items=Column(name="top_categories")):
                return self._text(mark("has %(value)s among the categories bought most"), value=self._term(item))
            case Member(item=item, items=items):
                return self._text(mark("%(value)s is among %(trait)s"), trait=self._term(items), value=self._term(item))
            case Among():
                return self._among(node)
            case _:
                return self._joined(node)

    def fault(self, wrong: RuleError) -> str:
        """Say why a text is no rule."""
        said = {name: self._text(value) if name in _SENTENCES else value for name, value in wrong.said.items()}
        for name, joint in (("near", mark(" or ")), ("known", mark(", "))):
            if name in said:
                said[name] = said[name].replace(joint, self._text(joint))
        sentence = self.words.text(wrong.sentence)
        return sentence % said if said else sentence

    def _joined(self, node: Node) -> str:
        match node:
            case Every(items=items):
                return self._text(mark(" and ")).join(map(self._inner, items))
            case Some(items=items):
                return self._text(mark(" or ")).join(map(self._inner, items))
            case Not(item=item):
                return self._text(mark("not: %(clause)s"), clause=self._inner(item))
            case IsNull(item=item):
                return self._text(mark("%(trait)s is not known"), trait=self._term(item))
            case IsTruth(item=item, truth=truth):
                sentence = mark("it is so that %(clause)s") if truth else mark("it is not so that %(clause)s")
                return self._text(sentence, clause=self._inner(item))
            case _:
                return self._term(node)

    def _inner(self, node: Node) -> str:
        said = self.clause(node)
        return self._text(mark("(%(clause)s)"), clause=said) if isinstance(node, Every | Some) else said

    def _compared(self, column: Column, operator: str, other: Node) -> str:
        value = self._term(other, column.name)
        saying = _SAYINGS.get((column.name, operator)) if isinstance(other, Literal) else None
        return self._text(saying or _COMPARED[operator], trait=self._term(column), value=value)

    def _between(self, item: Node, low: Node, high: Node) -> str:
        name = item.name if isinstance(item, Column) else ""
        sentence = _BETWEEN.get(name, mark("%(trait)s from %(low)s to %(high)s"))
        return self._text(sentence, trait=self._term(item), low=self._term(low, name), high=self._term(high, name))

    def _among(self, node: Among) -> str:
        name = node.item.name if isinstance(node.item, Column) else ""
        values = self.words.listed([self._term(choice, name) for choice in node.choices])
        return self._text(mark("%(trait)s is one of %(values)s"), trait=self._term(node.item), values=values)

    def _term(self, node: Node, beside: str = "") -> str:  # noqa: PLR0911  # one line for each kind of node
        """Say a value; a literal is written as the trait that it stands beside."""
        match node:
            case Column(name=name):
                return self.words.label(BY_NAME[name]) if name in BY_NAME else name
            case Literal(value=None):
                return self._text(mark("not known"))
            case Literal(value=value):
                if isinstance(value, str):
                    return self.words.category(value)
                return self.words.value(BY_NAME[beside], value) if beside in BY_NAME else str(value)
            case Arithmetic(operator=operator, left=left, right=right):
                return f"{self._term(left, beside)} {operator} {self._term(right, beside)}"
            case Call(macro=macro, arguments=arguments):
                return f"{macro}({self.words.listed([self._term(each) for each in arguments])})"
            case _:
                return self.clause(node)

    def _text(self, message: str, **given: str) -> str:
        return self.words.text(message) % given
