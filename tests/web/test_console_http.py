"""The console over HTTP: signing in, forms, what other tenants have, and every page in both languages."""

import re
from collections.abc import Iterator

import httpx
import pytest

from keyuan.consent import Purpose
from keyuan.staff.attempts import PER_ACCOUNT
from real_server import Server
from shop import Shop, open_shop
from web.console_house import ConsoleHouse, console_house, paths

OWN = "correct battery staple"
LANGUAGES = ("zh", "en")
INLINE = re.compile(r"\sstyle=|<style|<script(?![^>]*\ssrc=)|\son[a-z]+=|javascript:", re.IGNORECASE)


@pytest.fixture(scope="module")
def house(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleHouse]:
    with console_house(server, tmp_path_factory.mktemp("console") / "keys") as house:
        yield house


@pytest.fixture
def shop(house: ConsoleHouse) -> Shop:
    return house.shop


@pytest.fixture
def visitor(house: ConsoleHouse) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=house.address, timeout=30) as client:
        yield client


@pytest.fixture
def staff(house: ConsoleHouse, visitor: httpx.Client) -> httpx.Client:
    """Return a client with a session."""
    visitor.cookies.set("keyuan_staff", house.session())
    return visitor


def token(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page.text)
    assert found is not None, page.status_code
    return found[1]


def sign_in(client: httpx.Client, name: str, password: str, next_page: str = "") -> httpx.Response:
    csrf = token(client.get("/en/console/login"))
    form = {"csrf": csrf, "name": name, "password": password, "next": next_page}
    return client.post("/en/console/login", data=form)


def choose(client: httpx.Client, old: str, new: str, again: str | None = None) -> httpx.Response:
    csrf = token(client.get("/en/console/password"))
    form = {"csrf": csrf, "old": old, "new": new, "again": new if again is None else again}
    return client.post("/en/console/password", data=form)


def test_without_a_session_every_page_leads_to_signing_in(shop: Shop, visitor: httpx.Client):
    for path in paths(shop):
        answer = visitor.get(f"/zh/console{path}")
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/zh/console/login?next=/zh/console")


def test_the_root_leads_to_the_language_that_the_browser_prefers(visitor: httpx.Client):
    assert visitor.get("/", headers={"Accept-Language": "zh-CN,zh"}).headers["location"] == "/zh/console"
    assert visitor.get("/", headers={"Accept-Language": "de"}).headers["location"] == "/en/console"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_has_its_policy_its_language_and_nothing_inline(shop: Shop, staff: httpx.Client, language: str):
    for path in [*paths(shop), "/segments/families/try?rule=orders+%3E+1"]:
        answer = staff.get(f"/{language}/console{path}")
        assert answer.status_code == 200, path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
        assert INLINE.search(answer.text) is None, path
        assert len(answer.content) < 120_000
        if "/try" not in path:
            assert f'<html lang="{"zh-CN" if language == "zh" else "en"}"' in answer.text


def test_the_other_language_is_one_link_away_and_keeps_the_filters(staff: httpx.Client):
    assert 'href="/zh/console/ledger?kind=1&amp;no=1"' in staff.get("/en/console/ledger?kind=1&no=1").text


def test_a_one_time_password_opens_only_the_page_to_choose_another(house: ConsoleHouse, visitor: httpx.Client):
    name, given = house.newcomer()
    sign_in(visitor, name, given)
    assert visitor.get("/en/console/people").headers["location"] == "/en/console/password"
    assert choose(visitor, given, "short").status_code == 400
    assert choose(visitor, given, OWN, "another one entirely").status_code == 400
    assert choose(visitor, "not it", OWN).status_code == 403
    assert choose(visitor, given, OWN).status_code == 303
    assert visitor.get("/en/console/people").status_code == 200


def test_the_cookie_is_closed_to_scripts_and_other_sites(house: ConsoleHouse, visitor: httpx.Client):
    name, given = house.newcomer()
    cookies = sign_in(visitor, name, given).headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("keyuan_staff="))
    assert "httponly" in session.lower()
    assert "samesite=lax" in session.lower()


def test_signing_in_leads_on_only_to_pages_of_this_site(house: ConsoleHouse, visitor: httpx.Client):
    name, given = house.newcomer()
    sign_in(visitor, name, given)
    choose(visitor, given, OWN)
    assert sign_in(visitor, name, OWN, "/zh/console/ledger?kind=1").headers["location"] == "/zh/console/ledger?kind=1"
    for elsewhere in ("//example.com", "https://example.com", "/\\example.com"):
        assert sign_in(visitor, name, OWN, elsewhere).headers["location"] == "/en/console", elsewhere


