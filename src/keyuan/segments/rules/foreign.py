"""Words of SQL that rules do not have, and what to write instead.

Deliberately not here: refusing them; any of them may be the name of a column.
"""

from keyuan.kernel.sentences import mark

_FOREIGN = {
    "LIKE": mark("LIKE differs between engines; use starts_with(column, 'x'), ends_with or contains."),
    "ILIKE": mark("ILIKE differs between engines; use starts_with(column, 'x'), ends_with or contains."),
    "SIMILAR": mark("SIMILAR TO differs between engines; use starts_with(column, 'x'), ends_with or contains."),
    "CASE": mark("CASE is not part of the rule language; use AND and OR."),
    "WHEN": mark("CASE is not part of the rule language; use AND and OR."),
    "SELECT": mark("A rule asks about one row; subqueries are not part of the rule language."),
    "EXISTS": mark("A rule asks about one row; subqueries are not part of the rule language."),
    "ANY": mark("Write 'X' IN column to look into a list."),
    "SOME": mark("Write 'X' IN column to look into a list."),
    "ALL": mark("Write contains_all(column, 'X', 'Y') to look for several words in a list."),
    "AS": mark("Casts are not part of the rule language; a column already has its type."),
    "CAST": mark("Casts are not part of the rule language; a column already has its type."),
    "NOW": mark("A rule has no clock; use a column that counts days, like recency_days."),
    "CURRENT_DATE": mark("A rule has no clock; use a column that counts days, like recency_days."),
    "CURRENT_TIMESTAMP": mark("A rule has no clock; use a column that counts days, like recency_days."),
    "INTERVAL": mark("A rule has no dates; use a column that counts days, like recency_days."),
    "DATE": mark("A rule has no dates; use a column that counts days, like recency_days."),
    "DISTINCT": mark("Write a = b OR (a IS NULL AND b IS NULL) instead of IS NOT DISTINCT FROM."),
    "COLLATE": mark("Text is always compared character by character; take COLLATE away."),
    "ESCAPE": mark("LIKE differs between engines; use starts_with(column, 'x'), ends_with or contains."),
    "XOR": mark("Write a <> b for one of two."),
    "UNKNOWN": mark("Write IS NULL."),
    "ISNULL": mark("Write IS NULL."),
    "NOTNULL": mark("Write IS NOT NULL."),
}


def foreign(word: str) -> str | None:
    """Say what to write instead of a word of SQL that rules do not have."""
    return _FOREIGN.get(word.upper())
