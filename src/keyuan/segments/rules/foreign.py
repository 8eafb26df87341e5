"""Words of SQL that rules do not have, and what to write instead.

Deliberately not here: refusing them; any of them may be the name of a column.
"""

_FOREIGN = {
    "LIKE": "LIKE differs between engines; use starts_with(column, 'x'), ends_with or contains.",
    "ILIKE": "ILIKE differs between engines; use starts_with(column, 'x'), ends_with or contains.",
    "SIMILAR": "SIMILAR TO differs between engines; use starts_with(column, 'x'), ends_with or contains.",
    "CASE": "CASE is not part of the rule language; use AND and OR.",
    "WHEN": "CASE is not part of the rule language; use AND and OR.",
    "SELECT": "A rule asks about one row; subqueries are not part of the rule language.",
    "EXISTS": "A rule asks about one row; subqueries are not part of the rule language.",
    "ANY": "Write 'X' IN column to look into a list.",
    "SOME": "Write 'X' IN column to look into a list.",
    "ALL": "Write contains_all(column, 'X', 'Y') to look for several words in a list.",
    "AS": "Casts are not part of the rule language; a column already has its type.",
    "CAST": "Casts are not part of the rule language; a column already has its type.",
    "NOW": "A rule has no clock; use a column that counts days, like recency_days.",
    "CURRENT_DATE": "A rule has no clock; use a column that counts days, like recency_days.",
    "CURRENT_TIMESTAMP": "A rule has no clock; use a column that counts days, like recency_days.",
    "INTERVAL": "A rule has no dates; use a column that counts days, like recency_days.",
    "DATE": "A rule has no dates; use a column that counts days, like recency_days.",
    "DISTINCT": "Write a = b OR (a IS NULL AND b IS NULL) instead of IS NOT DISTINCT FROM.",
    "COLLATE": "Text is always compared character by character; take COLLATE away.",
    "ESCAPE": "LIKE differs between engines; use starts_with(column, 'x'), ends_with or contains.",
    "XOR": "Write a <> b for one of two.",
    "UNKNOWN": "Write IS NULL.",
    "ISNULL": "Write IS NULL.",
    "NOTNULL": "Write IS NOT NULL.",
}


def foreign(word: str) -> str | None:
    """Say what to write instead of a word of SQL that rules do not have."""
    return _FOREIGN.get(word.upper())
