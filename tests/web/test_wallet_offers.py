"""The wallet's offers: what is in an inbox, the coupon and why it is there, in HTTP and in a real browser."""

import re
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from campaign_house import AT, CAMPAIGN, name_of, stock
from keyuan import campaigns, consent, events, promotions
from keyuan.app.demo import story
from keyuan.campaigns import Channel as Way
from keyuan.consent import Purpose
from keyuan.engines.database import Database
from keyuan.engines.mail import SmtpChannel
from keyuan.engines.mail.sink import letters_in
from keyuan.engines.mail.smtp import Server as MailServer
from keyuan.engines.secrets import open_secrets
from keyuan.experiments.reads import arms
from keyuan.flows import unsubscribe
from keyuan.flows.campaign_launch import launch
from keyuan.flows.campaign_redeem import redeem_coupon
from keyuan.flows.deliver import Deliverer, Links
from keyuan.flows.wallet_links import wallet_link
from keyuan.kernel.clock import system_now
from keyuan.web import make_app
from mail.post_office import SENDER, body, read
from mail.test_channel_suite import sink_in
from real_server import Server, cloned
from shop import Shop
from web.browsing import CHROMIUM, needs_browser
from web.serving import serving

HOUSEHOLDS = 24
BRAND = f"<span>{story.PROGRAMME.name}</span>"
"""Over every page of hers stands whose points they are."""


class House(NamedTuple):
    """A served shop with a launched campaign."""

    shop: Shop
    address: str
    folder: Path

    def treated(self, *, by: Way = Way.INBOX) -> list[str]:
        """Return the names of households that have a message."""
        statement = "SELECT m.person FROM campaigns.message AS m WHERE m.channel = %(way)s AND m.state <> 'withheld'"
        with self.shop.database.transaction(1) as session:
            people = {person for (person,) in session.rows(statement, way=by.value)}
        names = (name_of(household) for household in range(1, HOUSEHOLDS + 1))
        return [name for name in names if self.shop.person(name) in people]

    def held_out(self) -> str:
        with self.shop.database.transaction(1) as session:
            out = {person for person, arm in arms(session, CAMPAIGN.name).items() if arm == "hold_out"}
        names = (name_of(household) for household in range(1, HOUSEHOLDS + 1))
        return next(name for name in names if self.shop.person(name) in out)

    def code(self, name: str) -> str:
        with self.shop.database.transaction(1) as session:
            (coupon,) = promotions.coupons_of(session, self.shop.secrets, self.shop.person(name))
        return coupon.code

    def message(self, name: str) -> UUID:
        with self.shop.database.transaction(1) as session:
            (message,) = campaigns.inbox_of(session, self.shop.person(name))
        return message.id

    def link(self, name: str) -> str:
        with self.shop.database.transaction(1) as session:
            return wallet_link(session, self.shop.secrets, name, self.address)

    @contextmanager
    def visit(self, name: str) -> Generator[httpx.Client]:
        with httpx.Client(base_url=self.address, timeout=60, follow_redirects=True) as client:
            assert client.get(self.link(name), headers={"Accept-Language": "en"}).status_code == 200
            yield client

    def post(self) -> list[Path]:
        """Send the letters to a sink and return their files."""
        with sink_in(self.folder / "mail") as port:
            channel = SmtpChannel(MailServer(host="127.0.0.1", port=port), SENDER, system_now, delivers=False)
            Deliverer(self.shop.database, self.shop.secrets, 1, channel, Links(site=self.address)).step()
            channel.close()
        return letters_in(self.folder / "mail")

    def clock(self) -> None:
        """Set the clock back to the time in which the coupon is good."""
        with self.shop.database.transaction(1) as session:
            session.execute("UPDATE events.clock SET at = %(at)s", at=AT.replace(month=11))
            assert events.clock_at(session, system_now()).month == 11


