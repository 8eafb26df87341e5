"""Anchoring as the process does it: two tenants and one publisher, chains of all kinds, and what stops it."""

from collections.abc import Generator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from chains import anvil
from keyuan import ledger
from keyuan.anchor import reads, store
from keyuan.app.anchoring import AnchoringStoppedError, Line, bring_to_chain, verify_anchored
from keyuan.app.chains import FOLDER, own_chain, read_anchored, reading
from keyuan.app.demo import story
from keyuan.app.installation import KEYS, Installation
from keyuan.app.serve import programme_time
from keyuan.consent import Purpose
from keyuan.engines.chain.signer import open_publisher
from keyuan.engines.database import Database
from keyuan.flows.verify import verify_epochs
from keyuan.kernel.config import ConfigError, Settings, load_settings
from keyuan.kernel.errors import EngineError
from shop import Shop, open_shop
from unit.ledger.samples import key

ORDERS = 5
SMALL: dict[str, Any] = {"epoch_movements": 2, "epoch_wait_s": 0}


class Site:
    """An installation with a shop per tenant; `lines` open its chain as the anchor process does."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.shops = {tenant: open_shop(database, folder / KEYS, tenant) for tenant in (1, 2)}
        self.stack = ExitStack()

    def installation(self, tenant: int = 1, **settings: Any) -> Installation:
        made = Settings(tenant=tenant, **(SMALL | settings))
        return Installation(made, self.folder, self.database, self.shops[tenant].secrets, None)

    def lines(self, **settings: Any) -> dict[int, Line]:
        self.stack.close()
        own = self.stack.enter_context(own_chain(self.installation(**settings).settings, self.folder))
        return {tenant: Line(self.installation(tenant, **settings), tenant, *own) for tenant in (1, 2)}

    def buy(self, tenant: int = 1, orders: int = ORDERS) -> None:
        shop: Shop = self.shops[tenant]
        shop.agree("anna", *Purpose)
        shop.send(*(shop.order("anna", f"2017-03-{day:02}T10:00:00Z") for day in range(1, orders + 1)))
        shop.run()

    def progress(self, tenant: int = 1) -> reads.Progress:
        with self.database.transaction(tenant) as session:
            return reads.progress(session)

    def award_wrongly(self) -> None:
        programme, at = story.PROGRAMME, datetime(2017, 6, 1, 12, tzinfo=UTC)
        award = ledger.Award(
            key=key("by hand"), holder=5, brand=programme.brand, currency=programme.currency, at=at,
            expires_at=at.replace(year=2018), day=at.date(), rule=programme.rule.name, rule_version=1,
            points=51, day_points=51, base_minor=5_000, extra_minor=0,
        )  # fmt: skip
        with self.database.transaction(1) as session:
            assert ledger.post(session, [award])[0].posted


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Generator[Site]:
    made = Site(database, tmp_path)
    with made.stack:
        yield made


def quiet(_done: int, _total: int) -> None:
    """Nobody listens."""


def work(lines: dict[int, Line], rounds: int = 20) -> None:
    for _ in range(rounds):
        for line in lines.values():
            line.step()


def test_two_tenants_anchor_by_one_publisher_each_on_contracts_of_its_own(site: Site):
    site.buy(1)
    site.buy(2, orders=3)
    lines = site.lines()
    work(lines)
    site.buy(1, orders=2)
    work(lines)
    found = {tenant: site.progress(tenant) for tenant in (1, 2)}
    assert {tenant: (each.epochs, each.anchored, each.alarm) for tenant, each in found.items()} == {
        1: (4, 4, None),
        2: (2, 2, None),
    }
    contracts: list[bytes] = []
    for tenant in (1, 2):
        with site.database.transaction(tenant) as session:
            contracts += reads.contracts(session).values()
        ok, words = verify_anchored(site.installation(tenant), tenant)
        assert ok, words
    assert len(set(contracts)) == 4


@pytest.mark.parametrize("when", [1, 2])
def test_epochs_that_are_anchored_while_they_are_verified_are_no_fault(site: Site, when: int):
    site.buy()
    lines = site.lines()
    work(lines)
    asked = 0

    def anchored(contract: bytes) -> list[bytes]:
        """The chain, on which another epoch is anchored just before or just after it is asked."""
        nonlocal asked
        asked += 1
        with reading(site.installation().settings, site.folder) as chain:
            assert chain is not None
            found = read_anchored(chain, contract)
            if asked == when:
                site.buy(orders=2)
                work(lines)
            return found if when == 1 else read_anchored(chain, contract)

    assert "of them on the chain" in verify_epochs(site.database, 1, anchored)
    assert site.progress().anchored == 4


def test_a_wrong_award_raises_an_alarm_that_names_its_leaf_and_the_ledger_goes_on(site: Site):
    site.buy()
    site.award_wrongly()
    lines = site.lines()
    work(lines)
    site.buy(2)
    work(lines)
    assert site.progress(2).anchored == 3
    progress = site.progress()
    assert progress.anchored == 2
    assert progress.alarm is not None
    assert f"leaf={ORDERS + 1}" in progress.alarm
    site.stack.close()
    with pytest.raises(AnchoringStoppedError, match=f"leaf={ORDERS + 1}"):
        bring_to_chain(site.installation(), quiet)


def test_another_chain_than_before_is_an_alarm_and_the_right_one_goes_on(site: Site):
    site.buy()
    work(site.lines())
    site.stack.close()
    (site.folder / FOLDER).rename(site.folder / "kept")
    site.shops[1].send(site.shops[1].order("anna", "2017-08-01T10:00:00Z"))
    site.shops[1].run()
    work(site.lines(), 2)
    assert "another chain" in str(site.progress().alarm)
    site.stack.close()
    for path in (site.folder / FOLDER).iterdir():
        path.unlink()
    (site.folder / FOLDER).rmdir()
    (site.folder / "kept").rename(site.folder / FOLDER)
    work(site.lines(), 4)
    assert site.progress()[2:] == (None, 4, ORDERS + 1, 4)


def test_a_command_asks_for_the_rest_and_a_pause_holds_back_only_what_is_not_full(site: Site):
    with site.database.transaction(1) as session:
        store.pause(session, paused=True)
    site.buy()
    work(site.lines())
    assert site.progress()[3:] == (2, 4, 2)
    site.stack.close()
    found = bring_to_chain(site.installation(), quiet)
    assert (found["movements"], found["epochs"], found["anchored"], found["terms_checked"]) == (5, 3, 3, 5)
    assert found["gas"]["anchor"] > 21_000
    assert set(found["contracts"]) == {"LedgerAnchor", f"ProgramTerms:{story.PROGRAMME.id}"}
    assert found["chain"] == "kept by the operator"


def test_who_serves_closes_by_time_again_what_a_killed_job_had_paused(site: Site):
    with site.database.transaction(1) as session:
        store.pause(session, paused=True)
    site.buy()
    with programme_time(site.installation()):
        work(site.lines())
        assert site.progress()[2:] == (None, 3, ORDERS, 3)


def test_with_the_chain_switched_off_nothing_is_anchored_and_nothing_is_wrong(site: Site):
    site.buy()
    found = bring_to_chain(site.installation(chain="off"), quiet)
    assert (found["movements"], found["anchored"], found["contracts"], found["chain"]) == (0, 0, {}, "switched off")
    assert verify_anchored(site.installation(chain="off"), 1)[0]
    work(site.lines())
    assert site.progress().anchored == 3  # switched on later, it begins with the first movement


def test_a_node_needs_its_address_and_chain_id_and_the_address_never_stands_in_the_file(tmp_path: Path):
    (tmp_path / "keyuan.toml").write_text('chain = "json-rpc"\nchain_id = 5\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="KEYUAN_CHAIN_URL"):
        load_settings(tmp_path)
    (tmp_path / "keyuan.toml").write_text('chain_url = "http://127.0.0.1:1"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="secrets belong into the environment"):
        load_settings(tmp_path)


if anvil.is_to_be_had():

    def by_node(node: anvil.Anvil, finality_blocks: int) -> dict[str, Any]:
        url = SecretStr(node.url)
        return {
            "chain": "json-rpc",
            "chain_url": url,
            "chain_id": anvil.CHAIN_ID,
            "chain_finality_blocks": finality_blocks,
        }

    def test_on_a_node_epochs_are_on_their_way_together_and_survive_a_reorg(site: Site):
        site.buy()
        with anvil.running() as node:
            settings = by_node(node, finality_blocks=3)
            node.fund(open_publisher(site.folder / KEYS).address)
            lines = site.lines(**settings)
            work(lines, 2)
            assert site.progress().epochs == 0  # the contracts do not stand there for good yet
            node.mine(3)
            work(lines, 8)
            assert site.progress()[3:] == (3, 5, 0)
            assert not verify_words(site, settings).startswith("FAIL")
            assert "3 of them on the chain" in verify_words(site, settings)
            node.reorg(2)
            assert "3 of them on the chain" not in verify_words(site, settings)
            for _ in range(6):
                work(lines, 1)
                node.mine(3)
            work(lines, 2)
            assert site.progress()[2:] == (None, 3, 5, 3)
            assert "3 of them on the chain" in verify_words(site, settings)

    def test_a_node_that_does_not_answer_holds_up_nothing_but_itself(site: Site):
        with anvil.running() as node:
            settings = by_node(node, finality_blocks=0)
            node.fund(open_publisher(site.folder / KEYS).address)
            lines = site.lines(**settings)
            site.buy()
            work(lines)
            site.award_wrongly()
        work(lines, 3)
        assert site.progress()[2:] == (None, 4, 6, 3)  # closed, and standing in line without an alarm
        with pytest.raises(EngineError):
            bring_to_chain(site.installation(**settings), quiet)

    def verify_words(site: Site, settings: dict[str, Any]) -> str:
        return verify_anchored(site.installation(**settings), 1)[1]
