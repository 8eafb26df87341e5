"""Nothing runs without consent; time alone moves people and points. On a real PostgreSQL, for two tenants."""

import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from keyuan import events, ledger, loyalty, segments
from keyuan.app.demo import story
from keyuan.consent import Decision, Purpose
from keyuan.engines.database import Database
from keyuan.flows import wallet
from keyuan.flows.as_of import membership_as_of, stored_membership, traits_as_of
from keyuan.flows.expire import expire_all
from keyuan.flows.figures import figures
from keyuan.flows.places import CONSUMERS
from keyuan.flows.reevaluate import reevaluate_all
from keyuan.flows.take_along import UnknownPersonError, take_along
from keyuan.flows.verify import verify
from keyuan.jobs.clockwork import run_due
from keyuan.kernel.clock import system_now
from keyuan.profiles import reads as profiles
from shop import Shop, instant, open_shop

ALL = tuple(Purpose)


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> Shop:
    return open_shop(database, tmp_path / "keys")


def available(shop: Shop, name: str) -> int:
    with shop.database.transaction(shop.tenant) as session:
        person = shop.person(name)
        holder = loyalty.holders(session, story.PROGRAMME.id, [person]).get(person)
        return 0 if holder is None else sum(each.available for each in ledger.balances(session, [holder]))


def groups(shop: Shop, name: str, at: str) -> set[str]:
    person = shop.person(name)
    with shop.database.transaction(shop.tenant) as session:
        return {found for found, people in stored_membership(session, instant(at)).items() if person in people}


def has_portrait(shop: Shop, name: str) -> bool:
    person = shop.person(name)
    with shop.database.transaction(shop.tenant) as session:
        return profiles.portrait(session, person) is not None


def test_points_need_consent_to_loyalty_and_portraits_consent_to_personalisation(shop: Shop):
    shop.agree("both", Purpose.LOYALTY, Purpose.PERSONALISATION)
    shop.agree("points only", Purpose.LOYALTY)
    shop.agree("portrait only", Purpose.PERSONALISATION)
    names = ("both", "points only", "portrait only", "nothing")
    shop.send(*(shop.order(name, "2017-02-01T10:00:00Z") for name in names))
    assert shop.run() == 4
    assert [available(shop, name) for name in names] == [10, 10, 0, 0]
    assert [has_portrait(shop, name) for name in names] == [True, False, True, False]
    assert groups(shop, "both", "2017-02-02") == {"active_this_week"}
    assert groups(shop, "points only", "2017-02-02") == set()


def test_who_changes_her_mind_twice_while_the_clock_stands_still_is_heard_each_time(shop: Shop):
    shop.agree("chen", Purpose.LOYALTY)
    person, answers = shop.person("chen"), (Decision.WITHDRAWN, Decision.GIVEN, Decision.WITHDRAWN)
    for decision in answers:
        with shop.database.transaction(shop.tenant) as session:
            assert wallet.decide(session, person, Purpose.LOYALTY, decision, "wallet") == 1
        with shop.database.transaction(shop.tenant) as session:
            assert wallet.decide(session, person, Purpose.LOYALTY, decision, "wallet") == 0
            stands = {each.purpose: each.given for each in wallet.agreements(session, person)}
        assert stands[Purpose.LOYALTY] is (decision is Decision.GIVEN)


def test_consent_counts_from_its_instant_on_and_not_before(shop: Shop):
    shop.agree("late", *ALL, at=instant("2017-03-01T12:00:00"))
    shop.send(
        shop.order("late", "2017-03-01T11:59:59Z", "100"),
        shop.order("late", "2017-03-01T12:00:00Z", "7"),
    )
    shop.run()
    assert available(shop, "late") == 7


def test_what_was_withdrawn_before_processing_is_not_used(shop: Shop):
    shop.agree("gone", *ALL)
    shop.send(shop.order("gone", "2017-03-01T10:00:00Z"), shop.order("other", "2017-03-03T10:00:00Z"))
    shop.agree("gone", Purpose.LOYALTY, at=instant("2017-03-01T09:00:00"), given=False)
    shop.run()
    assert available(shop, "gone") == 0
    assert has_portrait(shop, "gone")


