"""Which arm a name is in: decided by a hash alone, so that anybody can decide it again.

The same as GrowthBook's SDK specification 0.8.0, hash versions 1 and 2: FNV-1a of 32 bits, a bucket in [0, 1) with
three or four decimals, half-open ranges. There are no second tries: a salt is chosen before anybody is looked at.
Not here: who is behind a name, exposures, and anything that changes an arm afterwards.
Units: shares, weights and coverage are 0–1. A name is hashed by its UTF-16 code units, as the JavaScript SDK does.
Source: GrowthBook SDK specification (`hash`, `getBucketRange`, `chooseVariation`), `tests/data/growthbook`.
"""

from collections.abc import Sequence

from keyuan.kernel.errors import InputError

Range = tuple[float, float]
NO_ARM = -1

_FNV_OFFSET, _FNV_PRIME, _FNV_MASK = 0x811C9DC5, 0x01000193, 0xFFFFFFFF
_WEIGHTS_OFF_MAX = 0.01


def assign(names: Sequence[str], salt: str, ranges: Sequence[Range]) -> list[int]:
    """Return for each name the number of the range its bucket lies in, `NO_ARM` (-1) where it lies in none."""
    begun = _fnv1a(salt)
    return [choose_variation(_bucket(_fnv1a(name, begun)), ranges) for name in names]


def hold_out(share: float) -> tuple[Range, Range]:
    """Return the ranges of an experiment with a hold-out: 0 is the hold-out [0, share), 1 the treated [share, 1).

    Raises:
        InputError: a share that leaves one side empty.
    """
    if not 0 < share < 1:
        raise InputError(f"share == {share}, must be > 0 and < 1")
    return (0.0, share), (share, 1.0)


def bucket(salt: str, name: str, version: int = 2) -> float | None:
    """Return the bucket of a name, from 0 up to but not including 1; None for a hash version that is not known."""
    if version == 1:
        return (_fnv1a(name + salt) % 1000) / 1000
    return _bucket(_fnv1a(salt + name)) if version == 2 else None  # noqa: PLR2004  # the two versions there are


def bucket_ranges(arms: int, coverage: float = 1.0, weights: Sequence[float] | None = None) -> list[Range]:
    """Return the range of each arm; with coverage below 1 gaps are left, so that arms can grow without moving anybody.

    Weights that do not fit the arms, or whose sum is not 1 within 0.01, count as equal weights.
    """
    coverage = min(max(coverage, 0.0), 1.0)
    if weights is None or len(weights) != arms or abs(sum(weights) - 1) > _WEIGHTS_OFF_MAX:
        weights = [1 / arms] * arms if arms > 0 else []
    ranges: list[Range] = []
    start = 0.0
    for weight in weights:
        ranges.append((start, start + coverage * weight))
        start += weight
    return ranges


def choose_variation(place: float, ranges: Sequence[Range]) -> int:
    """Return the number of the first range that holds a bucket; its start is in it, its end is not."""
    for number, (start, end) in enumerate(ranges):
        if start <= place < end:
            return number
    return NO_ARM


def _bucket(first: int) -> float:
    """Version 2 hashes the decimal digits of the first hash again: that takes the bias of FNV-1a out."""
    return (_fnv1a(str(first)) % 10_000) / 10_000


def _fnv1a(text: str, state: int = _FNV_OFFSET) -> int:
    units = text.encode() if text.isascii() else memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H")
    for unit in units:
        state = ((state ^ unit) * _FNV_PRIME) & _FNV_MASK
    return state
