"""The bytes behind entries, names and digests, frozen field by field."""

from datetime import date, timedelta
from hashlib import sha256

import pytest

from keyuan.ledger import Entry, Kind, Request
from keyuan.ledger.canonical import (
    account_name,
    entry_bytes,
    expire_key,
    first_link,
    next_link,
    release_key,
    request_digest,
    takes_digest,
)
from unit.ledger.samples import T0, award, capture, fund, hold, key, redeem, release, reserve, spend, void

SOURCE, TARGET = b"\x11" * 32, b"\x22" * 32
FULL = Entry(
    seq=5, at=T0 + timedelta(microseconds=1), kind=Kind.AWARD, source=-1, target=2, points=258, lot=3, origin=4,
    expires_at=T0, rule="basket", rule_version=7, base_minor=-1, extra_minor=2, day=date(1970, 1, 3), day_points=9,
    key=b"\x33" * 32, reference=b"\x44" * 32, takes=b"\x55" * 32,
)  # fmt: skip
BARE = FULL._replace(
    lot=None, origin=None, expires_at=None, rule=None, rule_version=None, base_minor=None, extra_minor=None, day=None,
    day_points=None, reference=None, takes=None,
)  # fmt: skip


def word(value: int) -> str:
    return value.to_bytes(8, "big", signed=True).hex()


def test_an_entry_is_288_bytes_laid_out_as_documented():
    body = entry_bytes(1, FULL, SOURCE, TARGET)
    expected = [
        "00", "01", "07ff", "00000001", word(5), word(1_483_228_800_000_001), "11" * 32, "22" * 32, word(258), word(3),
        word(4), word(1_483_228_800_000_000), word(7), word(-1), word(2), word(2), word(9), "33" * 32,
        sha256(b"basket").hexdigest(), "44" * 32, "55" * 32,
    ]  # fmt: skip
    assert body.hex() == "".join(expected)
    assert len(body) == 288


def test_what_is_absent_is_zero_with_its_bit_cleared():
    body = entry_bytes(1, BARE, SOURCE, TARGET)
    assert body[2:4] == b"\0\0"
    assert body[96:160] == bytes(64)
    assert body[192:] == bytes(96)


def test_absent_and_zero_never_look_the_same():
    for column in ("lot", "origin", "rule_version", "base_minor", "extra_minor", "day_points"):
        zero = BARE._replace(**{column: 0})
        assert entry_bytes(1, zero, SOURCE, TARGET) != entry_bytes(1, BARE, SOURCE, TARGET), column


def test_the_chain_has_published_vectors():
    assert first_link(1).hex() == sha256(b"keyuan/ledger/0\0\0\0\1").hexdigest()
    body = entry_bytes(1, FULL, SOURCE, TARGET)
    assert next_link(first_link(1), body).hex() == sha256(first_link(1) + body).hexdigest()
    assert sha256(body).hexdigest() == "fa43a69125246c140b0a98f3fd2424a8665cfee2682cc135003e21754712c43e"


def test_an_account_is_named_by_all_that_it_is():
    plain = sha256(b"keyuan/account/0\x02" + (7).to_bytes(8, "big") + b"\0\6market\0\6points").digest()
    assert account_name(2, 7, "market", "points") == plain
    others = [(3, 7, "market", "points"), (2, 8, "market", "points"), (2, 7, "marketp", "oints"), (2, 7, "market", "p")]
    assert len({plain, *(account_name(*other) for other in others)}) == 5


def test_takes_are_digested_in_the_order_of_lots():
    assert takes_digest([(2, 5), (1, 3)]) == takes_digest([(1, 3), (2, 5)])
    assert takes_digest([(1, 5), (2, 3)]) != takes_digest([(1, 3), (2, 5)])
    assert takes_digest([(1, 3)]) == sha256(b"keyuan/takes/0" + bytes.fromhex(word(1) + word(3))).digest()


def test_keys_made_by_the_ledger_never_meet():
    expiries = {expire_key(1, 1, 0), expire_key(2, 1, 0), expire_key(1, 2, 0), expire_key(1, 1, 1)}
    assert len(expiries | {release_key(1, 1)}) == 5


def test_the_digest_of_an_award_leaves_out_points_and_times():
    first = request_digest(award("a", 10, base_minor=500))
    assert request_digest(award("a", 3, base_minor=500, at=T0 + timedelta(days=1), rule="other")) == first
    for facts in ({"holder": 8}, {"rule_version": 2}, {"base_minor": 501}, {"extra_minor": 1}):
        assert request_digest(award("a", 10, **{"base_minor": 500, **facts})) != first


@pytest.mark.parametrize(
    ("plain", "others"),
    [
        (
            redeem("r", 5),
            [
                redeem("r", 6),
                redeem("r", 5, holder=8),
                redeem("r", 5, brand="b"),
                redeem("r", 5, currency="c"),
                redeem("r", 5, reference=key("x")),
                hold("r", 5),
            ],
        ),
        (capture("c", "h", 5), [capture("c", "h", 6), capture("c", "i", 5), capture("c", "h", 5, reference=key("x"))]),
        (
            fund("f", 5),
            [
                fund("f", 6),
                fund("f", 5, campaign=8),
                fund("f", 5, brand="b"),
                fund("f", 5, currency="CNY"),
                fund("f", 5, reference=key("x")),
                reserve("f", 5),
                spend("f", 5),
                release("f", 5),
                redeem("f", 5, currency="USD"),
            ],
        ),
        (void("v", "h"), [void("v", "i"), void("v", "h", reference=key("x")), capture("v", "h", 1)]),
    ],
)
def test_every_other_fact_makes_another_digest_but_the_instant_does_not(plain: Request, others: list[Request]):
    digests = {request_digest(request) for request in (plain, *others)}
    assert len(digests) == 1 + len(others)
