"""The gate: before an epoch is anchored, the deployed code computes every award in it again, from its leaves alone.

What a member had earned that day before an award is `day_points` less the award itself, as the leaf says; that this
continues the leaf before is what whoever checks a chain of leaves sees. One award that differs stops the epoch.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from keyuan.anchor.leaf import Leaf
from keyuan.contracts import Book, TermsCode, version_at
from keyuan.kernel.clock import add_months
from keyuan.kernel.errors import CorruptionError
from keyuan.ledger import Kind

Codes = Mapping[Book, TermsCode]
"""The deployed terms by what they are about."""


class WrongAwardError(CorruptionError):
    """An award is not what the terms give; its epoch is not anchored. Somebody has to look at this leaf."""


class _Asked(NamedTuple):
    """An award and what it needs to be computed again."""

    leaf: Leaf
    purchase: tuple[int, int, int]


def check_awards(leaves: Iterable[Leaf], codes: Codes) -> int:
    """Let the deployed code compute the awards of an epoch again, and return how many there are.

    Raises:
        WrongAwardError: the first award that is not what the terms give; it names the leaf.
    """
    asked: dict[tuple[TermsCode, int], list[_Asked]] = {}
    for leaf in leaves:
        if leaf.kind == Kind.AWARD:
            code, version, purchase = _of_award(leaf, codes)
            asked.setdefault((code, version), []).append(_Asked(leaf, purchase))
    for (code, version), awards in asked.items():
        _compare(awards, code.quote_many(version, [each.purchase for each in awards]))
    return sum(map(len, asked.values()))


def _of_award(leaf: Leaf, codes: Codes) -> tuple[TermsCode, int, tuple[int, int, int]]:
    base, extra, version, day_points = leaf.base_minor, leaf.extra_minor, leaf.rule_version, leaf.day_points
    if leaf.rule is None or base is None or extra is None or version is None or day_points is None:
        raise WrongAwardError("an award lacks what it was computed from", leaf=leaf.seq)
    code = codes.get(Book(leaf.brand, leaf.currency, leaf.rule))
    if code is None or not 1 <= version <= len(code.record.versions):
        raise WrongAwardError("no contract holds the terms of this award", leaf=leaf.seq, version=version)
    if version_at(code.record.versions, leaf.at_us) != version:
        raise WrongAwardError("other terms were in force", leaf=leaf.seq, version=version)
    if min(base, extra, day_points - leaf.delta) < 0:
        raise WrongAwardError("an amount or the day's total before it is below zero", leaf=leaf.seq)
    terms = code.record.versions[version - 1]
    if leaf.expires_at_us != add_months(leaf.at_us, terms.expiry_months):
        raise WrongAwardError("the points do not last as long as the terms say", leaf=leaf.seq)
    return code, version, (base, extra, day_points - leaf.delta)


def _compare(awards: Sequence[_Asked], quotes: Sequence[int]) -> None:
    for each, points in zip(awards, quotes, strict=True):
        if each.leaf.delta != points:
            raise WrongAwardError(
                "the contract gives another number of points", leaf=each.leaf.seq, posted=each.leaf.delta, due=points
            )
