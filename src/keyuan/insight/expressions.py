"""What metrics are, as Ibis expressions over the table `events`; the same on DuckDB and on Spark.

Whole numbers throughout: a week is the number of Mondays since 1969-12-29, a month is year × 12 + month − 1, an
instant is microseconds. Order keys are unique, so that every engine gives the same rows.
Deliberately not here: running them (`ask`), and words about them (`metrics`).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from importlib import import_module
from typing import Any, Final

from keyuan.engines.lake import Expression
from keyuan.insight.tables import ORDER
from keyuan.kernel.clock import DAY_US

# Ibis has no type stubs.
_ibis: Any = import_module("ibis")
_EPOCH: Final = date(1970, 1, 1)
_FIRST_MONDAY: Final = 3
"""Days from 1969-12-29 to the epoch."""
_WEEK_US: Final = 7 * DAY_US


def orders_of(events: Expression, before_us: int) -> Expression:
    """Return the orders before an instant, each once: of those with one key the first in the log."""
    found = events.filter(events.kind == ORDER, events.at_us < before_us)
    firsts = found.group_by("order_key").aggregate(seq=found.seq.min())
    return found.semi_join(firsts, "seq")


def by_customers(orders: Expression) -> Expression:
    """Return the orders of those who are numbers."""
    return orders.filter(orders.customer.notnull())


def week_of(day: Expression) -> Expression:
    """Return the number of a day's ISO week."""
    return (day.delta(_ibis.literal(_EPOCH), unit="day") + _FIRST_MONDAY) // 7


def month_of(day: Expression) -> Expression:
    """Return the number of a day's month."""
    return (day.year() * 12 + day.month() - 1).cast("int64")


def weekly_growth(orders: Expression, last_week: int) -> Expression:
    """One row a week to the last: week, active, new, retained, resurrected, churned; weeks without any are missing.

    A customer is looked at in each of her weeks, beside the one before and the one after.
    """
    linked = by_customers(orders)
    whole = linked.mutate(week=week_of(linked.day))
    weeks = whole.filter(whole.week <= last_week).select("customer", "week").distinct()
    hers = _ibis.window(group_by="customer", order_by="week")
    seen = weeks.mutate(before=weeks.week.lag().over(hers), after=weeks.week.lead().over(hers))
    here = seen.select(
        week=seen.week,
        active=_one(seen.week.notnull()),
        new=_one(seen.before.isnull()),
        retained=_one(seen.before == seen.week - 1),
        resurrected=_one(seen.before < seen.week - 1),
        churned=_one(seen.week.isnull()),
    )
    left = seen.filter(seen.week < last_week, seen.after.isnull() | (seen.after > seen.week + 1))
    none = _one(left.week.isnull())
    gone = left.select(
        week=left.week + 1, active=none, new=none, retained=none, resurrected=none, churned=_one(left.week.notnull())
    )
    return _sums(_ibis.union(here, gone), ["week"], ["active", "new", "retained", "resurrected", "churned"])


def weekly_revenue(orders: Expression, last_week: int) -> Expression:
    """One row per week and currency: week, currency, revenue_minor, orders, unlinked_orders."""
    rows = orders.select(
        week=week_of(orders.day),
        currency=orders.currency,
        revenue_minor=orders.total_minor,
        orders=_one(orders.seq.notnull()),
        unlinked_orders=_one(orders.customer.isnull()),
    )
    whole = rows.filter(rows.week <= last_week)
    return _sums(whole, ["week", "currency"], ["revenue_minor", "orders", "unlinked_orders"])


def revenue(orders: Expression) -> Expression:
    """One row per currency: currency, revenue_minor, orders, unlinked_orders."""
    rows = orders.select(
        currency=orders.currency,
        revenue_minor=orders.total_minor,
        orders=_one(orders.seq.notnull()),
        unlinked_orders=_one(orders.customer.isnull()),
    )
    return _sums(rows, ["currency"], ["revenue_minor", "orders", "unlinked_orders"])


