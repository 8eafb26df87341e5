"""Money is read exactly or refused."""

import pytest

from keyuan.kernel.money import MINOR_MAX, AmountError, parse_minor


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.5", "USD", 1250),
        ("268.28000000000000", "USD", 26828),
        ("0.1", "CNY", 10),
        ("1e2", "USD", 10000),
        ("125e-2", "USD", 125),
        ("500", "JPY", 500),
        ("1.234", "KWD", 1234),
        ("-3.10", "EUR", -310),
        ("0", "USD", 0),
        ("90071992547409.91", "USD", MINOR_MAX),
    ],
)
def test_an_amount_is_read_exactly(text: str, currency: str, minor: int):
    assert parse_minor(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("12.505", "USD"),
        ("1.5", "JPY"),
        ("NaN", "USD"),
        ("Infinity", "USD"),
        ("1e400", "USD"),
        ("1e-400", "USD"),
        ("", "USD"),
        ("12,5", "USD"),
        ("0x10", "USD"),
        ("90071992547409.92", "USD"),
        ("1", "usd"),
        ("1", "US"),
        ("١٢", "USD"),
    ],
)
def test_an_amount_that_is_not_exact_is_refused(text: str, currency: str):
    with pytest.raises(AmountError):
        parse_minor(text, currency)
