"""The browser's verifier agrees with the one in Python: on vectors, on every tampering, and on operators' frauds."""

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keyuan.anchor.header import Flows, Header
from keyuan.anchor.keyuan_verify import RefusedError, Root, verify
from keyuan.anchor.leaf import text_digest
from keyuan.anchor.trees import Tree
from keyuan.ledger.model import Kind
from unit.anchor import tampering, test_frauds
from unit.anchor.made_up import History, written
from unit.anchor.test_frauds import chained

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "src/keyuan/web/wallet/static/proof"
WHOLE = History()
SMALL = History(sizes=(12, 1, 14))
AWARD = next(place for place, movement in enumerate(WHOLE.movements) if movement.rule_version == 2)


def wrong_awards() -> Iterator[tuple[str, bytes, Root]]:
    """An operator who commits to awards that the terms do not give: all roots are right."""
    for changes in (
        {"points": 61, "day_points": 61},
        {"base_minor": 100_000},
        {"rule_version": 1},
        {"rule": "blume-earn"},
        {"day": 17_168},
        {"expires_at_us": WHOLE.movements[AWARD].at_us + 1},
        {"expires_at_us": None},
    ):
        wrong = History(wrong={AWARD: changes}, sizes=(25, AWARD - 24))
        yield f"wrong award: {changes}", written(wrong.bundle(wrong.movements[AWARD].account)), wrong.root()


def frauds() -> Iterator[tuple[str, bytes, Root]]:
    """An operator who publishes commitments to something false: every digest is right, and still it is refused."""
    account, headers = WHOLE.accounts()[0], test_frauds.headers_of(WHOLE)
    name, last = WHOLE.holding(account).brand, len(headers) - 1
    brand, true = text_digest(name).hex(), WHOLE.closed[-1].records[name, "points"]
    file = WHOLE.bundle(account)
    file["record"]["since"]["expired"] += 1
    wrong = true._replace(since=true.since.plus(Flows(expired=1))).line().record.hex()
    file["books"] = [line | {"record": wrong} if line["brand"] == brand else line for line in file["books"]]
    digest = test_frauds.table(file["books"])
    yield published("a record that does not add up", file, chained(headers, last, books_digest=digest))
    file = WHOLE.bundle(account)
    extra = next(line for line in file["books"] if line["brand"] == brand) | {"record": "00" * 32}
    file["books"] = sorted([*file["books"], extra], key=lambda line: tuple(line.values()))
    digest = test_frauds.table(file["books"])
    yield published("a book twice", file, chained(headers, last, books=len(file["books"]), books_digest=digest))
    rewritten = Tree([b"\5" * 32 if number == 3 else leaf for number, leaf in enumerate(test_frauds.all_hashes())])
    for place in range(2, len(headers)):
        headers = chained(headers, place, log_root=rewritten.root(headers[place].last_seq))
    yield published("history rewritten", WHOLE.bundle(account), headers)
    file, headers = WHOLE.bundle(account), test_frauds.headers_of(WHOLE)
    file["terms"][0]["daily_cap"] = 1_000
    head = test_frauds.keyuan_terms_head([WHOLE.terms[0]._replace(daily_cap=1_000), *WHOLE.terms[1:]])
    yield published("terms changed afterwards", file, chained(headers, last, terms_head=head))


def published(what: str, file: Any, headers: list[Header]) -> tuple[str, bytes, Root]:
    """Put headers into a file, and make them the root of trust."""
    for place, header in enumerate(headers):
        for name in ("batch_root", "log_root", "books_digest", "terms_head"):
            file["headers"][place][name] = getattr(header, name).hex()
        for name in ("last_seq", "books", "terms", "closed_at_us"):
            file["headers"][place][name] = getattr(header, name)
    root = WHOLE.root()._replace(commitments=[header.commitment() for header in headers])
    return what, written(file), root


def odd_writings() -> Iterator[tuple[str, bytes, Root]]:
    """One value written in several ways, and what is no JSON at all."""
    good = written(SMALL.bundle(SMALL.accounts()[0]))
    for old, new in (
        (b'"format":', b'"format": "x", "format":'),
        (b'"place": 0', b'"place": 0.0'),
        (b'"place": 0', b'"place": -0'),
        (b'"place": 0', b'"place": 00'),
        (b'"points"', b'"poi\\u006ets"'),
        (b'"points"', b'"po\\u0000ints"'),
        (b'"points"', b'"po\\ud800ints"'),
        (b'"points"', b'"po\xffints"'),
        (b"keyuan/bundle/0", b"keyuan/bundle/1"),
        (good, b"[" * 100_000),
        (good, b'{"format": ' + b"9" * 10_000 + b"}"),
        (good, b""),
        (good, b"null"),
        (good, good + b"x"),
        (good, b"\xef\xbb\xbf" + good),
        (good, b" " + good + b"\r\n\t "),
        (good, good.replace(b", ", b",\n").replace(b": ", b":")),
        (good, good.decode().encode("ascii", "backslashreplace")),
    ):
        yield f"written oddly: {new[:40]!r}", good.replace(old, new, 1), SMALL.root()


