"""Money as integers: the minor units of one currency, read from text without ever passing through a float.

Units: `_minor` is a count of the smallest unit of an ISO 4217 currency (cents, yen, fils).
Source: ISO 4217 table of active codes; the exponent is the number of decimal places.
"""

import re

from keyuan.kernel.errors import InputError

DEFAULT_EXPONENT = 2
MINOR_MAX = 2**53 - 1
"""Largest amount accepted: beyond it a JSON reader that uses doubles would change it."""

_EXPONENTS = dict.fromkeys(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(),  # noqa: SIM905  # a table to be read
    0,
) | dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3)
_SYMBOLS = {"USD": "$", "CNY": "¥", "EUR": "€", "GBP": "£", "JPY": "¥"}
_CURRENCY = re.compile(r"[A-Z]{3}")
_NUMBER = re.compile(r"(-?)([0-9]{1,40})(?:\.([0-9]{1,40}))?(?:[eE]([+-]?[0-9]{1,3}))?")


class AmountError(InputError):
    """The amount is not an exact number of minor units of its currency."""


def exponent(currency: str) -> int:
    """Return the number of decimal places of a currency.

    Raises:
        AmountError: the code is not three capital letters.
    """
    if not _CURRENCY.fullmatch(currency):
        raise AmountError("A currency is a code of three capital letters, such as USD or CNY.")
    return _EXPONENTS.get(currency, DEFAULT_EXPONENT)


def symbol(currency: str) -> str:
    """Return what stands before an amount: a sign that everybody knows, else the code and a space."""
    return _SYMBOLS.get(currency, f"{currency} ")


def parse_minor(text: str, currency: str) -> int:
    """Return the minor units that a number, written as JSON writes it, stands for.

    `12.5` USD is 1250; `12.505` USD is refused, because rounding somebody's money is not ours to do.

    Raises:
        AmountError: not a finite number, finer than a minor unit, or out of range.
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise AmountError("An amount must be a finite decimal number.")
    sign, whole, fraction, power = match[1], match[2], match[3] or "", int(match[4] or 0)
    shift = exponent(currency) + power - len(fraction)
    digits = int(whole + fraction)
    if shift >= 0:
        minor = digits * 10 ** min(shift, 60)
    else:
        minor, rest = divmod(digits, 10**-shift)
        if rest:
            raise AmountError("An amount must not be finer than the minor unit of its currency.")
    if minor > MINOR_MAX:
        raise AmountError("An amount is too large.")
    return -minor if sign else minor