@pytest.fixture(scope="module")
def house(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("offers")
    with cloned(server) as name, Database(server.app | {"dbname": name}, server.token_key, size=8) as database:
        shop = stock(database, open_secrets(folder / "keys"), households=HOUSEHOLDS)
        launch(database, shop.secrets, 1, CAMPAIGN.name, AT)
        with serving(make_app(database, shop.secrets)) as address:
            made = House(shop, address, folder)
            made.clock()
            yield made


def test_a_message_is_new_until_it_is_opened(house: House):
    name = house.treated()[0]
    with house.visit(name) as client:
        home = client.get("/en/w/").text
        inbox = client.get("/en/w/offers").text
        assert BRAND in home
        assert BRAND in inbox
        assert "1 not read" in home
        assert "w-dot" in home
        assert re.search(r"Double points and a coupon</b> <span[^>]*>New<", inbox)
        note = client.get(f"/en/w/offers/{house.message(name)}").text
        assert BRAND in note
        assert "not read" not in note
        assert "not read" not in client.get("/en/w/activity").text
        assert ">New<" not in client.get("/en/w/offers").text


def test_a_message_shows_the_code_its_worth_its_end_and_why(house: House):
    name = house.treated()[1]
    with house.visit(name) as client:
        english = client.get(f"/en/w/offers/{house.message(name)}").text
        chinese = client.get(f"/zh/w/offers/{house.message(name)}").text
    for page in (english, chinese):
        assert house.code(name) in page
        assert "$5.00" in page
    assert "Good until 31 Dec 2017" in english
    assert "Why me: by your purchases you belong to the group Came lately." in english
    assert "有效期到 2017 年 12 月 31 日为止" in chinese
    assert "为什么给我：从消费记录看，你属于「最近来过」" in chinese


def test_a_coupon_that_was_handed_in_says_so(house: House):
    name = house.treated()[2]
    with house.visit(name) as client:
        place = f"/en/w/offers/{house.message(name)}"
        assert "Not used yet" in client.get(place).text
        redeem_coupon_of(house, name)
        assert "Used on " in client.get(place).text
        assert "used" in client.get("/en/w/offers").text


def test_she_takes_her_messages_and_coupons_along(house: House):
    name = house.treated()[4]
    with house.visit(name) as client:
        taken = client.get("/en/w/data.json").json()
    assert [each["code"] for each in taken["coupons"]] == [house.code(name)]
    assert {each["campaign"] for each in taken["messages"]} == {CAMPAIGN.name}
    assert "inbox" in {each["channel"] for each in taken["messages"]}


def redeem_coupon_of(house: House, name: str) -> None:
    with house.shop.database.transaction(1) as session:
        redeem_coupon(session, house.shop.secrets, house.code(name), f"order of {name}", AT.replace(month=11))


def test_nobody_reads_somebody_elses_message(house: House):
    hers, other = house.treated()[3:5]
    with house.visit(other) as client:
        answer = client.get(f"/en/w/offers/{house.message(hers)}")
        assert answer.status_code == 404
        assert house.code(hers) not in answer.text
    with house.visit(hers) as client:
        assert "1 not read" in client.get("/en/w/").text


def test_whoever_is_held_out_finds_nothing(house: House):
    with house.visit(house.held_out()) as client:
        assert "Nothing here yet" in client.get("/en/w/offers").text
        assert "w-dot" not in client.get("/en/w/").text


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@needs_browser
def test_the_link_of_a_letter_ends_them_with_one_button_and_a_second_press_is_harmless(house: House, browser: Browser):
    with ThreadPoolExecutor(1) as elsewhere:  # this thread has the browser's event loop
        first, *_ = elsewhere.submit(house.post).result()
    found = read(first.read_bytes())
    (link,) = re.findall(r"https?://\S+", body(found, "plain"))
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    page, other = context.new_page(), context.new_page()
    page.goto(link)
    other.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("Get no more letters?")
    page.get_by_role("link", name="中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("不再收邮件？")
    for each, button, done in ((page, "退订", "已经退订"), (other, "Unsubscribe", "You get no more letters")):
        each.get_by_role("button", name=button).click()
        expect(each.get_by_role("heading", level=1)).to_have_text(done)
        each.reload()
        expect(each.get_by_role("heading", level=1)).to_have_text(done)
    assert not context.cookies()
    context.close()
    token = link.rsplit("/", 1)[1]
    assert decisions(house, token) == [True, False]


def decisions(house: House, token: str) -> list[bool]:
    with house.shop.database.transaction(1) as session:
        reader = unsubscribe.reader_of(session, house.shop.secrets, token)
        assert not reader.gets_letters
        found = consent.decisions_of(session, [reader.person], [Purpose.MARKETING_EMAIL])
    return [given for _, given in found[reader.person, Purpose.MARKETING_EMAIL]]


@needs_browser
def test_she_finds_her_coupon_from_the_tab_with_a_mark(house: House, browser: Browser):
    name = house.treated()[5]
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN")
    page = context.new_page()
    page.goto(house.link(name))
    page.get_by_role("link", name=re.compile("优惠.*1 条未读")).click()
    page.get_by_role("link", name=re.compile("双倍积分加优惠券")).click()
    expect(page.get_by_text(house.code(name))).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^优惠$")).last).to_have_attribute("aria-current", "page")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
