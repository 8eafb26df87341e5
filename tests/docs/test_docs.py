"""Every code block of every page is run or checked; every page can be reached; every link leads somewhere."""

import inspect
import os
import re
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from docs.blocks import Block, WrongDocError, blocks, broken_links, check, linked_pages, missing_names, run, same
from keyuan.app.removing import remove_all
from keyuan.cli.main import app
from keyuan.flows.figures import figures
from keyuan.kernel.config import Settings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TARGETS = set(re.findall(r"^([a-z][a-z-]*):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks_of(page: Path) -> list[Block]:
    return blocks(named(page), page.read_text(encoding="utf-8"))


RUN = [page for page in PAGES if any(block.kind == "console" for block in blocks_of(page))]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_block_of_a_page_is_right(page: Path):
    for block in blocks_of(page):
        check(block, TARGETS)


@pytest.mark.parametrize("page", RUN, ids=named)
def test_the_commands_of_a_page_do_what_it_shows(page: Path, tmp_path: Path):
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("KEYUAN_", "DATABASE_"))}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "80", "LC_ALL": "C.UTF-8"}
    try:
        assert run(blocks_of(page), tmp_path, environment) > 0
    finally:
        for keys in tmp_path.glob("*/keys/kek"):  # a page that failed has not tidied up
            remove_all(keys.parents[1])


def test_the_tutorial_is_among_the_pages_that_are_run():
    assert ROOT / "docs" / "tutorial.md" in RUN


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path):
    assert broken_links(page, ROOT) == []


def test_every_page_can_be_reached_from_the_readme():
    seen: set[Path] = set()
    waiting = {ROOT / "README.md"}
    while waiting:
        page = waiting.pop()
        seen.add(page)
        waiting |= {linked for linked in linked_pages(page) if linked.exists()} - seen
    assert set(PAGES) - seen == set()


def first_column(page: str) -> set[str]:
    """Return the names in the first column of a reference page's tables."""
    return set(
        re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8"), re.MULTILINE)
    )


def test_the_page_of_settings_lists_every_setting_with_its_default():
    text = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
    for name, setting in Settings.model_fields.items():
        default = "none" if setting.default is None else f"`{setting.default}`"
        assert re.search(rf"^\| `{name}` \| `\w+` \| {re.escape(default)} \|", text, re.MULTILINE), name


def test_the_page_of_commands_has_a_heading_for_each():
    text = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    commands = getattr(get_command(app), "commands", {})
    shown = [name for name, command in commands.items() if not command.hidden]
    assert len(shown) > 5
    for name in shown:
        assert re.search(rf"^## {name}\b", text, re.MULTILINE), name


def test_the_page_of_figures_explains_every_figure():
    told = set(re.findall(r'^        "(\w+)":', inspect.getsource(figures), re.MULTILINE))
    assert len(told) > 10
    assert told | {"rebuild_ok", "seconds", "peak_mb", "url"} <= first_column("figures.md")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_files_and_tests_that_a_page_names_are_there(page: Path):
    assert missing_names(page.read_text(encoding="utf-8"), ROOT) == []


# The twins: a wrong page must be found.


def wrong(text: str) -> None:
    for block in blocks("made-up.md", text):
        check(block, {"demo"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("```toml\nname = \n```", "made-up.md:1"),
        ("words\n\n```json\n{'a': 1}\n```", "made-up.md:3"),
        ('```jsonl\n{"a": 1}\n{"a"\n```', "made-up.md:1"),
        ("```sql\nSELECT FROM WHERE AND\n```", "made-up.md:1"),
        ("```python\ndef f(:\n```", "made-up.md:1"),
        ("```sh\nmake dmeo\n```", "no target dmeo"),
        ("```sh\nkeyuan improt x.csv\n```", "no command 'improt'"),
        ("```sh\n.venv/bin/keyuan import x.csv --mapp m.toml\n```", "no option --mapp"),
        ("```sh\ncat x && KEYUAN_PORT=1 keyuan rule eval a --row b\n```", "no option --row"),
        ("```console\n$ keyuan config shown\n```", "no command 'shown'"),
        ("- a\n\n  ```bash\n  ls\n  ```", "kind 'bash'"),
        ("```\nls\n```", "kind ''"),
    ],
)
def test_a_wrong_block_is_found(text: str, says: str):
    with pytest.raises(WrongDocError, match=re.escape(says)):
        wrong(text)


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ echo two\none\n```",
        "```console\n$ echo one\n```",
        "```console\n$ true\n$ false\n```",
        "```csv a.csv\n1\n```\n```console\n$ cat a.csv\n2\n```",
    ],
)
def test_a_command_that_does_something_else_is_found(text: str, tmp_path: Path):
    with pytest.raises(WrongDocError, match=r"made-up\.md"):
        run(blocks("made-up.md", text), tmp_path, dict(os.environ))


def test_what_is_printed_may_differ_only_where_the_page_says_so():
    assert same("Took … s.\n", "Took 12 s.\n")
    assert same("", "\n")
    assert not same("Took … s.\n", "Took 12 min.\n")
    assert not same("one\n", "one\ntwo\n")
    assert not same("", "words\n")


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("# One two\n[a](there.md) [b](#one-two) [c](#three) [d](page.md#one-two) `[e](f)` [g](../h.md)")
    assert broken_links(page, tmp_path) == ["there.md", "#three", "../h.md"]


def test_a_file_or_a_test_that_is_not_there_is_found():
    text = "`flows/consume.py`, `flows/consumed.py`, `tests/docs/` and `test_a_test_of_nothing`"
    assert missing_names(text, ROOT) == ["flows/consumed.py", "test_a_test_of_nothing"]
