"""The sufficient state of one person, and how facts are folded into it.

The state is canonical: the same facts in any order give equal states (an order id given twice excepted: there the
log decides). It keeps every order of the last `KEPT_DAYS` before the newest order one by one, older ones only as
sums and by their keys, so that an order sent again is known for ever.
Deliberately not here: what depends on the instant of the question (`traits`).
Units: `_us` microseconds since the epoch, UTC; `_minor` minor units. Hours and weekdays are UTC, weekdays ISO.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from keyuan.kernel.clock import DAY_US
from keyuan.kernel.errors import CorruptionError
from keyuan.profiles.model import (
    DECLARED,
    LARGEST,
    AmountError,
    AnyFact,
    CouponFact,
    DeclaredFact,
    OrderFact,
    SendFact,
    order_key,
)

VERSION = 1
KEPT_DAYS = 400
TOP = 3

_HOUR_US = 3_600_000_000
_THURSDAY = 3 * 24  # 1970-01-01 was one
_KEPT_US = KEPT_DAYS * DAY_US
_DECLARED = frozenset(DECLARED)


class State(msgspec.Struct, array_like=True, gc=False):
    """All that is kept of one person. The field order is the stored form of version 1: append only.

    `kept_at_us` and `kept_minor` are one row per kept order, sorted by (instant, amount); `order_keys` is sorted.
    `hours` counts orders by (ISO weekday − 1) × 24 + hour; `declared` is name → (instant, seq, value).
    """

    version: int = VERSION
    facts: int = 0
    from_seq: int = 0
    newest_us: int | None = None
    first_us: int | None = None
    last_us: int | None = None
    orders: int = 0
    spend_minor: int = 0
    discount_minor: int = 0
    lines: int = 0
    kept_at_us: list[int] = []
    kept_minor: list[int] = []
    order_keys: list[int] = []
    category_minor: dict[str, int] = {}
    uncategorised_minor: int = 0
    top: list[str] = []
    hours: dict[int, int] = {}
    weekday_orders: list[int] = msgspec.field(default_factory=lambda: [0] * 7)
    hour_orders: list[int] = msgspec.field(default_factory=lambda: [0] * 24)
    store_orders: dict[str, int] = {}
    store: str | None = None
    coupons: int = 0
    sends: int = 0
    declared: dict[str, tuple[int, int, str | None]] = {}


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(State).decode


def encode(state: State) -> bytes:
    """The stored bytes. Names stand in the order of arrival: compare states, not bytes."""
    return _encode(state)


def decode(body: bytes) -> State:
    """The state in these bytes.

    Raises:
        CorruptionError: the bytes are not a state of a version that is known here.
    """
    try:
        state = _decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise CorruptionError("the stored state of a person cannot be read", reason=str(error)) from error
    if state.version != VERSION:
        raise CorruptionError("the stored state of a person has an unknown version", version=state.version)
    return state


def fold(state: State, facts: Iterable[AnyFact]) -> State:
    """The state after these facts; the given one is left as it was."""
    after = copy(state)
    for fact in facts:
        add(after, fact)
    return after


def copy(state: State) -> State:
    """A copy that shares nothing that `add` changes."""
    return msgspec.structs.replace(
        state,
        kept_at_us=state.kept_at_us.copy(),
        kept_minor=state.kept_minor.copy(),
        order_keys=state.order_keys.copy(),
        category_minor=state.category_minor.copy(),
        top=state.top.copy(),
        hours=state.hours.copy(),
        weekday_orders=state.weekday_orders.copy(),
        hour_orders=state.hour_orders.copy(),
        store_orders=state.store_orders.copy(),
        declared=state.declared.copy(),
    )


def add(state: State, fact: AnyFact) -> None:
    """Fold one fact into a state that the caller owns; after an error the state is to be thrown away.

    Raises:
        AmountError: a negative amount, or a sum over 64 bits.
    """
    state.facts += 1
    state.from_seq = max(state.from_seq, fact.seq)
    if state.newest_us is None or fact.at_us > state.newest_us:
        state.newest_us = fact.at_us
    match fact:
        case OrderFact():
            _add_order(state, fact)
        case CouponFact():
            state.coupons += 1
        case SendFact():
            state.sends += 1
        case DeclaredFact():
            _add_declared(state, fact)


def _add_order(state: State, fact: OrderFact) -> None:
    order_id, minor, discount_minor = fact.order_id, fact.total_minor, fact.discount_minor
    if order_id is not None and not _is_new(state.order_keys, order_key(order_id)):
        return
    if minor < 0 or discount_minor < 0:
        raise AmountError
    state.orders += 1
    state.spend_minor += minor
    state.discount_minor += discount_minor
    if state.spend_minor + state.discount_minor > LARGEST:
        raise AmountError
    if fact.lines:
        _add_lines(state, fact.lines)
    _add_pattern(state, fact.at_us)
    if fact.store is not None:
        _add_visit(state, fact.store)
    _keep(state, fact.at_us, minor)


def _is_new(keys: list[int], key: int) -> bool:
    """Whether the order is seen for the first time; it is known from now on."""
    place = bisect_left(keys, key)
    if place < len(keys) and keys[place] == key:
        return False
    keys.insert(place, key)
    return True


def _add_lines(state: State, lines: Sequence[tuple[str | None, int]]) -> None:
    spent, top = state.category_minor, state.top
    state.lines += len(lines)
    for category, minor in lines:
        if category is None:
            sum_minor = state.uncategorised_minor = state.uncategorised_minor + minor
        else:
            sum_minor = spent[category] = spent.get(category, 0) + minor
            if not top or top[0] != category:  # the first one stays the first
                _rise(spent, top, category)
        if minor < 0 or sum_minor > LARGEST:
            raise AmountError


def _rise(spent: Mapping[str, int], top: list[str], name: str) -> None:
    """Put the one category whose sum has grown in its place among the first, ties by name; sums never fall."""
    if name in top:
        place = top.index(name)
    else:
        place = len(top)
        top.append(name)
    minor = spent[name]
    while place:
        rival = top[place - 1]
        rival_minor = spent[rival]
        if rival_minor > minor or (rival_minor == minor and rival < name):
            break
        top[place] = rival
        place -= 1
    top[place] = name
    del top[TOP:]


def _add_pattern(state: State, at_us: int) -> None:
    cell = (at_us // _HOUR_US + _THURSDAY) % (7 * 24)
    hours = state.hours
    hours[cell] = hours.get(cell, 0) + 1
    state.weekday_orders[cell // 24] += 1
    state.hour_orders[cell % 24] += 1


def _add_visit(state: State, store: str) -> None:
    visited = state.store_orders
    visits = visited[store] = visited.get(store, 0) + 1
    best = state.store
    if best is None or (best != store and (-visits, store) < (-visited[best], best)):
        state.store = store


def _keep(state: State, at_us: int, minor: int) -> None:
    """Put the order among the kept ones, and let go of those too long before the newest order."""
    instants, amounts = state.kept_at_us, state.kept_minor
    if state.first_us is None or at_us < state.first_us:
        state.first_us = at_us
    if state.last_us is None or at_us > state.last_us:
        state.last_us = at_us
        instants.append(at_us)
        amounts.append(minor)
    else:
        place = bisect_right(instants, at_us)
        while place and instants[place - 1] == at_us and amounts[place - 1] > minor:
            place -= 1
        instants.insert(place, at_us)
        amounts.insert(place, minor)
    oldest_us = state.last_us - _KEPT_US
    if instants[0] < oldest_us:
        gone = bisect_left(instants, oldest_us)
        del instants[:gone], amounts[:gone]


def _add_declared(state: State, fact: DeclaredFact) -> None:
    for name, value in fact.traits.items():
        if name not in _DECLARED:
            continue
        known = state.declared.get(name)
        if known is None or (fact.at_us, fact.seq) >= known[:2]:
            state.declared[name] = (fact.at_us, fact.seq, value)
