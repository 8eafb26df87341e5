"""The console in a real browser: every page at two widths, without script errors, and usable by keyboard and phone."""

from collections.abc import Generator, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from real_server import Server
from web.browsing import CHROMIUM, needs_browser
from web.console_house import ConsoleHouse, console_house

pytestmark = needs_browser
QUIET = ("background-networking", "component-update", "sync")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", *(f"--disable-{name}" for name in QUIET)]
WIDE, PHONE = (1440, 900), (390, 844)


@pytest.fixture(scope="module")
def house(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleHouse]:
    with console_house(server, tmp_path_factory.mktemp("console") / "keys") as house:
        yield house


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def faults() -> list[str]:
    """Return what went wrong in scripts or against the policy; the page adds to it."""
    return []


@pytest.fixture
def page(
    browser: Browser, house: ConsoleHouse, faults: list[str], request: pytest.FixtureRequest
) -> Generator[Page, None, None]:
    """Return a page of somebody who is signed in, as wide as the test says."""
    width, height = getattr(request, "param", WIDE)
    context = browser.new_context(viewport={"width": width, "height": height})
    context.add_cookies([{"name": "keyuan_staff", "value": house.session(), "url": house.address}])
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    yield page
    context.close()
    assert not faults


def test_a_rule_is_tried_while_it_is_written(page: Page, house: ConsoleHouse):
    page.goto(f"{house.address}/en/console/segments/families")
    rule = page.get_by_label("Rule", exact=True)
    rule.fill("orders >= 2\nAND 'COFFEE' IN top_categories")
    expect(page.locator("#tried")).to_contain_text("placed at least 2 orders in all")
    expect(page.locator(".hero")).to_have_text("1")
    expect(page.locator("#unsaved")).to_be_visible()
    expect(page.locator("#gutter li")).to_have_count(2)
    assert "rule=orders" in page.url
    rule.fill("order >= 2")
    expect(page.locator("#verdict")).to_contain_text("Did you mean orders")
    expect(page.locator("#save")).to_be_disabled()
    expect(page.locator("#tried-right")).to_have_class("stack fill stale")
    page.reload()
    expect(rule).to_have_value("order >= 2")
    expect(page.locator("#verdict")).to_contain_text("Did you mean orders")


def test_the_figures_of_the_first_page_follow_what_happens(page: Page, house: ConsoleHouse):
    page.goto(f"{house.address}/en/console")
    expect(page.locator("#figures")).to_contain_text("600")
    house.shop.send(house.shop.order("ada", "2017-01-25T10:00:00Z", "7.00"))
    house.shop.run()
    expect(page.locator("#figures")).to_contain_text("607")


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_on_a_phone_the_menu_opens_and_leads_on(page: Page, house: ConsoleHouse):
    page.goto(f"{house.address}/zh/console")
    expect(page.get_by_role("link", name="账本与证明")).to_be_hidden()
    page.get_by_role("button", name="菜单").click()
    page.get_by_role("link", name="账本与证明").click()
    expect(page.locator("h1")).to_have_text("账本与证明")


def test_the_content_is_one_key_away_and_the_theme_one_click(page: Page, house: ConsoleHouse):
    page.goto(f"{house.address}/en/console")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light


def test_a_newcomer_signs_in_chooses_a_password_and_signs_out(browser: Browser, house: ConsoleHouse):
    name, given = house.newcomer()
    page = browser.new_page()
    page.goto(f"{house.address}/en/console/ledger")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(given)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Present password").fill(given)
    page.get_by_label("New password", exact=True).fill("correct battery staple")
    page.get_by_label("New password, again").fill("correct battery staple")
    page.get_by_role("button", name="Save and continue").click()
    expect(page.locator("h1")).to_have_text("Overview")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.close()
