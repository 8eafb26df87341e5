"""The bytes that the ledger's digests are made of. Version 0: may change until version 1 is declared.

Fixed width, big-endian, no separators. Nothing here reads or decides. An absent field is eight (or 32) zero bytes and a
cleared bit in `present`, so that absent and zero never look the same.

An entry is 288 bytes; the table, with vectors, is docs/reference/entries.md.

An entry's link is sha256(link before || these bytes); the first stands on `first_link(tenant)`.
Source: DESIGN 5; the layout is our own.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from struct import Struct
from typing import Any, Final

from keyuan.kernel.clock import EPOCH, EPOCH_DAY, to_us
from keyuan.ledger.model import Entry, Kind
from keyuan.ledger.requests import (
    Award,
    BudgetMove,
    Capture,
    Expire,
    Fund,
    Hold,
    Redeem,
    Release,
    Request,
    Reserve,
    Spend,
    Void,
)

VERSION: Final = 0
_ENTRY: Final = Struct(">BBHIQq32s32s9q32s32s32s32s")
_NO_DIGEST: Final = bytes(32)
_PRESENT_OF_AWARD: Final = 0b011_1111_1100
_MICROSECOND: Final = timedelta(microseconds=1)
_ONE: Final = Struct(">q")
_TWO: Final = Struct(">qq")
_AWARD: Final = Struct(">14sqqqq")


def _text(value: str) -> bytes:
    body = value.encode()
    return len(body).to_bytes(2, "big") + body


@lru_cache(maxsize=65_536)
def account_name(bucket: int, holder: int, brand: str, currency: str) -> bytes:
    """The digest that stands for an account in entries: its bucket, holder and book.

    The holder is 0 for a brand's own accounts, and the number of the campaign for a budget's.
    """
    return sha256(b"keyuan/account/0" + bytes((bucket,)) + _ONE.pack(holder) + _text(brand) + _text(currency)).digest()


@lru_cache(maxsize=4_096)
def _rule_digest(rule: str) -> bytes:
    return sha256(rule.encode()).digest()


def takes_digest(takes: Iterable[tuple[int, int]]) -> bytes:
    """The digest of what one entry took: (lot, points) pairs in the order of lot numbers."""
    return sha256(b"keyuan/takes/0" + b"".join([_TWO.pack(*take) for take in sorted(takes)])).digest()


def first_link(tenant: int) -> bytes:
    """What the first entry of a tenant is linked to."""
    return sha256(b"keyuan/ledger/0" + tenant.to_bytes(4, "big")).digest()


def entry_bytes(tenant: int, entry: Entry, source_name: bytes, target_name: bytes) -> bytes:
    """The 288 bytes of an entry (the module's table)."""
    (seq, at, kind, _source, _target, points, lot, origin, expires_at, rule, rule_version,
     base_minor, extra_minor, day, day_points, key, reference, takes) = entry  # fmt: skip
    if (
        expires_at is None or rule is None or rule_version is None or base_minor is None or extra_minor is None
        or day is None or day_points is None or reference is None
        or lot is not None or origin is not None or takes is not None
    ):  # fmt: skip
        return _any_entry_bytes(tenant, entry, source_name, target_name)
    return _ENTRY.pack(  # an award that has all that awards have: nearly every entry
        VERSION, kind, _PRESENT_OF_AWARD, tenant, seq, (at - EPOCH) // _MICROSECOND, source_name, target_name,
        points, 0, 0, (expires_at - EPOCH) // _MICROSECOND, rule_version, base_minor, extra_minor,
        day.toordinal() - EPOCH_DAY, day_points, key, _rule_digest(rule), reference, _NO_DIGEST,
    )  # fmt: skip


def _any_entry_bytes(tenant: int, entry: Entry, source_name: bytes, target_name: bytes) -> bytes:
    (seq, at, kind, _source, _target, points, lot, origin, expires_at, rule, rule_version,
     base_minor, extra_minor, day, day_points, key, reference, takes) = entry  # fmt: skip
    present = (
        (lot is not None)
        | (origin is not None) << 1
        | (expires_at is not None) << 2
        | (rule is not None) << 3
        | (rule_version is not None) << 4
        | (base_minor is not None) << 5
        | (extra_minor is not None) << 6
        | (day is not None) << 7
        | (day_points is not None) << 8
        | (reference is not None) << 9
        | (takes is not None) << 10
    )
    return _ENTRY.pack(
        VERSION,
        kind,
        present,
        tenant,
        seq,
        to_us(at),
        source_name,
        target_name,
        points,
        lot or 0,
        origin or 0,
        0 if expires_at is None else to_us(expires_at),
        rule_version or 0,
        base_minor or 0,
        extra_minor or 0,
        0 if day is None else day.toordinal() - EPOCH_DAY,
        day_points or 0,
        key,
        _NO_DIGEST if rule is None else _rule_digest(rule),
        reference or _NO_DIGEST,
        takes or _NO_DIGEST,
    )


def next_link(before: bytes, body: bytes) -> bytes:
    """The link of the entry with these bytes after the link `before`."""
    return sha256(before + body).digest()


def award_digest(holder: int, rule_version: int, base_minor: int, extra_minor: int) -> bytes:
    """What makes two awards of one key the same award (DESIGN 2); points are left out, the cap may differ."""
    return sha256(_AWARD.pack(b"keyuan/award/0", holder, rule_version, base_minor, extra_minor)).digest()


def spend_digest(kind: int, book: tuple[int, str, str], points: int, reference: bytes | None) -> bytes:
    """What makes two redemptions, or two holds, of one key the same; the instant of the attempt is left out."""
    holder, brand, currency = book
    return sha256(
        b"keyuan/spend/0"
        + bytes((kind,))
        + _TWO.pack(holder, points)
        + _text(brand)
        + _text(currency)
        + (b"\0" if reference is None else b"\1" + reference)
    ).digest()


def budget_digest(kind: int, book: tuple[int, str, str], minor: int, reference: bytes | None) -> bytes:
    """What makes two moves of a budget of one key the same; `book` is campaign, brand and currency."""
    campaign, brand, currency = book
    return sha256(
        b"keyuan/budget/0"
        + bytes((kind,))
        + _TWO.pack(campaign, minor)
        + _text(brand)
        + _text(currency)
        + (b"\0" if reference is None else b"\1" + reference)
    ).digest()


def settle_digest(kind: int, hold: bytes, points: int, reference: bytes | None) -> bytes:
    """What makes two captures of one key the same, or two releases (whose points are counted as 0)."""
    return sha256(
        b"keyuan/settle/0"
        + bytes((kind,))
        + hold
        + _ONE.pack(points)
        + (b"\0" if reference is None else b"\1" + reference)
    ).digest()


def expire_digest(lot: int, expired: int) -> bytes:
    """What makes two expiries of one key the same."""
    return sha256(b"keyuan/expire/0" + _TWO.pack(lot, expired)).digest()


def expire_key(tenant: int, lot: int, expired: int) -> bytes:
    """The key of a lot's expiry after `expired` points of it expired before (nearly always 0)."""
    return sha256(b"keyuan/key/expire/0" + tenant.to_bytes(4, "big") + _TWO.pack(lot, expired)).digest()


def release_key(tenant: int, hold: int) -> bytes:
    """The key under which a hold (the number of its entry) is released when its time is out."""
    return sha256(b"keyuan/key/release/0" + tenant.to_bytes(4, "big") + _ONE.pack(hold)).digest()


def _of_award(r: Award) -> bytes:
    return award_digest(r.holder, r.rule_version, r.base_minor, r.extra_minor)


def _of_redeem(r: Redeem) -> bytes:
    return spend_digest(Kind.REDEEM, (r.holder, r.brand, r.currency), r.points, r.reference)


def _of_hold(r: Hold) -> bytes:
    return spend_digest(Kind.HOLD, (r.holder, r.brand, r.currency), r.points, r.reference)


def _of_capture(r: Capture) -> bytes:
    return settle_digest(Kind.CAPTURE, r.hold, r.points, r.reference)


def _of_void(r: Void) -> bytes:
    return settle_digest(Kind.VOID, r.hold, 0, r.reference)


def _of_expire(r: Expire) -> bytes:
    return expire_digest(r.lot, r.expired)


def _of_budget(r: BudgetMove) -> bytes:
    return budget_digest(r.kind, (r.campaign, r.brand, r.currency), r.minor, r.reference)


_DIGESTS: Final[dict[type, Callable[[Any], bytes]]] = {
    Award: _of_award,
    Redeem: _of_redeem,
    Hold: _of_hold,
    Capture: _of_capture,
    Void: _of_void,
    Expire: _of_expire,
    Fund: _of_budget,
    Reserve: _of_budget,
    Spend: _of_budget,
    Release: _of_budget,
}


def request_digest(request: Request) -> bytes:
    """The digest of a request's facts: the same key with another digest is a conflict."""
    return _DIGESTS[type(request)](request)
