"""The bytes of leaves and headers: vectors that are written down, one encoding for one value, and a salt that hides."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyuan.anchor.header import BookLine, BookRecord, Header, HeaderBytesError, books_digest, terms_head
from keyuan.anchor.leaf import LEAF_BYTES, NO_DIGEST, Leaf, LeafBytesError, decode, encode, leaf_hash, salted_reference
from unit.anchor.made_up import History, hashes_of

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "data" / "proof_vectors.json").read_text(encoding="utf-8")
)
INT64, SIZE, DIGESTS = st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32)
LEAVES = st.builds(
    Leaf,
    kind=st.integers(1, 6),
    seq=st.integers(1, 2**64 - 1),
    at_us=INT64,
    account=DIGESTS,
    brand=DIGESTS,
    currency=DIGESTS,
    delta=INT64,
    available=SIZE,
    held=SIZE,
    pending=SIZE,
    debt=SIZE,
    account_seq=st.just(1),
    previous=st.just(NO_DIGEST),
    salt=DIGESTS,
    rule=st.none() | DIGESTS,
    rule_version=st.none() | INT64,
    base_minor=st.none() | INT64,
    extra_minor=st.none() | INT64,
    day=st.none() | INT64,
    day_points=st.none() | INT64,
    expires_at_us=st.none() | INT64,
    reference=st.none() | DIGESTS,
)


def vectors() -> dict[str, Any]:
    """Return the vectors anew, from the made-up history."""
    history = History()
    closed = history.closed[1]
    hashes = hashes_of(history.terms)
    leaves = [leaf for epoch in history.closed for leaf in epoch.leaves]
    chosen = [next(leaf for leaf in leaves if leaf.kind == kind) for kind in range(1, 7)]
    return {
        "leaves": [
            {
                "fields": {
                    name: value.hex() if isinstance(value, bytes) else value for name, value in leaf._asdict().items()
                },
                "bytes": encode(leaf).hex(),
                "hash": leaf_hash(encode(leaf)).hex(),
            }
            for leaf in chosen
        ],
        "records": [record.encode().hex() for record in closed.records.values()],
        "header": closed.header.encode().hex(),
        "commitment": closed.commitment.hex(),
        "terms_hashes": [each.hex() for each in hashes],
        "terms_head": terms_head(hashes).hex(),
    }


def test_the_written_vectors_are_what_the_code_makes():
    assert vectors() == VECTORS


@pytest.mark.parametrize("vector", VECTORS["leaves"], ids=lambda vector: str(vector["fields"]["kind"]))
def test_a_written_leaf_reads_as_its_fields(vector: dict[str, Any]):
    body = bytes.fromhex(vector["bytes"])
    leaf = decode(body)
    assert vector["fields"] == {
        name: value.hex() if isinstance(value, bytes) else value for name, value in leaf._asdict().items()
    }
    assert sha256(b"\0" + body).hexdigest() == vector["hash"]
    assert vector["bytes"] == vector["bytes"].lower()


def test_the_table_in_the_docs_says_where_each_field_stands():
    """Offsets by hand, from the table."""
    body = bytes.fromhex(VECTORS["leaves"][0]["bytes"])
    leaf = decode(body)
    assert len(body) == LEAF_BYTES
    assert (body[0], body[1], body[2:4]) == (0, leaf.kind, b"\x00\xff")
    assert int.from_bytes(body[4:12]) == leaf.seq
    assert (body[20:52], body[52:84]) == (leaf.account, leaf.brand)
    assert int.from_bytes(body[116:124], signed=True) == leaf.delta
    assert int.from_bytes(body[156:164]) == leaf.account_seq
    assert (body[196:228], body[308:]) == (leaf.rule, leaf.salt)
    assert int.from_bytes(body[268:276]) == leaf.expires_at_us
    assert body[276:308] == leaf.reference


@settings(max_examples=200, deadline=None)
@given(LEAVES)
def test_a_leaf_comes_back_as_it_was(leaf: Leaf):
    assert decode(encode(leaf)) == leaf


@settings(max_examples=300, deadline=None)
@given(LEAVES, st.integers(0, LEAF_BYTES * 8 - 1))
def test_one_leaf_has_one_encoding(leaf: Leaf, bit: int):
    """Bytes with any bit changed are refused, or another leaf: never a second way to write this one."""
    body = bytearray(encode(leaf))
    body[bit // 8] ^= 1 << bit % 8
    try:
        other = decode(bytes(body))
    except LeafBytesError:
        return
    assert other != leaf
    assert encode(other) == bytes(body)


def test_absent_and_zero_are_different_leaves():
    leaf = decode(bytes.fromhex(VECTORS["leaves"][1]["bytes"]))
    assert leaf.base_minor is None
    assert encode(leaf) != encode(leaf._replace(base_minor=0))


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": 0},
        {"kind": 7},
        {"seq": 0},
        {"available": -1},
        {"debt": -1},
        {"account_seq": 0},
        {"account_seq": 2, "previous": NO_DIGEST},
        {"account_seq": 1, "previous": b"\1" * 32},
    ],
    ids=str,
)
def test_what_cannot_be_a_leaf_is_refused(changes: dict[str, Any]):
    leaf = decode(bytes.fromhex(VECTORS["leaves"][0]["bytes"]))
    with pytest.raises(LeafBytesError):
        decode(encode(leaf._replace(**changes)))


def test_other_lengths_and_versions_are_refused():
    leaf, header = bytes.fromhex(VECTORS["leaves"][0]["bytes"]), bytes.fromhex(VECTORS["header"])
    record = bytes.fromhex(VECTORS["records"][0])
    for body, read, error in (
        (leaf, decode, LeafBytesError),
        (header, Header.decode, HeaderBytesError),
        (record, BookRecord.decode, HeaderBytesError),
    ):
        for wrong in (body[:-1], body + b"\0", b"\1" + body[1:]):
            with pytest.raises(error):
                read(wrong)


def test_headers_and_records_come_back_as_they_were():
    header = Header.decode(bytes.fromhex(VECTORS["header"]))
    assert header.encode().hex() == VECTORS["header"]
    assert header.commitment().hex() == VECTORS["commitment"]
    for record in VECTORS["records"]:
        assert BookRecord.decode(bytes.fromhex(record)).encode().hex() == record
    for wrong in (header._replace(epoch=0), header._replace(first_seq=0), header._replace(last_seq=1)):
        with pytest.raises(HeaderBytesError):
            Header.decode(wrong.encode())


def test_a_book_cannot_stand_twice_in_the_table():
    one, other = BookLine(b"a" * 32, b"b" * 32, b"c" * 32), BookLine(b"a" * 32, b"c" * 32, b"c" * 32)
    assert books_digest([one, other]) != books_digest([one])
    for wrong in ([other, one], [one, one], [one, one._replace(record=b"d" * 32)]):
        with pytest.raises(HeaderBytesError):
            books_digest(wrong)


def test_with_another_salt_nothing_looks_the_same():
    leaf = decode(bytes.fromhex(VECTORS["leaves"][0]["bytes"]))
    assert leaf_hash(encode(leaf)) != leaf_hash(encode(leaf._replace(salt=bytes(32))))
    assert salted_reference(leaf.salt, bytes(32)) != salted_reference(bytes(32), bytes(32))