def test_withdrawing_personalisation_deletes_the_portrait_and_leaves_every_segment_but_keeps_points(shop: Shop):
    shop.agree("anna", *ALL)
    shop.send(shop.order("anna", "2017-03-01T10:00:00Z"))
    shop.run()
    shop.agree("anna", Purpose.PERSONALISATION, at=instant("2017-03-02T00:00:00"), given=False)
    assert not has_portrait(shop, "anna")
    assert groups(shop, "anna", "2017-03-01T12:00:00") == {"active_this_week"}
    assert groups(shop, "anna", "2017-03-02") == set()
    shop.send(shop.order("anna", "2017-03-03T10:00:00Z"))
    shop.run()
    assert not has_portrait(shop, "anna")
    assert available(shop, "anna") == 20


def test_time_alone_moves_people_between_segments(shop: Shop):
    shop.agree("anna", *ALL)
    shop.send(shop.order("anna", "2017-03-01T10:00:00Z"))
    shop.run()
    assert groups(shop, "anna", "2017-03-01T11:00:00") == {"active_this_week"}
    reevaluate_all(shop.database, 1, instant("2017-04-10"))
    assert groups(shop, "anna", "2017-04-10") == {"cooling_down"}
    reevaluate_all(shop.database, 1, instant("2017-06-10"))
    assert groups(shop, "anna", "2017-06-10") == {"lapsed"}


def test_jobs_run_by_the_programme_clock_and_only_while_it_runs(shop: Shop):
    shop.agree("anna", *ALL)
    shop.send(shop.order("anna", "2017-03-01T10:00:00Z"))
    shop.run()
    with shop.database.transaction(1) as session:
        events.move_clock(session, instant("2018-03-01T09:59:59"), instant("2026-01-01"))
    system = instant("2026-01-01")
    assert run_due(shop.database, 1, system) == 0
    with shop.database.transaction(1) as session:
        events.run_clock(session, system)
    assert run_due(shop.database, 1, system) == 1  # her traits are brought up to date, her points stay
    assert available(shop, "anna") == 10
    assert run_due(shop.database, 1, system + timedelta(seconds=1)) >= 1
    assert available(shop, "anna") == 0
    assert run_due(shop.database, 1, system + timedelta(seconds=1)) == 0


def test_events_do_not_push_a_running_clock_ahead(shop: Shop):
    """Each would add what passed since the start, and points would expire before their time."""
    shop.agree("anna", *ALL)
    system = system_now()
    with shop.database.transaction(1) as session:
        began = events.clock_at(session, system)
        events.run_clock(session, system - timedelta(seconds=20))
    for day in range(1, 6):
        shop.send(shop.order("anna", f"2017-01-0{day}T10:00:00Z"))
        shop.run()
    with shop.database.transaction(1) as session:
        passed = system_now() - system + timedelta(seconds=20)
        assert began < events.clock_at(session, system_now()) <= began + passed + timedelta(seconds=1)


def test_expiry_takes_each_lot_once_however_often_it_runs(shop: Shop):
    shop.agree("anna", *ALL)
    shop.send(shop.order("anna", "2017-01-01T10:00:00Z", "5"), shop.order("anna", "2017-06-01T10:00:00Z", "7"))
    shop.run()
    assert expire_all(shop.database, 1, instant("2018-01-01T10:00:00")) == 1
    assert expire_all(shop.database, 1, instant("2018-01-01T10:00:00")) == 0
    assert available(shop, "anna") == 7
    assert verify(shop.database, [1, 2])[0].ok


