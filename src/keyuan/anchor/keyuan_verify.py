"""Check a Keyuan proof without Keyuan: this one file, Python 3.11 or newer, nothing to install.

    python keyuan_verify.py bundle.json --commitments commitments.json
    python keyuan_verify.py bundle.json --rpc URL --contract ADDRESS --chain-id NUMBER

What is trusted is what you give: the file of commitments, or the chain, contract and chain id; never the bundle. The
bundle is a customer's (one account, its whole history) or an audit file (one brand, what it owes).
Exit codes: 0 whole; 3 whole, but only to an epoch before the newest; 1 refused, with the reason; 2 nothing was checked.
Formats: docs/reference/proofs.md of Keyuan. Everything here is written again from that page, on purpose: a mistake of
Keyuan's own code is not repeated by the one who checks it.
"""

import argparse
import calendar
import datetime as dt
import hashlib
import http.client
import json
import re
import struct
import sys
import urllib.request
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

if sys.version_info < (3, 11):  # noqa: UP036  # a customer's Python may be older, and should be told so
    sys.stderr.write("not checked: this needs Python 3.11 or newer\n")
    sys.exit(2)

Value = dict[str, Any]
Check = Callable[[object], Any]
Balances = tuple[int, int, int, int]
SumNode = tuple[bytes, int, int, int, int]

FILE_MAX: Final = 256 << 20
ITEMS_MAX: Final = 10_000_000
TEXT_MAX: Final = 200
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
WORD: Final = 64
INT64_MAX: Final = 2**63 - 1
DAY_US: Final = 86_400_000_000
AT_MIN_US, AT_MAX_US = 946_684_800_000_000, 7_258_118_400_000_000
NONE: Final = bytes(32)
LATEST, COMMITMENTS = "52bfe789", "c641609b"  # latest(), commitments(uint64,uint64)
READ_MAX: Final = 1_000
KINDS: Final = {"award": 1, "redeem": 2, "hold": 3, "capture": 4, "void": 5, "expire": 6}
SIGNS: Final = {
    "award": (1, 0),
    "redeem": (-1, 0),
    "hold": (-1, 1),
    "capture": (0, -1),
    "void": (1, -1),
    "expire": (-1, 0),
}
SUMS: Final = ("available", "held", "pending", "debt")
FLOWS: Final = ("issued", "redeemed", "expired")
OPTIONAL: Final = (
    "rule", "rule_version", "base_minor", "extra_minor", "day", "day_points", "expires_at_us", "reference"
)  # fmt: skip


class RefusedError(Exception):
    """The proof is wrong; the message says what and where."""


class UncheckedError(Exception):
    """Nothing was checked: the root of trust cannot be read."""


def need(true: bool, reason: str) -> None:  # noqa: FBT001  # reads as a sentence
    """Refuse with a reason unless something is true."""
    if not true:
        raise RefusedError(reason)


def sha(*parts: bytes) -> bytes:
    """Return sha256 of the parts, joined."""
    return hashlib.sha256(b"".join(parts)).digest()


# ---- Reading: every field is named here, and nothing else may be there ----


def whole(low: int, high: int) -> Check:
    """Return the check of a whole number."""

    def check(value: object) -> int:
        if type(value) is not int or not low <= value <= high:
            raise RefusedError(f" must be a whole number from {low} to {high}")
        return value

    return check


def digest(size: int = 32) -> Check:
    """Return the check of bytes in lower-case hex."""
    pattern = re.compile(f"[0-9a-f]{{{2 * size}}}")

    def check(value: object) -> bytes:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise RefusedError(f" must be {size} bytes in lower-case hex")
        return bytes.fromhex(value)

    return check


def text(value: object) -> str:
    """Check text, and return it."""
    if not isinstance(value, str) or not 1 <= len(value) <= TEXT_MAX:
        raise RefusedError(f" must be text of 1 to {TEXT_MAX} characters")
    need(not CONTROL.search(value), " has a character that no name has")
    return value


