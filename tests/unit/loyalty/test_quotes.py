"""What a purchase earns: exact, capped per day, in order."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyuan.kernel.clock import DAY_US, add_months, from_us, to_us
from keyuan.loyalty import Basket, EarnRule, Line, Quote, day_of, doubled_minor, earn_keys, order_subject, quote_many

RULE = EarnRule("basket", 1, 100, 500, frozenset({"COFFEE", "FLUID MILK PRODUCTS"}), 12)
NOON = to_us(datetime(2017, 3, 4, 12, tzinfo=UTC))

baskets = st.lists(
    st.builds(
        Basket,
        holder=st.integers(1, 3),
        day=st.dates(date(1970, 1, 1), date(1970, 1, 4)),
        base_minor=st.integers(0, 60_000),
        doubled_minor=st.integers(0, 60_000),
    ),
    max_size=30,
)


def basket(base: int, doubled: int = 0, at_us: int = NOON, holder: int = 1) -> Basket:
    return Basket(holder, day_of(at_us), base, doubled)


def test_an_award_is_rounded_down_once_after_adding_what_is_doubled():
    assert [quote.points for quote in quote_many(RULE, [basket(199), basket(150, 50), basket(99)], {})] == [1, 2, 0]


def test_the_cap_holds_for_a_day_in_utc_and_starts_anew_at_midnight():
    last = to_us(datetime(2017, 3, 4, 23, 59, 59, 999_999, tzinfo=UTC))
    quotes = quote_many(RULE, [basket(45_000, at_us=last), basket(45_000, at_us=last), basket(100, at_us=last + 1)], {})
    assert [(quote.points, quote.day, quote.day_points) for quote in quotes] == [
        (450, date(2017, 3, 4), 450),
        (50, date(2017, 3, 4), 500),
        (1, date(2017, 3, 5), 1),
    ]


def test_what_was_earned_before_counts():
    assert quote_many(RULE, [basket(10_000)], {(1, date(2017, 3, 4)): 470})[0] == Quote(30, date(2017, 3, 4), 500)


def test_a_line_without_a_category_is_not_doubled():
    lines = [Line("COFFEE", 500), Line(None, 300), Line("BEEF", 200), Line("FLUID MILK PRODUCTS", 7), Line("COFFEE")]
    assert doubled_minor(RULE, lines) == 507


@given(baskets)
def test_no_day_ever_exceeds_the_cap_and_batches_do_not_matter(row: list[Basket]):
    whole = quote_many(RULE, row, {})
    earned: dict[tuple[int, date], int] = {}
    one_by_one = []
    for each in row:
        quote = quote_many(RULE, [each], earned)[0]
        earned[each.holder, quote.day] = quote.day_points
        one_by_one.append(quote)
    assert whole == one_by_one
    assert all(0 <= points <= RULE.daily_cap for points in earned.values())
    assert sum(quote.points for quote in whole) == sum(earned.values())


@pytest.mark.parametrize(
    ("at", "expires"),
    [("2017-01-01T11:53:26", "2018-01-01T11:53:26"), ("2016-02-29T10:00:00", "2017-02-28T10:00:00")],
)
def test_a_lot_expires_at_the_same_instant_twelve_months_later(at: str, expires: str):
    earned_at = datetime.fromisoformat(f"{at}+00:00")
    lasts = RULE.lasts(to_us(earned_at) // DAY_US)
    assert earned_at + lasts == datetime.fromisoformat(f"{expires}+00:00")
    assert from_us(add_months(to_us(earned_at), RULE.expiry_months)) == earned_at + lasts


def test_the_key_of_an_order_depends_on_tenant_programme_rule_and_order_and_nothing_else():
    subject = order_subject("31")
    [first, other] = earn_keys(1, "market", "basket", [subject, order_subject("32")])
    assert [first] == earn_keys(1, "market", "basket", [subject])
    others = [
        *earn_keys(2, "market", "basket", [subject]),
        *earn_keys(1, "other", "basket", [subject]),
        *earn_keys(1, "market", "other", [subject]),
        *earn_keys(1, "market", "basketorder", [subject]),
        other,
    ]
    assert len({first, *others}) == 6


def test_who_has_earned_more_than_a_lowered_cap_earns_nothing_more():
    assert quote_many(RULE, [basket(10_000)], {(1, date(2017, 3, 4)): 700})[0].points == 0


def test_days_before_the_epoch_are_counted_too():
    assert day_of(-1) == date(1969, 12, 31)
