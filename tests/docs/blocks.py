"""Fenced blocks of a Markdown page, what each promises by its info string, and how that is held against the truth.

console       lines with `$ ` are commands, run in order in one folder per page; the lines below a command are its
              standard output, where `…` stands for anything
sh            shown, not run: each `keyuan` and `make` command in it must exist, with its options
KIND NAME     (csv, jsonl, toml): the file NAME of the page's folder, written before the next command
toml, json, jsonl, sql, python
              must parse
text, mermaid shown only
"""

import ast
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import sqlglot
from typer.main import get_command

from keyuan.cli.main import app

FENCE = re.compile(r"^ *```(?P<info>.*?)\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
SHOWN = {"text", "mermaid"}
FILES = {"csv", "jsonl", "toml"}
TIMEOUT_S = 200


@dataclass(frozen=True)
class Block:
    """One fenced block: `kind` and perhaps a file `name` from its info string."""

    page: str
    line: int
    kind: str
    name: str | None
    body: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


class WrongDocError(AssertionError):
    """A page says something that is not so."""


def blocks(page: str, text: str) -> list[Block]:
    """Return the fenced blocks of a page in order."""
    found: list[Block] = []
    for match in FENCE.finditer(text):
        kind, _, name = match["info"].strip().partition(" ")
        found.append(Block(page, text.count("\n", 0, match.start()) + 1, kind, name or None, dedent(match["body"])))
    return found


def check(block: Block, targets: set[str]) -> None:
    """Check a block without running it."""
    try:
        _check(block, targets)
    except (ValueError, SyntaxError, sqlglot.ParseError, sqlglot.TokenError) as error:
        raise WrongDocError(f"{block.place}: {error}") from None


def _check(block: Block, targets: set[str]) -> None:
    if block.kind in ("sh", "console"):
        for words in commands(block):
            check_command(words, targets)
    elif block.kind in PARSERS:
        PARSERS[block.kind](block.body)
    elif block.kind not in SHOWN and not (block.kind in FILES and block.name):
        raise ValueError(f"nobody knows how to check a block of kind {block.kind!r}")


def _check_sql(body: str) -> None:
    """A block is statements, or one condition of the rule language a line."""
    try:
        sqlglot.parse(body, read="postgres")
    except sqlglot.ParseError:
        for line in body.splitlines():
            sqlglot.parse_one(line, read="postgres")


PARSERS: dict[str, Callable[[str], object]] = {
    "toml": tomllib.loads,
    "json": json.loads,
    "jsonl": lambda body: [json.loads(line) for line in body.splitlines()],
    "sql": _check_sql,
    "python": ast.parse,
}


def commands(block: Block) -> Iterator[list[str]]:
    """Yield the words of each command of a shell block, without the assignments before it."""
    for line in block.body.replace("\\\n", " ").splitlines():
        if block.kind == "console":
            if not line.startswith("$ "):
                continue
            line = line[2:]  # noqa: PLW2901  # the prompt is not part of the command
        for part in re.split(r"&&|\|(?=\s)|;", line):
            words = shlex.split(part, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words = words[1:]
            if words:
                yield words


def check_command(words: list[str], targets: set[str]) -> None:
    """See that a command of ours exists and knows the options that it is given."""
    name = Path(words[0]).name
    if name == "make":
        unknown = {word for word in words[1:] if "=" not in word and not word.startswith("-")} - targets
        if unknown:
            raise ValueError(f"make has no target {', '.join(sorted(unknown))}")
    if name == "keyuan":
        check_keyuan(words[1:])


def check_keyuan(words: list[str]) -> None:
    """See that the words name a command of `keyuan` and options that it has."""
    command, words = get_command(app), list(words)
    while (children := getattr(command, "commands", None)) is not None and words and not words[0].startswith("-"):
        if words[0] not in children:
            raise ValueError(f"keyuan has no command {words[0]!r}")
        command = children[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    if given - known:
        raise ValueError(f"keyuan {command.name} has no option {', '.join(sorted(given - known))}")


def run(found: list[Block], folder: Path, environment: dict[str, str]) -> int:
    """Run the commands of a page in order and hold what they print against what it shows; return how many ran."""
    count = 0
    for block in found:
        if block.kind in FILES and block.name:
            (folder / block.name).write_text(block.body, encoding="utf-8")
        if block.kind == "console":
            for command, shown in sessions(block):
                _run(block, command, shown, folder, environment)
                count += 1
    return count


def sessions(block: Block) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block with the output that is shown below it."""
    for part in re.split(r"^\$ ", block.body, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        size = 1
        while lines[size - 1].endswith("\\"):
            size += 1
        yield "\n".join(lines[:size]), "\n".join(lines[size:])


def _run(block: Block, command: str, shown: str, folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    told = f"{block.place}: $ {command}\nstandard output:\n{done.stdout}\nstandard error:\n{done.stderr}"
    if done.returncode != 0:
        raise WrongDocError(f"exit code {done.returncode} of {told}")
    if not same(shown, done.stdout):
        raise WrongDocError(f"the page shows\n{shown}\nbut {told}")


def same(shown: str, printed: str) -> bool:
    """Tell whether a command printed what is shown; white space is one blank, `…` is anything."""
    parts = [re.escape(" ".join(part.split())) for part in shown.split("…")]
    return re.fullmatch(r"\s*" + r".*?".join(parts) + r"\s*", " ".join(printed.split()), re.DOTALL) is not None


def broken_links(page: Path, root: Path) -> list[str]:
    """Return the links of a page to files that are not there, or to headings that it has not."""
    broken: list[str] = []
    for match in LINK.finditer(CODE.sub("", page.read_text(encoding="utf-8"))):
        target = match["target"]
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        where = (page.parent / path).resolve() if path else page
        if not where.is_relative_to(root) or not where.exists() or (anchor and anchor not in anchors(where)):
            broken.append(target)
    return broken


def anchors(page: Path) -> set[str]:
    """Return the names under which the headings of a page can be linked to."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def linked_pages(page: Path) -> set[Path]:
    """Return the pages that a page links to."""
    targets = [match["target"] for match in LINK.finditer(CODE.sub("", page.read_text(encoding="utf-8")))]
    local = [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:", target)]
    return {(page.parent / target).resolve() for target in local if target.endswith(".md")}


def missing_names(text: str, root: Path) -> list[str]:
    """Return the source files and tests that a page names in code and that are not there."""
    spans = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    files = [span for span in spans if re.fullmatch(r"[\w.-]+(/[\w.-]+)+\.(py|sql|toml)", span)]
    homes = (root, root / "src" / "keyuan", root / "tests", root / "src")
    missing = [name for name in files if not any((home / name).exists() for home in homes)]
    tests = [span for span in spans if re.fullmatch(r"test_\w+", span)]
    known = "\n".join(path.read_text(encoding="utf-8") for path in (root / "tests").rglob("test_*.py")) if tests else ""
    return missing + [name for name in tests if f"def {name}(" not in known]
