"""Contact fields for people of a data set that has none: clearly made up, the same for the same id every time.

They let sealing and look-up be tried on data without people. Names of domains and telephone numbers are those
reserved for examples: example.com (RFC 2606) and 555-0100 to 555-0199 (North American Numbering Plan).
"""

import hashlib

import msgspec

from keyuan.engines.files import Value
from keyuan.events.mapping.values import as_text

_GIVEN = (
    *("Ada", "Ben", "Chen", "Dana", "Emil", "Fang", "Gita", "Hugo", "Ines", "Jun", "Kofi", "Lena", "Ming", "Nora"),
    *("Omar", "Ping", "Qiao", "Rosa", "Sven", "Tara", "Uma", "Viktor", "Wei", "Xin", "Yara", "Zoe"),
)
_FAMILY = ("Example", "Sample", "Specimen", "Placeholder", "Fictive", "Muster", "Demo", "Testperson")
_STREETS = ("Example Road", "Sample Street", "Specimen Lane", "Placeholder Avenue", "Fictive Square")
_AREAS, _LINES = 800, 100


def made_up_traits(value: Value) -> str:
    """Return `,"name":…,"email":…,"phone":…,"address":…,"contact_made_up":true` for one id."""
    digest = hashlib.sha256(as_text(value).encode()).digest()
    traits = {
        "name": f"{_GIVEN[digest[0] % len(_GIVEN)]} {_FAMILY[digest[1] % len(_FAMILY)]}",
        "email": f"{_local(value, digest)}@example.com",
        "phone": _phone(value, digest),
        "address": {
            "street": f"{1 + digest[2]} {_STREETS[digest[3] % len(_STREETS)]}",
            "city": "Exampleton",
            "postalCode": f"{int.from_bytes(digest[4:8], 'big') % 100_000:05d}",
            "country": "US",
        },
        "contact_made_up": True,
    }
    return "," + msgspec.json.encode(traits).decode()[1:-1]


def _local(value: Value, digest: bytes) -> str:
    text = as_text(value)
    return f"customer.{text}" if text.isascii() and text.isalnum() else f"customer.{digest[:12].hex()}"


def _phone(value: Value, digest: bytes) -> str:
    """Return +1 AAA 555 01NN; small numbers as ids get numbers of their own, other ids may share one."""
    text = as_text(value)
    short = text.isascii() and text.isdigit() and len(text) < 6  # noqa: PLR2004  # below 80,000 nearly always
    number = int(text) if short else int.from_bytes(digest[8:12], "big")
    return f"+1{200 + number // _LINES % _AREAS}55501{number % _LINES:02d}"
