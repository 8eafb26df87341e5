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

from keyuan.kernel.sentences import mark
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
    "--": mark("A rule has no comments; for minus a negative number write a - (-1)."),
    "/*": mark("A rule has no comments; write them in the description of the group."),
    "==": mark("Write = to compare."),
    "||": mark("Text cannot be joined; compare each column on its own."),
    "::": mark("Casts are not part of the rule language; a column already has its type."),
    "->": mark("JSON paths are not part of the rule language; use a column."),
    "/": mark("Division is not part of the rule language; multiply the other side instead."),
    "%": mark("The remainder % is not part of the rule language."),
    ";": mark("A rule is one expression; take the semicolon away."),
    "!": mark("Write NOT or <>."),
    "[": mark("Write 'X' IN column to look into a list."),
    ".": mark("Write the name of a column only, in double quotes if there is a point in it."),
    "'": mark("This text has no end; close it with ' and write '' for a ' inside."),
    '"': mark('This column name has no end; close it with ".'),
    "`": mark('Write a column name in "double quotes".'),
}
_TOO_LONG = mark("A rule has at most %(most)s bytes; make two groups of it.")
_TYPED_BY_A_WORD_PROCESSOR = dict.fromkeys("‘’“”＂＇（），＝＜＞≤≥≠－＋×–—", None)


def refuse(text: str, offset: int, sentence: str, **said: str) -> NoReturn:
    """Stop with a sentence and the place in the rule.

    Raises:
        RuleError: always.
    """
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    raise RuleError(sentence, said, line=line, column=column)


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
            _refuse_character(text, offset)
        token = _token(text, match)
        if token is not None:
            found.append(token)
        offset = match.end()
    return found


def _check_characters(text: str) -> None:
    """Refuse what no engine could be given: too much, NUL, half a surrogate pair."""
    if len(text) > RULE_BYTES_MAX:
        raise RuleError(_TOO_LONG, {"most": str(RULE_BYTES_MAX)})
    try:
        size = len(text.encode())
    except UnicodeEncodeError as broken:
        refuse(text, broken.start, mark("This is half of a character (a lone surrogate); type it again."))
    if size > RULE_BYTES_MAX:
        raise RuleError(_TOO_LONG, {"most": str(RULE_BYTES_MAX)})
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
            refuse(text, offset, mark("Write a number in digits, like 10, 2.5 or 1e3."))
        return Token(Sort.NUMBER, found, offset)
    if sort == "string":
        return Token(Sort.STRING, found[1:-1].replace("''", "'"), offset)
    if sort == "quoted":
        if len(found) == len('""'):
            refuse(text, offset, mark("A column name is not empty; for empty text write ''."))
        return Token(Sort.QUOTED, found[1:-1].replace('""', '"'), offset)
    if sort == "sign":
        if found in _NOT_OURS:
            refuse(text, offset, _NOT_OURS[found])
        return Token(Sort.SIGN, "<>" if found == "!=" else found, offset)
    return None


def _word(text: str, found: str, offset: int, following: str) -> Token:
    """Tell keywords from names; a word that touches a quote is a string of a special kind (E'…'), which is refused."""
    if following == "'":
        refuse(text, offset, mark("Strings are written plainly; take the %(found)s before the ' away."), found=found)
    upper = found.upper()
    if upper in KEYWORDS:
        return Token(Sort.KEYWORD, upper, offset)
    return Token(Sort.NAME, found, offset)


def _refuse_character(text: str, offset: int) -> NoReturn:
    """Say what to do about a character of no token."""
    character = text[offset]
    if character in _NOT_OURS:
        refuse(text, offset, _NOT_OURS[character])
    if character in _TYPED_BY_A_WORD_PROCESSOR:
        sentence = mark("%(sign)s looks like a sign of the rule language but is not; type it on a plain keyboard.")
    elif character.isprintable():
        sentence = mark("%(sign)s is not part of the rule language.")
    else:
        character = f"U+{ord(character):04X}"
        sentence = mark("The character %(sign)s cannot be seen; type a space instead.")
    refuse(text, offset, sentence, sign=character)
