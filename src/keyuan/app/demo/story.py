"""What the demo is about: its programme, its segments, and who agreed to what.

The purchases are real (dunnhumby Complete Journey, 2017). Consents, contact fields and vouchers are made up, by rules
that anybody can repeat from the household's number.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from keyuan.campaigns import Campaign, Span
from keyuan.consent import Purpose
from keyuan.events.calendar import Due, monthly
from keyuan.kernel.clock import to_us
from keyuan.loyalty import EarnRule, Programme
from keyuan.promotions import Offer
from keyuan.segments import Segment

BEGIN: Final = datetime(2016, 11, 1, tzinfo=UTC)
"""The clock starts before the first mailing of the data."""
CONSENT_FROM: Final = datetime(2017, 1, 1, tzinfo=UTC)
AS_OF: Final = datetime(2018, 1, 2, tzinfo=UTC)
EVIDENCE: Final = "demo: made-up counter form 1, version 2017-01, purposes ticked one by one"
USER_PREFIX: Final = "household:"

PROGRAMME: Final = Programme(
    id="keyuan-market",
    name="Keyuan Market",
    brand="keyuan-market",
    currency="points",
    money_currency="USD",
    rule=EarnRule(
        name="basket",
        version=1,
        minor_per_point=100,
        daily_cap=500,
        doubled_categories=frozenset({"COFFEE", "FLUID MILK PRODUCTS"}),
        expiry_months=12,
        starts_at_us=to_us(BEGIN),
    ),
)

VOUCHER_POINTS: Final = 1_000
DATES: Final = tuple(
    monthly(
        Due(programme=PROGRAMME.id, points=VOUCHER_POINTS, made_up=True),
        datetime(2017, 2, 1, tzinfo=UTC),
        datetime(2018, 1, 1, tzinfo=UTC),
    )
)
"""A made-up rule, so that points are also spent: each first of a month, who has 1,000 redeems them for a voucher."""


def _segment(name: str, rule: str, title_en: str, title_zh: str) -> Segment:
    return Segment(name=name, rule=rule, title_en=title_en, title_zh=title_zh)


SEGMENTS: Final = (
    _segment("active_this_week", "recency_days <= 7", "Came in the last week", "近一周来过"),
    _segment(
        "coffee_regulars",
        "recency_days <= 30 AND orders_90d >= 10 AND 'COFFEE' IN top_categories",
        "Regulars who love coffee",
        "爱喝咖啡的常客",
    ),
    _segment("cooling_down", "recency_days BETWEEN 31 AND 60", "Cooling down", "正在变冷"),
    _segment(
        "fading_big_baskets",
        "recency_days > 21 AND mean_basket_minor >= 4000",
        "Big baskets, not seen for three weeks",
        "大单客户，三周未来",
    ),
    _segment("families", "kids_count IN ('1', '2', '3+')", "Families with children", "有孩子的家庭"),
    _segment("frequent", "orders_90d >= 24", "Two visits a week and more", "每周至少两次"),
    _segment("lapsed", "recency_days > 60", "Not seen for two months", "两个月未来"),
    _segment(
        "milk_households",
        "'FLUID MILK PRODUCTS' IN top_categories AND orders_90d >= 5",
        "Milk in every other basket",
        "常买牛奶的家庭",
    ),
    _segment(
        "newly_quiet",
        "recency_days BETWEEN 15 AND 45 AND orders_90d >= 6",
        "Regulars who fell quiet",
        "突然安静的常客",
    ),
    _segment("voucher_users", "coupon_redemptions >= 3", "Use their coupons", "常用券的客户"),
)

LAUNCHED_AT: Final = datetime(2017, 10, 1, tzinfo=UTC)
_NEW_YEAR: Final = datetime(2018, 1, 1, tzinfo=UTC)

OFFER: Final = Offer(
    name="milk_coupon",
    title_en="$5 off your next basket",
    title_zh="下一单立减 5 美元",
    face_minor=500,
    currency=PROGRAMME.money_currency,
    valid_from=LAUNCHED_AT,
    valid_until=_NEW_YEAR,
)

CAMPAIGN: Final = Campaign(
    name="milk_double",
    title_en="Double points and a coupon",
    title_zh="双倍积分，再送一张券",
    segment="milk_households",
    offer=OFFER.name,
    holdout=0.2,
    salt="keyuan-demo-2017-10",
    window=Span(LAUNCHED_AT, _NEW_YEAR),
    before=Span(datetime(2017, 7, 1, tzinfo=UTC), LAUNCHED_AT),
    budget_minor=120_000,
    currency=OFFER.currency,
    brand=PROGRAMME.brand,
    points_factor=2,
    nobody_treated=True,
)
"""The history is what it is: nobody was treated in it. So the campaign tests the method, on real customers."""


def agreed(household: int) -> Iterator[Purpose]:
    """Yield what a household agreed to."""
    if household % 20 != 1:
        yield Purpose.LOYALTY
    if household % 10 != 0:
        yield Purpose.PERSONALISATION
    if household % 3 != 0:
        yield Purpose.MARKETING_EMAIL
