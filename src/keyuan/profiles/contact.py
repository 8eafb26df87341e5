"""Contact fields: sealed under a random key per person, found again by a blind index.

Only e-mail and phone have an index; a name or an address cannot be looked up. Whoever sees the table learns at most
which people share an e-mail or a phone. Deliberately not here: keys and ciphers (`engines.secrets`), and who may see
contact fields in clear (the web's roles).
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from keyuan.engines.database import Session, load_statements
from keyuan.engines.secrets import Sealer, Secrets, make_keys, unwrap_keys
from keyuan.kernel.errors import InputError

FIELDS = ("name", "email", "phone", "address")
LOOKED_UP = ("email", "phone")

_SQL = load_statements(__package__ or "keyuan.profiles")
_COLUMNS = {"person": "uuid", "field": "text", "sealed": "bytea", "blind": "bytea", "made_up": "bool"}


class ContactFieldError(InputError):
    """There is no such contact field, or it cannot be looked up."""


@dataclass(frozen=True, slots=True)
class ContactValue:
    """One contact field in clear; `made_up` says that it was invented for a demonstration."""

    value: str
    made_up: bool


def normal(field: str, value: str) -> str | None:
    """What a value is found by: e-mail trimmed and in lower case, phone its digits; None if nothing is left."""
    match field:
        case "email":
            return value.strip().lower() or None
        case "phone":
            return "".join(sign for sign in value if sign in "0123456789") or None
        case _:
            return None


def keep_contact(
    session: Session, secrets: Secrets, contacts: Mapping[UUID, Mapping[str, str]], *, made_up: bool
) -> int:
    """Seal and keep the fields of a batch of people; a field given again replaces the old value.

    Raises:
        ContactFieldError: a field has no name of `FIELDS`.
    """
    unknown = {field for fields in contacts.values() for field in fields}.difference(FIELDS)
    if unknown:
        raise ContactFieldError(fields=sorted(unknown))
    sealers = _sealers(session, secrets, contacts, make=True)

    def rows() -> Iterator[tuple[object, ...]]:
        for person, fields in contacts.items():
            for field, value in fields.items():
                sealed = sealers[person].seal(value.encode(), _place(session.tenant, person, field))
                yield person, field, sealed, _blind(session.tenant, secrets, field, value), made_up

    session.stage("profiles_contact", _COLUMNS, rows())
    return session.execute(_SQL["keep_contact"], tenant=session.tenant)


def contact(session: Session, secrets: Secrets, people: Collection[UUID]) -> dict[UUID, dict[str, ContactValue]]:
    """The contact fields of these people in clear; who has none is left out."""
    sealers = _sealers(session, secrets, people, make=False)
    found: dict[UUID, dict[str, ContactValue]] = {}
    for person, field, sealed, made_up in session.rows(_SQL["load_contact"], people=list(people)):
        plain = sealers[person].open(sealed, _place(session.tenant, person, field))
        if plain is not None:
            found.setdefault(person, {})[field] = ContactValue(plain.decode(), made_up)
    return found


def who_has(session: Session, field: str, people: Collection[UUID]) -> set[UUID]:
    """Those of these people of whom a field is kept; it stays closed."""
    return {person for (person,) in session.rows(_SQL["who_has"], field=field, people=list(people))}


def find_by(session: Session, secrets: Secrets, field: str, value: str) -> list[UUID]:
    """The people with exactly this e-mail or phone, however it is spaced or capitalised.

    Raises:
        ContactFieldError: the field has no index.
    """
    if field not in LOOKED_UP:
        raise ContactFieldError(field=field)
    blind = _blind(session.tenant, secrets, field, value)
    if blind is None:
        return []
    return [person for (person,) in session.rows(_SQL["find_by_blind"], field=field, blind=blind)]


def forget_contact(session: Session, people: Collection[UUID]) -> int:
    """Destroy the keys of these people, and with them their fields; returns how many people had a key."""
    return session.execute(_SQL["forget_keys"], people=list(people))


def _blind(tenant: int, secrets: Secrets, field: str, value: str) -> bytes | None:
    form = normal(field, value)
    return None if form is None else secrets.index(tenant, f"contact.{field}", form)


def _place(tenant: int, person: UUID, field: str) -> bytes:
    """Where a value belongs: sealed bytes moved to another row do not open."""
    return b"contact|%d|%s|%s" % (tenant, person.bytes, field.encode())


def _owner(tenant: int, person: UUID) -> bytes:
    return b"person|%d|%s" % (tenant, person.bytes)


def _sealers(session: Session, secrets: Secrets, people: Collection[UUID], *, make: bool) -> dict[UUID, Sealer]:
    """The sealer of each person; with `make` nobody is left without a key."""
    wrapped: dict[UUID, bytes] = dict(session.rows(_SQL["load_keys"], people=list(people)))
    missing = [person for person in people if person not in wrapped]
    if make and missing:
        made = make_keys(secrets.kek, [_owner(session.tenant, person) for person in missing])
        fresh = [made[_owner(session.tenant, person)][0] for person in missing]
        session.execute(_SQL["add_keys"], tenant=session.tenant, people=missing, wrapped=fresh)
        wrapped |= dict(session.rows(_SQL["load_keys"], people=missing))
    owners = {_owner(session.tenant, person): person for person in wrapped}
    opened = unwrap_keys(secrets.kek, {owner: wrapped[person] for owner, person in owners.items()})
    return {owners[owner]: sealer for owner, sealer in opened.items()}
