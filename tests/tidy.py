"""The style of the house as rules over a tree of files; each returns its complaints, `path:line: what to do`.

A tree is text by path, so that a rule can be tried on a small made-up one. What ruff, the type checker and
import-linter see is not here.
"""

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

Tree = dict[str, str]

LINES_MAX, FUNCTION_MAX, ARGUMENTS_MAX = 400, 60, 7
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}
NO_ROOMS = {"engines", "app", "cli", "web", "jobs", "kernel"}
# A word in brackets does not match itself.
UNWELCOME = (
    (re.compile(r"#\s*type[:]\s*ignore"), "say what the type is instead"),
    (re.compile(r"\b(TOD[O]|FIXM[E]|XX[X])\b"), "do it, or open an issue"),
    (re.compile(r"#\s*noqa(?!: [A-Z0-9, ]+ {2}# \S)"), "give a code and a reason"),
)
ELSEWHERE = (
    (re.compile(r"pypi[.]org|pythonhosted[.]org|npmjs[.]org|[-]-(extra-)?index-url|/simple[/]?['\"\s]"), "a registry"),
    (re.compile(r"[.][.]/shared|/work[/](main|shared)|/home[/][a-z]|(?<![\w$}{/])/root[/]"), "a path of one machine"),
)
WORDS = re.compile("\u7528\u6237|\u60a8|\u4eb2\u7231\u7684|\u8d4b\u80fd|\u6293\u624b|\u95ed\u73af")
CLASS_WORDS = re.compile(r"User|Client|Transaction|Wallet|Audience|Cohort")
CLASSES_OF_OTHERS = {"RetryTransactionError"}  # there it is a database's
MADE = {"__pycache__", "build", "built", "dist", "node_modules"}
HEADING = re.compile(r"^-- ([a-z][a-z0-9_]*) --$", re.MULTILINE)


def tracked(root: Path) -> Tree:
    """Return the text files of the project: what git knows or would take; outside git, what lies there."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    names = listed.stdout.split("\0") if listed.returncode == 0 else [*_walked(root)]
    tree: Tree = {}
    for name in sorted(filter(None, names)):
        path = root / name
        if path.is_file() and path.suffix not in {".parquet", ".gz"}:
            tree[name] = path.read_text(encoding="utf-8", errors="replace")
    return tree


def _walked(root: Path) -> Iterator[str]:
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        if not any(part.startswith(".") or part in MADE for part in parts):
            yield "/".join(parts)


def _python(tree: Tree) -> Iterator[tuple[str, ast.Module]]:
    for path, text in tree.items():
        if path.endswith(".py"):
            yield path, ast.parse(text)


def _sources(tree: Tree) -> Tree:
    return {path: text for path, text in tree.items() if path.endswith((".py", ".sql"))}


def long_files(tree: Tree) -> list[str]:
    """Files of code over the limit; the schema is one page for readers, the verifier one file for who carries it."""
    whole = ("/schema.sql", "/keyuan_verify.py")
    sizes = {path: text.count("\n") for path, text in _sources(tree).items() if not path.endswith(whole)}
    return [f"{path}: {size} lines, at most {LINES_MAX}" for path, size in sizes.items() if size > LINES_MAX]


def long_functions(tree: Tree) -> list[str]:
    """Functions with too many lines or arguments."""
    found: list[str] = []
    for path, module in _python(tree):
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                arguments = len([each for each in given if each.arg not in {"self", "cls"}])
                if size > FUNCTION_MAX:
                    found.append(f"{path}:{node.lineno}: {node.name} has {size} lines, at most {FUNCTION_MAX}")
                if arguments > ARGUMENTS_MAX and not path.startswith("src/keyuan/cli/"):  # there they are options
                    found.append(
                        f"{path}:{node.lineno}: {node.name} has {arguments} arguments, at most {ARGUMENTS_MAX}"
                    )
    return found


def vague_names(tree: Tree) -> list[str]:
    """Modules and folders whose name says nothing."""
    found = [path for path in tree if path.endswith(".py") and VAGUE & {Path(part).stem for part in Path(path).parts}]
    return [f"{path}: name it after what it does" for path in found]


def silent_modules(tree: Tree) -> list[str]:
    """Modules without a docstring."""
    return [f"{path}: say what it is for" for path, module in _python(tree) if not ast.get_docstring(module)]


def unwelcome(tree: Tree) -> list[str]:
    """Marks of unfinished or silenced code."""
    found: list[str] = []
    for path, text in _sources(tree).items():
        for number, line in enumerate(text.splitlines(), 1):
            found += [f"{path}:{number}: {remedy}" for pattern, remedy in UNWELCOME if pattern.search(line)]
    return found


def caught_all(tree: Tree) -> list[str]:
    """Handlers that catch everything and keep it: never in rooms and flows; at the edges with a reason."""
    found: list[str] = []
    for path, module in _python(tree):
        lines = tree[path].splitlines()
        for node in ast.walk(module):
            passes_on = isinstance(node, ast.ExceptHandler) and ast.unparse(node.body[-1]) == "raise"
            if isinstance(node, ast.ExceptHandler) and _catches_all(node) and not passes_on:
                reason = re.search(r"#\snoqa: BLE001 {2}# \S", lines[node.lineno - 1])
                if not reason or room_of(path) is not None:
                    found.append(f"{path}:{node.lineno}: catch what can be acted on")
    return found


def _catches_all(node: ast.ExceptHandler) -> bool:
    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"}) for kind in kinds
    )


def room_of(path: str) -> str | None:
    """Return the room that a file belongs to, flows included; None for engines, edges and what is no room."""
    parts = path.split("/")
    inside = path.startswith("src/keyuan/") and len(parts) > 3 and parts[2] not in {*NO_ROOMS, "sql"}
    return parts[2] if inside else None


def reaching_out(tree: Tree) -> list[str]:
    """Rooms that open a transaction or ask the system for the time: flows and edges do, and hand both down."""
    pattern = re.compile(r"\.transaction\(|\bsystem_now\(\)|\bdatetime\.(now|utcnow)\(|\bdate\.today\(|\btime\.time\(")
    rooms = {path: text for path, text in tree.items() if room_of(path) not in {None, "flows"} and path.endswith(".py")}
    return [f"{path}: {match[0]}" for path, text in rooms.items() for match in pattern.finditer(text)]


def elsewhere(tree: Tree) -> list[str]:
    """Names of registries, and paths of one machine."""
    found: list[str] = []
    for path, text in tree.items():
        for number, line in enumerate(text.splitlines(), 1):
            found += [f"{path}:{number}: {what}" for pattern, what in ELSEWHERE if pattern.search(line)]
    return found


def loose_requirements(tree: Tree) -> list[str]:
    """Lines of the locks that are not `name==version; marker` with hashes."""
    whole = re.compile(r"[a-z0-9._-]+(\[[a-z0-9,._-]+\])?==\S+( ; [^\\]+)?( --hash=sha256:[0-9a-f]{64})+")
    found: list[str] = []
    for path, text in tree.items():
        if re.fullmatch(r"requirements/.*\.txt", path):
            lines = re.sub(r"\s*\\\n\s*", " ", text).splitlines()
            found += [f"{path}: {line[:60]}" for line in lines if line.strip() and not whole.fullmatch(line.strip())]
    return found


def misnumbered_migrations(tree: Tree) -> list[str]:
    """Migrations that are not numbered 1, 2, 3, …"""
    names = sorted(path.rpartition("/")[2] for path in tree if "/sql/migrations/" in path)
    wrong = [name for name in names if not re.fullmatch(r"\d{4}_[a-z0-9_]+\.sql", name)]
    numbers = [0, *(int(name[:4]) for name in names if name not in wrong)]
    return wrong + [
        f"{after:04d} does not follow {before:04d}" for before, after in pairwise(numbers) if after != before + 1
    ]


def schemas(tree: Tree) -> set[str]:
    """Return the schemas that migrations make, without `sec`, whose functions are everybody's."""
    texts = [text for path, text in tree.items() if "/sql/migrations/" in path]
    return {name for text in texts for name in re.findall(r"CREATE SCHEMA (\w+)", text)} - {"sec"}


