"""The wallet over real HTTP: who is let in, what the pages say, and consents that take effect."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from keyuan import consent
from keyuan.anchor import keyuan_verify
from keyuan.consent import Purpose
from keyuan.engines.database import Database
from keyuan.kernel.clock import system_now
from keyuan.profiles import links
from keyuan.web.wallet import guard
from real_server import Server, cloned
from web.wallet_house import PEOPLE, WalletHouse, order, wallet_house

PAGES = ("", "activity", "activity?month=2017-02", "me", "me/agree?purpose=marketing.email", "check")
LANGUAGES = {"zh": "zh-CN", "en": "en"}
BANNED = re.compile(r"\b(hash|block|merkle)", re.IGNORECASE)


@pytest.fixture(scope="module")
def house(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WalletHouse]:
    folder: Path = tmp_path_factory.mktemp("wallet")
    with (
        cloned(server) as name,
        Database(server.app | {"dbname": name}, server.token_key, size=8) as database,
        wallet_house(database, folder) as made,
    ):
        yield made


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
def test_every_page_speaks_its_language_under_a_strict_policy(house: WalletHouse, language: str, path: str):
    with house.visit("anna") as client:
        answer = client.get(f"/{language}/w/{path}")
    assert answer.status_code == 200
    assert f'<html lang="{LANGUAGES[language]}"' in answer.text
    rules = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
    assert (rules["default-src"], rules["script-src"], rules["style-src"]) == ("'none'", "'self'", "'self'")
    wide = "'self' https: http://127.0.0.1:* http://localhost:*"
    assert rules["connect-src"] == (wide if path == "check" else "'self'")
    assert not re.search(r"<script(?! type=\"(module|application/json)\")|\sstyle=|\son\w+=", answer.text)
    has_han = re.search("[\u4e00-\u9fff]", answer.text.replace("中文", "")) is not None
    assert has_han == (language == "zh")
    assert "household" not in answer.text
    assert "anna" not in answer.text
    plain = re.sub(
        r"<details.*?</details>|<script.*?</script>|<svg.*?</svg>|<template.*?</template>",
        "",
        answer.text,
        flags=re.DOTALL,
    )
    assert not BANNED.search(re.sub(r"<[^>]*>", " ", plain))


def test_the_first_page_says_what_she_has_and_where_it_came_from(house: WalletHouse):
    with house.visit("anna") as client:
        page = client.get("/en/w/").text
        older = client.get("/en/w/activity?month=2017-02").text
        assert "2017 年 2 月" in client.get("/zh/w/activity?month=2017-02").text
    assert f'<p class="w-balance">{house.available("anna")}</p>' in page
    assert re.search(
        r"Store 403</b>\s*<p>23 Mar · spent \$45.10, \$45.10 of it twice</p>\s*</div>\s*<span[^>]*>\+90<", page
    )
    assert re.search(r"Redeemed</b>\s*<p>24 Mar</p>\s*</div>\s*<span[^>]*>−100<", page)
    assert older.count("Store 402") == 3
    assert "earned 270" in older
    assert 'href="?month=2017-03" rel="next"' in older
    assert 'href="?month=2017-01" rel="prev"' in older


def test_points_that_end_soon_are_told(house: WalletHouse):
    clock = "UPDATE events.clock SET at = %(at)s"
    with house.shop.database.transaction(1) as session:
        row = session.row("SELECT at FROM events.clock")
        assert row is not None
        session.execute(clock, at=row[0] + timedelta(days=300))
    try:
        with house.visit("bert") as client:
            page = client.get("/en/w/").text
    finally:
        with house.shop.database.transaction(1) as session:
            session.execute(clock, at=row[0])
    assert "the first on 23 Jan" in page
    assert "2 Feb 2018" in page


def forged(link: str) -> list[str]:
    """Return links that look like one and are none."""
    start, token = link.rsplit("/", 1)
    flipped = token[:-1] + ("A" if token[-1] != "A" else "B")
    foreign = token.replace("wl_1_", "wl_2_")
    nobody = token.replace("wl_1_", "wl_999_")
    return [f"{start}/{each}" for each in (flipped, foreign, nobody, token[:-1], token + "A", "wl_1_", "x", "wl_0_x")]


def test_a_forged_link_opens_nothing(house: WalletHouse):
    for link in forged(house.link("anna")):
        answer = httpx.get(link, headers={"Accept-Language": "zh"})
        assert answer.status_code == 403, link
        assert "这个链接已经失效" in answer.text
        assert "set-cookie" not in answer.headers
        token = link.rsplit("/", 1)[1]
        for place in ("", "me", "check", "data.json", "bundle.json"):
            refused = httpx.get(f"{house.address}/en/w/{place}", cookies={guard.COOKIE: token}, timeout=60)
            assert refused.status_code == 403, place


def test_an_address_alone_opens_nothing_and_a_link_leaves_no_name_in_it(house: WalletHouse):
    link = house.link("anna")
    assert "anna" not in link
    assert house.shop.person("anna").hex not in link
    answer = httpx.get(link)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/en/w/"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    for place in ("", "activity", "me", "check", "data.json", "bundle.json", "commitments.json"):
        assert httpx.get(f"{house.address}/zh/w/{place}").status_code == 403


def test_an_ended_link_opens_nothing(house: WalletHouse, monkeypatch: pytest.MonkeyPatch):
    link = house.link("anna")
    assert httpx.get(link).status_code == 303
    monkeypatch.setattr(guard, "system_now", lambda: system_now() + links.LASTS + timedelta(seconds=1))
    assert httpx.get(link).status_code == 403


def test_a_revoked_link_opens_nothing_and_those_of_others_still_do(house: WalletHouse):
    hers, other = house.link("bert"), house.link("dora")
    with house.visit("bert") as client:
        form = mark_of(client)
        left = client.post("/en/w/leave", data={"form": form, "links": "revoke"})
        assert "You are signed out" in left.text
        assert client.get("/en/w/").status_code == 403
    assert httpx.get(hers).status_code == 403
    assert httpx.get(other).status_code == 303


def mark_of(client: httpx.Client) -> str:
    found = re.search(r'name="form" value="([0-9a-f]{32})"', client.get("/en/w/me").text)
    assert found
    return found[1]


def given(house: WalletHouse, name: str, purpose: Purpose) -> list[bool]:
    person = house.shop.person(name)
    with house.shop.database.transaction(1) as session:
        return [said for _, said in consent.decisions_of(session, [person], [purpose])[person, purpose]]


def test_a_consent_withdrawn_on_the_page_is_seen_by_the_consumer_of_points(house: WalletHouse):
    """The consumer has met her before and keeps what it knows; the page's withdrawal must reach it all the same."""
    shop = house.shop
    before = house.available("chen")
    with house.visit("chen") as client:
        said: dict[str, Any] = {"purpose": "loyalty", "answer": "withdrawn", "form": mark_of(client)}
        page = client.post("/en/w/me/consent", data=said)
        assert page.url.params["off"] == "loyalty"
        assert "Points programme is off, from now on." in page.text
        shop.send(order(shop, "chen", "2017-04-02T10:00:00Z", "80.00", 1))
        shop.run()
        assert house.available("chen") == before
        undo = re.search(r'name="undo" value="([^"]+)"', page.text)
        assert undo
        back = client.post("/en/w/me/consent", data=said | {"answer": "given", "undo": undo[1]})
    assert given(house, "chen", Purpose.LOYALTY) == [True, False, True]
    assert back.text.count('aria-checked="true"') == 2
    shop.send(order(shop, "chen", "2017-04-05T10:00:00Z", "80.00", 1))
    shop.run()
    assert house.available("chen") == before + 80


