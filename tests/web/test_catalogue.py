"""Words: every sentence of a page has its Chinese, none is left over, and both have the same places for figures."""

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from keyuan.web.pages.i18n import catalogue, translator

WEB = Path(str(resources.files("keyuan.web")))
RULES = Path(str(resources.files("keyuan.segments.rules")))
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2.ext:babel_extract")]
KEYWORDS = {
    "_": None, "gettext": None, "ngettext": (1, 2), "mark": None,
    "pgettext": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3),
}  # fmt: skip
PLACES = re.compile(r"%\((\w+)\)s")
Name = tuple[str | None, str]


@pytest.fixture(scope="module")
def asked() -> dict[Name, str]:
    """Return every sentence that code and templates ask for, and where."""
    options = {"**/templates/**.html": {"trimmed": "true", "newstyle_gettext": "true"}}
    found: dict[Name, str] = {}
    for folder in (WEB, RULES):
        for file, line, message, _notes, context in extract_from_dir(
            folder, METHODS, options, keywords=KEYWORDS, comment_tags=(), strip_comment_tags=False
        ):
            name = message if isinstance(message, str) else message[0]
            found[context, name] = f"{file}:{line}"
    return found


def test_every_sentence_of_a_page_has_its_chinese(asked: dict[Name, str]):
    assert len(asked) > 40
    known = catalogue("zh")
    missing = {name: place for name, place in asked.items() if name not in known}
    assert not missing


def test_no_chinese_sentence_is_left_over(asked: dict[Name, str]):
    assert not [name for name in catalogue("zh") if name not in asked]


def test_a_translation_has_the_same_places_for_figures():
    different = {
        name: words
        for (_, name), words in catalogue("zh").items()
        if {*PLACES.findall(words)} - {*PLACES.findall(name)}
    }
    assert not different


def files() -> Iterator[Path]:
    yield from (WEB / "locale" / "zh").glob("*.po")


@pytest.mark.parametrize("file", list(files()), ids=lambda file: file.name)
def test_a_catalogue_is_whole_and_certain(file: Path):
    with file.open("rb") as text:
        for message in read_po(text, locale="zh", abort_invalid=True):
            assert message.string, message.id
            assert not message.fuzzy or message.id == "", message.id


def test_two_parts_of_the_site_never_say_one_sentence_differently():
    said: dict[Name, set[str]] = {}
    for file in files():
        with file.open("rb") as text:
            for message in read_po(text, locale="zh"):
                name = message.id if isinstance(message.id, str) else message.id[0]
                said.setdefault((message.context, name), set()).add(str(message.string))
    assert not {name: words for name, words in said.items() if name[1] and len(words) > 1}


def test_a_sentence_in_no_catalogue_stays_as_it_is():
    assert translator("zh").gettext("no such sentence") == "no such sentence"
    assert translator("en").ngettext("%(n)s lot", "%(n)s lots", 1) == "%(n)s lot"
    assert translator("zh").gettext("Keyuan") == "客缘"
