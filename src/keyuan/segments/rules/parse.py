"""Precedence: tokens to a tree, by sqlglot.

Deliberately not here: names, numbers and texts. sqlglot is given placeholders (the number of the token), so it can
neither rewrite a literal nor take a column for a keyword; `check` looks the real token up again.
"""

from sqlglot import exp
from sqlglot.errors import ParseError
from sqlglot.parser import Parser
from sqlglot.tokenizer_core import Token as ForeignToken
from sqlglot.tokenizer_core import TokenType

from keyuan.kernel.sentences import mark
from keyuan.segments.rules.grammar import check_grammar
from keyuan.segments.rules.model import RuleError
from keyuan.segments.rules.tokens import Sort, Token, tokenize

_KEYWORDS = {
    "AND": TokenType.AND,
    "OR": TokenType.OR,
    "NOT": TokenType.NOT,
    "IN": TokenType.IN,
    "BETWEEN": TokenType.BETWEEN,
    "IS": TokenType.IS,
    "NULL": TokenType.NULL,
    "TRUE": TokenType.TRUE,
    "FALSE": TokenType.FALSE,
}
_SIGNS = {
    "(": TokenType.L_PAREN,
    ")": TokenType.R_PAREN,
    ",": TokenType.COMMA,
    "=": TokenType.EQ,
    "<>": TokenType.NEQ,
    "<": TokenType.LT,
    "<=": TokenType.LTE,
    ">": TokenType.GT,
    ">=": TokenType.GTE,
    "+": TokenType.PLUS,
    "-": TokenType.DASH,
    "*": TokenType.STAR,
}
FUNCTION = "f"


def parse(text: str) -> tuple[exp.Expr, list[Token]]:
    """Read a rule; returns the tree with placeholders and the tokens they stand for.

    Raises:
        RuleError: the text is not a rule.
    """
    tokens = tokenize(text)
    check_grammar(text, tokens)
    stand_ins = [_stand_in(place, tokens) for place in range(len(tokens))]
    try:
        trees = Parser().parse_into(exp.Condition, stand_ins)
    except (ParseError, RecursionError) as failure:
        raise RuleError(mark("The rule cannot be read; put parentheses around its parts.")) from failure
    tree = trees[0] if len(trees) == 1 else None
    if tree is None:
        raise RuleError(mark("A rule is one condition."))
    return tree, tokens


def _stand_in(place: int, tokens: list[Token]) -> ForeignToken:
    """Make sqlglot's token for one of ours."""
    token = tokens[place]
    if token.sort is Sort.KEYWORD:
        return ForeignToken(_KEYWORDS[token.text], token.text)
    if token.sort is Sort.SIGN:
        return ForeignToken(_SIGNS[token.text], token.text)
    if token.sort is Sort.NUMBER:
        return ForeignToken(TokenType.NUMBER, str(place))
    if token.sort is Sort.STRING:
        return ForeignToken(TokenType.STRING, str(place))
    after = tokens[place + 1] if place + 1 < len(tokens) else None
    if token.sort is Sort.NAME and after is not None and after.sort is Sort.SIGN and after.text == "(":
        return ForeignToken(TokenType.VAR, f"{FUNCTION}{place}")
    return ForeignToken(TokenType.IDENTIFIER, str(place))
