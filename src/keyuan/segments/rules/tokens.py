"""The words of a rule: text to tokens, strictly, with a place for each.

Deliberately not here: what may follow what (`grammar`) and precedence (`parse`). Every character must belong to a
token of the rule language, so comments, semicolons, parameters, casts and escapes stop here, before any library sees
the text.
Units: `offset` counts characters from 0; errors give line and column from 1.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from keyuan.segments.rules.model import RULE_BYTES_MAX, RuleError


class Sort(Enum):
    """What a token is."""

    KEYWORD = "keyword"
    NAME = "name"
    QUOTED = "quoted"
    NUMBER = "number"
    STRING = "string"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a rule; `text` is upper case for keywords and without quotes for strings and quoted names."""

    sort: Sort
    text: str
    offset: int


KEYWORDS = frozenset({"AND", "OR", "NOT", "IN", "BETWEEN", "IS", "NULL", "TRUE", "FALSE"})

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<word>[^\W0-9]\w*)
      | (?P<string>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")*")
      | (?P<sign><=|>=|<>|!=|--|/\*|==|\|\||::|->|[=<>+\-*(),])""",
    re.VERBOSE,
)

_NOT_OURS = {
    "--": "A rule has no comments; for minus a negative number write a - (-1).",
    "/*": "A rule has no comments; write them in the description of the group.",
    "==": "Write = to compare.",
    "||": "Text cannot be joined; compare each column on its own.",
    "::": "Casts are not part of the rule language; a column already has its type.",
    "->": "JSON paths are not part of the rule language; use a column.",
    "/": "Division is not part of the rule language; multiply the other side instead.",
    "%": "The remainder % is not part of the rule language.",
    ";": "A rule is one expression; take the semicolon away.",
    "!": "Write NOT or <>.",
    "[": "Write 'X' IN column to look into a list.",
    ".": "Write the name of a column only, in double quotes if there is a point in it.",
    "'": "This text has no end; close it with ' and write '' for a ' inside.",
    '"': 'This column name has no end; close it with ".',
    "`": 'Write a column name in "double quotes".',
}
_TYPED_BY_A_WORD_PROCESSOR = dict.fromkeys("‘’“”＂＇（），＝＜＞≤≥≠－＋×–—", None)


def refuse(text: str, offset: int, message: str) -> NoReturn:
    """Stop with a sentence and the place in the rule.

    Raises:
        RuleError: always.
    """
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    raise RuleError(message, line=line, column=column)


def tokenize(text: str) -> list[Token]:
    """Split a rule into tokens.

    Raises:
        RuleError: the rule is too long, or a character belongs to no token.
    """
    _check_characters(text)
    found: list[Token] = []
    offset = 0
    while offset < len(text):
        match = _TOKEN.match(text, offset)
        if match is None:
            refuse(text, offset, _why_not(text[offset]))
        token = _token(text, match)
        if token is not None:
            found.append(token)
        offset = match.end()
    return found


def _check_characters(text: str) -> None:
    """Refuse what no engine could be given: too much, NUL, half a surrogate pair."""
    if len(text) > RULE_BYTES_MAX:
        raise RuleError(f"A rule has at most {RULE_BYTES_MAX} bytes; make two groups of it.")
    try:
        size = len(text.encode())
    except UnicodeEncodeError as broken:
        refuse(text, broken.start, "This is half of a character (a lone surrogate); type it again.")
    if size > RULE_BYTES_MAX:
        raise RuleError(f"A rule has at most {RULE_BYTES_MAX} bytes; make two groups of it.")
    if "\0" in text:
        refuse(text, text.index("\0"), "A rule holds no NUL character; take it away.")


def _token(text: str, match: re.Match[str]) -> Token | None:
    """Make the token of a match; None for white space."""
    sort, found, offset = match.lastgroup, match.group(), match.start()
    following = text[match.end() : match.end() + 1]
    if sort == "word":
        return _word(text, found, offset, following)
    if sort == "number":
        if following.isalnum() or following in {"_", "."} - {""}:
            refuse(text, offset, "Write a number in digits, like 10, 2.5 or 1e3.")
        return Token(Sort.NUMBER, found, offset)
    if sort == "string":
        return Token(Sort.STRING, found[1:-1].replace("''", "'"), offset)
    if sort == "quoted":
        if len(found) == len('""'):
            refuse(text, offset, "A column name is not empty; for empty text write ''.")
        return Token(Sort.QUOTED, found[1:-1].replace('""', '"'), offset)
    if sort == "sign":
        if found in _NOT_OURS:
            refuse(text, offset, _NOT_OURS[found])
        return Token(Sort.SIGN, "<>" if found == "!=" else found, offset)
    return None


def _word(text: str, found: str, offset: int, following: str) -> Token:
    """Tell keywords from names; a word that touches a quote is a string of a special kind (E'…'), which is refused."""
    if following == "'":
        refuse(text, offset, f"Strings are written plainly; take the {found} before the ' away.")
    upper = found.upper()
    if upper in KEYWORDS:
        return Token(Sort.KEYWORD, upper, offset)
    return Token(Sort.NAME, found, offset)


def _why_not(character: str) -> str:
    """Say what to do about a character of no token."""
    if character in _NOT_OURS:
        return _NOT_OURS[character]
    if character in _TYPED_BY_A_WORD_PROCESSOR:
        return f"{character} looks like a sign of the rule language but is not; type it on a plain keyboard."
    if not character.isprintable():
        return f"The character U+{ord(character):04X} cannot be seen; type a space instead."
    return f"{character} is not part of the rule language."
