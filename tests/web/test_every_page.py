"""Every page in a real browser: both languages, light and dark, wide and on a phone, by the rules of accessibility."""

import re
from collections.abc import Generator, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from starlette.routing import Route

from keyuan.web.pages.i18n import catalogue
from keyuan.web.wallet.guard import COOKIE as WALLET_COOKIE
from real_server import Server
from web.browsing import broken_rules, is_too_wide, launched, needs_browser, watched, words_of
from web.every_house import EveryHouse, every_house
from web.pages_seen import NO_PAGES, PAGES, Seen, Who

WIDE, PHONE, NARROW = (1440, 900), (390, 844), (320, 640)
LOOKS = {"zh": (("light", WIDE), ("dark", PHONE)), "en": (("dark", WIDE), ("light", PHONE))}
"""A page is looked at in each theme at each size, half of it in each language."""
HAN = re.compile(r"[\u3400-\u9fff\u3000-\u303f\uff00-\uffef]")
ENGLISH = re.compile(r"[A-Za-z]{2,}(?:[ ,]+[A-Za-z']{2,}){2,}")
"""Three words in a row: names, units and codes are shorter."""
OF_DATA = re.compile("fluid milk products", re.IGNORECASE)
"""A category of goods, as the till calls it."""


@pytest.fixture(scope="module")
def house(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EveryHouse]:
    with every_house(server, tmp_path_factory.mktemp("every")) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


@pytest.fixture(scope="module")
def contexts(browser: Browser, house: EveryHouse) -> Generator[dict[Who, BrowserContext]]:
    """Return a browser for each who looks, let in as she is."""
    made: dict[Who, BrowserContext] = {
        who: browser.new_context() for who in ("staff", "newcomer", "customer", "anybody")
    }
    for who, is_new in (("staff", False), ("newcomer", True)):
        cookie = {"name": "keyuan_staff", "value": house.session(is_new=is_new), "url": house.address}
        made[who].add_cookies([cookie])
    page = made["customer"].new_page()
    page.goto(house.wallet)
    assert any(cookie.get("name") == WALLET_COOKIE for cookie in made["customer"].cookies())
    page.close()
    yield made
    for context in made.values():
        context.close()


Looking = tuple[Page, list[str]]


@pytest.fixture(scope="module")
def looking(contexts: dict[Who, BrowserContext]) -> dict[Who, Looking]:
    """Return a page for each who looks, with what goes wrong on it: opening one takes as long as using it."""
    faults: dict[Who, list[str]] = {who: [] for who in contexts}
    return {who: (watched(context, faults[who]), faults[who]) for who, context in contexts.items()}


def address(house: EveryHouse, seen: Seen, language: str) -> str:
    return f"{house.address}/{language}{seen.path.format(**house.places)}"


@needs_browser
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("seen", PAGES, ids=lambda seen: seen.name)
def test_a_page_can_be_used_by_everybody(looking: dict[Who, Looking], house: EveryHouse, seen: Seen, language: str):
    page, faults = looking[seen.who]
    page.goto("about:blank")
    faults.clear()
    answer = page.goto(address(house, seen, language))
    assert answer is not None
    assert answer.status == seen.status
    assert page.evaluate("document.documentElement.lang").startswith(language)
    for theme, (width, height) in LOOKS[language]:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": height})
        assert broken_rules(page) == [], (theme, width)
        assert not is_too_wide(page), width
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert not is_too_wide(page)
    assert foreign_words(words_of(page, language), language) == []
    assert [fault for fault in faults if seen.status == 200 or str(seen.status) not in fault] == []


def foreign_words(said: list[str], language: str) -> list[str]:
    """Return what is not in the language of its page."""
    if language == "en":
        return [words for words in said if HAN.search(words)]
    return [words for words in said if words in UNTRANSLATED or ENGLISH.search(OF_DATA.sub("", words))]


UNTRANSLATED = {name for (_, name), words in catalogue("zh").items() if words != name}


def test_every_route_of_a_page_is_in_the_list(house: EveryHouse):
    routes = [route for route in house.app.routes if isinstance(route, Route) and "GET" in (route.methods or ())]
    pages = [route for route in routes if route.path.startswith(("/zh/", "/en/"))]
    assert len(pages) > 2 * len(NO_PAGES)
    looked_at = {
        next((route.path for route in pages if route.path_regex.match(path)), path)
        for seen in PAGES
        for language in ("zh", "en")
        for path in [f"/{language}{seen.path.format(**house.places)}".partition("?")[0]]
    }
    missing = (
        {route.path for route in pages} - looked_at - {f"/{each}{path}" for each in ("zh", "en") for path in NO_PAGES}
    )
    assert not missing, "add them to pages_seen.PAGES"
    assert looked_at <= {route.path for route in pages}, "no route shows these"


def test_what_is_foreign_on_a_page_is_found():
    assert foreign_words(["Points owed", "积分 points", "VIP", "household:2"], "zh") == ["Points owed"]
    assert foreign_words(["All of them are here"], "zh") == ["All of them are here"]
    assert foreign_words(["Points owed", "积分"], "en") == ["积分"]


@needs_browser
def test_what_breaks_a_rule_or_the_policy_is_found(browser: Browser, house: EveryHouse):
    faults: list[str] = []
    context = browser.new_context()
    page = watched(context, faults)
    page.goto(f"{house.address}/en/console/login")
    assert broken_rules(page) == []
    page.evaluate(
        "document.querySelector('main, body').insertAdjacentHTML('beforeend', '<input><p style=\"color: red\">x</p>')"
    )
    assert any(each.startswith("label:") for each in broken_rules(page))
    assert any("style-src" in fault for fault in faults)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<table><tr><td>' + 'x'.repeat(5000) + '</table>')")
    assert is_too_wide(page)
    context.close()


@needs_browser
def test_insight_without_script_shows_its_tables_and_with_it_swaps_them(
    browser: Browser, contexts: dict[Who, BrowserContext], house: EveryHouse
):
    plain = browser.new_context(java_script_enabled=False, storage_state=contexts["staff"].storage_state())
    page = plain.new_page()
    page.goto(f"{house.address}/en/console/insight")
    assert page.locator("#active table").is_visible()
    assert not page.locator("#active .canvas").is_visible()
    plain.close()
    page = contexts["staff"].new_page()
    page.goto(f"{house.address}/en/console/insight?weeks=13")
    assert not page.locator("#active table").is_visible()
    page.locator("#active canvas").wait_for()  # charts are drawn a frame after what they stand in
    page.locator("#swap-active").click()
    page.locator("#active table").wait_for()
    page.locator("#growth canvas").wait_for()
    assert "table=active" in page.url
    assert "weeks=13" in page.url
    page.locator("#swap-growth").click()
    page.locator("#growth table").wait_for()
    assert "table=active.growth" in page.url
    page.go_back()
    page.locator("#growth canvas").wait_for()
    page.close()
