"""Requests with standard facts, for tests of the ledger."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from msgspec.structs import replace

from keyuan.ledger import Award, Capture, Fund, Hold, Redeem, Release, Reserve, Spend, Void

T0 = datetime(2017, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
YEAR = timedelta(days=365)


def key(name: str) -> bytes:
    return sha256(name.encode()).digest()


def award(name: str, points: int = 10, **facts: Any) -> Award:
    plain = Award(
        key=key(name), holder=7, brand="market", currency="points", points=points, at=T0, expires_at=T0 + YEAR,
        rule="basket", rule_version=1, base_minor=points * 100, extra_minor=0,
    )  # fmt: skip
    return replace(plain, **facts)


def redeem(name: str, points: int = 10, **facts: Any) -> Redeem:
    plain = Redeem(key=key(name), holder=7, brand="market", currency="points", points=points, at=T0)
    return replace(plain, **facts)


def hold(name: str, points: int = 10, **facts: Any) -> Hold:
    plain = Hold(key=key(name), holder=7, brand="market", currency="points", points=points, at=T0, expires_at=T0 + HOUR)
    return replace(plain, **facts)


def capture(name: str, of: str, points: int = 10, **facts: Any) -> Capture:
    return replace(Capture(key=key(name), hold=key(of), points=points, at=T0), **facts)


def void(name: str, of: str, **facts: Any) -> Void:
    return replace(Void(key=key(name), hold=key(of), at=T0), **facts)


def fund(name: str, minor: int = 1000, **facts: Any) -> Fund:
    """Holder 7 of the other samples and campaign 7 have nothing to do with each other."""
    return replace(Fund(key=key(name), campaign=7, brand="market", currency="USD", minor=minor, at=T0), **facts)


def reserve(name: str, minor: int = 100, **facts: Any) -> Reserve:
    return replace(Reserve(key=key(name), campaign=7, brand="market", currency="USD", minor=minor, at=T0), **facts)


def spend(name: str, minor: int = 10, **facts: Any) -> Spend:
    return replace(Spend(key=key(name), campaign=7, brand="market", currency="USD", minor=minor, at=T0), **facts)


def release(name: str, minor: int = 10, **facts: Any) -> Release:
    return replace(Release(key=key(name), campaign=7, brand="market", currency="USD", minor=minor, at=T0), **facts)
