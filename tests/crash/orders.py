"""The events that the crash harness sends, and what they must come to: made from their numbers, known to nobody else.

A message is named `till-7` or `app-7`: both tell order 7, under two messageIds. Every ninth number is a coupon, the
one kind whose effect nothing but the consumer's position protects from being counted twice.
The model below shares no code with the product. Units: `_minor` cents; days are UTC.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

CUSTOMERS = 12
CATEGORIES = ("COFFEE", "FLUID MILK PRODUCTS", "SOFT DRINKS", None)
DOUBLED = CATEGORIES[:2]
MINOR_PER_POINT = 100
DAILY_CAP = 500
_COUPON_EVERY = 9


@dataclass(frozen=True)
class Happened:
    """One purchase or coupon; `lines` are (category, minor units)."""

    number: int
    customer: int
    at: datetime
    lines: tuple[tuple[str | None, int], ...]

    @property
    def is_coupon(self) -> bool:
        return self.number % _COUPON_EVERY == 0

    @property
    def order_id(self) -> str:
        return f"order-{self.number}"

    @property
    def total_minor(self) -> int:
        return sum(minor for _, minor in self.lines)

    @property
    def points(self) -> int:
        """What it earns when the day's cap is far."""
        doubled = sum(minor for category, minor in self.lines if category in DOUBLED)
        return (self.total_minor + doubled) // MINOR_PER_POINT


def user_id(customer: int) -> str:
    return f"customer:{customer}"


def is_member(customer: int) -> bool:
    return customer % 5 != 1


def has_portrait(customer: int) -> bool:
    return customer % 4 != 0


def number_of(message: str) -> int:
    return int(message.partition("-")[2])


@dataclass(frozen=True)
class Story:
    """All that can happen in one run: a seed and an end give every event by its number."""

    seed: int
    ends_at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def happened(self, number: int) -> Happened:
        random = Random(f"{self.seed}:{number}")
        lines = [(random.choice(CATEGORIES), random.randint(1, 2_500)) for _ in range(random.randint(1, 4))]
        back = timedelta(seconds=random.randint(60, 40 * 3600))
        return Happened(number, random.randrange(CUSTOMERS), self.ends_at - back, tuple(lines))

    def body(self, message: str) -> dict[str, Any]:
        """Return a message as a client sends it."""
        happened = self.happened(number_of(message))
        properties: dict[str, Any] = {"order_id": happened.order_id}
        if happened.is_coupon:
            properties |= {"coupon_id": f"coupon-{happened.number}"}
        else:
            lines = [{"category": category, "total_minor": minor} for category, minor in happened.lines]
            properties |= {"total_minor": happened.total_minor, "currency": "USD", "products": lines}
        return {
            "type": "track",
            "event": "Coupon Redeemed" if happened.is_coupon else "Order Completed",
            "messageId": message,
            "userId": user_id(happened.customer),
            "timestamp": happened.at.isoformat(),
            "properties": properties,
        }


@dataclass
class Portrait:
    """What must be known of a customer with a portrait."""

    facts: int = 0
    orders: int = 0
    spend_minor: int = 0
    coupons: int = 0


@dataclass
class Truth:
    """What a log must come to: points by order id, and what is known of each customer."""

    awards: dict[str, int] = field(default_factory=dict[str, int])
    portraits: dict[int, Portrait] = field(default_factory=dict[int, Portrait])


def truth(story: Story, log: Iterable[str]) -> Truth:
    """Count once what the messages of a log say, in its order: the cap of a day depends on it."""
    found = Truth()
    seen: set[int] = set()
    today: dict[tuple[int, date], int] = {}
    for message in log:
        happened = story.happened(number_of(message))
        is_new = happened.number not in seen
        seen.add(happened.number)
        if has_portrait(happened.customer):
            _portray(found.portraits.setdefault(happened.customer, Portrait()), happened, is_new)
        if is_new and not happened.is_coupon and is_member(happened.customer):
            day = happened.customer, happened.at.date()
            points = min(DAILY_CAP - today.get(day, 0), happened.points)
            today[day] = today.get(day, 0) + points
            if points:
                found.awards[happened.order_id] = points
    return found


def _portray(portrait: Portrait, happened: Happened, is_new: bool) -> None:  # noqa: FBT001  # read at its one call
    portrait.facts += 1
    if happened.is_coupon:
        portrait.coupons += 1
    elif is_new:
        portrait.orders += 1
        portrait.spend_minor += happened.total_minor
