"""What may follow what in a rule, with its limits; decided on tokens, before anything is parsed.

Deliberately not here: precedence, which `parse` leaves to sqlglot, and types. This pass makes sure that sqlglot is
only given sentences on whose structure it, PostgreSQL and DuckDB cannot disagree: `a < b < c` and `a = b IS NULL` are
refused without parentheses, and nothing may nest deeper than `DEPTH_MAX`.
"""

from dataclasses import dataclass
from enum import Enum

from keyuan.kernel.sentences import mark
from keyuan.segments.rules.foreign import foreign
from keyuan.segments.rules.model import CHOICES_MAX, DEPTH_MAX, PARTS_MAX, RuleError
from keyuan.segments.rules.tokens import Sort, Token, refuse


class _Next(Enum):
    """What the next token must be."""

    OPERAND = "a value"
    OPERATOR = "an operator"
    JOIN = "AND, OR or the end"


@dataclass(slots=True)
class _Frame:
    """What is open since a parenthesis: `kind` is `group`, `call` or `choices`."""

    kind: str
    offset: int
    compared: bool = False
    between: bool = False
    depth: int = 0
    choices: int = 1


_COMPARISONS = frozenset({"=", "<>", "<", "<=", ">", ">="})
_CONSTANTS = frozenset({"NULL", "TRUE", "FALSE"})


def check_grammar(text: str, tokens: list[Token]) -> None:
    """Walk through the tokens once.

    Raises:
        RuleError: a token stands where it cannot, or a limit is passed.
    """
    if not tokens:
        raise RuleError(mark("The rule is empty; write a condition, like recency_days <= 30."))
    parts = [token for token in tokens if token.text not in {"(", ")", ","} or token.sort is not Sort.SIGN]
    if len(parts) > PARTS_MAX:
        refuse(
            text,
            parts[PARTS_MAX].offset,
            mark("A rule has at most %(most)s words; make two groups of it."),
            most=str(PARTS_MAX),
        )
    _Walk(text, tokens).run()


