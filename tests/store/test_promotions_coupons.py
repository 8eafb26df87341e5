"""Coupons: one a person, good for one order, their codes nowhere in the database, tenants apart."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from keyuan import promotions
from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets, open_secrets
from keyuan.kernel.errors import KeyuanError
from keyuan.promotions import Given, Offer, codes, store

AT = datetime(2017, 10, 1, tzinfo=UTC)
UNTIL = datetime(2018, 1, 1, tzinfo=UTC)
MILK = Offer(
    name="milk_coupon",
    title_en="$5 off",
    title_zh="立减 5 美元",
    face_minor=500,
    currency="USD",
    valid_from=AT,
    valid_until=UNTIL,
)
PEOPLE = [UUID(int=number) for number in range(1, 11)]


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return open_secrets(tmp_path / "keys")


@pytest.fixture
def given(database: Database, secrets: Secrets) -> dict[UUID, str]:
    """Give ten people of both tenants a coupon, and return the codes of tenant 1."""
    found: dict[UUID, str] = {}
    for tenant in (2, 1):
        with database.transaction(tenant) as session:
            promotions.save_offer(session, MILK)
            found = promotions.issue(session, secrets, MILK.name, PEOPLE, AT)
    return found


def redeem(database: Database, secrets: Secrets, code: str, order: str = "o1", at: datetime = AT, tenant: int = 1):
    with database.transaction(tenant) as session:
        return promotions.redeem(session, secrets, code, at, order)


def test_everybody_has_one_coupon_and_its_code_can_be_shown_again(
    database: Database, secrets: Secrets, given: dict[UUID, str]
):
    assert len(set(given.values())) == 10
    with database.transaction(1) as session:
        assert promotions.issue(session, secrets, MILK.name, PEOPLE, UNTIL) == given
        assert promotions.given(session, MILK.name) == Given(10, 0)
        (coupon,) = promotions.coupons_of(session, secrets, PEOPLE[3])
        assert promotions.coupons_of(session, secrets, uuid4()) == []
    assert coupon == (MILK.name, given[PEOPLE[3]], AT, None)


def test_a_code_is_ten_signs_that_survive_being_typed_by_hand(given: dict[UUID, str]):
    for code in given.values():
        assert len(code) == 10
        assert codes.read(f" {code[:5].lower()}-{code[5:].replace('1', 'l').replace('0', 'O')} ") == code
    for wrong in ("", "12345", "U" * 10, "!" * 10, "12345678901"):
        assert codes.read(wrong) is None


def test_no_code_lies_in_the_database(superuser: psycopg.Connection[Any], given: dict[UUID, str]):
    kept = superuser.execute("SELECT c.*::text FROM promotions.coupon AS c").fetchall()
    hashes = [bytes(row[0]) for row in superuser.execute("SELECT c.code_hash FROM promotions.coupon AS c")]
    assert len(kept) == 20
    assert len(set(hashes)) == 20
    for code in given.values():
        assert code not in str(kept)
        assert code.encode().hex() not in str(kept)


def test_a_coupon_is_good_for_one_order(database: Database, secrets: Secrets, given: dict[UUID, str]):
    code = given[PEOPLE[0]]
    first = redeem(database, secrets, code.lower())
    assert (first.person, first.offer, first.repeated) == (PEOPLE[0], MILK.name, False)
    assert redeem(database, secrets, code, at=AT + timedelta(days=1)) == first._replace(repeated=True)
    with pytest.raises(promotions.CouponUsedError, match="one order"):
        redeem(database, secrets, code, order="o2")
    with database.transaction(1) as session:
        assert promotions.given(session, MILK.name) == Given(10, 1)


def at_once(doing: Callable[[int], object], times: int) -> list[object]:
    """Do something in several threads that begin together, and return what came of each."""
    barrier = Barrier(times)

    def one(number: int) -> object:
        barrier.wait()
        try:
            return doing(number)
        except KeyuanError as error:
            return type(error)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def test_of_eight_orders_at_once_one_gets_it(database: Database, secrets: Secrets, given: dict[UUID, str]):
    found = at_once(lambda number: redeem(database, secrets, given[PEOPLE[0]], order=f"o{number}"), 8)
    assert found.count(promotions.CouponUsedError) == 7
    assert sum(isinstance(each, promotions.Redemption) and not each.repeated for each in found) == 1


def test_a_redemption_that_only_looks_first_is_caught(
    database: Database, secrets: Secrets, given: dict[UUID, str], monkeypatch: pytest.MonkeyPatch
):
    careless = store._SQL["redeem"].replace("AND c.redeemed_at IS NULL", "")
    monkeypatch.setattr(store, "_SQL", {**store._SQL, "redeem": careless})
    found = at_once(lambda number: redeem(database, secrets, given[PEOPLE[0]], order=f"o{number}"), 4)
    assert found.count(promotions.CouponUsedError) < 3


@pytest.mark.parametrize("at", [AT - timedelta(microseconds=1), UNTIL])
def test_a_coupon_is_good_in_its_time_only(database: Database, secrets: Secrets, given: dict[UUID, str], at: datetime):
    with pytest.raises(promotions.CouponNotValidError, match="2018-01-01"):
        redeem(database, secrets, given[PEOPLE[0]], at=at)


@pytest.mark.parametrize("code", ["", "0000000000", "not a code", "8" * 100])
def test_a_wrong_code_says_so(database: Database, secrets: Secrets, given: dict[UUID, str], code: str):
    assert code not in given.values()
    with pytest.raises(promotions.UnknownCouponError, match="no coupon with this code"):
        redeem(database, secrets, code)


def test_a_code_of_another_tenant_or_under_other_keys_is_unknown(
    database: Database, secrets: Secrets, given: dict[UUID, str], tmp_path: Path
):
    with pytest.raises(promotions.UnknownCouponError):
        redeem(database, secrets, given[PEOPLE[0]], tenant=2)
    with pytest.raises(promotions.UnknownCouponError):
        redeem(database, open_secrets(tmp_path / "others"), given[PEOPLE[0]])


def test_an_offer_that_was_given_out_is_not_changed(database: Database, secrets: Secrets, given: dict[UUID, str]):
    assert given
    with database.transaction(1) as session:
        promotions.save_offer(session, MILK)
        assert not promotions.delete_offer(session, MILK.name)
        with pytest.raises(promotions.OfferGivenError):
            promotions.save_offer(session, replace(MILK, face_minor=50_000))
        fresh = replace(MILK, name="bread")
        promotions.save_offer(session, fresh)
        promotions.save_offer(session, replace(fresh, face_minor=50_000))
        assert promotions.offer(session, "bread").face_minor == 50_000
        assert promotions.delete_offer(session, "bread")
        with pytest.raises(promotions.UnknownOfferError):
            promotions.issue(session, secrets, "bread", PEOPLE, AT)


def test_two_people_with_one_code_are_refused(database: Database, secrets: Secrets, monkeypatch: pytest.MonkeyPatch):
    def always_the_same(*_: object) -> str:
        return "0123456789"

    monkeypatch.setattr(codes, "code_of", always_the_same)
    with database.transaction(1) as session:
        promotions.save_offer(session, MILK)
    with pytest.raises(promotions.SameCodeError, match="coupons=9"), database.transaction(1) as session:
        promotions.issue(session, secrets, MILK.name, PEOPLE, AT)


def test_everything_that_is_wrong_with_an_offer_is_said_at_once(database: Database):
    wrong = replace(MILK, name="Milk!", title_en=" ", face_minor=0, currency="usd", valid_until=AT)
    with database.transaction(1) as session, pytest.raises(promotions.OfferFaultError) as caught:
        promotions.save_offer(session, wrong)
    assert caught.value.faults.keys() == {"name", "title_en", "face_minor", "currency", "valid_until"}


def test_who_is_forgotten_has_no_coupon(database: Database, secrets: Secrets, given: dict[UUID, str]):
    with database.transaction(1) as session:
        assert promotions.forget(session, PEOPLE[:2]) == 2
    with pytest.raises(promotions.UnknownCouponError):
        redeem(database, secrets, given[PEOPLE[0]])
    with database.transaction(2) as session:
        assert promotions.given(session, MILK.name) == Given(10, 0)
