"""The style of the house, held as a test; each rule is tried on a small tree with a planted fault."""

from collections.abc import Callable
from pathlib import Path

import pytest

import tidy
from tidy import Tree

ROOT = Path(__file__).parents[1]
RULES: list[Callable[[Tree], list[str]]] = [
    tidy.long_files,
    tidy.long_functions,
    tidy.vague_names,
    tidy.silent_modules,
    tidy.unwelcome,
    tidy.caught_all,
    tidy.reaching_out,
    tidy.elsewhere,
    tidy.loose_requirements,
    tidy.misnumbered_migrations,
    tidy.foreign_tables,
    tidy.unused_statements,
    tidy.silent_statements,
    tidy.wrong_words,
    tidy.repeated_test_names,
]
HASH = "--hash=sha256:" + "0" * 64


@pytest.fixture(scope="module")
def tree() -> Tree:
    return tidy.tracked(ROOT)


def test_the_whole_project_is_looked_at(tree: Tree):
    assert {"README.md", "pyproject.toml", "src/keyuan/ledger/queries.sql", "tests/tidy.py"} <= tree.keys()
    assert {"events", "profiles", "ledger", "loyalty"} <= tidy.schemas(tree)
    assert len(tidy.statements(tree["src/keyuan/ledger/queries.sql"])) > 10


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_is_tidy(rule: Callable[[Tree], list[str]], tree: Tree):
    assert rule(tree) == []