class _Walk:
    """The state of the walk: where we are, what must come next, and what is open."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0
        self._next = _Next.OPERAND
        self._frames = [_Frame("group", 0)]

    def run(self) -> None:
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if self._frames[-1].kind == "choices":
                self._choice(token)
            elif self._next is _Next.OPERAND:
                self._operand(token)
            else:
                self._operator(token)
            self._at += 1
        end = len(self._text)
        if self._next is _Next.OPERAND and self._frames[-1].kind != "choices":
            refuse(self._text, end, mark("The rule ends too early; a value or a column is missing."))
        if len(self._frames) > 1:
            refuse(self._text, self._frames[-1].offset, mark("This parenthesis is never closed; add a )."))
        self._no_open_between(end)

    def _operand(self, token: Token) -> None:
        """Take a token where a value must stand."""
        if token.sort is Sort.SIGN:
            self._sign_as_operand(token)
        elif token.sort is Sort.KEYWORD and token.text not in _CONSTANTS:
            self._not_as_prefix(token)
        elif token.sort is Sort.NAME and self._peek() == "(":
            self._open("call")
            self._at += 1
        else:
            self._next = _Next.OPERATOR

    def _sign_as_operand(self, token: Token) -> None:
        if token.text == "(":
            self._open("group")
        elif token.text == ")" and self._frames[-1].kind == "call" and self._tokens[self._at - 1].text == "(":
            self._close_or_comma(token)
        elif token.text == "-":
            self._deeper(token)
        elif token.text == "+":
            refuse(self._text, token.offset, mark("A number needs no + in front; take it away."))
        else:
            refuse(self._text, token.offset, mark("A value or a column is missing before %(word)s."), word=token.text)

    def _not_as_prefix(self, token: Token) -> None:
        """NOT may begin a condition, but not the right side of a comparison: engines read that differently."""
        if token.text != "NOT":
            refuse(self._text, token.offset, mark("A value or a column is missing before %(word)s."), word=token.text)
        before = self._tokens[self._at - 1] if self._at else None
        begins = before is None or before.text in {"(", "OR", "NOT", ","}
        begins = begins or (before is not None and before.text == "AND" and not self._frames[-1].compared)
        if not begins:
            refuse(self._text, token.offset, mark("Put parentheses around NOT and what follows it."))
        self._deeper(token)

    def _operator(self, token: Token) -> None:
        """Take a token where a value has just ended."""
        if token.text in {"AND", "OR"} and token.sort is Sort.KEYWORD:
            self._join(token)
        elif token.sort is Sort.SIGN and token.text in {")", ","}:
            self._close_or_comma(token)
        elif self._next is _Next.JOIN and not self._starts_comparison(token):
            refuse(
                self._text, token.offset, mark("%(word)s cannot follow here; AND, OR or ) is missing."), word=token.text
            )
        elif token.sort is Sort.SIGN and token.text in {"+", "-", "*"}:
            self._deeper(token)
            self._next = _Next.OPERAND
        elif self._starts_comparison(token):
            self._comparison(token)
        else:
            self._two_values(token)

    def _starts_comparison(self, token: Token) -> bool:
        if token.sort is Sort.SIGN:
            return token.text in _COMPARISONS
        return token.sort is Sort.KEYWORD and token.text in {"IN", "BETWEEN", "IS", "NOT"}

    def _comparison(self, token: Token) -> None:
        """Only one comparison between two ANDs or ORs."""
        frame = self._frames[-1]
        if frame.compared:
            refuse(self._text, token.offset, mark("Two comparisons in a row: join them with AND, or put parentheses."))
        frame.compared, frame.depth = True, 0
        self._next = _Next.OPERAND
        if token.text == "IS":
            self._is()
        elif token.text == "NOT":
            self._at += 1
            negated = self._tokens[self._at] if self._at < len(self._tokens) else None
            if negated is None or negated.text not in {"IN", "BETWEEN"} or negated.sort is not Sort.KEYWORD:
                hint = foreign(negated.text) if negated and negated.sort is Sort.NAME else None
                refuse(self._text, token.offset, hint or mark("Only IN or BETWEEN can follow NOT here."))
            token = negated
        if token.text == "IN":
            self._in(token)
        frame.between = token.text == "BETWEEN"

    def _is(self) -> None:
        """Take NULL, TRUE, FALSE or NOT and one of them after IS."""
        token = self._tokens[self._at]
        self._at += 1
        if self._at < len(self._tokens) and self._tokens[self._at].text == "NOT":
            self._at += self._tokens[self._at].sort is Sort.KEYWORD
        after = self._tokens[self._at] if self._at < len(self._tokens) else None
        if after is None or after.sort is not Sort.KEYWORD or after.text not in _CONSTANTS:
            hint = foreign(after.text) if after and after.sort is Sort.NAME else None
            message = hint or mark("After IS write NULL, TRUE, FALSE, NOT NULL, NOT TRUE or NOT FALSE.")
            refuse(self._text, token.offset, message)
        self._next = _Next.JOIN

    def _in(self, token: Token) -> None:
        """Take a list of literals in parentheses, or a column that is a list."""
        self._at += 1
        after = self._tokens[self._at] if self._at < len(self._tokens) else None
        if after is not None and after.sort is Sort.SIGN and after.text == "(":
            self._open("choices")
        elif after is None or after.sort not in {Sort.NAME, Sort.QUOTED} or self._peek() == "(":
            refuse(self._text, token.offset, mark("After IN write values in parentheses, or a column that is a list."))
        else:
            self._next = _Next.JOIN

    def _choice(self, token: Token) -> None:
        """Take a token between the parentheses of IN: only literals."""
        frame = self._frames[-1]
        if self._next is _Next.OPERATOR:
            if token.sort is not Sort.SIGN or token.text not in {",", ")"}:
                refuse(self._text, token.offset, mark("Between the values of IN there are commas."))
            self._next = _Next.OPERAND
            frame.choices += 1
            if token.text == ")":
                self._frames.pop()
                self._next = _Next.JOIN
            elif frame.choices > CHOICES_MAX:
                refuse(
                    self._text,
                    token.offset,
                    mark("IN takes at most %(most)s values; make two groups of it."),
                    most=str(CHOICES_MAX),
                )
        elif token.sort is Sort.SIGN and token.text == "-" and self._peek_sort() is Sort.NUMBER:
            return
        elif token.sort in {Sort.NUMBER, Sort.STRING} or (token.sort is Sort.KEYWORD and token.text in _CONSTANTS):
            self._next = _Next.OPERATOR
        else:
            self._bad_choice(token)

    def _bad_choice(self, token: Token) -> None:
        if token.sort is Sort.SIGN and token.text == ")":
            refuse(self._text, token.offset, mark("IN needs at least one value."))
        hint = foreign(token.text) if token.sort is Sort.NAME else None
        named = token.sort in {Sort.NAME, Sort.QUOTED}
        if named and not hint:
            hint = mark("The values of IN are literals; if %(name)s is a list, write IN %(name)s without parentheses.")
            refuse(self._text, token.offset, hint, name=token.text)
        refuse(self._text, token.offset, hint or mark("The values of IN are literals, like ('A', 'B')."))

    def _join(self, token: Token) -> None:
        """AND or OR; the AND of a BETWEEN is not one of them."""
        frame = self._frames[-1]
        if frame.between and token.text == "AND":
            frame.between, frame.depth = False, 0
        else:
            self._no_open_between(token.offset)
            frame.compared, frame.depth = False, 0
        self._next = _Next.OPERAND

    def _close_or_comma(self, token: Token) -> None:
        frame = self._frames[-1]
        self._no_open_between(token.offset)
        if token.text == ",":
            if frame.kind != "call":
                refuse(self._text, token.offset, mark("A comma only stands between the values of IN or of a function."))
            frame.compared, frame.depth = False, 0
            self._next = _Next.OPERAND
            return
        if len(self._frames) == 1:
            refuse(self._text, token.offset, mark("There is one ) too many."))
        self._frames.pop()
        self._next = _Next.OPERATOR

    def _two_values(self, token: Token) -> None:
        """Two values side by side: most often a word of SQL that rules do not have."""
        before = self._tokens[self._at - 1]
        for word in (token, before):
            hint = foreign(word.text) if word.sort is Sort.NAME else None
            if hint:
                refuse(self._text, word.offset, hint)
        if token.sort is Sort.SIGN and before.sort is Sort.QUOTED:
            refuse(self._text, before.offset, mark("The name of a function has no quotes."))
        refuse(self._text, token.offset, mark("Two values stand side by side; an operator is missing between them."))

    def _open(self, kind: str) -> None:
        token = self._tokens[self._at]
        self._frames.append(_Frame(kind, token.offset))
        self._next = _Next.OPERAND
        self._check_depth(token)

    def _deeper(self, token: Token) -> None:
        self._frames[-1].depth += 1
        self._check_depth(token)

    def _check_depth(self, token: Token) -> None:
        if len(self._frames) - 1 + sum(frame.depth for frame in self._frames) > DEPTH_MAX:
            refuse(
                self._text,
                token.offset,
                mark("A rule nests at most %(most)s deep; make two groups of it."),
                most=str(DEPTH_MAX),
            )

    def _no_open_between(self, offset: int) -> None:
        if self._frames[-1].between:
            refuse(self._text, offset, mark("BETWEEN needs AND: write column BETWEEN 1 AND 9."))

    def _peek(self) -> str:
        after = self._at + 1
        if after < len(self._tokens) and self._tokens[after].sort is Sort.SIGN:
            return self._tokens[after].text
        return ""

    def _peek_sort(self) -> Sort | None:
        after = self._at + 1
        return self._tokens[after].sort if after < len(self._tokens) else None
