from datetime import UTC, datetime, timedelta
from hashlib import sha256

from keyuan import ledger
from keyuan.engines.database import Database

T0 = datetime(2017, 1, 1, tzinfo=UTC)


def key(name: str) -> bytes:
    return sha256(name.encode()).digest()


def award(name: str, points: int = 10, holder: int = 7, **facts: object) -> ledger.Award:
    standard: dict[str, object] = {
        "brand": "market", "currency": "points", "at": T0, "expires_at": T0 + timedelta(days=365), "rule": "basket",
        "rule_version": 1, "base_minor": points * 100, "extra_minor": 0,
    }  # fmt: skip
    return ledger.Award(key=key(name), holder=holder, points=points, **(standard | facts))  # pyright: ignore[reportArgumentType]


def test_an_award_is_posted(database: Database):
    with database.transaction(1) as session:
        out = ledger.post(session, [award("a"), award("a"), award("b", 5, at=T0 + timedelta(days=40))])
    assert [(o.seq, o.points, o.repeated) for o in out] == [(1, 10, False), (1, 10, True), (2, 5, False)]
    with database.transaction(1) as session:
        out = ledger.post(session, [award("a"), award("c")])
    assert [(o.seq, o.repeated) for o in out] == [(1, True), (3, False)]
    with database.transaction(1) as session:
        out = ledger.post(
            session,
            [
                ledger.Redeem(key=key("r"), holder=7, brand="market", currency="points", points=12, at=T0),
                ledger.Hold(
                    key=key("h"),
                    holder=7,
                    brand="market",
                    currency="points",
                    points=8,
                    at=T0,
                    expires_at=T0 + timedelta(hours=1),
                ),
                ledger.Capture(key=key("c1"), hold=key("h"), points=3, at=T0),
            ],
        )
        assert [o.seq for o in out] == [4, 5, 6]
    with database.transaction(1) as session:
        assert ledger.release_due(session, T0 + timedelta(hours=1)) == 1
        assert ledger.expire_due(session, T0 + timedelta(days=365)) == 1
        assert session.rows("select lot from ledger.lot where remaining > 0") == []
