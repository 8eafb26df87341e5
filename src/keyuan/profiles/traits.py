"""The values of the traits of one person at an explicit instant, from the state that is kept of her.

Deliberately not here: names and definitions (`catalogue`), and SQL (`batch` computes the same values from the log,
set-based; it alone can answer an instant in the past of a state).
Units: see `catalogue`; decimals have exactly four places.
"""

from bisect import bisect_left
from decimal import Decimal
from functools import lru_cache

from keyuan.kernel.clock import DAY_US
from keyuan.profiles.model import DECLARED, PastInstantError
from keyuan.profiles.state import State

Value = bool | int | Decimal | str | tuple[str, ...] | None
Values = tuple[Value, ...]

WINDOW_30_US = 30 * DAY_US
WINDOW_90_US = 90 * DAY_US
_WINDOWS_US = (WINDOW_30_US, WINDOW_90_US)
SCALE = 10_000  # of decimal(18,4)


def share(part: int, whole: int) -> Decimal | None:
    """`part / whole` rounded half up at the fourth decimal, by integers alone; null when `whole` is 0."""
    if whole == 0:
        return None
    return _ten_thousandths((2 * SCALE * part + whole) // (2 * whole))


@lru_cache(maxsize=SCALE)
def _ten_thousandths(number: int) -> Decimal:
    """Shares and means are few numbers that come again and again; a Decimal is dear to make."""
    return Decimal(number).scaleb(-4)


def live_instant(state: State, at_us: int, floor_us: int = 0) -> int:
    """The instant of a live evaluation after a fact at `at_us`: 1 µs later, so that the fact itself counts.

    Never before the newest fact known, which a late arrival would otherwise cut off, nor before `floor_us`.
    """
    newest_us = state.newest_us
    if newest_us is None or newest_us < at_us:
        newest_us = at_us
    return newest_us + 1 if newest_us >= floor_us else floor_us


def evaluate(state: State, as_of_us: int) -> Values:
    """The values in the order of `catalogue.TRAITS`.

    Raises:
        PastInstantError: the state holds a fact at or after `as_of_us`.
    """
    newest_us = state.newest_us
    if newest_us is not None and as_of_us <= newest_us:
        raise PastInstantError(as_of_us=as_of_us, newest_us=newest_us)
    declared = _declared(state) if state.declared else _NOTHING_DECLARED
    orders, first_us, last_us = state.orders, state.first_us, state.last_us
    if first_us is None or last_us is None:
        return (*_NOTHING_ORDERED, state.coupons, state.sends, None, *declared)
    instants, spend_minor = state.kept_at_us, state.spend_minor
    weekdays, hours = state.weekday_orders, state.hour_orders
    since_90 = bisect_left(instants, as_of_us - WINDOW_90_US)
    since_30 = bisect_left(instants, as_of_us - WINDOW_30_US, since_90)
    return (
        (as_of_us - last_us) // DAY_US,
        orders,
        len(instants) - since_90,
        len(instants) - since_30,
        spend_minor,
        sum(state.kept_minor[since_90:]),
        spend_minor // orders,
        share(state.lines, orders),
        tuple(state.top),
        weekdays.index(max(weekdays)) + 1,  # the first of several
        hours.index(max(hours)),
        state.store,
        share(state.discount_minor, spend_minor + state.discount_minor),
        state.coupons,
        state.sends,
        (as_of_us - first_us) // DAY_US,
        *declared,
    )


def _declared(state: State) -> Values:
    known = state.declared
    return tuple(known[name][2] if name in known else None for name in DECLARED)


_NOTHING_ORDERED: Values = (None, 0, 0, 0, 0, 0, None, None, (), None, None, None, None)
_NOTHING_DECLARED: Values = (None,) * len(DECLARED)


def next_edge_us(state: State, as_of_us: int) -> int | None:
    """The earliest instant after `as_of_us` at which time alone changes a trait; null without an order.

    That is the next whole day since the last or the first order, or the instant at which the oldest order inside a
    window is outside: 1 µs after its 30 or 90 days, because a window includes its start.
    """
    first_us, last_us, instants = state.first_us, state.last_us, state.kept_at_us
    if first_us is None or last_us is None:
        return None
    past_us = max((as_of_us - first_us) % DAY_US, (as_of_us - last_us) % DAY_US)  # since a day was last whole
    edge_us = as_of_us + DAY_US - past_us
    for window_us in _WINDOWS_US:
        oldest = bisect_left(instants, as_of_us - window_us)
        if oldest < len(instants):
            edge_us = min(edge_us, instants[oldest] + window_us + 1)
    return edge_us
