"""What the tests of the web share: a served app, and a write key per tenant."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets, open_secrets
from keyuan.events import make_source
from keyuan.web import make_app
from web.serving import NOW, Site, serving


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return open_secrets(tmp_path / "keys")


@pytest.fixture
def keys(database: Database) -> dict[int, str]:
    made: dict[int, str] = {}
    for tenant in (1, 2):
        with database.transaction(tenant) as session:
            made[tenant] = make_source(session, "till", NOW)
    return made


@pytest.fixture
def site(database: Database, secrets: Secrets, keys: dict[int, str]) -> Iterator[Site]:
    with (
        serving(make_app(database, secrets, now=lambda: NOW)) as address,
        httpx.Client(base_url=address, auth=(keys[1], ""), timeout=30) as client,
    ):
        yield Site(client, keys, secrets)