def other_roots() -> Iterator[tuple[str, bytes, Root]]:
    """Files that are whole, against roots that are others, older or newer."""
    root = WHOLE.root()
    for account in WHOLE.accounts():
        yield f"whole: {account}", written(WHOLE.bundle(account)), root
    file = written(WHOLE.bundle(WHOLE.accounts()[0]))
    yield "beyond", file, root._replace(commitments=root.commitments[:4])
    yield "another chain", file, root._replace(chain_id=1)
    yield "another contract", file, root._replace(contract=bytes(20))
    yield "another history", file, History(seed=13).root()
    older = History(sizes=(25, 1, 30), drawn=100)
    yield "older", written(older.bundle(older.accounts()[0])), root
    yield "late terms", *late_terms()
    last = WHOLE.movements[-1]._replace(account=WHOLE.accounts()[0], brand="acme", points=1, reference=None)
    longer = History(more=[last._replace(kind=Kind.HOLD), last._replace(kind=Kind.VOID)])
    cut = longer.bundle(WHOLE.accounts()[0])
    yield "with a hold", written(cut), longer.root()
    del cut["leaves"][-2:]
    yield "cut before movements without effect", written(cut), longer.root()
    yield "an audit file", written(WHOLE.audit("acme")), root


def late_terms() -> tuple[bytes, Root]:
    late = History(known=(3, 3, 3, 3, 4))
    place = next(place for place, movement in enumerate(late.movements) if movement.rule_version == 2)
    return written(late.bundle(late.movements[place].account)), late.root()


def cases() -> Iterator[tuple[str, bytes, Root]]:
    """Yield what there is to judge: every tampering of a bundle, frauds, odd writings, other roots."""
    for what, file in tampering.tampered(SMALL.bundle(SMALL.accounts()[0])):
        yield what, written(file), SMALL.root()
    big = WHOLE.bundle(WHOLE.accounts()[0])
    for number, (what, file) in enumerate(tampering.tampered(big)):
        if number % 16 == 0:
            yield what, written(file), WHOLE.root()
    yield from wrong_awards()
    yield from frauds()
    yield from odd_writings()
    yield from other_roots()


def line_of(what: str, file: bytes, root: Root) -> dict[str, Any]:
    """Return a case as Node reads it, with what the verifier in Python says."""
    known = {
        "chainId": root.chain_id,
        "contract": root.contract.hex(),
        "commitments": [each.hex() for each in root.commitments],
    }
    line: dict[str, Any] = {"what": what, "root": known, "file": base64.b64encode(file).decode(), "refused": None}
    try:
        found = verify(file, root)
        if not found.leaves:
            return line | {"refused": "file: of another format"}  # whole, but not a customer's
        line["numbers"] = [found.epoch, found.epochs, found.movements, found.awards, *map(str, found.balances)]
    except RefusedError as error:
        line["refused"] = str(error)
    return line


GUARD = re.compile(r"(?<=\n) *(need|check)\((?!ok)|(?<=\) )check\(")
needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="there is no Node to run the browser's verifier under"
)


@pytest.fixture(scope="module")
def written_cases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Return a file with all cases, and how many they are."""
    path, lines = tmp_path_factory.mktemp("cases") / "cases.jsonl", [json.dumps(line_of(*case)) for case in cases()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path, len(lines)


def judged_by_node(static: Path, path: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "CASES": str(path),
        "STATIC": static.as_uri(),
        "VECTORS": str(ROOT / "tests/data/proof_vectors.json"),
    }
    command = ["node", "--test", "--test-reporter=tap", str(Path(__file__).with_name("wallet_verifier.test.mjs"))]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=200)


@needs_node
def test_the_browser_judges_every_case_as_python_does(written_cases: tuple[Path, int]):
    path, tried = written_cases
    done = judged_by_node(STATIC, path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert f"tried {tried}, whole " in done.stdout
    assert tried > 2_000


@needs_node
@pytest.mark.long
def test_without_any_one_of_its_guards_the_browser_lets_something_pass(written_cases: tuple[Path, int], tmp_path: Path):
    """Every guard is taken out once; the cases must notice."""
    whole, guards = (STATIC / "verify.js").read_text(encoding="utf-8"), list[str]()
    for number, guard in enumerate(GUARD.finditer(whole)):
        folder = shutil.copytree(STATIC, tmp_path / str(number))
        planted = f"{whole[: guard.start()]}((..._) => {{}})({whole[guard.end() :]}"
        (folder / "verify.js").write_text(planted, encoding="utf-8")
        guards.append(whole[guard.start() : guard.end() + 60])
        assert judged_by_node(folder, written_cases[0]).returncode != 0, guards[-1]
    assert len(guards) > 20
