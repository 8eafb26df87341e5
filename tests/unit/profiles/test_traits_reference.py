"""The page about traits says what the catalogue says."""

from pathlib import Path

from keyuan.profiles.catalogue import NAMES, TRAITS
from keyuan.profiles.model import DECLARED

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "traits.md"
KINDS = {"int64": "whole number", "decimal": "decimal(18,4)", "text": "text", "list": "list of text"}


def test_the_page_lists_every_trait_in_the_words_of_the_catalogue():
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{t.name}` | {t.zh} | {t.en} | {KINDS[t.kind]} | {t.unit or '—'} | {t.source} | {t.definition} |"
        for t in TRAITS
    ]


def test_names_are_given_once_and_the_declared_ones_stand_last():
    assert len(set(NAMES)) == len(NAMES)
    assert NAMES[-len(DECLARED) :] == DECLARED