def one_of(*words: str) -> Check:
    """Return the check of a word out of some."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise RefusedError(f" must be one of: {', '.join(words)}")
        return value

    return check


def maybe(inner: Check) -> Check:
    """Return the check of something that may be null."""
    return lambda value: None if value is None else inner(value)


def items(inner: Check, least: int = 0, most: int = ITEMS_MAX) -> Check:
    """Return the check of a list."""

    def check(value: object) -> list[Any]:
        given = cast("list[object]", value) if isinstance(value, list) else None
        if given is None or not least <= len(given) <= most:
            raise RefusedError(f" must be a list of {least} to {most} items")
        found: list[Any] = []
        try:
            for each in given:
                found.append(inner(each))  # noqa: PERF401  # the number of the item is wanted when it fails
        except RefusedError as error:
            raise RefusedError(f"[{len(found)}]{error}") from None
        return found

    return check


def fields(**checks: Check) -> Check:
    """Return the check of an object with exactly these fields."""

    def check(value: object) -> Value:
        if not isinstance(value, dict):
            raise RefusedError(" must be an object")
        given, found, name = cast("Value", value), Value(), ""
        for name in sorted(given.keys() ^ checks.keys()):
            raise RefusedError(f": field {name!r} is {'missing' if name in checks else 'unknown'}")
        try:
            for name, inner in checks.items():
                found[name] = inner(given[name])
        except RefusedError as error:
            raise RefusedError(f".{name}{error}") from None
        return found

    return check


COUNT, POINTS, NUMBER = whole(1, INT64_MAX), whole(0, INT64_MAX), whole(-INT64_MAX, INT64_MAX)
INSTANT, HASH, PROOF = whole(AT_MIN_US, AT_MAX_US), digest(), items(digest(), most=64)
SUM_NODE = fields(hash=HASH, available=POINTS, held=POINTS, pending=POINTS, debt=POINTS)
FLOW = fields(issued=POINTS, redeemed=POINTS, expired=POINTS)
SHARED: Final = {
    "domain": fields(chain_id=POINTS, contract=digest(20), ledger=HASH),
    "headers": items(
        fields(
            last_seq=COUNT, batch_root=HASH, log_root=HASH, books=COUNT, books_digest=HASH, terms=POINTS,
            terms_head=HASH, entries=HASH, closed_at_us=INSTANT, consistency=PROOF,
        ),
        least=1,
    ),
    "books": items(fields(brand=HASH, currency=HASH, record=HASH), least=1),
    "record": fields(accounts=COUNT, root=SUM_NODE, epoch=FLOW, since=FLOW),
}  # fmt: skip
TERMS = fields(
    brand=text, currency=text, rule=text, version=COUNT, starts_at_us=COUNT, minor_per_point=COUNT, daily_cap=COUNT,
    expiry_months=whole(1, 1_200), doubled=items(text),
)  # fmt: skip
LEAF = fields(
    seq=COUNT, account_seq=COUNT, at_us=INSTANT, kind=one_of(*KINDS), delta=NUMBER, available=POINTS, held=POINTS,
    pending=POINTS, debt=POINTS, rule=maybe(text), rule_version=maybe(COUNT), base_minor=maybe(POINTS),
    extra_minor=maybe(POINTS), day=maybe(POINTS), day_points=maybe(POINTS), expires_at_us=maybe(COUNT),
    reference=maybe(HASH), salt=HASH, proof=PROOF,
)  # fmt: skip
FORMATS: Final = {
    "keyuan/bundle/0": fields(
        format=text, **SHARED, terms=items(TERMS), account=fields(pseudonym=HASH, brand=text, currency=text),
        leaves=items(LEAF, least=1), balance=fields(place=POINTS, proof=items(SUM_NODE, most=64)),
    ),
    "keyuan/audit/0": fields(
        format=text, **SHARED, book=fields(brand=text, currency=text), accounts=items(SUM_NODE, least=1),
    ),
    "keyuan/commitments/0": fields(
        format=text, chain_id=POINTS, contract=digest(20), commitments=items(HASH, least=1),
    ),
}  # fmt: skip


def _once(pairs: list[tuple[str, Any]]) -> Value:
    need(len(dict(pairs)) == len(pairs), "a field stands twice in one object")
    return dict(pairs)


def _no(what: str) -> RefusedError:
    raise RefusedError(f"{what[:30]} is not a whole number")


def parse(body: bytes, *formats: str) -> Value:
    """Return the value of a file in one of these formats, all fields checked."""
    need(len(body) <= FILE_MAX, f"the file is larger than {FILE_MAX} bytes")
    try:
        value: object = json.loads(body.decode(), object_pairs_hook=_once, parse_float=_no, parse_constant=_no)
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"this is not JSON: {error}") from None
    kind: object = cast("Value", value).get("format") if isinstance(value, dict) else None
    need(kind in formats, f"the file must be of format {' or '.join(formats)}")
    try:
        return FORMATS[str(kind)](cast("object", value))
    except RefusedError as error:
        raise RefusedError(f"file{error}") from None


# ---- Trees (RFC 9162, 2.1.3.2 and 2.1.4.2) ----


def climb(index: int, size: int, proof: Sequence[Any], seen: Callable[[Any, bool], None]) -> bool:
    """Walk up from a leaf; `seen` gets each sibling and whether it is on the left. Tell whether the length fits."""
    last = size - 1
    for sibling in proof:
        if last == 0:
            return False
        left = bool(index & 1) or index == last
        seen(sibling, left)
        while left and not index & 1 and index:
            index, last = index >> 1, last >> 1
        index, last = index >> 1, last >> 1
    return last == 0


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether a leaf hash is in a tree."""
    node = leaf

    def seen(sibling: bytes, left: bool) -> None:  # noqa: FBT001  # given by `climb`
        nonlocal node
        node = sha(b"\1", sibling, node) if left else sha(b"\1", node, sibling)

    return 0 <= index < size and climb(index, size, proof, seen) and node == root


