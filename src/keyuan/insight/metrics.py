"""What each metric is, in words: the catalogue that pages and the reference show.

The code of a metric is the function that `row` and `field` belong to (`ask`; points and segments: flows). A test
compares the reference page with this catalogue, and each field with its row.
Deliberately not here: computing anything.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric: `field` of each `row`; `name` is how figures call it."""

    name: str
    zh: str
    en: str
    row: str
    field: str
    unit: str
    grain: str
    definition: str
    formula: str


def _weekly(name: str, field: str, zh: str, en: str, definition: str, formula: str) -> Metric:
    return Metric(
        name=name,
        zh=zh,
        en=en,
        row="Week",
        field=field,
        unit="customers",
        grain="week",
        definition=definition,
        formula=formula,
    )


METRICS: Final = (
    _weekly(
        "active_customers",
        "active",
        "周活跃客户",
        "Weekly active customers",
        "Customers with an order in the week.",
        "new + retained + resurrected",
    ),
    _weekly(
        "new_customers",
        "new",
        "新客户",
        "New customers",
        "Active in the week and in none before it.",
        "first week = week",
    ),
    _weekly(
        "retained_customers",
        "retained",
        "留存客户",
        "Retained customers",
        "Active in the week and in the one before it.",
        "active(week) ∩ active(week − 1)",
    ),
    _weekly(
        "resurrected_customers",
        "resurrected",
        "回流客户",
        "Resurrected customers",
        "Active in the week, not in the one before it, but in an earlier one.",
        "active − new − retained",
    ),
    _weekly(
        "churned_customers",
        "churned",
        "流失客户",
        "Churned customers",
        "Active in the week before, and not in the week.",
        "active(week − 1) − retained(week)",
    ),
    Metric(
        name="revenue_minor",
        zh="销售额",
        en="Revenue",
        row="WeekRevenue",
        field="revenue_minor",
        unit="minor units",
        grain="week and currency",
        definition="Sum of total_minor of the orders of the week.",
        formula="Σ total_minor",
    ),
    Metric(
        name="orders",
        zh="订单数",
        en="Orders",
        row="WeekRevenue",
        field="orders",
        unit="orders",
        grain="week and currency",
        definition="Orders of the week, of everybody.",
        formula="number of order ids",
    ),
    Metric(
        name="unlinked_orders",
        zh="未关联客户的订单数",
        en="Unlinked orders",
        row="WeekRevenue",
        field="unlinked_orders",
        unit="orders",
        grain="week and currency",
        definition="Orders of the week that no customer may be linked to.",
        formula="orders without a customer",
    ),
    Metric(
        name="retained_share",
        zh="复购留存率",
        en="Repeat-purchase retention",
        row="Retention",
        field="share",
        unit="share 0–1",
        grain="month of the first order and months after",
        definition="Of the customers whose first order was in a month, the share with an order so many months later.",
        formula="customers / size",
    ),
    Metric(
        name="repeat_purchase_share",
        zh="复购率",
        en="Repeat-purchase rate",
        row="Repeat",
        field="share",
        unit="share 0–1",
        grain="all time before as_of",
        definition="Of the customers with an order, the share with two and more.",
        formula="repeating / customers",
    ),
    Metric(
        name="funnel_customers",
        zh="购买漏斗人数",
        en="Purchase funnel",
        row="FunnelStep",
        field="customers",
        unit="customers",
        grain="step: campaign_sent, order, coupon_redeemed",
        definition="Customers who took this step and all before it, in order, within 30 × 24 h of the first one.",
        formula="at least one chain t₁ < t₂ < … with tₙ − t₁ ≤ window",
    ),
    Metric(
        name="points_issued",
        zh="发放积分",
        en="Points issued",
        row="DayPoints",
        field="issued",
        unit="points",
        grain="day and book",
        definition="Points of the awards of the day.",
        formula="Σ points of awards",
    ),
    Metric(
        name="points_redeemed",
        zh="兑换积分",
        en="Points redeemed",
        row="DayPoints",
        field="redeemed",
        unit="points",
        grain="day and book",
        definition="Points spent on the day, at once or out of a hold.",
        formula="Σ points of redemptions and captures",
    ),
    Metric(
        name="points_expired",
        zh="到期积分",
        en="Points expired",
        row="DayPoints",
        field="expired",
        unit="points",
        grain="day and book",
        definition="Points that expired on the day.",
        formula="Σ points of expiries",
    ),
    Metric(
        name="points_owed",
        zh="未兑付积分",
        en="Points owed",
        row="DayPoints",
        field="owed",
        unit="points",
        grain="day and book",
        definition="What is owed at the end of the day.",
        formula="Σ issued − Σ redeemed − Σ expired, up to and with the day",
    ),
    Metric(
        name="segment_people",
        zh="客户群体人数",
        en="Segment size",
        row="SegmentSize",
        field="people",
        unit="people",
        grain="segment",
        definition="People in the segment at as_of.",
        formula="stays with entered_at ≤ as_of < left_at",
    ),
)
"""Every metric, in the order of the reference page."""


def _of_customer(name: str, zh: str, en: str, unit: str, definition: str, formula: str) -> Metric:
    return Metric(
        name=name,
        zh=zh,
        en=en,
        row="CustomerFigures",
        field=name,
        unit=unit,
        grain="customer and window",
        definition=definition,
        formula=formula,
    )


CUSTOMER_METRICS: Final = (
    _of_customer(
        "orders",
        "订单数",
        "Orders",
        "orders",
        "Her orders in the window; 0 if there are none.",
        "number of order ids with since ≤ at < until",
    ),
    _of_customer(
        "spend_minor",
        "消费金额",
        "Spend",
        "minor units",
        "Sum of total_minor of these orders, of those in the campaign's currency.",
        "Σ total_minor",
    ),
    _of_customer(
        "active_weeks",
        "有消费的周数",
        "Active weeks",
        "weeks",
        "Weeks of 7 × 24 h, counted from the window's start, with an order of hers; the last one may be shorter.",
        "number of different ⌊(at − since) / 7 d⌋",
    ),
)
"""What an experiment compares, in the order of the reference page; the verdict is on the first."""