def test_giving_is_asked_once_and_an_undo_ends(house: WalletHouse, monkeypatch: pytest.MonkeyPatch):
    with house.visit("dora") as client:
        form = mark_of(client)
        said = {"purpose": "personalisation", "form": form}
        off = client.post("/en/w/me/consent", data=said | {"answer": "withdrawn"})
        undo = re.search(r'name="undo" value="([^"]+)"', off.text)
        assert undo
        later = system_now() + timedelta(seconds=30)
        monkeypatch.setattr("keyuan.web.wallet.me.system_now", lambda: later)
        for answer in ({"answer": "given"}, {"answer": "given", "undo": undo[1]}, {"answer": "given", "undo": "9.x"}):
            asked = client.post("/en/w/me/consent", data=said | answer)
            assert asked.url.path == "/en/w/me/agree"
        assert "w-toast" not in client.get(str(off.url)).text
        assert given(house, "dora", Purpose.PERSONALISATION) == [True, False]
        client.post("/en/w/me/consent", data=said | {"answer": "given", "asked": "1"})
    assert given(house, "dora", Purpose.PERSONALISATION) == [True, False, True]


def test_a_form_of_another_site_changes_nothing(house: WalletHouse):
    with house.visit("anna") as client:
        for form in ("", "0" * 32, "é"):
            said = {"purpose": "loyalty", "answer": "withdrawn", "form": form}
            refused = client.post("/zh/w/me/consent", data=said)
            assert refused.status_code == 403
            assert "什么都没有改动" in refused.text
        assert client.post("/en/w/me/consent", json={"purpose": "loyalty"}).status_code == 415
    assert given(house, "anna", Purpose.LOYALTY) == [True]


