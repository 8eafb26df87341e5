"""Random histories of people, small enough that ties, same instants and window edges happen all the time."""

from hypothesis import strategies as st

from keyuan.kernel.clock import DAY_US
from keyuan.profiles.model import DECLARED, AnyFact, CouponFact, DeclaredFact, OrderFact, SendFact

AS_OF_US = 1_506_816_000_000_000  # 2017-10-01T00:00:00Z
CATEGORIES = ("COFFEE", "TEA", "Coffee", "茶", "\U0001f375", "ﬀ", None)
HOUR_US = 3_600_000_000


def _near(days: int, hours: int, off_us: int) -> int:
    return AS_OF_US - days * DAY_US - hours * HOUR_US + off_us


# Instants crowd around the edges of windows and days of the question, to the microsecond.
_edges = st.builds(
    _near,
    st.sampled_from((0, 1, 7, 29, 30, 31, 89, 90, 91, 365, 399, 400, 401, 500)),
    st.sampled_from((0, 0, 1, 23)),
    st.sampled_from((-1, 0, 0, 1)),
)
instants = _edges | st.integers(AS_OF_US - 600 * DAY_US, AS_OF_US + 3 * DAY_US)
_minor = st.sampled_from((0, 0, 1, 50, 100)) | st.integers(0, 10**9)
_lines = st.lists(st.tuples(st.sampled_from(CATEGORIES), _minor), max_size=4)
_text = st.none() | st.sampled_from(("a", "b", "", "年"))


@st.composite
def histories(draw: st.DrawFn, *, same_orders: bool = False, size: int = 14) -> list[AnyFact]:
    """Facts of one person in the order of the log; with `same_orders` an order may be sent twice."""
    facts: list[AnyFact] = []
    for seq in range(draw(st.integers(0, size))):
        at_us = draw(instants)
        match draw(st.sampled_from(("order", "order", "order", "coupon", "send", "declared"))):
            case "order":
                facts.append(_order(draw, seq, at_us, same_orders=same_orders))
            case "coupon":
                facts.append(CouponFact(at_us=at_us, seq=seq))
            case "send":
                facts.append(SendFact(at_us=at_us, seq=seq))
            case _:
                said = draw(st.dictionaries(st.sampled_from((*DECLARED[:2], "shoe_size")), _text, max_size=3))
                facts.append(DeclaredFact(at_us=at_us, seq=seq, traits=said))
    return facts


def _order(draw: st.DrawFn, seq: int, at_us: int, *, same_orders: bool) -> OrderFact:
    names = st.sampled_from((None, "o1", "o2")) if same_orders else st.sampled_from((None, f"o{seq}"))
    return OrderFact(
        at_us=at_us,
        seq=seq,
        total_minor=draw(_minor),
        lines=draw(_lines),
        discount_minor=draw(_minor),
        store=draw(st.sampled_from((None, "367", "406", "31"))),
        order_id=draw(names),
    )
