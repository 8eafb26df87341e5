"""Epochs on a chain: real contracts, real transactions, and a gate that no wrong award passes."""

from collections.abc import Generator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from keyuan import contracts, ledger
from keyuan.anchor import reads
from keyuan.app.demo import story
from keyuan.consent import Purpose
from keyuan.contracts.calls import read_commitments, read_latest
from keyuan.engines.chain.embedded import EmbeddedChain
from keyuan.engines.chain.signer import Signer, open_publisher
from keyuan.engines.database import Database
from keyuan.flows.anchor_epochs import Anchoring
from keyuan.flows.close_epochs import Closer, close_all
from keyuan.flows.gate import WrongAwardError
from keyuan.kernel.clock import to_us
from shop import Shop, open_shop
from unit.ledger.samples import key

NOW = datetime(2026, 5, 1, tzinfo=UTC)
NOW_US = to_us(NOW)
SIZE = 4
ORDERS = 9


class Site:
    """A shop whose epochs go to an embedded chain."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.signer: Signer = open_publisher(folder / "keys")
        self.folder = folder / "chain"
        self.chain = self.open_chain()

    def open_chain(self) -> EmbeddedChain:
        return EmbeddedChain(self.folder, self.signer.address)

    def anchoring(self) -> Anchoring:
        made = Anchoring(self.shop.database, 1, self.chain, self.signer)
        assert made.prepare(NOW_US)
        return made

    def stored(self) -> list[reads.StoredEpoch]:
        with self.shop.database.transaction(1) as session:
            return reads.epochs(session)

    def counts(self) -> reads.Counts:
        with self.shop.database.transaction(1) as session:
            return reads.counts(session)

    def on_chain(self, anchoring: Anchoring) -> list[bytes]:
        call = partial(self.chain.call, anchoring.addresses["LedgerAnchor"])
        return read_commitments(1, read_latest("LedgerAnchor", call), call)


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Generator[Site]:
    shop = open_shop(database, tmp_path / "keys")
    shop.agree("anna", *Purpose)
    shop.send(*(shop.order("anna", f"2017-03-{day:02}T10:00:00Z", category="COFFEE") for day in range(1, ORDERS + 1)))
    shop.run()
    site = Site(shop, tmp_path)
    yield site
    site.chain.close()


def test_every_epoch_stands_on_the_chain_as_it_was_stored_and_every_award_was_computed_again(site: Site):
    anchoring = site.anchoring()
    assert close_all(Closer(site.shop.database, 1, SIZE), NOW) == ORDERS
    assert anchoring.step(NOW_US) == len(site.stored()) == 3
    assert site.counts() == (ORDERS, 3, ORDERS)
    assert site.on_chain(anchoring) == [epoch.commitment for epoch in site.stored()]
    assert anchoring.step(NOW_US) == 3
    assert site.counts() == (ORDERS, 3, ORDERS)
    assert {epoch.header.terms for epoch in site.stored()} == {1}


def test_the_contracts_are_ours_and_deployed_once(site: Site):
    first = dict(site.anchoring().addresses)
    site.chain.close()
    site.chain = site.open_chain()
    assert site.anchoring().addresses == first
    assert set(first) == {"LedgerAnchor", f"ProgramTerms:{story.PROGRAMME.id}"}
    for name, address in first.items():
        kind = "LedgerAnchor" if name == "LedgerAnchor" else "ProgramTerms"
        assert contracts.load(kind).target_of(site.chain.get_code(address)) == "cancun"


def test_a_publisher_that_is_killed_between_keeping_and_sending_loses_and_doubles_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
):
    anchoring = site.anchoring()
    close_all(Closer(site.shop.database, 1, SIZE), NOW)

    def killed(_self: EmbeddedChain, _signed: bytes) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(EmbeddedChain, "send_raw", killed)
    with pytest.raises(KeyboardInterrupt):
        anchoring.step(NOW_US)
    monkeypatch.undo()
    assert site.on_chain(anchoring) == []
    later = NOW_US + 60 * 10**6
    assert site.anchoring().step(later) == 3
    assert site.on_chain(anchoring) == [epoch.commitment for epoch in site.stored()]


WRONG: list[dict[str, int | str]] = [
    {"points": 51, "day_points": 51},
    {"extra_minor": 4_999},
    {"base_minor": -100},
    {"rule_version": 2},
    {"rule": "other"},
    {"months": 11},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_wrong_award_stops_its_epoch_and_is_named(site: Site, wrong: dict[str, int | str]):
    anchoring, at = site.anchoring(), datetime(2017, 6, 1, 12, tzinfo=UTC)
    programme = story.PROGRAMME
    right = {"points": 50, "day_points": 50, "base_minor": 5_000, "extra_minor": 0, "rule_version": 1}
    facts: dict[str, int | str] = right | wrong
    months = int(facts.pop("months", programme.rule.expiry_months))
    with site.shop.database.transaction(1) as session:
        award = ledger.Award(
            key=key("by hand"), holder=5, brand=programme.brand, currency=programme.currency, at=at,
            expires_at=at.replace(year=2017 + (5 + months) // 12, month=(5 + months) % 12 + 1), day=at.date(),
            **({"rule": programme.rule.name} | facts),  # pyright: ignore[reportArgumentType]
        )  # fmt: skip
        assert ledger.post(session, [award])[0].posted
    close_all(Closer(site.shop.database, 1, SIZE), NOW)
    with pytest.raises(WrongAwardError) as found:
        anchoring.step(NOW_US)
    assert found.value.facts["leaf"] == ORDERS + 1
    assert site.on_chain(anchoring) == [epoch.commitment for epoch in site.stored()[:2]]
    with pytest.raises(WrongAwardError):
        anchoring.step(NOW_US)
    assert ledger_goes_on(site)


def ledger_goes_on(site: Site) -> bool:
    site.shop.send(site.shop.order("anna", "2017-07-01T10:00:00Z"))
    site.shop.run()
    return close_all(Closer(site.shop.database, 1, SIZE), NOW) == 1
