"""A till hands coupons in over HTTP: once an order, with a write key, and with answers that say what to do."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest

from keyuan import campaigns, events, loyalty, promotions, segments
from keyuan.app.demo import story
from keyuan.campaigns import Launch
from keyuan.engines.database import Database
from keyuan.flows.campaign_draft import save_draft
from keyuan.flows.campaign_money import budget_of, set_aside
from web.serving import Site

PEOPLE = [UUID(int=number) for number in range(1, 4)]
DURING = datetime(2017, 10, 5, tzinfo=UTC)


@pytest.fixture
def codes(database: Database, site: Site) -> list[str]:
    """Return the codes of three people in a campaign that runs."""
    with database.transaction(1) as session:
        events.keep_clock_by_hand(session, DURING)
        loyalty.create_programme(session, story.PROGRAMME)
        segments.save(session, story.SEGMENTS)
        campaign = save_draft(session, story.CAMPAIGN, story.OFFER)
        issued = promotions.issue(session, site.secrets, story.OFFER.name, PEOPLE, story.LAUNCHED_AT)
        reserved = set_aside(session, campaign, len(PEOPLE), story.LAUNCHED_AT)
        campaigns.keep_launch(session, campaign.name, Launch(story.LAUNCHED_AT, 3, 3, 0, 0, 0, 0, reserved))
    return [issued[person] for person in PEOPLE]


def redeem(site: Site, code: str, order: str = "o1") -> httpx.Response:
    return site.client.post("/v1/coupons/redeem", json={"code": code, "order_id": order})


def spent(database: Database) -> int:
    with database.transaction(1) as session:
        return budget_of(session, campaigns.campaign(session, story.CAMPAIGN.name)).spent


def test_a_till_is_told_what_to_take_off_and_told_the_same_again(site: Site, codes: list[str], database: Database):
    told = {"offer": "milk_coupon", "minor": 500, "currency": "USD", "repeated": False}
    answer = redeem(site, f"{codes[0][:5].lower()}-{codes[0][5:]}")
    assert (answer.status_code, answer.json()) == (200, told)
    assert redeem(site, codes[0]).json() == told | {"repeated": True}
    assert spent(database) == 500


def test_what_is_refused_says_why_and_repeats_nothing(site: Site, codes: list[str], database: Database):
    redeem(site, codes[0], "secret-order")
    for answer, status, words in (
        (redeem(site, codes[0], "o2"), 403, "handed in before"),
        (redeem(site, "0000000000"), 404, "no coupon with this code"),
        (site.client.post("/v1/coupons/redeem", json={"code": codes[1]}), 400, "order_id"),
        (site.client.post("/v1/coupons/redeem", content=b"\xff{"), 400, "JSON"),
        (httpx.post(f"{site.client.base_url}/v1/coupons/redeem", json={}), 401, "write key"),
        (site.client.post("/v1/coupons/redeem", json={}, auth=(site.keys[2], "")), 400, "code"),
        (
            site.client.post("/v1/coupons/redeem", json={"code": codes[1], "order_id": "o9"}, auth=(site.keys[2], "")),
            404,
            "no coupon",
        ),
    ):
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert words in answer.json()["detail"]
        assert codes[0] not in answer.text
        assert "secret-order" not in answer.text
    assert spent(database) == 500


def test_of_many_tills_at_once_one_takes_it_off(site: Site, codes: list[str], database: Database):
    def one(number: int) -> int:
        return redeem(site, codes[2], f"o{number}").status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(one, range(6))) == [200, 403, 403, 403, 403, 403]
    assert spent(database) == 500


def test_after_its_time_a_coupon_is_refused_by_the_clock_of_the_programme(
    site: Site, codes: list[str], database: Database
):
    with database.transaction(1) as session:
        events.move_clock(session, story.OFFER.valid_until + timedelta(days=1), DURING)
    answer = redeem(site, codes[1])
    assert (answer.status_code, answer.json()["detail"]) == (403, "This coupon is not good at this time.")
