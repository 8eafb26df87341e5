"""Letters of a campaign: who gets one and who does not, what stands in it, and what becomes of it."""

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from campaign_house import AT, CAMPAIGN, END, OFFER, stock
from keyuan import campaigns, promotions
from keyuan.campaigns import Channel as Way
from keyuan.campaigns import Message, MessageState
from keyuan.engines.database import Database
from keyuan.engines.mail import Answer, ChannelUnreachableError, Outcome, SmtpChannel
from keyuan.engines.mail.smtp import Server as MailServer
from keyuan.engines.secrets import Secrets, open_secrets
from keyuan.experiments.reads import sizes
from keyuan.flows import deliver, unsubscribe
from keyuan.flows.campaign_launch import launch
from keyuan.flows.deliver import Deliverer, Links, wait_after
from keyuan.profiles.contact import contact, keep_contact
from mail.post_office import NOW, SENDER, Paper, body, post_office, read
from real_server import Server, cloned
from shop import Shop

SITE = "https://points.shop.example"


class House:
    """A shop whose campaign is launched, and a deliverer over paper."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.paper = Paper()

    def deliverer(self, channel: Any = None, **changed: Any) -> Deliverer:
        given = {"database": self.shop.database, "secrets": self.shop.secrets, "tenant": self.shop.tenant}
        return Deliverer(
            channel=channel or self.paper, links=Links(site=SITE, mailto="stop@shop.example"), **given | changed
        )

    def letters(self) -> list[Message]:
        """Return the messages by e-mail, oldest first."""
        statement = "SELECT m.id FROM campaigns.message AS m WHERE m.channel = 'email' ORDER BY m.id"
        with self.shop.database.transaction(1) as session:
            found = [campaigns.message(session, id_) for (id_,) in session.rows(statement)]
        return [each for each in found if each is not None]

    def states(self) -> dict[str, int]:
        with self.shop.database.transaction(1) as session:
            counts = campaigns.message_counts(session, CAMPAIGN.name)
        return {state.value: count for (way, state), count in counts.items() if way is Way.EMAIL}

    def address(self, message: Message) -> str:
        with self.shop.database.transaction(1) as session:
            return contact(session, self.shop.secrets, [message.person])[message.person]["email"].value

    def make_due(self) -> None:
        """Let whatever waits be due now."""
        with self.shop.database.transaction(1) as session:
            session.execute("UPDATE campaigns.message SET due_at = %(at)s WHERE state <> 'sent'", at=AT)

    def read(self) -> list[EmailMessage]:
        return [read(raw) for raw in self.paper.taken]


@pytest.fixture(scope="module")
def launched(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Secrets]]:
    """Give the name of a database in which the campaign was launched, for the tests to clone."""
    secrets = open_secrets(tmp_path_factory.mktemp("deliver") / "keys")
    with cloned(server) as name:
        with Database(server.app | {"dbname": name}, server.token_key) as database:
            stock(database, secrets, households=24)
            launch(database, secrets, 1, CAMPAIGN.name, AT)
        yield name, secrets


@pytest.fixture
def house(server: Server, launched: tuple[str, Secrets]) -> Iterator[House]:
    template, secrets = launched
    with cloned(server, template) as name, Database(server.app | {"dbname": name}, server.token_key) as database:
        yield House(Shop(database, secrets))


def test_everybody_who_is_treated_and_agreed_gets_one_letter_and_no_other(house: House):
    waiting = house.letters()
    assert len(waiting) > 5
    deliverer = house.deliverer()
    assert deliverer.step()
    assert not deliverer.step()
    assert house.states() == {"sent": len(waiting)}
    assert sorted(str(each["To"]) for each in house.read()) == sorted(map(house.address, waiting))
    with house.shop.database.transaction(1) as session:
        counted = sizes(session, CAMPAIGN.name)
    assert counted["treated"].exposed >= len(waiting)
    assert counted["hold_out"].exposed == 0


def test_a_letter_tells_the_offer_the_code_the_reason_and_the_way_out(house: House):
    house.deliverer().step()
    message = house.letters()[0]
    found = next(each for each in house.read() if each["To"] == house.address(message))
    with house.shop.database.transaction(1) as session:
        (coupon,) = promotions.coupons_of(session, house.shop.secrets, message.person)
    token = unsubscribe.token_of(house.shop.secrets, 1, message.id)
    assert found["Subject"] == CAMPAIGN.title_en
    assert found["Message-ID"] == f"<{message.id.hex}@shop.example>"
    assert found["List-Unsubscribe"].strip() == f"<{SITE}/u/{token}>, <mailto:stop@shop.example?subject={token}>"
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for kind in ("plain", "html"):
        said = body(found, kind)
        for words in ("$5", OFFER.title_en, coupon.code, "31 December 2017", "Came lately", f"{SITE}/en/u/{token}"):
            assert words in said, (kind, words)
    assert message.person.hex not in found.as_string()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_letter_loads_nothing_and_speaks_the_campaigns_language(house: House, language: str):
    with house.shop.database.transaction(1) as session:
        session.execute("UPDATE campaigns.campaign SET language = %(language)s", language=language)
    house.deliverer().step()
    found = house.read()[0]
    html = body(found, "html")
    assert not re.search(r"<img|<script|<link|url\(|src=|@import|<iframe", html)
    assert re.findall(r'https?://[^"]+', html) == re.findall(r"https?://\S+", body(found, "plain"))
    assert found["Content-Language"] == {"en": "en", "zh": "zh-CN"}[language]
    assert bool(re.search("[\u4e00-\u9fff]", body(found, "plain"))) is (language == "zh")


def test_whoever_withdrew_meanwhile_gets_no_letter(house: House):
    left, *others = house.letters()
    with house.shop.database.transaction(1) as session:
        token = unsubscribe.token_of(house.shop.secrets, 1, left.id)
        assert unsubscribe.unsubscribe(session, house.shop.secrets, token, "en")
    house.deliverer().step()
    assert house.states() == {"sent": len(others), "withheld": 1}
    assert house.address(left) not in {str(each["To"]) for each in house.read()}
    assert house.letters()[0].reason == "consent was withdrawn"


def test_a_consent_withdrawn_between_taking_and_trying_again_stops_the_letter(house: House):
    first, *_ = house.letters()
    house.paper.script[house.address(first)] = Outcome(Answer.LATER, "refused with 452 4.2.2")
    house.deliverer().step()
    with house.shop.database.transaction(1) as session:
        unsubscribe.unsubscribe(
            session, house.shop.secrets, unsubscribe.token_of(house.shop.secrets, 1, first.id), "zh"
        )
    house.make_due()
    house.paper.script.clear()
    house.deliverer().step()
    assert house.letters()[0].state is MessageState.WITHHELD


def test_without_an_address_or_with_a_made_up_one_nothing_goes_to_a_real_server(house: House):
    bare, made_up, *others = house.letters()
    with house.shop.database.transaction(1) as session:
        session.execute("DELETE FROM profiles.contact WHERE person = %(person)s", person=bare.person)
        keep_contact(session, house.shop.secrets, {made_up.person: {"email": "made@example.com"}}, made_up=True)
    house.deliverer().step()
    assert [each.reason for each in house.letters()[:2]] == [
        "there is no e-mail address",
        "the e-mail address is made up",
    ]
    assert house.states() == {"sent": len(others), "withheld": 2}


def test_a_made_up_address_goes_to_a_sink(house: House):
    made_up = house.letters()[0]
    with house.shop.database.transaction(1) as session:
        keep_contact(session, house.shop.secrets, {made_up.person: {"email": "made@example.com"}}, made_up=True)
    house.paper.delivers = False
    house.deliverer().step()
    assert "made@example.com" in {str(each["To"]) for each in house.read()}


def test_what_a_server_refuses_for_good_has_failed_and_what_it_puts_off_waits_longer_each_time(house: House):
    never, later, *others = house.letters()
    house.paper.script[house.address(never)] = Outcome(Answer.NEVER, "refused with 550 5.1.1")
    house.paper.script[house.address(later)] = Outcome(Answer.LATER, "refused with 452 4.2.2")
    house.deliverer().step()
    assert house.states() == {"sent": len(others), "failed": 1, "queued": 1}
    first, second, *_ = house.letters()
    assert (first.reason, second.reason) == ("refused with 550 5.1.1", "refused with 452 4.2.2")
    assert timedelta(seconds=50) < second.due_at - datetime.now(UTC) <= timedelta(minutes=1)
    assert not house.deliverer().step()
    for _ in range(deliver.ATTEMPTS_MAX - 1):
        house.make_due()
        house.deliverer().step()
    assert house.letters()[1].state is MessageState.FAILED
    assert len(house.paper.taken) == len(others)


def test_waits_double_up_to_six_hours():
    waits = [wait_after(attempts) / timedelta(minutes=1) for attempts in range(1, deliver.ATTEMPTS_MAX)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, *[360] * 6]


def test_what_was_not_tried_is_as_if_nobody_had_taken_it(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(deliver, "BATCH_S", 0.0)
    before = house.letters()
    house.deliverer().step()
    after = house.letters()
    assert {each.state for each in after} == {MessageState.QUEUED}
    assert [each.attempts for each in after] == [each.attempts for each in before] == [0] * len(before)


def test_a_letter_whose_sender_died_goes_again_under_the_same_number(house: House):
    class DiedError(Exception):
        """Stands for a kill."""

    class Dying(Paper):
        def send(self, letters: Any, within_s: float) -> list[Outcome]:
            super().send(letters, within_s)
            raise DiedError

    dying = Dying()
    with pytest.raises(DiedError):
        house.deliverer(dying, lease=timedelta(0)).step()
    assert {*house.states()} == {"sending"}
    house.deliverer().step()
    assert house.states() == {"sent": len(dying.taken)}
    assert [each["Message-ID"] for each in map(read, dying.taken)] == [each["Message-ID"] for each in house.read()]


def test_a_batch_belongs_to_one_sender_until_its_lease_is_over(house: House):
    class Meanwhile(Paper):
        def send(self, letters: Any, within_s: float) -> list[Outcome]:
            assert not house.deliverer().step()
            return super().send(letters, within_s)

    house.deliverer(Meanwhile()).step()
    assert not house.paper.taken


def test_a_server_that_is_not_there_takes_no_message(house: House):
    nobody = SmtpChannel(MailServer(host="127.0.0.1", port=9), SENDER, lambda: NOW)
    with pytest.raises(ChannelUnreachableError):
        house.deliverer(nobody).step()
    nobody.close()
    assert {*house.states()} == {"queued"}


def test_after_a_campaign_has_ended_its_letters_stay_here(house: House):
    waiting = house.letters()
    with house.shop.database.transaction(1) as session:
        session.execute("UPDATE campaigns.campaign SET state = 'ended'")
    house.deliverer().step()
    assert house.states() == {"withheld": len(waiting)}


def test_an_offer_that_is_over_is_not_sent_by_a_campaign_that_is_meant(house: House):
    waiting = house.letters()
    with house.shop.database.transaction(1) as session:
        session.execute("UPDATE campaigns.campaign SET nobody_treated = false")
        session.execute("UPDATE promotions.offer SET valid_until = %(at)s", at=END)
    house.deliverer().step()
    assert house.states() == {"withheld": len(waiting)}


def test_over_real_smtp_no_line_and_no_reason_holds_an_address(house: House, caplog: pytest.LogCaptureFixture):
    first, second, *others = house.letters()
    with house.shop.database.transaction(1) as session:
        keep_contact(session, house.shop.secrets, {first.person: {"email": "nobody@h.example"}}, made_up=False)
        keep_contact(session, house.shop.secrets, {second.person: {"email": "full@h.example"}}, made_up=False)
    with post_office() as office, caplog.at_level(logging.DEBUG):
        logging.getLogger("mail").setLevel(logging.CRITICAL)  # the server's own, which writes what it likes
        channel = SmtpChannel(MailServer(host="127.0.0.1", port=office.port), SENDER, lambda: NOW)
        house.deliverer(channel).step()
        channel.close()
    assert house.states() == {"sent": len(others), "failed": 1, "queued": 1}
    assert len(office.taken) == len(others)
    assert office.connections == 1
    assert "@" not in caplog.text
    assert not [each.reason for each in house.letters() if each.reason and "@" in each.reason]


def test_tenants_letters_are_apart(house: House):
    waiting = len(house.letters())
    assert not house.deliverer(tenant=2).step()
    assert house.states() == {"queued": waiting}
