"""Values of columns: exact, or refused with a reason; nothing is rounded and nothing is guessed."""

import json
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keyuan.engines.files import Value
from keyuan.events.mapping.made_up import made_up_traits
from keyuan.events.mapping.model import As, Field
from keyuan.events.mapping.values import FAULT, ValueFaultError, as_text, fragments, money, terms
from keyuan.events.model import Reason


def fragment(value: Value, as_: As = "plain", **more: bool) -> str:
    return fragments("f", Field(column="c", as_=as_, **more), "USD")[value]


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [
        ("12.5", "USD", 1250),
        ("0.10", "USD", 10),
        ("1e2", "USD", 10000),
        ("7", "JPY", 7),
        ("1.234", "KWD", 1234),
        (12, "USD", 1200),
        (Decimal("12.50"), "USD", 1250),
        (Decimal("1E+3"), "USD", 100_000),
        (0.1, "USD", 10),
        (0.1 + 0.2, "USD", 30),
        (1.15, "USD", 115),
        (268.28000000000003, "USD", 26828),
        (8.0e13, "USD", 8 * 10**15),
        (-0.0, "USD", 0),
        (5.0, "JPY", 5),
    ],
)
def test_an_amount_is_the_minor_units_it_says(value: Value, currency: str, minor: int):
    assert money(value, currency) == minor


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("1.005", Reason.BAD_AMOUNT),
        (1.005, Reason.BAD_AMOUNT),
        (0.1 + 1e-10, Reason.BAD_AMOUNT),
        (float("nan"), Reason.BAD_AMOUNT),
        (float("inf"), Reason.BAD_AMOUNT),
        (Decimal("NaN"), Reason.BAD_AMOUNT),
        (Decimal("1.001"), Reason.BAD_AMOUNT),
        (1e300, Reason.BAD_AMOUNT),
        (2**53, Reason.BAD_AMOUNT),
        ("$5", Reason.BAD_AMOUNT),
        ("1,50", Reason.BAD_AMOUNT),
        ("", Reason.BAD_AMOUNT),
        (True, Reason.BAD_AMOUNT),
        (date(2017, 1, 1), Reason.BAD_AMOUNT),
        ("-0.01", Reason.NEGATIVE_AMOUNT),
        (-3, Reason.NEGATIVE_AMOUNT),
        (-0.5, Reason.NEGATIVE_AMOUNT),
    ],
)
def test_an_amount_that_is_none_is_refused(value: Value, reason: Reason):
    with pytest.raises(ValueFaultError) as caught:
        money(value, "USD")
    assert caught.value.reason is reason


@given(st.integers(0, 2**53 - 1))
@example(3_652_490_977_009_913)  # times 100 its double is a half more
def test_the_double_nearest_to_an_amount_is_that_amount(minor: int):
    assert money(minor / 100, "USD") == minor or minor / 100 == (minor + 1) / 100 or minor / 100 == (minor - 1) / 100
    assert money(str(Decimal(minor).scaleb(-2)), "USD") == minor
    assert money(Decimal(minor).scaleb(-2), "USD") == minor


@given(st.floats(0, 1e9))
def test_a_double_is_never_read_as_an_amount_far_from_it(value: float):
    try:
        minor = money(value, "USD")
    except ValueFaultError:
        return
    assert abs(Fraction(value) * 100 - minor) < Fraction(1, 10**4)


@given(st.text())
def test_any_text_stands_as_it_is_in_the_event(text: str):
    assert json.loads("{" + fragment(text, "text")[1:] + "}") == {"f": text}


@pytest.mark.parametrize(
    ("value", "as_", "found"),
    [
        (5, "plain", ',"f":5'),
        (5, "text", ',"f":"5"'),
        (5.0, "text", ',"f":"5"'),
        ("5", "plain", ',"f":"5"'),
        ("5", "integer", ',"f":5'),
        ("+005", "integer", ',"f":5'),
        ("5.0", "integer", ',"f":5'),
        ("5.25", "number", ',"f":5.25'),
        (Decimal("5.250"), "number", ',"f":5.250'),
        (0.1, "plain", ',"f":0.1'),
        (True, "plain", ',"f":true'),
        ("yes", "boolean", ',"f":true'),
        ("0", "boolean", ',"f":false'),
        ("120", "money_minor", ',"f":120'),
        ("1.20", "money", ',"f":120'),
        (datetime(2017, 1, 7), "text", ',"f":"2017-01-07"'),  # noqa: DTZ001  # files hold times without a zone
        (datetime(2017, 1, 7, 8, 30), "text", ',"f":"2017-01-07T08:30:00"'),  # noqa: DTZ001  # the same
        (None, "text", ""),
        (None, "money", ""),
    ],
)
def test_a_value_becomes_what_the_mapping_says(value: Value, as_: As, found: str):
    assert fragment(value, as_) == found


@pytest.mark.parametrize(
    ("value", "as_", "reason"),
    [
        ("five", "integer", "bad-number"),
        ("1.5", "integer", "bad-number"),
        (True, "integer", "bad-number"),
        (str(2**63), "integer", "bad-number"),
        ("0x10", "number", "bad-number"),
        (float("nan"), "plain", "bad-number"),
        (float("inf"), "number", "bad-number"),
        ("maybe", "boolean", "bad-properties"),
        ("-1", "money_minor", "negative-amount"),
        (str(2**53), "money_minor", "bad-amount"),
    ],
)
def test_a_value_of_another_type_is_a_fault_with_its_reason(value: Value, as_: As, reason: str):
    before, why, says, after = fragment(value, as_).split(FAULT)
    assert (before, why, after) == ("", reason, "")
    assert says.startswith("f: c ")
    assert str(value) not in says


def test_zeros_and_missing_values_are_left_out_or_refused_as_said():
    assert fragment(0.0, "money", omit_zero=True) == ""
    assert fragment(0.01, "money", omit_zero=True) == ',"f":1'
    assert fragment(None, required=True).split(FAULT)[1] == "bad-properties"


def test_a_sum_with_a_faulty_term_is_negative_whatever_else_is_added():
    memo = terms(Field(sum="c", as_="money"), "USD")
    assert [memo[value] for value in ("1.00", 2, 0.5)] == [100, 200, 50]
    for bad in ("x", None, "-1", float("nan")):
        assert memo[bad] + (2**53) * 1_000_000 < 0


def test_what_was_a_fault_once_is_a_fault_again():
    memo = fragments("f", Field(column="c", as_="money"), "USD")
    assert memo["x"] == memo["x"]
    assert "x" not in memo


def test_made_up_contact_fields_are_the_same_every_time_and_plainly_made_up():
    for value in (7, "7", "客户", "a b"):
        traits = json.loads("{" + made_up_traits(value)[1:] + "}")
        assert traits == json.loads("{" + made_up_traits(value)[1:] + "}")
        assert traits["contact_made_up"] is True
        assert traits["email"].endswith("@example.com")
        assert traits["phone"][5:10] == "55501"
        assert len(traits["phone"]) == len("+12125550100")


def test_made_up_contact_fields_of_numbered_customers_are_their_own():
    traits = [json.loads("{" + made_up_traits(number)[1:] + "}") for number in range(5_000)]
    assert len({each["email"] for each in traits}) == len({each["phone"] for each in traits}) == 5_000


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (12.0, "12"), (0.5, "0.5"), (date(2017, 1, 2), "2017-01-02")]
)
def test_the_text_of_a_value_is_what_a_person_would_write(value: Value, text: str):
    assert as_text(value) == text