def monthly_retention(orders: Expression, last_month: int) -> Expression:
    """One row per month of the first order and month since: first_month, months_after, customers."""
    linked = by_customers(orders)
    rows = linked.mutate(month=month_of(linked.day))
    months = rows.filter(rows.month <= last_month).select("customer", "month").distinct()
    first = months.month.min().over(_ibis.window(group_by="customer"))
    aged = months.mutate(first_month=first)
    found = aged.select(first_month=aged.first_month, months_after=aged.month - aged.first_month)
    groups = found.group_by(["first_month", "months_after"])
    return groups.aggregate(customers=found.count()).order_by(["first_month", "months_after"])


def repeat_buyers(orders: Expression) -> Expression:
    """One row: customers with an order, and those with two and more."""
    linked = by_customers(orders)
    each = linked.group_by("customer").aggregate(orders=linked.count())
    return each.aggregate(customers=each.count(), repeating=(each.orders > 1).sum().fill_null(0))


def funnel(events: Expression, conditions: Sequence[Expression], within_us: int) -> Expression:
    """One row: for each step, how many customers came so far, in order, at strictly later instants, within the window.

    `conditions` are boolean columns of `events`. For each instant the latest start of a chain that got this far is
    carried forward as a running maximum: a later start leaves more time, so no other one needs to be known.
    """
    linked = events.mutate(**{f"is_{n}": _one(each) for n, each in enumerate(conditions)})
    linked = linked.filter(linked.customer.notnull())
    steps = {f"is_{n}": linked[f"is_{n}"].max() for n in range(len(conditions))}
    chain = linked.group_by(["customer", "at_us"]).aggregate(**steps)
    earlier = _ibis.window(group_by="customer", order_by="at_us", preceding=(None, 1))
    never = _ibis.null("int64")
    for n in range(len(conditions)):
        if n == 0:
            start = _ibis.ifelse(chain.is_0 == 1, chain.at_us, never)
        else:
            chain = chain.mutate(carried=chain[f"start_{n - 1}"].max().over(earlier))
            goes_on = (chain[f"is_{n}"] == 1) & (chain.at_us - chain.carried <= within_us)
            start = _ibis.ifelse(goes_on, chain.carried, never)
        chain = chain.mutate(**{f"start_{n}": start})
    counts = {f"n_{n}": chain.customer.nunique(where=chain[f"start_{n}"].notnull()) for n in range(len(conditions))}
    return chain.aggregate(**counts)


def per_customer(
    members: Expression, orders: Expression, spans: Mapping[str, tuple[int, int]], currency: str
) -> Expression:
    """One row per member: her columns, and of each span of time what she did in it; who did nothing has zeros.

    A span goes from an instant (inclusive) to another one (exclusive); its key is put behind the names of its columns.
    Weeks are 7 × 24 h long and counted from the start of their span.
    """
    hers = orders.semi_join(members, "customer")
    counted: dict[str, Expression] = {}
    for suffix, (from_us, until_us) in spans.items():
        inside = (hers.at_us >= from_us) & (hers.at_us < until_us)
        counted |= {
            f"orders{suffix}": hers.count(where=inside),
            f"spend_minor{suffix}": hers.total_minor.sum(where=inside & (hers.currency == currency)),
            f"active_weeks{suffix}": ((hers.at_us - from_us) // _WEEK_US).nunique(where=inside),
        }
    rows = members.left_join(hers.group_by("customer").aggregate(**counted), "customer")
    zeros = {name: rows[name].fill_null(0).cast("int64") for name in counted}
    return rows.select(*(rows[name] for name in members.columns), **zeros).order_by("customer")


def points_of_days(points: Expression, last_day: date) -> Expression:
    """One row per day and book: day, brand, currency, issued, redeemed, expired."""
    rows = points.filter(points.day <= _ibis.literal(last_day))
    return _sums(rows, ["day", "brand", "currency"], ["issued", "redeemed", "expired"])


def _one(condition: Expression) -> Expression:
    """1 where a condition holds, else 0; also where it is unknown."""
    return _ibis.ifelse(condition, 1, 0).cast("int64")


def _sums(rows: Expression, keys: list[str], values: list[str]) -> Expression:
    """Add up values by keys, in the order of the keys."""
    sums = {name: rows[name].sum().cast("int64") for name in values}
    return rows.group_by(keys).aggregate(**sums).order_by(keys)
