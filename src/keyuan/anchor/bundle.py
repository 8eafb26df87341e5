"""Files that prove: a customer's bundle, a brand's audit file, and the commitments that both are checked against.

Each is a plain value for `json`; docs/reference/proofs.md names every field, `keyuan_verify` checks them. A file holds
nothing that no commitment covers, and nothing twice that could be told from the rest, but for what makes a refusal
easier to understand. A bundle is about one account: accounts of one person are not linked anywhere, on purpose.
Deliberately not here: where leaves and headers are kept, and files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from keyuan.anchor.header import BookRecord, Header
from keyuan.anchor.leaf import Leaf, salted_reference, text_digest
from keyuan.anchor.sums import SumNode, SumTree
from keyuan.anchor.trees import Tree
from keyuan.kernel.errors import InputError
from keyuan.ledger.model import Kind

BUNDLE: Final = "keyuan/bundle/0"
AUDIT: Final = "keyuan/audit/0"
COMMITMENTS: Final = "keyuan/commitments/0"
Json = dict[str, Any]
_SUMS: Final = ("available", "held", "pending", "debt")


class ProofError(InputError):
    """These parts do not make a proof."""


class TermsVersion(NamedTuple):
    """One version of a programme's terms, in clear; `doubled` are the categories that count twice."""

    brand: str
    currency: str
    rule: str
    version: int
    starts_at_us: int
    minor_per_point: int
    daily_cap: int
    expiry_months: int
    doubled: Sequence[str]


@dataclass(frozen=True)
class Ledger:
    """What all proofs of one moment share.

    `headers` are those of all epochs, `records` those of all books at the newest, `log` holds at least its leaves,
    `terms` all versions in the order in which the headers took them in.
    """

    headers: Sequence[Header]
    records: Sequence[BookRecord]
    log: Tree
    terms: Sequence[TermsVersion]
    _shared: Json = field(default_factory=dict[str, Any], init=False, repr=False)

    def shared(self) -> Json:
        """Return the part that is the same in every file; computed once."""
        if not self._shared:
            self._shared.update(
                domain=_domain(self.headers[-1]),
                headers=_headers(self.headers, self.log),
                books=[
                    {"brand": line.brand.hex(), "currency": line.currency.hex(), "record": line.record.hex()}
                    for line in sorted(record.line() for record in self.records)
                ],
            )
        return self._shared

    def record(self, brand: str, currency: str) -> BookRecord:
        """Return the record of a book at the newest epoch."""
        wanted = (text_digest(brand), text_digest(currency))
        for record in self.records:
            if record[:2] == wanted:
                return record
        raise ProofError("There is no such book.", brand=brand, currency=currency)


class Holding(NamedTuple):
    """One account: all its leaves in order, the ledger's references to them, its place in the sum tree of its book."""

    brand: str
    currency: str
    leaves: Sequence[Leaf]
    references: Sequence[bytes | None]
    place: int


def bundle(ledger: Ledger, holding: Holding, balances: SumTree) -> Json:
    """Return the proof of one account: its whole history, its balances and the terms, as of the newest epoch.

    Raises:
        ProofError: the account has no leaf, or its leaves and references do not belong together.
    """
    if not holding.leaves:
        raise ProofError("An account without a leaf has nothing to prove.")
    rules = {text_digest(version.rule): version.rule for version in ledger.terms}
    size = ledger.headers[-1].last_seq
    return {
        "format": BUNDLE,
        **ledger.shared(),
        "terms": [_terms(version) for version in ledger.terms],
        "account": {
            "pseudonym": holding.leaves[0].account.hex(),
            "brand": holding.brand,
            "currency": holding.currency,
        },
        "leaves": [
            _leaf(leaf, reference, rules, ledger.log.inclusion(leaf.seq - 1, size))
            for leaf, reference in zip(holding.leaves, holding.references, strict=True)
        ],
        "record": _record(ledger.record(holding.brand, holding.currency)),
        "balance": {
            "place": holding.place,
            "proof": [_sum_node(node) for node in balances.inclusion(holding.place)],
        },
    }


def audit(ledger: Ledger, brand: str, currency: str, balances: SumTree) -> Json:
    """Return the proof of what a brand owes: every account's hash and balances, nameless, and the sum of all."""
    return {
        "format": AUDIT,
        **ledger.shared(),
        "book": {"brand": brand, "currency": currency},
        "record": _record(ledger.record(brand, currency)),
        "accounts": [_sum_node(leaf) for leaf in balances.leaves],
    }


def commitments(headers: Sequence[Header]) -> Json:
    """Return the commitments of all epochs: to be kept by whoever wants to check without a chain."""
    newest = headers[-1]
    return {
        "format": COMMITMENTS,
        "chain_id": newest.chain_id,
        "contract": newest.contract.hex(),
        "commitments": [header.commitment().hex() for header in headers],
    }


def _domain(header: Header) -> Json:
    return {"chain_id": header.chain_id, "contract": header.contract.hex(), "ledger": header.ledger.hex()}


def _headers(headers: Sequence[Header], log: Tree) -> list[Json]:
    """Return what cannot be told from the headers before, and how the log goes on from the epoch before."""
    found: list[Json] = []
    size = 0
    for header in headers:
        proof = log.consistency(size, header.last_seq) if size else []
        found.append(
            {
                "last_seq": header.last_seq,
                "batch_root": header.batch_root.hex(),
                "log_root": header.log_root.hex(),
                "books": header.books,
                "books_digest": header.books_digest.hex(),
                "terms": header.terms,
                "terms_head": header.terms_head.hex(),
                "entries": header.entries.hex(),
                "closed_at_us": header.closed_at_us,
                "consistency": [node.hex() for node in proof],
            }
        )
        size = header.last_seq
    return found


def _terms(version: TermsVersion) -> Json:
    return {**version._asdict(), "doubled": sorted(set(version.doubled), key=str.encode)}


def _leaf(leaf: Leaf, reference: bytes | None, rules: Mapping[bytes, str], proof: Sequence[bytes]) -> Json:
    salted = None if reference is None else salted_reference(leaf.salt, reference)
    if salted != leaf.reference:
        raise ProofError("This is not the reference of this leaf.", seq=leaf.seq)
    if leaf.rule is not None and leaf.rule not in rules:
        raise ProofError("The rule of this leaf is in no known terms.", seq=leaf.seq)
    return {
        "seq": leaf.seq,
        "account_seq": leaf.account_seq,
        "at_us": leaf.at_us,
        "kind": Kind(leaf.kind).name.lower(),
        "delta": leaf.delta,
        "available": leaf.available,
        "held": leaf.held,
        "pending": leaf.pending,
        "debt": leaf.debt,
        "rule": None if leaf.rule is None else rules[leaf.rule],
        "rule_version": leaf.rule_version,
        "base_minor": leaf.base_minor,
        "extra_minor": leaf.extra_minor,
        "day": leaf.day,
        "day_points": leaf.day_points,
        "expires_at_us": leaf.expires_at_us,
        "reference": None if reference is None else reference.hex(),
        "salt": leaf.salt.hex(),
        "proof": [node.hex() for node in proof],
    }


def _sum_node(node: SumNode) -> Json:
    return {"hash": node.hash.hex(), **dict(zip(_SUMS, node.sums, strict=True))}


def _record(record: BookRecord) -> Json:
    return {
        "accounts": record.accounts,
        "root": _sum_node(record.root),
        "epoch": record.epoch._asdict(),
        "since": record.since._asdict(),
    }
