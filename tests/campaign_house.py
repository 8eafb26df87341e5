"""A shop with households, some of whom may be written to, and a campaign for those who came lately."""

from collections.abc import Iterator
from datetime import UTC, datetime

from keyuan import events
from keyuan.campaigns import Campaign, Span
from keyuan.consent import Decision, Purpose, Record
from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets
from keyuan.flows.campaign_draft import save_draft
from keyuan.flows.record_consent import record_consent
from keyuan.kernel.clock import to_us
from keyuan.profiles import store as portraits
from keyuan.promotions import Offer
from keyuan.segments import Segment
from shop import OPENED, Shop

AT = datetime(2017, 10, 1, tzinfo=UTC)
END = datetime(2018, 1, 1, tzinfo=UTC)
AFTER = datetime(2018, 1, 2, tzinfo=UTC)
SALT = "keyuan-demo-2017-10"
HOUSEHOLDS = 60
LATELY = Segment(name="lately", rule="orders_90d >= 1", title_en="Came lately", title_zh="最近来过")
OFFER = Offer(
    name="milk_coupon",
    title_en="$5 off",
    title_zh="立减 5 美元",
    face_minor=500,
    currency="USD",
    valid_from=AT,
    valid_until=END,
)
CAMPAIGN = Campaign(
    name="milk_double",
    title_en="Double points and a coupon",
    title_zh="双倍积分加优惠券",
    segment=LATELY.name,
    offer=OFFER.name,
    holdout=0.2,
    salt=SALT,
    window=Span(AT, END),
    before=Span(datetime(2017, 7, 1, tzinfo=UTC), AT),
    budget_minor=100_000,
    currency="USD",
    brand="keyuan-market",
    points_factor=2,
    nobody_treated=True,
)
NO_NAME, WITHDREW_PORTRAIT, WITHDREW_EMAIL, NO_ADDRESS, FORGOTTEN = 51, 52, 53, 58, 55
"""Households of whom something is different: see `purposes` and `stock`."""


def name_of(household: int) -> str:
    """Return the name by which the shop calls a household."""
    return f"household:{household}"


def purposes(household: int) -> Iterator[Purpose]:
    """Yield what a household agreed to, by a rule that anybody can repeat."""
    if household % 10 != 0:
        yield Purpose.PERSONALISATION
    if household % 4 != 0:
        yield Purpose.LOYALTY
    if household % 3 != 0:
        yield Purpose.MARKETING_EMAIL


def came_lately(household: int) -> bool:
    """Tell whether a household had come in the 90 days before the campaign."""
    return household % 7 not in (0, 1)


def stock(database: Database, secrets: Secrets, tenant: int = 1, households: int = HOUSEHOLDS) -> Shop:
    """Return a shop with a year of orders, whose clock stands after the campaign's window."""
    shop = Shop(database, secrets, tenant).open([LATELY])
    _agree(shop, households)
    shop.send(*(_told(household) for household in range(1, households + 1) if household != NO_NAME))
    shop.send(*(order for household in range(1, households + 1) for order in _orders(shop, household)))
    shop.run()
    shop.agree(name_of(WITHDREW_PORTRAIT), Purpose.PERSONALISATION, at=END, given=False)
    shop.agree(name_of(WITHDREW_EMAIL), Purpose.MARKETING_EMAIL, at=END, given=False)
    with database.transaction(tenant) as session:
        events.forget(session, [secrets.sender(tenant, "user", name_of(FORGOTTEN))], END)
        events.move_clock(session, AFTER, AFTER)
        save_draft(session, CAMPAIGN, OFFER)
    return shop


def _agree(shop: Shop, households: int) -> None:
    names = {
        household: shop.secrets.sender(shop.tenant, "user", name_of(household))
        for household in range(1, households + 1)
    }
    with shop.database.transaction(shop.tenant) as session:
        people = portraits.resolve(session, names.values())
        records = [
            Record(
                person=people[sender],
                purpose=purpose,
                decision=Decision.GIVEN,
                effective_at_us=to_us(OPENED),
                evidence="test form 1",
            )
            for household, sender in names.items()
            for purpose in purposes(household)
        ]
        record_consent(session, records)


def _told(household: int) -> dict[str, object]:
    address = {} if household == NO_ADDRESS else {"email": f"h{household}@example.org"}
    return {
        "type": "identify",
        "userId": name_of(household),
        "messageId": f"i{household}",
        "timestamp": "2017-01-01T00:00:00Z",
        "traits": address | {"age": "35-44"},
    }


def _orders(shop: Shop, household: int) -> Iterator[dict[str, object]]:
    """Yield an order just inside the 90 days, or just outside, and one at the very instant of the launch."""
    since = "2017-07-03T00:00:00Z" if came_lately(household) else "2017-07-02T23:59:59Z"
    yield shop.order(name_of(household), since)
    yield shop.order(name_of(household), "2017-10-01T00:00:00Z")
