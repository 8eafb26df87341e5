"""The catalogue of traits: names, types, labels and exact definitions, in the order of every trait record.

The words of `docs/reference/traits.md` come from here. Deliberately not here: how a value is computed (`traits` from
a state, `batch` from the log). Observed traits are made of the facts with `at < as_of`.
Units: `_minor` minor units, `_days` whole periods of 24 hours; weekdays are ISO (Monday 1), hours and days are UTC.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["int64", "decimal", "text", "list"]


@dataclass(frozen=True, slots=True)
class Trait:
    """One trait: its name in rules, type, labels, unit and exact definition (`source` says made of what)."""

    name: str
    kind: Kind
    zh: str
    en: str
    unit: str
    source: str
    definition: str


TRAITS: tuple[Trait, ...] = (
    Trait(
        "recency_days",
        "int64",
        "距上次购买天数",
        "Days since last order",
        "days",
        "orders",
        "Whole 24-hour periods from the last order to as_of; null without an order.",
    ),
    Trait("orders", "int64", "订单数", "Orders", "orders", "orders", "Orders before as_of."),
    Trait(
        "orders_90d",
        "int64",
        "近90天订单数",
        "Orders in 90 days",
        "orders",
        "orders",
        "Orders in [as_of − 90 × 24 h, as_of).",
    ),
    Trait(
        "orders_30d",
        "int64",
        "近30天订单数",
        "Orders in 30 days",
        "orders",
        "orders",
        "Orders in [as_of − 30 × 24 h, as_of).",
    ),
    Trait(
        "spend_minor",
        "int64",
        "累计消费额",
        "Spend",
        "minor units",
        "orders",
        "Sum of total_minor of the orders before as_of.",
    ),
    Trait(
        "spend_90d_minor",
        "int64",
        "近90天消费额",
        "Spend in 90 days",
        "minor units",
        "orders",
        "Sum of total_minor of the orders in [as_of − 90 × 24 h, as_of).",
    ),
    Trait(
        "mean_basket_minor",
        "int64",
        "平均每单金额",
        "Mean basket value",
        "minor units",
        "orders",
        "spend_minor / orders, rounded down; null without an order.",
    ),
    Trait(
        "mean_basket_lines",
        "decimal",
        "平均每单行数",
        "Mean basket lines",
        "lines",
        "orders and lines",
        "Lines of all orders / orders, rounded half up at the fourth decimal; null without an order.",
    ),
    Trait(
        "top_categories",
        "list",
        "偏好品类",
        "Favourite categories",
        "",
        "lines",
        "The 3 categories with most line total_minor before as_of, ties by name in code-point order; "
        "lines without a category are left out; an empty list without any.",
    ),
    Trait(
        "favourite_weekday",
        "int64",
        "常购星期",
        "Favourite weekday",
        "ISO weekday 1–7",
        "orders",
        "The weekday with most orders, ties the smallest; null without an order.",
    ),
    Trait(
        "favourite_hour",
        "int64",
        "常购时段",
        "Favourite hour",
        "hour 0–23",
        "orders",
        "The hour of the day with most orders, ties the smallest; null without an order.",
    ),
    Trait(
        "favourite_store",
        "text",
        "常去门店",
        "Favourite store",
        "",
        "orders",
        "The store with most orders, ties by name in code-point order; null if no order names a store.",
    ),
    Trait(
        "discount_share",
        "decimal",
        "折扣占比",
        "Discount share",
        "share 0–1",
        "orders",
        "Discounts / (spend + discounts), rounded half up at the fourth decimal; null if both are zero.",
    ),
    Trait(
        "coupon_redemptions",
        "int64",
        "用券次数",
        "Coupons redeemed",
        "coupons",
        "coupon redemptions",
        "Coupons redeemed before as_of.",
    ),
    Trait(
        "campaigns_received",
        "int64",
        "收到活动数",
        "Campaigns received",
        "campaigns",
        "campaign sends",
        "Campaigns sent to the person before as_of.",
    ),
    Trait(
        "first_order_days",
        "int64",
        "首购至今天数",
        "Days since first order",
        "days",
        "orders",
        "Whole 24-hour periods from the first order to as_of; null without an order.",
    ),
    Trait("age", "text", "年龄段", "Age", "", "declared", "As declared last before as_of."),
    Trait("income", "text", "收入", "Income", "", "declared", "As declared last before as_of."),
    Trait("home_ownership", "text", "住房", "Home ownership", "", "declared", "As declared last before as_of."),
    Trait("marital_status", "text", "婚姻状况", "Marital status", "", "declared", "As declared last before as_of."),
    Trait("household_size", "text", "家庭人数", "Household size", "", "declared", "As declared last before as_of."),
    Trait("household_comp", "text", "家庭构成", "Household", "", "declared", "As declared last before as_of."),
    Trait("kids_count", "text", "子女数", "Children", "", "declared", "As declared last before as_of."),
)

NAMES: tuple[str, ...] = tuple(trait.name for trait in TRAITS)