def test_she_takes_her_data_and_her_proof_along_and_the_proof_holds(house: WalletHouse, tmp_path: Path):
    with house.visit("anna") as client:
        data = client.get("/zh/w/data.json")
        bundle, commitments = client.get("/zh/w/bundle.json"), client.get("/zh/w/commitments.json")
        verifier = client.get("/en/w/keyuan_verify.py")
    assert "attachment" in data.headers["content-disposition"]
    assert data.json()["points"][0]["available"] == house.available("anna")
    assert {each["purpose"] for each in data.json()["consents"]} == {"loyalty", "personalisation"}
    (tmp_path / "c.json").write_bytes(commitments.content)
    found = keyuan_verify.verify(bundle.content, keyuan_verify.root_from_file(tmp_path / "c.json"))
    assert found.balances[0] == house.available("anna")
    assert found.movements == 12
    assert bundle.headers["keyuan-newer"] == "0"
    assert verifier.content == Path(keyuan_verify.__file__).read_bytes()


def test_nobody_gets_the_bundle_of_another(house: WalletHouse):
    accounts: set[str] = set()
    for name in PEOPLE:
        with house.visit(name) as client:
            accounts.add(json.loads(client.get("/en/w/bundle.json").content)["account"]["pseudonym"])
    assert len(accounts) == len(PEOPLE)


def test_somebody_who_never_joined_is_told_so_and_has_nothing_to_prove(house: WalletHouse):
    house.shop.send(order(house.shop, "eve", "2017-03-02T10:00:00Z", "12.00", 1))
    house.shop.run()
    with house.visit("eve") as client:
        assert "You collect no points yet" in client.get("/en/w/").text
        for place in ("activity", "me", "check", "data.json"):
            assert client.get(f"/zh/w/{place}").status_code == 200
        assert client.get("/en/w/me").text.count('aria-checked="false"') == len(Purpose)
        assert client.get("/en/w/bundle.json").status_code == 404


def test_an_answer_that_there_is_not_changes_nothing(house: WalletHouse):
    with house.visit("anna") as client:
        form = mark_of(client)
        for said in ({"purpose": "loyalty", "answer": "maybe"}, {"purpose": "all", "answer": "withdrawn"}, {}):
            assert client.post("/en/w/me/consent", data={"form": form} | said).status_code == 400
        assert client.get("/en/w/me/agree?purpose=all").status_code == 400
    assert given(house, "anna", Purpose.LOYALTY) == [True]
