"""A shop with a console for the tests of its pages, and a session for a client of theirs."""

import itertools
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from keyuan import staff
from keyuan.consent import Purpose
from keyuan.engines.database import Database
from keyuan.flows.staff import console_member
from keyuan.kernel.ids import new_id
from keyuan.web import make_app
from real_server import Server, cloned
from shop import Shop, open_shop
from web.serving import NOW, serving

NO_DIGEST = "no digest of any password"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class ConsoleHouse:
    """The served console of a shop with two customers: ada has agreed to everything, bob to nothing."""

    shop: Shop
    address: str
    keys: Path

    def session(self) -> str:
        """Return the token of a new session; its account has no password that anybody could give."""
        number, account = next(_numbers), new_id()
        token = f"session {number} of a test"
        with self.shop.database.transaction(1) as session:
            staff.make_account(session, account, f"member{number}", NO_DIGEST, NOW)
            staff.set_password(session, account, NO_DIGEST, must_change=False)
            staff.begin_session(session, account, token, NOW)
        return token

    def newcomer(self) -> tuple[str, str]:
        """Return name and one-time password of a new account."""
        name = f"newcomer{next(_numbers)}"
        return name, console_member(self.shop.database, 1, name, NOW) or ""


@contextmanager
def console_house(server: Server, keys: Path) -> Generator[ConsoleHouse, None, None]:
    """Open the shop, let some days pass, and serve."""
    with cloned(server) as name, Database(server.app | {"dbname": name}, server.token_key, size=8) as database:
        shop = open_shop(database, keys)
        shop.agree("ada", *Purpose)
        contact = {"name": "Ada <b>Lovelace", "email": "ada@example.com", "phone": "+44 20 7946 0000"}
        identify = {"type": "identify", "userId": "ada", "messageId": "i1", "timestamp": "2017-01-02T00:00:00Z"}
        shop.send(identify | {"traits": contact})
        days = (2, 3, 9, 10, 17, 24)
        shop.send(*(shop.order("ada", f"2017-01-{day:02}T10:00:00Z", "50.00", category="COFFEE") for day in days))
        shop.send(shop.order("bob", "2017-01-05T10:00:00Z", category="MILK"))
        shop.run()
        with serving(make_app(database, shop.secrets, now=lambda: NOW)) as address:
            yield ConsoleHouse(shop, address, keys)


def paths(shop: Shop) -> list[str]:
    """Return the addresses of all pages, after the language and `/console`."""
    ada, bob = shop.person("ada"), shop.person("bob")
    return [
        "", "/people", "/people?q=nobody", f"/people/{ada}", f"/people/{bob}", "/segments", "/segments/families",
        "/segments/families?rule=orders+%3E%3D+2", "/segments/families?rule=recency_day+%3C+3", "/ledger",
        "/ledger?no=1", "/ledger?kind=1&from=2017-01-01",
    ]  # fmt: skip