def foreign_tables(tree: Tree) -> list[str]:
    """Statements of a room that name a table of another room."""
    names = "|".join(sorted(schemas(tree))) or "none"
    table = re.compile(rf"\b({names})\.\w+")
    in_code = re.compile(rf"\b(?:FROM|JOIN|INTO|UPDATE|TABLE)\s+({names})\.\w+")
    found: list[str] = []
    for path, text in tree.items():
        room = room_of(path)
        if room is not None and path.endswith("queries.sql"):
            bare = re.sub(r"--.*|'[^']*'", "", text)
            found += [f"{path}: {match[0]}" for match in table.finditer(bare) if match[1] != room]
        elif room is not None and path.endswith(".py"):
            found += [f"{path}: {match[0]}" for match in in_code.finditer(text) if match[1] != room]
    return found


def statements(text: str) -> dict[str, str]:
    """Return the blocks of a file of named statements, each with its comment."""
    parts = HEADING.split(text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def unused_statements(tree: Tree) -> list[str]:
    """Named statements that nobody in the room asks for, and such that are asked for and are not there."""
    found: list[str] = []
    known: dict[str, set[str]] = {}
    for path, text in tree.items():
        if path.endswith("queries.sql"):
            room = "/".join(path.split("/")[:3])
            known.setdefault(room, set()).update(statements(text))
    for room, names in known.items():
        code = "\n".join(text for path, text in tree.items() if path.startswith(f"{room}/") and path.endswith(".py"))
        found += [f"{room}: nobody uses {name}" for name in sorted(names) if f'"{name}"' not in code]
        asked = set(re.findall(r'_SQL\["(\w+)"\]', code))
        found += [f"{room}: there is no statement {name}" for name in sorted(asked - names)]
    return found


def silent_statements(tree: Tree) -> list[str]:
    """Named statements without a comment."""
    files = {path: statements(text) for path, text in tree.items() if path.endswith("queries.sql")}
    return [
        f"{path}: {name} has no comment"
        for path, blocks in files.items()
        for name, block in blocks.items()
        if not block.lstrip().startswith("-- ")
    ]


def wrong_words(tree: Tree) -> list[str]:
    """Words that the glossary does not have: in Chinese anywhere, in names of classes in the code."""
    found = [f"{path}: {match[0]}" for path, text in tree.items() for match in WORDS.finditer(text)]
    for path, module in _python(tree):
        if path.startswith("src/"):
            names = [node.name for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
            found += [f"{path}: {name}" for name in names if CLASS_WORDS.search(name) and name not in CLASSES_OF_OTHERS]
    return found


def repeated_test_names(tree: Tree) -> list[str]:
    """Tests that another one of the same module hides."""
    found: list[str] = []
    for path, module in _python(tree):
        names = [node.name for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        found += [f"{path}: {name} stands twice" for name, count in Counter(names).items() if count > 1]
    return found
