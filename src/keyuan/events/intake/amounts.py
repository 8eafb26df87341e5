"""Amounts in events: minor units already, or a decimal number of a currency; each with a reason when it is bad.

Pure. Units: `_minor` whole minor units of a currency (ISO 4217).
"""

import re

from msgspec import Raw

from keyuan.events.intake.fields import text
from keyuan.events.model import EventRefusedError, Reason
from keyuan.kernel.money import MINOR_MAX, AmountError, parse_minor

_INTEGER = re.compile(rb"-?[0-9]{1,19}")


def minor(raw: Raw, what: str) -> int:
    """Return an amount that is given in minor units already."""
    written = bytes(raw)
    if not _INTEGER.fullmatch(written) or abs(int(written)) > MINOR_MAX:
        raise EventRefusedError(Reason.BAD_AMOUNT, f"{what} must be a whole number up to {MINOR_MAX}.")
    return _not_negative(int(written), what)


def amount(raw: Raw, what: str, currency: str) -> int:
    """Return minor units from the text of a number, or of text that holds a number; never through a float."""
    written = bytes(raw)
    if written.startswith(b'"'):
        written = text(raw, Reason.BAD_AMOUNT, what).encode()
    try:
        found = parse_minor(written.decode("ascii", "replace"), currency)
    except AmountError as error:
        raise EventRefusedError(Reason.BAD_AMOUNT, f"{what}: {error.message}") from None
    return _not_negative(found, what)


def _not_negative(found: int, what: str) -> int:
    if found < 0:
        raise EventRefusedError(Reason.NEGATIVE_AMOUNT, f"{what} must not be negative.")
    return found
