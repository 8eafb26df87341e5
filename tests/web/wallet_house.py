"""A shop whose customers have wallets: real orders, real epochs on an embedded chain, served over real HTTP."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from keyuan import ledger, loyalty
from keyuan.app.anchoring import Line
from keyuan.app.chains import own_chain, read_chain
from keyuan.app.demo import story
from keyuan.app.installation import KEYS, Installation
from keyuan.consent import Purpose
from keyuan.engines.database import Database
from keyuan.flows.wallet_links import wallet_link
from keyuan.kernel.config import Settings
from keyuan.web import make_app
from shop import OPENED, Shop, instant, open_shop
from unit.ledger.samples import hold, redeem, void
from web.serving import serving

PEOPLE = ("anna", "bert", "chen", "dora")
SETTINGS: dict[str, Any] = {"epoch_movements": 20, "epoch_wait_s": 0}
MARKET = story.PROGRAMME


@dataclass(frozen=True)
class WalletHouse:
    """The shop, and where it is served."""

    shop: Shop
    address: str
    folder: Path

    def link(self, name: str, tenant: int = 1) -> str:
        """Return a new link for somebody."""
        with self.shop.database.transaction(tenant) as session:
            return wallet_link(session, self.shop.secrets, name, self.address)

    @contextmanager
    def visit(self, name: str) -> Generator[httpx.Client]:
        """Open somebody's wallet with a client that keeps cookies."""
        with httpx.Client(base_url=self.address, timeout=60, follow_redirects=True) as client:
            assert client.get(self.link(name), headers={"Accept-Language": "en"}).status_code == 200
            yield client

    def holder(self, name: str) -> int:
        """Return the holder of somebody's points."""
        person = self.shop.person(name)
        with self.shop.database.transaction(1) as session:
            return loyalty.holders(session, MARKET.id, [person])[person]

    def available(self, name: str) -> int:
        """Return the points that somebody can use."""
        with self.shop.database.transaction(1) as session:
            return sum(each.available for each in ledger.balances(session, [self.holder(name)]))

    def anchor(self) -> None:
        """Bring everything to the chain."""
        with own_chain(Settings(**SETTINGS), self.folder) as chain:
            made = Installation(Settings(**SETTINGS), self.folder, self.shop.database, self.shop.secrets, None)
            line = Line(made, 1, *chain)
            for _ in range(30):
                line.step()


def order(shop: Shop, name: str, at: str, total: str, store: int, category: str | None = None) -> dict[str, Any]:
    """Return an order placed in a store."""
    made = shop.order(name, at, total, category=category)
    made["properties"]["store_id"] = str(store)
    return made


@contextmanager
def wallet_house(database: Database, folder: Path) -> Generator[WalletHouse]:
    """Open the shop, let people buy and spend, anchor it, and serve it."""
    shop = open_shop(database, folder / KEYS)
    for name in PEOPLE:
        shop.agree(name, Purpose.LOYALTY, Purpose.PERSONALISATION, at=OPENED)
    for month in (1, 2, 3):
        for day in (2, 9, 23):
            at = f"2017-{month:02}-{day:02}T10:00:00Z"
            shop.send(*(order(shop, name, at, "45.10", 400 + month, "COFFEE") for name in PEOPLE))
    shop.run()
    house = WalletHouse(shop, "", folder)
    who: dict[str, Any] = {"holder": house.holder("anna"), "brand": MARKET.brand, "at": instant("2017-03-24")}
    until = instant("2017-03-26")
    with database.transaction(1) as session:
        ledger.post(session, [redeem("r", 100, **who), hold("h", 7, **who, expires_at=until)])
        ledger.post(session, [void("v", "h", at=until - timedelta(days=1))])
    house.anchor()
    with serving(make_app(database, shop.secrets, open_chain=partial(read_chain, Settings(), folder))) as address:
        yield WalletHouse(shop, address, folder)