def is_consistent(old: int, new: int, proof: Sequence[bytes], roots: tuple[bytes, bytes]) -> bool:
    """Tell whether the new tree begins with all of the old one."""
    if not 0 < old < new:
        return False
    path = list(proof) if old & (old - 1) else [roots[0], *proof]
    index, last = old - 1, new - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    before = after = path[0] if path else b""

    def seen(sibling: bytes, left: bool) -> None:  # noqa: FBT001  # given by `climb`
        nonlocal before, after
        before = sha(b"\1", sibling, before) if left else before
        after = sha(b"\1", sibling, after) if left else sha(b"\1", after, sibling)

    return climb(index, last + 1, path[1:], seen) and (before, after) == roots


def sum_node(left: SumNode, right: SumNode) -> SumNode:
    """Return the node over two others; sums beyond int64 are refused, so that none can wrap around."""
    sums = [one + other for one, other in zip(left[1:], right[1:], strict=True)]
    need(max(sums) <= INT64_MAX, "a sum of balances is larger than any that can be written")
    return sha(b"\3", struct.pack(">32s4q32s4q", *left, *right)), sums[0], sums[1], sums[2], sums[3]


def node_of(value: Value) -> SumNode:
    """Return a node of a sum tree from its fields."""
    return value["hash"], *[value[name] for name in SUMS]


# ---- The root of trust ----


class Root(NamedTuple):
    """What the one who checks trusts: the commitments of all epochs at an address."""

    chain_id: int
    contract: bytes
    commitments: Sequence[bytes]
    source: str = ""


def root_from_file(path: Path) -> Root:
    """Return the root of trust that a file of commitments is."""
    try:
        value = parse(path.read_bytes(), "keyuan/commitments/0")
    except (OSError, RefusedError) as error:
        raise UncheckedError(f"the commitments cannot be used: {error}") from None
    return Root(value["chain_id"], value["contract"], value["commitments"], f"the commitments in {path}")


