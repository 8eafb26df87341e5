"""One served shop in which every page of the site has something to show: for tests that look at all of them."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from campaign_house import AT, CAMPAIGN, OFFER, name_of, stock
from keyuan import campaigns, events, staff
from keyuan.app.anchoring import Line
from keyuan.app.chains import own_chain, read_chain
from keyuan.app.installation import KEYS, Installation
from keyuan.engines.database import Database
from keyuan.engines.lake.embedded import DeltaLake
from keyuan.engines.secrets import open_secrets
from keyuan.flows.campaign_draft import save_draft
from keyuan.flows.campaign_launch import launch
from keyuan.flows.insight import read_insight
from keyuan.flows.lake import LakeWriter
from keyuan.flows.measure import keep_measured
from keyuan.flows.unsubscribe import token_of
from keyuan.flows.wallet_links import wallet_link
from keyuan.kernel.clock import system_now
from keyuan.kernel.config import Settings
from keyuan.kernel.ids import new_id
from keyuan.web import make_app
from real_server import Server, cloned
from shop import Shop
from web.serving import serving

HOUSEHOLDS = 60
DRAFT = replace(CAMPAIGN, name="winter_thanks", title_en="Winter thanks", title_zh="冬日回馈", offer="winter_coupon")
DRAFT_OFFER = replace(OFFER, name="winter_coupon")
_NO_DIGEST = "$argon2id$ of no password at all"
_EPOCHS = Settings(epoch_movements=20, epoch_wait_s=0)


@dataclass(frozen=True)
class EveryHouse:
    """The shop, its app, where it is served, and what stands for `{names}` in the addresses of pages."""

    shop: Shop
    app: FastAPI
    address: str
    places: dict[str, str]
    wallet: str
    """A link of the customer whose pages are looked at; it may be opened often."""

    def session(self, *, is_new: bool = False) -> str:
        """Return the token of a new session; whoever is new must choose a password first."""
        account = new_id()
        token = f"session of {account}"
        with self.shop.database.transaction(1) as session:
            staff.make_account(session, account, f"member{account.hex[-12:]}", _NO_DIGEST, system_now())
            staff.set_password(session, account, _NO_DIGEST, must_change=is_new)
            staff.begin_session(session, account, token, system_now())
        return token


@contextmanager
def every_house(server: Server, folder: Path) -> Generator[EveryHouse, None, None]:
    """Open the shop, bring everything about that pages show, and serve."""
    with cloned(server) as name, Database(server.app | {"dbname": name}, server.token_key, size=8) as database:
        shop = stock(database, open_secrets(folder / KEYS), households=HOUSEHOLDS)
        launch(database, shop.secrets, 1, CAMPAIGN.name, AT)
        with database.transaction(1) as session:
            save_draft(session, DRAFT, DRAFT_OFFER)
        _anchor(shop, folder)
        _read(shop, DeltaLake(folder / "lake"))
        app = make_app(database, shop.secrets, open_chain=partial(read_chain, Settings(), folder))
        with serving(app) as address:
            places, customer = _places(shop)
            with database.transaction(1) as session:
                wallet = wallet_link(session, shop.secrets, customer, address)
            yield EveryHouse(shop, app, address, places, wallet)


def _anchor(shop: Shop, folder: Path) -> None:
    with own_chain(_EPOCHS, folder) as chain:
        line = Line(Installation(_EPOCHS, folder, shop.database, shop.secrets, None), 1, *chain)
        while line.step():
            pass


def _read(shop: Shop, lake: DeltaLake) -> None:
    """Read the metrics and the campaign, as the lake's process does."""
    LakeWriter(shop.database, shop.secrets, lake, 1).catch_up()
    now = system_now()
    with shop.database.transaction(1) as session:
        as_of = events.clock_at(session, now)
        keep_measured(session, lake, shop.secrets, campaigns.campaign(session, CAMPAIGN.name), as_of, now)
    read_insight(shop.database, lake, 1, as_of, now)


def _places(shop: Shop) -> tuple[dict[str, str], str]:
    """Return what stands for names in addresses, and a customer who was written to in both ways.

    It is the first of them: what the last ones earned stands in no epoch yet.
    """
    with shop.database.transaction(1) as session:
        letters = dict(session.rows("SELECT m.person, m.id FROM campaigns.message AS m WHERE m.channel = 'email'"))
        notes = dict(session.rows("SELECT m.person, m.id FROM campaigns.message AS m WHERE m.channel = 'inbox'"))
    everybody = {name: shop.person(name) for name in map(name_of, range(1, HOUSEHOLDS + 1))}
    customer, person = next(each for each in everybody.items() if each[1] in letters and each[1] in notes)
    places = {"person": str(person), "note": str(notes[person]), "letter": token_of(shop.secrets, 1, letters[person])}
    return places | {"campaign": CAMPAIGN.name, "draft": DRAFT.name, "segment": CAMPAIGN.segment}, customer
