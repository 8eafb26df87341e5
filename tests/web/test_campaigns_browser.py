"""A campaign in a real browser, from a segment to the verdict: written down, checked, launched, paid for, measured."""

import re
from collections.abc import Generator, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from real_server import Server
from web.browsing import is_too_wide, launched, needs_browser, watched
from web.campaigns_house import FORM, CampaignsHouse, campaigns_house

pytestmark = needs_browser
PHONE = (390, 844)


@pytest.fixture(scope="module")
def house(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CampaignsHouse]:
    with campaigns_house(server, tmp_path_factory.mktemp("campaigns")) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


@pytest.fixture
def context(
    browser: Browser, house: CampaignsHouse, request: pytest.FixtureRequest
) -> Generator[BrowserContext, None, None]:
    """Return a browser of somebody who is signed in; the test may say how wide, and whether it has scripts."""
    width, height, scripts = getattr(request, "param", (1440, 900, True))
    made = browser.new_context(viewport={"width": width, "height": height}, java_script_enabled=scripts)
    made.add_cookies([{"name": "keyuan_staff", "value": house.session(), "url": house.address}])
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Generator[Page, None, None]:
    faults: list[str] = []
    yield watched(context, faults)
    assert not [fault for fault in faults if "status of 400" not in fault]  # a form that is not right is answered so


def fill(page: Page, **changed: str) -> None:
    """Fill in the form, but for the segment and the days, which are there already."""
    form = FORM | changed
    for name in ("title_zh", "title_en", "offer_zh", "offer_en", "face", "budget", "holdout"):
        page.locator(f"#{name}").fill(form[name])
    page.locator("#segment").select_option("lately")


def test_a_campaign_goes_from_a_segment_to_its_verdict(page: Page, house: CampaignsHouse):
    page.goto(f"{house.address}/en/console/segments/lately")
    page.get_by_role("link", name="Campaign for this segment").click()
    expect(page.locator("#segment")).to_have_value("lately")
    fill(page)
    page.get_by_role("button", name="Save and check").click()

    expect(page.locator("h1")).to_contain_text("Winter thanks")
    expect(page.locator(".checks li")).to_have_count(9)
    expect(page.locator(".checks")).not_to_contain_text("Stops the launch")
    page.get_by_role("link", name="Launch", exact=True).click()
    people = int(re.search(r"to (\d+) people", page.locator("#ask-title").inner_text())[1])
    expect(page.get_by_role("link", name="Not yet")).to_be_focused()
    page.get_by_role("button", name=f"Launch to {people} people").click()

    expect(page.locator(".message.good")).to_contain_text("are treated")
    expect(page.locator(".sentence")).to_have_text("Too early to say")
    page.get_by_role("link", name="Delivery and budget").click()
    treated = int(page.locator(".strip dd.figure").nth(1).inner_text())
    expect(page.locator("#budget")).to_contain_text(f"${treated * 2}.00")
    page.goto(f"{house.address}/en/console/ledger")
    expect(page.locator("#budgets")).to_contain_text(f"${treated * 2}.00")

    house.let_the_window_pass()
    body = house.measure("winter_thanks")
    page.goto(f"{house.address}/zh/console/campaigns/winter_thanks")
    assert body["verdict_kind"] not in ("too_early", "no_verdict")
    expect(page.locator(".sentence")).to_have_text(body["verdict_zh"].split("。")[0] + "。")
    expect(page.locator(".plots circle.ring")).to_have_count(3)
    expect(page.locator(".plots circle.ring.main")).to_have_count(1)
    difference = body["metrics"]["orders"]["difference"]
    expect(page.locator(".main-row td").last).to_have_text(re.compile(rf"{abs(difference):.2f}$"))
    page.goto(f"{house.address}/zh/console")
    expect(page.get_by_text("「冬日回馈」观察期已满")).to_be_visible()


def test_fields_are_judged_while_they_are_filled_in(page: Page, house: CampaignsHouse):
    page.goto(f"{house.address}/zh/console/campaigns/new?segment=lately")
    holdout = page.locator("#holdout")
    holdout.fill("60")
    expect(page.locator("#holdout-fault")).to_have_text("5 到 50 之间的整数。")
    expect(holdout).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#face-fault")).to_be_empty()
    holdout.fill("50")
    expect(page.locator("#holdout-fault")).to_be_empty()
    expect(holdout).not_to_have_attribute("aria-invalid", "true")
    expect(holdout).to_be_focused()
    page.locator("#face").fill("2.00")
    page.locator("#budget").fill("10")
    expect(page.locator("#tried")).to_contain_text("这样无法启动")
    assert "csrf" not in page.url


def test_the_dialog_is_left_with_escape_and_nothing_has_happened(page: Page, house: CampaignsHouse):
    page.goto(f"{house.address}/en/console/campaigns/new?segment=lately")
    fill(page, title_en="Not after all")
    page.get_by_role("button", name="Save and check").click()
    page.get_by_role("link", name="Launch", exact=True).click()
    expect(page.locator("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator("h1")).to_contain_text("Draft")


@pytest.mark.parametrize("context", [(*PHONE, False)], indirect=True)
def test_without_scripts_and_on_a_phone_it_is_written_checked_and_launched(page: Page, house: CampaignsHouse):
    page.goto(f"{house.address}/zh/console/campaigns")
    page.get_by_role("link", name="新建活动").first.click()
    page.get_by_role("button", name="保存并检查").click()
    expect(page.locator("#title_zh-fault")).to_have_text("写个名称，客户会看到。")
    fill(page, title_en="Without scripts")
    page.get_by_role("button", name="保存并检查").click()
    page.get_by_role("link", name="启动", exact=True).click()
    page.locator("dialog button").click()
    expect(page.locator(".message.good")).to_contain_text("已启动")


@pytest.mark.parametrize("context", [(320, 640, True)], indirect=True)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_report_fits_a_narrow_phone(page: Page, house: CampaignsHouse, language: str):
    for path in ("", "/new", "/milk_double", "/milk_double/delivery", "/milk_double/design"):
        page.goto(f"{house.address}/{language}/console/campaigns{path}")
        expect(page.locator("h1")).to_be_visible()
        assert not is_too_wide(page), path
