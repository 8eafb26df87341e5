"""Unsubscribing over real HTTP: one POST does it, a GET does nothing, and the link says nothing of whose it is."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from campaign_house import AT, CAMPAIGN, stock
from keyuan import campaigns, consent
from keyuan.consent import Purpose
from keyuan.engines.database import Database
from keyuan.engines.secrets import open_secrets
from keyuan.flows import unsubscribe, wallet
from keyuan.flows.campaign_launch import launch
from keyuan.web import make_app
from real_server import Server, cloned
from shop import Shop
from web.serving import serving

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
PAGES = ("/u/", "/en/u/", "/zh/u/")


class House:
    """A served shop with a launched campaign; each letter that it gives is of somebody who still gets letters."""

    def __init__(self, shop: Shop, address: str) -> None:
        self.shop, self.address = shop, address
        with shop.database.transaction(1) as session:
            rows = session.rows("SELECT m.id FROM campaigns.message AS m WHERE m.channel = 'email' ORDER BY m.id")
        self._unused = [id_ for (id_,) in rows]

    def letter(self) -> UUID:
        return self._unused.pop()

    def link(self, letter: UUID, path: str = "/u/") -> str:
        return f"{self.address}{path}{unsubscribe.token_of(self.shop.secrets, 1, letter)}"

    def decisions(self, letter: UUID) -> list[bool]:
        """Return what the reader of a letter has said about letters, the newest last."""
        with self.shop.database.transaction(1) as session:
            message = campaigns.message(session, letter)
            assert message is not None
            found = consent.decisions_of(session, [message.person], [Purpose.MARKETING_EMAIL])
        return [given for _, given in found[message.person, Purpose.MARKETING_EMAIL]]

    def evidence(self, letter: UUID) -> str:
        statement = """
        SELECT r.evidence FROM consent.record AS r JOIN campaigns.message AS m USING (person)
         WHERE m.id = %(id)s AND NOT r.given
        """
        with self.shop.database.transaction(1) as session:
            ((found,),) = session.rows(statement, id=letter)
        return found


@pytest.fixture(scope="module")
def house(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("unsubscribe")
    with (
        cloned(server) as name,
        Database(server.app | {"dbname": name}, server.token_key, size=8) as database,
    ):
        shop = stock(database, open_secrets(folder / "keys"), households=40)
        launch(database, shop.secrets, 1, CAMPAIGN.name, AT)
        with serving(make_app(database, shop.secrets)) as address:
            yield House(shop, address)


@pytest.mark.parametrize("path", PAGES)
def test_one_post_without_cookie_or_question_withdraws_the_consent_at_once(house: House, path: str):
    letter = house.letter()
    assert house.decisions(letter) == [True]
    answer = httpx.post(house.link(letter, path), data=ONE_CLICK, timeout=60)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert house.decisions(letter) == [True, False]
    assert str(letter) in house.evidence(letter)


def test_mail_programs_may_post_a_form_of_parts(house: House):
    letter = house.letter()
    files = {"List-Unsubscribe": (None, "One-Click")}
    assert httpx.post(house.link(letter), files=files, timeout=60).status_code == 200
    assert house.decisions(letter) == [True, False]


def test_a_second_post_changes_nothing(house: House):
    letter = house.letter()
    for _ in range(3):
        assert httpx.post(house.link(letter), data=ONE_CLICK, timeout=60).status_code == 200
    assert house.decisions(letter) == [True, False]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_scanner_that_opens_the_link_withdraws_nothing(house: House, method: str):
    letter = house.letter()
    for path in PAGES:
        answer = httpx.request(method, house.link(letter, path), follow_redirects=True, timeout=60)
        assert answer.status_code == 200
    assert house.decisions(letter) == [True]


WRONG = {
    "nothing": {},
    "something else": {"data": {"List-Unsubscribe": "No"}},
    "another name": {"data": {"unsubscribe": "One-Click"}},
    "json": {"json": ONE_CLICK},
    "bytes": {"content": b"\xff\xfe", "headers": {"content-type": "application/x-www-form-urlencoded"}},
    "broken parts": {"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=x"}},
    "parts without a boundary": {"content": b"List-Unsubscribe", "headers": {"content-type": "multipart/form-data"}},
    "too much": {"data": ONE_CLICK | {"more": "x" * 9_000}},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_post_that_does_not_say_what_it_wants_changes_nothing(house: House, what: str):
    letter = house.letter()
    answer = httpx.post(house.link(letter), timeout=60, **WRONG[what])
    house._unused.append(letter)
    assert answer.status_code == 400
    assert house.decisions(letter) == [True]


def test_the_page_speaks_the_browsers_language_and_shows_one_button(house: House):
    link = house.link(letter := house.letter())
    for language, words in (("zh-CN", "不再收邮件？"), ("en-GB", "Get no more letters?")):
        answer = httpx.get(link, headers={"Accept-Language": language}, follow_redirects=True, timeout=60)
        assert words in answer.text
        assert answer.text.count("<button") == 1
        assert "script" not in answer.text
        assert answer.headers["cache-control"] == "no-store"
    assert house.decisions(letter) == [True]


def test_a_link_and_its_page_say_nothing_of_whose_they_are(house: House):
    letter = house.letter()
    with house.shop.database.transaction(1) as session:
        message = campaigns.message(session, letter)
    assert message is not None
    link = house.link(letter)
    page = httpx.get(link, follow_redirects=True, timeout=60).text
    done = httpx.post(link, data=ONE_CLICK, timeout=60).text
    for said in (link, page, done):
        assert message.person.hex not in said.replace("-", "")
        assert not re.search(r"[\w.]+@[\w.]+|household", said)


def forged(house: House) -> list[str]:
    letter = house.letter()
    token = house.link(letter).rsplit("/", 1)[1]
    stranger = unsubscribe.token_of(house.shop.secrets, 1, uuid4())
    flipped = token[:-1] + ("A" if token[-1] != "A" else "B")
    middle = token[:20] + ("A" if token[20] != "A" else "B") + token[21:]
    return [
        flipped,
        middle,
        token.replace("u_1_", "u_2_"),
        token.replace("u_1_", "u_99_"),
        stranger,
        token[:-1],
        "x",
        "u_0_x",
    ]


def test_a_forged_link_does_nothing_and_says_so(house: House):
    for token in forged(house):
        for answer in (
            httpx.get(f"{house.address}/zh/u/{token}", timeout=60),
            httpx.post(f"{house.address}/zh/u/{token}", data=ONE_CLICK, timeout=60),
        ):
            assert answer.status_code == 404, token
            assert "这个链接不属于我们发的邮件" in answer.text


def test_whoever_agreed_again_gets_letters_again_and_the_link_still_ends_them(house: House):
    letter = house.letter()
    httpx.post(house.link(letter), data=ONE_CLICK, timeout=60)
    with house.shop.database.transaction(1) as session:
        message = campaigns.message(session, letter)
        assert message is not None
        wallet.decide(session, message.person, Purpose.MARKETING_EMAIL, consent.Decision.GIVEN, "asked once")
    assert "<button" in httpx.get(house.link(letter, "/en/u/"), timeout=60).text
    httpx.post(house.link(letter), data=ONE_CLICK, timeout=60)
    assert house.decisions(letter) == [True, False, True, False]
