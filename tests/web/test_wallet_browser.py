"""The wallet in a real browser: it verifies by itself, refuses what was tampered with, and obeys its policy."""

import json
import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect, sync_playwright

from keyuan.engines.database import Database
from keyuan.web.wallet.guard import COOKIE
from real_server import Server, cloned
from web.browsing import CHROMIUM, needs_browser
from web.wallet_house import WalletHouse, order, wallet_house

pytestmark = needs_browser
MAPPED = "--host-resolver-rules=MAP shop.test 127.0.0.1"
SETTLED = ".w-stamp:not([data-state=idle])"
SCRIPT_MAX, PAGE_MAX = 20_000, 60_000
Tamper = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def house(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WalletHouse]:
    folder: Path = tmp_path_factory.mktemp("wallet")
    with (
        cloned(server) as name,
        Database(server.app | {"dbname": name}, server.token_key, size=8) as database,
        wallet_house(database, folder) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", MAPPED])
        yield found
        found.close()


@pytest.fixture
def context(browser: Browser) -> Generator[BrowserContext]:
    made = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    yield made
    made.close()


@pytest.fixture(scope="module")
def annas(browser: Browser, house: WalletHouse) -> Generator[Page]:
    """Return a page on which anna's wallet is open, for tests that only look."""
    made = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    yield opened(made, house, "anna")
    made.close()


def opened(context: BrowserContext, house: WalletHouse, name: str) -> Page:
    """Return a page with somebody's wallet, which fails on any error of a script or against the policy."""
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Security Policy" in said.text else None)
    page.goto(house.link(name))
    page.on("close", lambda _: None if not faults else pytest.fail(str(faults)))
    return page


def checked(page: Page, house: WalletHouse, language: str = "en") -> str:
    """Open the check and return the state of the stamp once there is one."""
    page.goto(f"{house.address}/{language}/w/check")
    page.wait_for_selector(SETTLED)
    return page.locator(".w-stamp").get_attribute("data-state") or ""


def tampering(page: Page, tamper: Tamper) -> None:
    """Let the server's answer be another one."""

    def answer(route: Route) -> None:
        response = route.fetch()
        file = json.loads(response.text())
        tamper(file)
        route.fulfill(response=response, body=json.dumps(file))

    page.route("**/w/bundle.json*", answer)


def test_one_tap_from_the_balance_the_browser_verifies_every_point(context: BrowserContext, house: WalletHouse):
    page = opened(context, house, "anna")
    page.get_by_text("You can check every point yourself").click()
    page.wait_for_selector(SETTLED)
    expect(page.get_by_role("heading", level=1)).to_have_text("Every point accounted for")
    assert page.locator(".w-stamp").get_attribute("data-state") == "good"
    said = page.locator("#found").inner_text()
    assert "All 12 movements are here" in said
    assert f"The sums are right: {house.available('anna'):,} points" in said
    assert re.search(r"Complete to epoch (\d+) of \1", said)
    assert "Your browser now remembers this" in said
    assert "Not checked this time" in said
    assert "kept by the operator" in page.locator("#keeper").inner_text()
    page.reload()
    page.wait_for_selector(SETTLED)
    assert "It goes on from what your browser saw last time" in page.locator("#found").inner_text()


TAMPERED: dict[str, tuple[Tamper, str, str]] = {
    "an amount": (
        lambda file: file["leaves"][4].update(base_minor=file["leaves"][4]["base_minor"] + 100_000),
        "第 5 笔对不上",
        "和公布的规则算出来的不一样",
    ),
    "a balance": (lambda file: file["leaves"][2].update(available=9_999), "第 3 笔对不上", "加减和前一笔接不上"),
    "a missing movement": (lambda file: file["leaves"].pop(6), "第 7 笔对不上", "前面缺了记录"),
    "the last one left out": (lambda file: file["leaves"].pop(), "你的余额没有算进总账，或者最后几笔被漏掉了", ""),
    "an instant": (lambda file: file["leaves"][1].update(salt="00" * 32), "第 2 笔对不上", "被改过"),
    "a header": (lambda file: file["headers"][0].update(closed_at_us=1_700_000_000_000_000), "第 1 个账期", ""),
    "the terms": (lambda file: file["terms"][0].update(daily_cap=7), "积分规则和公布的不一样", ""),
    "another chain": (lambda file: file["domain"].update(chain_id=1), "另一条链", ""),
    "a field more": (lambda file: file.update(note="x"), "凭据的写法不对", ""),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_tampered_answer_is_refused_and_says_where(annas: Page, house: WalletHouse, what: str):
    tamper, where, why = TAMPERED[what]
    page = annas
    tampering(page, tamper)
    assert checked(page, house, "zh") == "bad"
    said = page.locator("#found").inner_text()
    assert where in said
    assert why in said
    assert "所以余额无法确认" in said
    assert page.locator(".w-stamp span").is_hidden()
    with page.expect_download() as saved:
        page.locator("#save").click()
    kept, given = json.loads(saved.value.path().read_bytes()), {}
    given.update(httpx.get(f"{house.address}/zh/w/bundle.json", cookies=cookies(page.context)).json())
    assert kept != given
    tamper(given)
    assert kept == given
    page.unroute_all()


def cookies(context: BrowserContext) -> dict[str, str]:
    return {each.get("name", ""): each.get("value", "") for each in context.cookies()}


def test_a_history_rewritten_since_the_last_check_is_noticed(context: BrowserContext, house: WalletHouse):
    page = opened(context, house, "bert")
    assert checked(page, house) == "good"
    page.evaluate(
        "for (const key of Object.keys(localStorage)) localStorage[key] = `1 ${'00'.repeat(32)} 1700000000000000`"
    )
    assert checked(page, house) == "bad"
    assert "What was published before has been rewritten" in page.locator("#found").inner_text()


def test_a_first_page_that_shows_more_than_the_proof_is_refused(context: BrowserContext, house: WalletHouse):
    page = opened(context, house, "bert")
    page.route("**/w/check", lambda route: route.fulfill(
        response=(found := route.fetch()), body=re.sub(r'data-shown="\d+"', 'data-shown="99999"', found.text())
    ))  # fmt: skip
    assert checked(page, house) == "bad"
    assert "The first page shows 99,999 points" in page.locator("#found").inner_text()


def test_she_asks_another_node_and_a_deaf_one_says_nothing_of_her_points(context: BrowserContext, house: WalletHouse):
    page = opened(context, house, "dora")
    assert checked(page, house) == "good"
    other = house.address.replace("127.0.0.1", "localhost") + "/rpc"
    page.fill("#rpc", other)
    with page.expect_request(other):
        page.get_by_text("Use it").click()
    page.wait_for_selector(".w-stamp[data-state=good]")
    page.fill("#rpc", "http://127.0.0.1:9/")
    page.get_by_text("Use it").click()
    page.wait_for_selector(".w-stamp[data-state=none]")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing was checked")
    assert "does not answer" in page.locator("#found").inner_text()


def test_without_a_node_to_ask_she_is_asked_for_one(context: BrowserContext, house: WalletHouse):
    """As where the chain stands behind a node of the operator's, whose address is a secret."""
    page = opened(context, house, "dora")
    page.route("**/w/check", lambda route: route.fulfill(
        response=(found := route.fetch()), body=found.text().replace('value="/rpc"', 'value=""')
    ))  # fmt: skip
    assert checked(page, house) == "none"
    assert "Name a node of the chain" in page.locator("#found").inner_text()
    page.fill("#rpc", house.address + "/rpc")
    page.keyboard.press("Enter")
    page.wait_for_selector(".w-stamp[data-state=good]")


def test_without_a_secure_context_the_page_says_why_and_offers_both_files(context: BrowserContext, house: WalletHouse):
    """A plain address that is not this machine's own: WebCrypto is not there."""
    page = context.new_page()
    elsewhere = house.address.replace("127.0.0.1", "shop.test")
    page.goto(house.link("anna").replace(house.address, elsewhere))
    page.goto(f"{elsewhere}/en/w/check")
    page.wait_for_selector(".w-stamp[data-state=none]")
    assert "can only check over https" in page.locator("#found").inner_text()
    for place in ("#save", "#verifier"):
        with page.expect_download() as saved:
            page.locator(place).click()
        assert saved.value.path().stat().st_size > 1_000


def test_without_scripts_all_but_the_check_works(browser: Browser, house: WalletHouse):
    context = browser.new_context(java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    page.goto(house.link("chen"))
    expect(page.locator(".w-balance")).to_have_text(f"{house.available('chen'):,}")
    page.goto(f"{house.address}/zh/w/check")
    expect(page.get_by_role("heading", level=1)).to_have_text("还没有核对")
    assert "需要开启 JavaScript" in page.locator("noscript").inner_text()
    assert page.locator(".w-stamp span").is_hidden()
    page.get_by_text("首页").or_(page.get_by_text("核对我的积分")).first.click()
    page.get_by_text("我的", exact=True).click()
    page.get_by_role("switch", name="个性化").click()
    assert "「个性化」已关闭" in page.locator(".w-toast").inner_text()
    context.close()


def test_withdrawing_is_one_tap_and_new_purchases_earn_nothing(context: BrowserContext, house: WalletHouse):
    page = opened(context, house, "chen")
    page.goto(f"{house.address}/en/w/me")
    switch = page.get_by_role("switch", name="Points programme")
    box = switch.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (52, 32)
    expect(switch).to_be_checked()
    switch.click()
    expect(page.get_by_role("switch", name="Points programme")).not_to_be_checked()
    before = house.available("chen")
    house.shop.send(order(house.shop, "chen", "2017-05-02T10:00:00Z", "80.00", 1))
    house.shop.run()
    assert house.available("chen") == before
    page.get_by_text("Undo").click()
    expect(page.get_by_role("switch", name="Points programme")).to_be_checked()


@pytest.mark.parametrize("place", ["", "activity", "me", "check"])
def test_a_first_visit_weighs_little(context: BrowserContext, house: WalletHouse, place: str):
    """As it comes over the line; the script with the whole verifier is a third of what a page may weigh."""
    context.add_cookies([{"name": COOKIE, "value": house.link("anna").rsplit("/", 1)[1], "url": house.address}])
    page, asked = context.new_page(), list[Request]()
    page.on("requestfinished", lambda request: asked.append(request))  # noqa: PLW0108  # a builtin is not taken
    page.goto(f"{house.address}/zh/w/{place}", wait_until="networkidle")
    if place == "check":
        page.wait_for_selector(SETTLED)
    weights = {each.url: each.sizes()["responseBodySize"] for each in asked}
    scripts = sum(size for url, size in weights.items() if ".js?" in url or url.endswith(".js"))
    assert scripts in (range(5_000, SCRIPT_MAX) if place == "check" else range(1)), weights
    ours = sum(size for url, size in weights.items() if "/rpc" not in url and "bundle.json" not in url)
    assert ours in range(5_000, PAGE_MAX), weights
