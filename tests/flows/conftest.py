"""A shop with a year of orders and a campaign in draft, stocked once a run and cloned for each test that asks."""

from collections.abc import Iterator

import pytest

from campaign_house import stock
from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets, open_secrets
from real_server import Server, cloned
from shop import Shop


@pytest.fixture(scope="session")
def stocked(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Secrets]]:
    """Return the name of a database with such a shop, and its keys."""
    secrets = open_secrets(tmp_path_factory.mktemp("stocked") / "keys")
    with cloned(server) as name:
        with Database(server.app | {"dbname": name}, server.token_key) as database:
            stock(database, secrets)
        yield name, secrets


@pytest.fixture
def shop(server: Server, stocked: tuple[str, Secrets]) -> Iterator[Shop]:
    """Return a shop of one's own; tenant 2 has nothing yet."""
    template, secrets = stocked
    with (
        cloned(server, template) as name,
        Database(server.app | {"dbname": name}, server.token_key, size=12) as database,
    ):
        shop = Shop(database, secrets)
        shop.number = 10_000  # beyond the messages that it has sent already
        yield shop