def test_outside_git_what_lies_there_is_looked_at(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.py").write_text("x = 1\n")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "c.py").write_text("x = 1\n")
    assert tidy.tracked(tmp_path) == {"a/b.py": "x = 1\n"}


MIGRATIONS = {
    "src/keyuan/sql/migrations/0001_a.sql": "CREATE SCHEMA sec;\nCREATE SCHEMA events;",
    "src/keyuan/sql/migrations/0002_b.sql": "CREATE SCHEMA ledger;",
}
LEDGER = "src/keyuan/ledger/queries.sql"
STORE = "src/keyuan/ledger/store.py"
LATER = "TO" + "DO"


def def_of(body: int, arguments: int) -> str:
    given = ", ".join(f"a{number}" for number in range(arguments))
    return f"def f({given}):\n" + "    pass\n" * body


@pytest.mark.parametrize(
    ("rule", "wrong", "right"),
    [
        (tidy.long_files, {"a.py": "x\n" * 401}, {"a.py": "x\n" * 400, "src/keyuan/sql/schema.sql": "x\n" * 900}),
        (tidy.long_functions, {"a.py": def_of(60, 1)}, {"a.py": def_of(59, 7)}),
        (tidy.long_functions, {"a.py": def_of(1, 8)}, {"a.py": "def f(self, a, b, c, *, d, e, f, g): ..."}),
        (tidy.vague_names, {"src/keyuan/ledger/utils.py": ""}, {"src/keyuan/ledger/utilities_tax.py": ""}),
        (tidy.vague_names, {"src/keyuan/common/model.py": ""}, {"docs/common.md": ""}),
        (tidy.silent_modules, {"a.py": "x = 1\n"}, {"a.py": '"""Why."""\n'}),
        (tidy.unwelcome, {"a.py": "x = y  # type" + ": ignore"}, {"a.py": "# the type is ignored"}),
        (tidy.unwelcome, {"a.sql": f"-- {LATER}: later"}, {"a.sql": "-- all done"}),
        (tidy.unwelcome, {"a.py": "x  # no" + "qa: S101"}, {"a.py": "x  # no" + "qa: S101  # a reason"}),
        (tidy.unwelcome, {"a.py": "x  # no" + "qa"}, {"a.py": "noqa = 1"}),
        (
            tidy.caught_all,
            {"src/keyuan/web/a.py": "try:\n    f()\nexcept Exception:\n    pass\n"},
            {"src/keyuan/web/a.py": "try:\n    f()\nexcept Exception:  # no" + "qa: BLE001  # an edge\n    pass\n"},
        ),
        (
            tidy.caught_all,
            {"src/keyuan/flows/a.py": "try:\n    f()\nexcept (A, Exception):  # no" + "qa: BLE001  # so\n    pass\n"},
            {"src/keyuan/flows/a.py": "try:\n    f()\nexcept Exception:\n    g()\n    raise\n"},
        ),
        (tidy.reaching_out, {STORE: "with database.transaction(1): ..."}, {STORE: "session.rows(x)"}),
        (tidy.reaching_out, {STORE: "at = system_now()"}, {"src/keyuan/flows/earn.py": "at = system_now()"}),
        (tidy.reaching_out, {STORE: "at = datetime.now(UTC)"}, {STORE: "at = clock.now(system_now)"}),
        (tidy.elsewhere, {"a.txt": "https://pypi" + ".org/x"}, {"a.txt": "the registry of packages"}),
        (tidy.elsewhere, {"Makefile": "pip install -" + "-index-url x"}, {"Makefile": "uv --no-emit-index-url"}),
        (tidy.elsewhere, {"a.md": "see .." + "/shared/DESIGN"}, {"a.md": "see ../sharing"}),
        (tidy.elsewhere, {"a.py": "'/home" + "/ada/x'"}, {"a.py": "'/var/lib/keyuan'"}),
        (tidy.loose_requirements, {"requirements/a.txt": "a==1"}, {"requirements/a.txt": f"a==1 \\\n    {HASH}\n"}),
        (tidy.loose_requirements, {"requirements/a.txt": f"a>=1 {HASH}"}, {"requirements/b.in": "a>=1"}),
        (
            tidy.loose_requirements,
            {"requirements/a.txt": f"-i x\na==1 {HASH}"},
            {"requirements/a.txt": f"a[b]==1 ; c >= '3' \\\n    {HASH} \\\n    {HASH}\n"},
        ),
        (tidy.misnumbered_migrations, {"src/keyuan/sql/migrations/0002_a.sql": ""}, MIGRATIONS),
        (tidy.misnumbered_migrations, MIGRATIONS | {"src/keyuan/sql/migrations/0002_c.sql": ""}, MIGRATIONS),
        (
            tidy.foreign_tables,
            MIGRATIONS | {LEDGER: "-- a --\n-- Why.\nSELECT 1 FROM events.log"},
            MIGRATIONS | {LEDGER: "-- a --\n-- Not events.log.\nSELECT sec.tenant(), 'events.log' FROM ledger.entry"},
        ),
        (
            tidy.foreign_tables,
            MIGRATIONS | {STORE: 'sql = "SELECT 1 FROM events.log"'},
            MIGRATIONS | {STORE: "from keyuan import events\nevents.log(x)"},
        ),
        (
            tidy.unused_statements,
            {LEDGER: "-- a --\n-- Why.\nSELECT 1\n", STORE: ""},
            {LEDGER: "-- a --\n-- Why.\nSELECT 1\n", STORE: '_SQL["a"]'},
        ),
        (
            tidy.unused_statements,
            {LEDGER: "-- a --\n-- Why.\nSELECT 1\n", STORE: '_SQL["a"], _SQL["b"]'},
            {LEDGER: "-- a --\n-- Why.\nSELECT 1\n", "src/keyuan/ledger/audit/verify.py": '_SQL["a"]'},
        ),
        (tidy.silent_statements, {LEDGER: "-- a --\nSELECT 1\n"}, {LEDGER: "-- a --\n-- Why.\nSELECT 1\n"}),
        (tidy.wrong_words, {"a.md": "\u7528\u6237"}, {"a.md": "客户"}),
        (tidy.wrong_words, {"src/a.py": "class UserRow: ..."}, {"src/a.py": "class PersonRow: ..."}),
        (tidy.repeated_test_names, {"a.py": "def f(): ...\ndef f(): ..."}, {"a.py": "def f(): ...\ndef g(): ..."}),
    ],
)
def test_a_planted_fault_is_found_and_its_neighbour_is_not(rule: Callable[[Tree], list[str]], wrong: Tree, right: Tree):
    assert rule(wrong) != []
    assert rule(right) == []