class Node:
    """A node of a chain, asked by JSON-RPC."""

    def __init__(self, url: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise UncheckedError("the address of the chain must begin with http:// or https://")
        self._url = url

    def ask(self, method: str, *params: object) -> str:
        """Return what the node answers: text in hex."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})  # noqa: S310  # checked
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # http and https only
                result = json.loads(answer.read(FILE_MAX))["result"]
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError, RecursionError) as error:
            raise UncheckedError(f"the chain does not answer {method}: {error}") from None
        if not isinstance(result, str) or not re.fullmatch("0x[0-9a-f]*", result):
            raise UncheckedError(f"the chain answers {method} with something else")
        return result

    def number(self, method: str) -> int:
        """Return a number that the node answers."""
        result = self.ask(method)
        if result == "0x":
            raise UncheckedError(f"the chain answers {method} with no number")
        return int(result, 16)

    def call(self, contract: bytes, block: int, selector: str, *numbers: int) -> bytes:
        """Return what a contract answered at a block."""
        data = f"0x{selector}" + "".join(f"{number:064x}" for number in numbers)
        words = self.ask("eth_call", {"to": f"0x{contract.hex()}", "data": data}, hex(block)).removeprefix("0x")
        if not words or len(words) % WORD:
            raise UncheckedError("at this address is no contract that anchors epochs")
        return bytes.fromhex(words)


def root_from_chain(url: str, contract: bytes, chain_id: int) -> Root:
    """Return the root of trust that a contract on a chain is, as of the node's newest block."""
    node = Node(url)
    if node.number("eth_chainId") != chain_id:
        raise UncheckedError("the node is of another chain")
    block = node.number("eth_blockNumber")
    latest, found = int.from_bytes(node.call(contract, block, LATEST)), list[bytes]()
    while len(found) < latest:
        run = node.call(contract, block, COMMITMENTS, len(found) + 1, READ_MAX)
        more = [run[at : at + 32] for at in range(64, len(run), 32)]
        if not more or len(more) != int.from_bytes(run[32:64]):
            raise UncheckedError("the contract gives fewer commitments than it says")
        found += more
    return Root(chain_id, contract, found, f"contract 0x{contract.hex()} on chain {chain_id}, block {block}")


# ---- What is checked ----


class Epoch(NamedTuple):
    """An epoch whose commitment stands in the root of trust."""

    last_seq: int
    terms: int
    terms_head: bytes


def check_headers(file: Value, root: Root) -> list[Epoch]:
    """Check that all headers are those committed to, and that each log goes on from the one before."""
    domain, headers = file["domain"], file["headers"]
    need(domain["chain_id"] == root.chain_id, "the proof is for another chain than you trust")
    need(domain["contract"] == root.contract, "the proof is for another contract than you trust")
    known = len(root.commitments)
    need(
        len(headers) <= known,
        f"the proof is as of epoch {len(headers)}; the commitments you trust end at {known}: get newer ones",
    )
    before: Value = {"last_seq": 0, "log_root": b""}
    previous = NONE
    for epoch, header in enumerate(headers, 1):
        body = struct.pack(
            ">BQ20s32sQQQ32s32sQ32sQ32s32s32sq", 0, domain["chain_id"], domain["contract"], domain["ledger"], epoch,
            before["last_seq"] + 1, header["last_seq"], header["batch_root"], header["log_root"], header["books"],
            header["books_digest"], header["terms"], header["terms_head"], header["entries"], previous,
            header["closed_at_us"],
        )  # fmt: skip
        previous = sha(body)
        need(previous == root.commitments[epoch - 1], f"epoch {epoch}: this is not the header that was committed to")
        goes_on = is_consistent(
            before["last_seq"], header["last_seq"], header["consistency"], (before["log_root"], header["log_root"])
        )
        need(
            goes_on or (epoch == 1 and not header["consistency"]), f"epoch {epoch}: its log does not go on from before"
        )
        before = header
    return [Epoch(header["last_seq"], header["terms"], header["terms_head"]) for header in headers]


def check_record(file: Value, brand: str, currency: str) -> SumNode:
    """Check the record of a book against the newest header, and return the root of its sum tree."""
    newest, record = file["headers"][-1], file["record"]
    lines = [(line["brand"], line["currency"], line["record"]) for line in file["books"]]
    need(all(one[:2] < other[:2] for one, other in pairwise(lines)), "the books are out of order, or one stands twice")
    table = sha(*[part for line in lines for part in line])
    need(
        len(lines) == newest["books"] and table == newest["books_digest"],
        "the table of books is not the one committed to",
    )
    flows = [record[when][name] for when in ("epoch", "since") for name in FLOWS]
    root = node_of(record["root"])
    names = sha(brand.encode()), sha(currency.encode())
    body = struct.pack(">B32s32sQ32s4q6q", 0, *names, record["accounts"], *root, *flows)
    need((*names, sha(body)) in lines, f"the record of {brand}/{currency} is not the one committed to")
    issued, redeemed, expired = flows[3:]
    there = root[1] + root[2] + root[3] - root[4]
    need(issued - redeemed - expired == there, f"{brand}/{currency}: what came and went is not what is there")
    return root


class Version(NamedTuple):
    """One version of a programme's terms; `place` is its number in the chain of all terms."""

    place: int
    starts_at_us: int
    minor_per_point: int
    daily_cap: int
    expiry_months: int


Terms = dict[tuple[str, str, str], list[Version]]


def check_terms(file: Value, epochs: Sequence[Epoch]) -> Terms:
    """Check the terms against what each header says was known, and return them by brand, currency and rule."""
    found: Terms = {}
    hashes: dict[tuple[str, str, str], bytes] = {}
    heads = [NONE]
    for place, each in enumerate(file["terms"], 1):
        book = (each["brand"], each["currency"], each["rule"])
        name = f"terms {'/'.join(book)} version {each['version']}"
        versions = found.setdefault(book, [])
        need(each["version"] == len(versions) + 1, f"{name}: a version is missing before it")
        need(not versions or each["starts_at_us"] > versions[-1].starts_at_us, f"{name}: begins before the last")
        doubled = [category.encode() for category in each["doubled"]]
        need(all(one < other for one, other in pairwise(doubled)), f"{name}: categories are out of order")
        numbers = [each[key] for key in ("starts_at_us", "minor_per_point", "daily_cap", "expiry_months")]
        categories = sha(*[part for one in doubled for part in (len(one).to_bytes(4), one)])
        digests = [sha(part.encode()) for part in book]
        body = struct.pack(
            ">B32s32s32s5Q32s32s", 0, *digests, each["version"], *numbers, categories, hashes.get(book, NONE)
        )
        hashes[book] = sha(body)
        heads.append(sha(b"\4", heads[-1], hashes[book]))
        versions.append(Version(place, *numbers))
    need(epochs[-1].terms == len(heads) - 1, "the list of terms is longer or shorter than the newest header says")
    for number, epoch in enumerate(epochs, 1):
        fits = epoch.terms < len(heads) and epoch.terms_head == heads[epoch.terms]
        need(fits, f"epoch {number}: these are not the terms that it committed to")
    return found


def months_later(at_us: int, months: int) -> int:
    """Return the same instant of day some months later; the last day of a shorter month stands for a missing one."""
    start = dt.date(1970, 1, 1) + dt.timedelta(days=at_us // DAY_US)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return at_us + (dt.date(year, month + 1, day) - start).days * DAY_US


class History:
    """One account's leaves, checked one after the other."""

    def __init__(self, file: Value, epochs: Sequence[Epoch], terms: Terms) -> None:
        self._account, self._epochs, self._terms = file["account"], epochs, terms
        self._names = sha(self._account["brand"].encode()), sha(self._account["currency"].encode())
        self._size, self._root = epochs[-1].last_seq, file["headers"][-1]["log_root"]
        self._days: dict[int, int] = {}
        self.head, self.seq, self.count, self.awards = NONE, 0, 0, 0
        self.balances: Balances = (0, 0, 0, 0)

    def take(self, leaf: Value) -> None:
        """Check the next leaf: its place, its sums, its points, and that it is in the log."""
        name = f"leaf {leaf['seq']} ({leaf['kind']} of {shown(leaf['at_us'])})"
        need(leaf["account_seq"] == self.count + 1, f"{name}: movement {self.count + 1} of the account is missing")
        need(self.seq < leaf["seq"] <= self._size, f"{name}: it is not in the order of the log")
        signs, points = SIGNS[leaf["kind"]], self._points(leaf)
        balances = tuple(leaf[key] for key in SUMS)
        available, held, pending, debt = self.balances
        there = (available + signs[0] * points, held + signs[1] * points, pending, debt)
        need(points > 0 and balances == there, f"{name}: the balances after it do not follow from those before")
        need(leaf["delta"] == signs[0] * points, f"{name}: the change of the available points is another")
        if leaf["kind"] == "award":
            self._check_award(leaf, name)
        node = sha(b"\0", self._body(leaf))
        whole = is_included(node, leaf["seq"] - 1, self._size, leaf["proof"], self._root)
        need(whole, f"{name}: this is not what the log has there")
        self.head, self.seq, self.count, self.balances = node, leaf["seq"], self.count + 1, there

    def _points(self, leaf: Value) -> int:
        """Return how many points moved; a capture changes only what is held."""
        return self.balances[1] - leaf["held"] if leaf["kind"] == "capture" else abs(leaf["delta"])

    def _check_award(self, leaf: Value, name: str) -> None:
        """Compute the award again by the terms that were in force, and known at its epoch."""
        needed = ("rule", "rule_version", "base_minor", "extra_minor", "day", "day_points", "expires_at_us")
        need(all(leaf[key] is not None for key in needed), f"{name}: it does not say how it was computed")
        epoch = self._epochs[bisect_left(self._epochs, leaf["seq"], key=lambda each: each.last_seq)]
        versions = self._terms.get((self._account["brand"], self._account["currency"], leaf["rule"]), [])
        known = [each for each in versions if each.place <= epoch.terms]
        number = sum(each.starts_at_us <= leaf["at_us"] for each in known)
        need(
            number == leaf["rule_version"] > 0, f"{name}: version {number} of the terms was in force, not the one named"
        )
        version, day = known[number - 1], leaf["at_us"] // DAY_US
        before = self._days.get(day, 0)
        wished = (leaf["base_minor"] + leaf["extra_minor"]) // version.minor_per_point
        points = max(0, min(version.daily_cap - before, wished))
        need(leaf["delta"] == points, f"{name}: it gave {leaf['delta']} points, the terms say {points}")
        need((leaf["day"], leaf["day_points"]) == (day, before + points), f"{name}: the points of the day are others")
        expires = months_later(leaf["at_us"], version.expiry_months)
        need(leaf["expires_at_us"] == expires, f"{name}: by the terms it expires on {shown(expires)}")
        self._days[day] = before + points
        self.awards += 1

    def _body(self, leaf: Value) -> bytes:
        """Return the bytes of the leaf that is hashed."""
        given = dict(leaf)
        given["rule"] = None if leaf["rule"] is None else sha(leaf["rule"].encode())
        given["reference"] = None if leaf["reference"] is None else sha(leaf["salt"], leaf["reference"])
        present = sum(1 << bit for bit, key in enumerate(OPTIONAL) if given[key] is not None)
        return struct.pack(
            ">BBHQq32s32s32s5qQ32s32s6q32s32s", 0, KINDS[leaf["kind"]], present, leaf["seq"], leaf["at_us"],
            self._account["pseudonym"], *self._names, leaf["delta"], *[leaf[key] for key in SUMS], leaf["account_seq"],
            self.head, given["rule"] or NONE, *[given[key] or 0 for key in OPTIONAL[1:-1]], given["reference"] or NONE,
            leaf["salt"],
        )  # fmt: skip


def check_balance(file: Value, history: History, root: SumNode) -> None:
    """Check that the balances after the last leaf, and that leaf as the last, are counted in what the brand owes."""
    place, size = file["balance"]["place"], file["record"]["accounts"]
    leaf = sha(b"\2", history.head, struct.pack(">4q", *history.balances))
    node: SumNode = (leaf, *history.balances)

    def seen(sibling: SumNode, left: bool) -> None:  # noqa: FBT001  # given by `climb`
        nonlocal node
        node = sum_node(sibling, node) if left else sum_node(node, sibling)

    proof = [node_of(each) for each in file["balance"]["proof"]]
    counted = place < size and climb(place, size, proof, seen) and node == root
    need(counted, "the balances are not counted at the newest epoch, or movements after the last leaf are missing")


def check_accounts(file: Value, root: SumNode) -> None:
    """Check that the accounts of a brand add up to what the header commits to."""
    row = [node_of(each) for each in file["accounts"]]
    need(len(row) == file["record"]["accounts"], "there are more or fewer accounts than the record says")
    while len(row) > 1:
        joined = [sum_node(*row[at : at + 2]) for at in range(0, len(row) - 1, 2)]
        row = joined + row[len(joined) * 2 :]
    need(row[0] == root, "the accounts do not add up to what was committed to")


class Result(NamedTuple):
    """What was found whole: `epoch` is the newest that the file reaches, `epochs` the newest of the root of trust."""

    book: str
    epoch: int
    epochs: int
    balances: Sequence[int]
    accounts: int
    closed_at_us: int
    source: str
    movements: int = 0
    awards: int = 0
    leaves: Sequence[Value] = ()


def verify(body: bytes, root: Root) -> Result:
    """Check a bundle or an audit file against a root of trust.

    Raises:
        RefusedError: it is not what the commitments say; the message says what and where.
    """
    file = parse(body, "keyuan/bundle/0", "keyuan/audit/0")
    book = file.get("account") or file["book"]
    epochs = check_headers(file, root)
    sums = check_record(file, book["brand"], book["currency"])
    name, ends = f"{book['brand']}/{book['currency']}", (len(epochs), len(root.commitments))
    said = (file["headers"][-1]["closed_at_us"], root.source)
    if "accounts" in file:
        check_accounts(file, sums)
        return Result(name, *ends, sums[1:], len(file["accounts"]), *said)
    history = History(file, epochs, check_terms(file, epochs))
    for leaf in file["leaves"]:
        history.take(leaf)
    check_balance(file, history, sums)
    return Result(name, *ends, history.balances, 1, *said, history.count, history.awards, file["leaves"])


# ---- The command ----


def shown(at_us: int) -> str:
    """Return an instant as people read it."""
    return f"{dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=at_us):%Y-%m-%d %H:%M:%S} UTC"  # noqa: DTZ001  # UTC by construction


def report(result: Result, arguments: argparse.Namespace) -> int:
    """Print what was proved, and return the exit code."""
    if result.epoch < result.epochs:
        say(f"complete to epoch {result.epoch} of {result.epochs}; ask for a newer proof")
    else:
        say(f"whole: nothing is missing to epoch {result.epoch}, the newest")
    balances = ", ".join(f"{name} {value}" for name, value in zip(SUMS, result.balances, strict=True))
    if result.movements:
        say(f"{result.book}: {result.movements} movements, {result.awards} awards computed again by the terms")
    else:
        say(f"{result.book}: {result.accounts} accounts; owed {result.balances[0] + result.balances[1]} points")
    say(f"balances: {balances}")
    say(f"by {result.source}; epoch {result.epoch} was closed on {shown(result.closed_at_us)}, says the operator")
    wanted = None if arguments.order is None else order_reference(arguments.order)
    for leaf in result.leaves:
        if arguments.statement or (wanted is not None and leaf["reference"] == wanted):
            say(f"{leaf['seq']}\t{shown(leaf['at_us'])}\t{leaf['kind']}\t{leaf['delta']:+d}\t{leaf['available']}")
    return 3 if result.epoch < result.epochs else 0


def order_reference(order: str) -> bytes:
    """Return the reference under which a leaf knows an order of this number."""
    return sha(b"\0\0\0\5order", len(order.encode()).to_bytes(4), order.encode())


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")


def options(words: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command."""
    parser = argparse.ArgumentParser(prog="keyuan_verify.py", description="Check a Keyuan proof.")
    parser.add_argument("file", type=Path, help="bundle or audit file")
    parser.add_argument("--commitments", type=Path, metavar="FILE", help="commitments that you trust")
    parser.add_argument("--rpc", metavar="URL", help="JSON-RPC of a node that you trust")
    parser.add_argument("--contract", metavar="ADDRESS", help="the LedgerAnchor on its chain")
    parser.add_argument("--chain-id", type=int, metavar="NUMBER")
    parser.add_argument("--statement", action="store_true", help="print every movement")
    parser.add_argument("--order", metavar="ID", help="print the movement that this order made")
    arguments = parser.parse_args(words)
    by_chain = [arguments.rpc, arguments.contract, arguments.chain_id]
    if (arguments.commitments is None) == (None in by_chain) or (arguments.commitments and any(by_chain)):
        parser.error("say whom you trust: --commitments FILE, or --rpc URL --contract ADDRESS --chain-id NUMBER")
    if arguments.contract and not re.fullmatch("0x[0-9a-fA-F]{40}", arguments.contract):
        parser.error("--contract is 0x and 40 hex digits")
    return arguments


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    arguments = options(words)
    try:
        if arguments.commitments:
            root = root_from_file(arguments.commitments)
        else:
            root = root_from_chain(arguments.rpc, bytes.fromhex(arguments.contract[2:]), arguments.chain_id)
        return report(verify(arguments.file.read_bytes(), root), arguments)
    except RefusedError as error:
        say(f"refused: {error}")
        return 1
    except (UncheckedError, OSError) as error:
        say(f"not checked: {error}")
        return 2


if __name__ == "__main__":
    sys.stdout = open(sys.stdout.fileno(), "w", encoding="utf-8", closefd=False)  # noqa: SIM115  # names in any script
    sys.exit(main())
