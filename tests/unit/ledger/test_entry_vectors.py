"""The published vectors of an entry's bytes: made again from the table of the reference page, and by the product."""

import json
import re
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from keyuan.ledger import Entry
from keyuan.ledger.canonical import account_name, entry_bytes, first_link, next_link, takes_digest
from keyuan.ledger.model import LEGS, Bucket, Kind

ROOT = Path(__file__).parents[3]
VECTORS = json.loads((ROOT / "tests" / "data" / "entry_vectors.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "reference" / "entries.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \| (u\d+|i64|32) \| (\w+)( \*)? \|", PAGE, re.MULTILINE)
OPTIONAL = re.findall(r"(\w+) (\d+)[,|. ]", re.search(r"order of bits: (.*)\|", PAGE)[1])  # pyright: ignore[reportOptionalSubscript]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def number(field: str, value: Any) -> int:
    if isinstance(value, str) and field == "day":
        return (date.fromisoformat(value) - EPOCH.date()).days
    if isinstance(value, str):
        since = datetime.fromisoformat(value) - EPOCH
        return (since.days * 86_400 + since.seconds) * 10**6 + since.microseconds
    return int(value)


def by_the_page(entry: dict[str, Any]) -> str:
    """The bytes as somebody would make them who has only the page."""
    present = sum(1 << int(bit) for field, bit in OPTIONAL if entry[field] is not None)
    body = ""
    for offset, kind, field, _optional in ROWS:
        assert len(body) == 2 * int(offset), field
        value: Any = {"version": 0, "present": present}.get(field, entry.get(field))
        if kind == "32":
            text = sha256(value.encode()).hexdigest() if field == "rule" and value else value
            body += text or "00" * 32
        else:
            width = int(kind[1:]) // 8
            body += number(field, value or 0).to_bytes(width, "big", signed=kind[0] == "i").hex()
    return body


def entry_of(vector: dict[str, Any]) -> Entry:
    fields = {name: value for name, value in vector.items() if name in Entry._fields}
    for name in ("key", "reference", "takes"):
        fields[name] = None if fields[name] is None else bytes.fromhex(fields[name])
    for name in ("at", "expires_at"):
        fields[name] = None if fields[name] is None else datetime.fromisoformat(fields[name])
    day = fields["day"]
    return Entry(**fields | {"day": None if day is None else date.fromisoformat(day), "source": -1, "target": 2})


@pytest.mark.parametrize("vector", VECTORS["entries"], ids=lambda vector: vector["seq"])
def test_the_page_and_the_product_make_the_published_bytes(vector: dict[str, Any]):
    assert by_the_page(vector) == vector["bytes"]
    names = bytes.fromhex(vector["source"]), bytes.fromhex(vector["target"])
    assert entry_bytes(vector["tenant"], entry_of(vector), *names).hex() == vector["bytes"]
    assert len(vector["bytes"]) == 2 * 288


def test_the_chain_and_its_names_are_as_published():
    link = first_link(VECTORS["first_link"]["tenant"])
    assert link.hex() == VECTORS["first_link"]["link"]
    for vector in VECTORS["entries"]:
        link = next_link(link, bytes.fromhex(vector["bytes"]))
        assert link.hex() == vector["link"]
    for account in VECTORS["accounts"]:
        found = account_name(account["bucket"], account["holder"], account["brand"], account["currency"])
        assert found.hex() == account["name"]
    assert takes_digest(tuple(pair) for pair in VECTORS["takes"]["pairs"]).hex() == VECTORS["takes"]["digest"]


def test_the_page_names_every_optional_field_once():
    assert [field for *_rest, field, optional in ROWS if optional] != []
    assert sorted(field for _offset, _kind, field, optional in ROWS if optional) == sorted(name for name, _ in OPTIONAL)
    assert sorted(int(bit) for _name, bit in OPTIONAL) == list(range(11))


def test_the_page_names_every_kind_and_what_it_moves():
    rows = re.findall(r"^\| (\d+) (\w+) \| (\w+) \| (\w+) \|$", PAGE, re.MULTILINE)
    named = {int(kind): (word, source, target) for kind, word, source, target in rows}
    assert named == {kind: (kind.name.lower(), *map(bucket_word, LEGS[kind])) for kind in Kind}


def bucket_word(bucket: int) -> str:
    return Bucket(bucket).name.removeprefix("BUDGET_").lower()