def test_the_two_ways_agree_at_any_past_instant(shop: Shop):
    shop.agree("anna", *ALL)
    shop.agree("bo", *ALL)
    for day in range(1, 29):
        shop.send(shop.order("anna", f"2017-02-{day:02}T10:00:00Z", "12.5", category="COFFEE"))
        if day % 9 == 0:
            shop.send(shop.order("bo", f"2017-02-{day:02}T11:00:00Z", category="BEEF"))
    shop.run()
    for at in ("2017-02-05", "2017-02-14T10:00:00", "2017-03-01"):
        with shop.database.transaction(1) as session:
            traits = traits_as_of(session, instant(at), instant("2017-03-01"))
            assert membership_as_of(session, traits, "postgres") == membership_as_of(session, traits, "duckdb")
            coffee = membership_as_of(session, traits)["coffee_regulars"]
            assert (shop.person("anna") in coffee) == (instant(at) > instant("2017-02-10T10:00:00"))


def test_figures_as_of_an_instant_stay_as_they_are(shop: Shop):
    shop.agree("anna", *ALL)
    shop.send(shop.order("anna", "2017-03-01T10:00:00Z"))
    shop.run()
    with shop.database.transaction(1) as session:
        before = figures(session, instant("2017-04-01"))
    shop.send(shop.order("anna", "2017-04-01T00:00:01Z"), shop.order("new", "2017-04-02T10:00:00Z"))
    shop.run()
    with shop.database.transaction(1) as session:
        assert before["people"] == 1
        assert figures(session, instant("2017-04-01")) == before
        assert figures(session, instant("2017-05-01"))["people"] == 2


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_a_withdrawal_waits_for_the_batch_at_hand(shop: Shop, consumer: str):
    """Else a batch that read the consents before would make a portrait after the withdrawal had looked for one."""
    shop.agree("anna", *ALL)
    with shop.database.transaction(1) as batch:
        events.lock_position(batch, consumer)
        withdrawing = threading.Thread(target=lambda: shop.agree("anna", *ALL, at=instant("2017-05-01"), given=False))
        withdrawing.start()
        withdrawing.join(0.5)
        assert withdrawing.is_alive()
    withdrawing.join(10)
    assert not withdrawing.is_alive()


def test_tenants_do_not_share_anything(database: Database, tmp_path: Path):
    shops = [open_shop(database, tmp_path / "keys", tenant) for tenant in (1, 2)]
    shops[0].agree("anna", *ALL)
    shops[0].send(shops[0].order("anna", "2017-03-01T10:00:00Z"))
    assert [shop.run() for shop in shops] == [1, 0]
    with database.transaction(2) as session:
        empty = figures(session, instant("2018-01-01"))
        assert (empty["people"], empty["orders"], empty["awards"], empty["points_owed"]) == (0, 0, 0, 0)
        with pytest.raises(UnknownPersonError):
            take_along(session, shops[1].secrets, "anna")
    with database.transaction(1) as session:
        assert take_along(session, shops[0].secrets, "anna")["points"][0]["available"] == 10


def test_a_customers_address_is_kept_as_text_or_as_parts(shop: Shop):
    shop.agree("anna", *ALL)
    traits = {"name": "Anna", "email": "Anna@example.com", "address": {"city": "Ürümqi", "street": "1 Way"}}
    shop.send({"type": "identify", "userId": "anna", "messageId": "i1", "timestamp": "2017-02-01", "traits": traits})
    shop.send({"type": "identify", "userId": "no", "messageId": "i2", "timestamp": "2017-02-01", "traits": traits})
    shop.run()
    with shop.database.transaction(1) as session:
        kept = take_along(session, shop.secrets, "anna")["contact"]
        assert kept["address"]["value"] == '{"city":"Ürümqi","street":"1 Way"}'
        assert take_along(session, shop.secrets, "no")["contact"] == {}


def test_segments_of_a_tenant_are_saved_once_and_changed_by_name(shop: Shop):
    changed = segments.Segment(name="lapsed", rule="recency_days > 50", title_en="Lapsed", title_zh="久未来")
    with shop.database.transaction(1) as session:
        assert segments.save(session, story.SEGMENTS) == 0
        assert segments.save(session, [changed]) == 1
        assert changed in segments.segments(session)
        assert datetime.fromisoformat(figures(session, story.AS_OF)["as_of"]) == story.AS_OF
