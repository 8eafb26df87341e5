"""Proofs are made: a person's points, what a brand owes, and the commitments that both are checked against.

Here the person meets her accounts: userId, person, holder in each programme, the ledger's number, leaves. What goes
into a file names none of these. All of it is read in one snapshot, as of one epoch: the newest whose commitment is
final on the chain, if no other is asked for. A proof as of a later one would be refused by whoever asks the chain.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from keyuan import ledger, loyalty
from keyuan.anchor import bundle, reads
from keyuan.anchor.bundle import Holding, TermsVersion
from keyuan.anchor.leaf import decode
from keyuan.anchor.moments import BookAt, Moment, book_at, books, histories, open_moment
from keyuan.anchor.reads import StoredLeaf
from keyuan.anchor.store import new_terms
from keyuan.contracts import terms_hashes
from keyuan.engines.database import Session
from keyuan.engines.secrets import Secrets
from keyuan.flows.take_along import UnknownPersonError, whole_statement
from keyuan.flows.terms import terms_of
from keyuan.kernel.errors import CorruptionError, MissingError, RefusedError
from keyuan.ledger import HolderBook
from keyuan.loyalty import Programme
from keyuan.profiles.reads import person_of

Json = dict[str, Any]
Report = Callable[[int, int], None]


class NothingAnchoredError(MissingError):
    """No epoch is final on the chain yet: run `keyuan anchor`, or wait for `keyuan up`; without a chain, none is."""


class NotAMemberError(MissingError):
    """This person is a member of no programme, so there are no points to prove."""


class NothingToProveError(MissingError):
    """No movement of this person stands in an epoch yet: run `keyuan anchor`, or wait for `keyuan up` to do so."""


class ErasedError(RefusedError):
    """This person's movements were destroyed when she was erased: nobody can prove them any more."""


class UnknownBookError(MissingError):
    """There is no such brand, or it has no points of this currency."""


class StrangeTermsError(CorruptionError):
    """Terms that were committed to are not those of any programme here."""


class Proof(NamedTuple):
    """A person's bundle for one book; `newer` movements of hers come after its epoch."""

    brand: str
    currency: str
    file: Json
    newer: int


@dataclass(frozen=True)
class Prover:
    """Makes proofs as of one moment; the part that all of them share is made once."""

    session: Session
    moment: Moment
    ledger: bundle.Ledger

    def of_person(self, secrets: Secrets, user_id: str) -> list[Proof]:
        """Return a bundle for each book in which a person has points.

        Raises:
            UnknownPersonError: no event ever came from her.
            NotAMemberError, NothingToProveError, ErasedError: see `of`.
        """
        person = person_of(self.session, secrets.sender(self.session.tenant, "user", user_id))
        if person is None:
            raise UnknownPersonError
        return self.of(person)

    def of(self, person: UUID) -> list[Proof]:
        """Return the same for a person who is known already.

        Raises:
            NotAMemberError: she joined no programme.
            NothingToProveError: she has no movement until this epoch.
            ErasedError: her leaves were destroyed.
        """
        holders = list(self._holders(person))
        proofs = [proof for holder in holders for proof in self._of_holder(holder)]
        if not proofs:
            raise NothingToProveError(epoch=self.moment.header.epoch)
        return sorted(proofs, key=lambda proof: proof[:2])

    def of_book(self, brand: str, currency: str | None = None) -> Json:
        """Return the audit file of a brand's points; the currency is needed when it has several.

        Raises:
            UnknownBookError: there is none of these names.
        """
        brand, currency = self._named(brand, currency)
        return bundle.audit(self.ledger, brand, currency, self._book(brand, currency).tree)

    def commitments(self) -> Json:
        """Return the commitments of all epochs until this one."""
        return bundle.commitments(self.ledger.headers)

    def _holders(self, person: UUID) -> Iterator[int]:
        programmes = [programme.id for programme in loyalty.programmes(self.session)]
        found = [loyalty.holders(self.session, programme, [person]).get(person) for programme in programmes]
        if not any(found):
            raise NotAMemberError
        yield from (holder for holder in found if holder is not None)

    def _of_holder(self, holder: int) -> Iterator[Proof]:
        books = {each.account: each for each in ledger.books_of(self.session, holder)}
        references = {line.seq: line for line in whole_statement(self.session, holder)}
        for account, leaves in histories(self.session, self.moment, list(books)).items():
            if leaves:
                book = books[account]
                lines = sum((line.brand, line.currency) == book[1:] for line in references.values())
                file = self._bundle(book, leaves, [references[leaf.entry].reference for leaf in leaves])
                yield Proof(book.brand, book.currency, file, lines - len(leaves))

    def _bundle(self, book: HolderBook, leaves: list[StoredLeaf], references: list[bytes | None]) -> Json:
        bodies = [leaf.body for leaf in leaves if leaf.body is not None]
        if len(bodies) != len(leaves):
            raise ErasedError
        at = self._book(book.brand, book.currency)
        holding = Holding(book.brand, book.currency, list(map(decode, bodies)), references, at.places[book.account])
        return bundle.bundle(self.ledger, holding, at.tree)

    def _book(self, brand: str, currency: str) -> BookAt:
        return book_at(self.session, self.moment, brand, currency)

    def _named(self, brand: str, currency: str | None) -> tuple[str, str]:
        known = [book for book in books(self.session) if self.moment.record(*book)]
        found = [book for book in known if book[0] == brand and currency in (None, book[1])]
        if len(found) != 1:
            names = ", ".join("/".join(book) for book in known)
            raise UnknownBookError(f"Name one of the books that there are, brand and currency: {names}.")
        return found[0]


def open_prover(session: Session, epoch: int | None, report: Report) -> Prover:
    """Return what makes proofs as of an epoch; without one, as of the newest that is final on the chain.

    Raises:
        NothingAnchoredError: no epoch is on the chain, and none was asked for.
        NoSuchEpochError: it is not closed.
    """
    if epoch is None:
        epoch = reads.anchored(session).epochs
        if not epoch:
            raise NothingAnchoredError
    moment = open_moment(session, epoch, report)
    return Prover(session, moment, shared_part(session, moment))


def shared_part(session: Session, moment: Moment) -> bundle.Ledger:
    """Return what all proofs as of a moment share."""
    headers = [each.header for each in moment.epochs]
    terms = _terms(session)[: moment.header.terms]
    return bundle.Ledger(headers, moment.epochs[-1].records, moment.log, terms)


def _terms(session: Session) -> list[TermsVersion]:
    """Return all terms in clear, in the order in which epochs took them in: their digests tell which they are."""
    clear: dict[bytes, TermsVersion] = {}
    for _rule, group in groupby(loyalty.versions(session), lambda programme: (programme.id, programme.rule.name)):
        versions = list(group)
        named = [terms_of(version) for version in versions]
        hashes = terms_hashes(named[0][0], [terms for _book, terms in named])
        clear |= zip(hashes, map(_in_clear, versions), strict=True)
    try:
        return [clear[terms_hash] for terms_hash in new_terms(session, 0)]
    except KeyError as strange:
        raise StrangeTermsError from strange


def _in_clear(programme: Programme) -> TermsVersion:
    rule = programme.rule
    return TermsVersion(
        programme.brand, programme.currency, rule.name, rule.version, rule.starts_at_us, rule.minor_per_point,
        rule.daily_cap, rule.expiry_months, sorted(rule.doubled_categories),
    )  # fmt: skip
