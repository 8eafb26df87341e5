"""Numbers, exactly: the text of a literal in a rule or in JSON to a whole number or a decimal(18,4).

Deliberately not here: signs, which rules and JSON treat differently, and floating point, which is used nowhere.
"""

from decimal import Context, Decimal

from keyuan.segments.rules.model import INT64_MAX, INT64_MIN, SCALE_MAX, VALUE_DIGITS_MAX

# Wide enough for every result that a type may have (38 digits), so that it never rounds.
EXACT = Context(prec=80)
_TEXT_MAX = 64
_EXPONENT_MAX = 40


def whole(text: str) -> int | None:
    """Read digits (JSON: with a sign); None when the number does not fit an int64."""
    if len(text) > _TEXT_MAX:
        return None
    value = int(text)
    return value if INT64_MIN <= value <= INT64_MAX else None


def decimal(text: str) -> Decimal | None:
    """Read a number with a point or an exponent; None when it does not fit exactly.

    Zeros at the end of a fraction do not count, and there is no negative zero.
    """
    mantissa, _, exponent = text.lower().partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0") + "0"
    if len(mantissa) > _TEXT_MAX:
        return None
    if exponent and (len(exponent) > _EXPONENT_MAX or abs(int(exponent)) > _EXPONENT_MAX):
        return Decimal(0) if not mantissa.strip("-.0") else None
    return fitted(Decimal(f"{mantissa}e{exponent or 0}"))


def fitted(value: Decimal) -> Decimal | None:
    """Return the value in its shortest form, or None when it does not fit a decimal(18,4) exactly."""
    if not value:
        return Decimal(0)
    short = EXACT.normalize(value)
    digits = short.adjusted() + 1
    scale = -int(short.as_tuple().exponent)
    if digits > VALUE_DIGITS_MAX or scale > SCALE_MAX:
        return None
    return EXACT.quantize(short, Decimal(1)) if scale < 0 else short