def test_a_form_without_its_token_or_from_another_site_does_nothing(staff: httpx.Client):
    csrf = token(staff.get("/en/console/segments/families"))
    form = {"rule": "orders >= 1", "before": "kids_count IN ('1', '2', '3+')", "csrf": csrf}
    path = "/en/console/segments/families"
    assert staff.post(path, data=form | {"csrf": ""}).status_code == 403
    assert staff.post(path, data=form | {"csrf": "0" * 64}).status_code == 403
    assert staff.post(path, data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert staff.post("/en/console/logout", data={"csrf": "no"}).status_code == 403
    staff.get("/en/console/login")
    login = {"name": "admin", "password": OWN, "csrf": "0" * 64, "next": ""}
    assert staff.post("/en/console/login", data=login).status_code == 403
    assert "kids_count IN (&#39;1&#39;" in staff.get(path).text


def test_passwords_can_be_tried_a_few_times_only(house: ConsoleHouse, visitor: httpx.Client):
    name, given = house.newcomer()
    for _ in range(PER_ACCOUNT):
        assert sign_in(visitor, name, "not it").status_code == 403
    assert sign_in(visitor, name, given).status_code == 429
    assert visitor.get("/en/console").status_code == 303


def test_signing_out_ends_the_session_on_the_server(staff: httpx.Client):
    old = staff.cookies["keyuan_staff"]
    assert staff.post("/en/console/logout", data={"csrf": token(staff.get("/en/console"))}).status_code == 303
    staff.cookies.set("keyuan_staff", old)
    assert staff.get("/en/console").status_code == 303


def test_another_tenants_people_are_not_there(house: ConsoleHouse, staff: httpx.Client):
    other = open_shop(house.shop.database, house.keys, tenant=2)
    other.agree("eve", *Purpose)
    other.send(other.order("eve", "2017-01-02T10:00:00Z"))
    other.run()
    assert staff.get(f"/en/console/people/{other.person('eve')}").status_code == 404
    assert "Nobody has exactly this" in staff.get("/en/console/people?q=eve").text


@pytest.mark.parametrize("path", ["/people/nonsense", "/segments/none", "/nothing", "/people/" + "0" * 32])
def test_what_is_not_there_is_said_on_a_page(staff: httpx.Client, path: str):
    answer = staff.get(f"/en/console{path}")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text


@pytest.mark.parametrize("words", ["ada", " ADA@example.com ", "+442079460000", "44 20 7946-0000"])
def test_a_customer_is_found_by_her_exact_name_mail_or_phone(shop: Shop, staff: httpx.Client, words: str):
    answer = staff.get("/en/console/people", params={"q": words})
    assert answer.headers["location"] == f"/en/console/people/{shop.person('ada')}"


def test_a_portrait_shows_figures_and_reasons_and_masks_the_name(shop: Shop, staff: httpx.Client):
    text = staff.get(f"/en/console/people/{shop.person('ada')}").text
    assert "A*** &lt;b&gt;Lovelace" in text
    for hidden in ("ada@example.com", "7946", "Ada"):
        assert hidden not in text
    for shown in ("$300", "Coffee", "Computed from orders", "from 7 events", "Marketing e-mail", "+100 pts"):
        assert shown in text
    assert "No traits" in staff.get(f"/en/console/people/{shop.person('bob')}").text


def test_a_rule_is_said_in_words_and_counted_before_it_is_saved(staff: httpx.Client):
    text = staff.get("/en/console/segments/families/try?rule=orders_90d >= 2 AND 'COFFEE' IN top_categories").text
    assert "placed at least 2 orders in 90 days" in text
    assert "has Coffee among the categories bought most" in text
    assert "1 join, 0 leave" in text


@pytest.mark.parametrize(
    ("language", "words"),
    [("zh", "没有 recency_day 这个特征，是不是 recency_days"), ("en", "Did you mean recency_days")],
)
def test_an_unknown_trait_is_answered_with_the_one_that_was_meant(staff: httpx.Client, language: str, words: str):
    assert words in staff.get(f"/{language}/console/segments/families?rule=recency_day <= 3").text


def test_saving_a_rule_moves_people_and_the_one_who_comes_second_is_told(shop: Shop, staff: httpx.Client):
    path = "/en/console/segments/frequent"
    form = {"rule": "orders >= 2", "before": "orders_90d >= 24", "csrf": token(staff.get(path))}
    assert staff.post(path, data=form).headers["location"] == f"{path}?saved=1"
    assert staff.post(path, data=form | {"rule": "orders >= 3"}).status_code == 409
    assert "rule=" in staff.post(path, data=form | {"rule": "orders >=", "before": "orders >= 2"}).headers["location"]
    with shop.database.transaction(1) as session:
        stays = session.rows("SELECT person FROM segments.membership WHERE segment = 'frequent' AND left_at IS NULL")
        noted = session.rows("SELECT subject FROM staff.audit WHERE action = 'segment.saved'")
    assert stays == [(shop.person("ada"),)]
    assert noted == [("frequent",)]


def test_the_ledger_shows_codes_and_no_person(shop: Shop, staff: httpx.Client):
    text = staff.get("/en/console/ledger?no=1").text
    assert "Every point accounted for" in text
    assert "600 issued = the sum below" in text
    assert str(shop.person("ada")) not in text
    assert "Lovelace" not in text


def test_a_theme_is_kept_in_a_cookie_and_leads_back(visitor: httpx.Client):
    answer = visitor.post("/en/theme", data={"to": "dark", "back": "/en/components?x=1"})
    assert answer.headers["location"] == "/en/components?x=1"
    assert 'data-theme="dark"' in visitor.get("/en/components").text
    assert visitor.post("/en/theme", data={"to": "dark", "back": "//example.com"}).headers["location"] == "/en/console"


@pytest.mark.parametrize("name", ["../__init__.py", "%2e%2e/i18n.py", "none.css", "keyuan.py", ""])
def test_only_our_own_files_are_given(visitor: httpx.Client, name: str):
    assert visitor.get(f"/static/{name}").status_code == 404


def test_a_file_with_its_digest_is_kept_for_a_year_and_the_sheet_is_small(visitor: httpx.Client):
    found = re.search(r'href="(/static/keyuan\.css\?v=[0-9a-f]{12})"', visitor.get("/zh/components").text)
    assert found is not None
    answer = visitor.get(found[1])
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/css")
