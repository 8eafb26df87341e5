"""Lists of what a holder was awarded and gave, beside what all entries say; and the indexes by which they are found."""

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from itertools import pairwise, product
from random import Random
from typing import Any

import psycopg
import pytest

from keyuan import ledger
from keyuan.engines.database import Database, Session, load_statements
from keyuan.ledger import Entry, Kind, explorer
from keyuan.ledger.spenders import able_to_spend
from rewriting import BRANDS, HOLDERS, dated, story
from unit.ledger.samples import DAY, T0, YEAR, award

Superuser = psycopg.Connection[tuple[Any, ...]]
LEFT = {Kind.REDEEM: -1, Kind.EXPIRE: -1, Kind.HOLD: -1, Kind.VOID: 1, Kind.AWARD: 1, Kind.CAPTURE: 0}
WHILES: list[tuple[datetime | None, datetime | None]] = [
    (None, None), (T0 + 31 * DAY, T0 + 59 * DAY), (T0 + 40 * DAY, None), (None, T0 + 100 * DAY),
]  # fmt: skip
NEWEST = 2**63 - 1


@pytest.fixture
def told(database: Database) -> Database:
    """Return a database with a story of five months, in which some lots and holds have ended; tenant 2 has another."""
    for tenant, seed in ((1, 5), (2, 6)):
        with database.transaction(tenant) as session:
            ledger.post(session, dated(story(Random(seed))))
            ledger.release_due(session, T0 + 70 * DAY)
            ledger.expire_due(session, T0 + YEAR + 40 * DAY)
    return database


def within(entry: Entry, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or entry.at >= since) and (until is None or entry.at < until)


def newest(session: Session, since: datetime | None = None, until: datetime | None = None) -> list[Entry]:
    return [entry for entry in ledger.entries(session) if within(entry, since, until)][::-1]


def owners(session: Session) -> Mapping[int, tuple[int, str]]:
    """Holder and brand of each account of a holder."""
    rows = session.rows("SELECT a.account_id, a.holder, a.brand FROM ledger.account AS a WHERE a.account_id > 0")
    return {account: (holder, brand) for account, holder, brand in rows}


def holder_of(entry: Entry, owned: Mapping[int, tuple[int, str]]) -> int:
    return owned[entry.source if entry.source > 0 else entry.target][0]


def test_a_statement_has_every_entry_of_its_holder_in_any_while_page_by_page(told: Database):
    with told.transaction(1) as session:
        owned = owners(session)
        for holder, (since, until), limit in product(HOLDERS, WHILES, (3, 1000)):
            wanted = [e for e in newest(session, since, until) if holder_of(e, owned) == holder]
            lines, before = list[ledger.Line](), None
            while page := ledger.statement(session, holder, before=before, since=since, until=until, limit=limit):
                assert len(page) <= limit
                assert before is None or page[0].seq < before
                lines, before = lines + page, page[-1].seq
            assert [line.seq for line in lines] == [e.seq for e in wanted]
            assert [line.available for line in lines] == [LEFT[Kind(e.kind)] * e.points for e in wanted]
            assert [line.brand for line in lines] == [owned[max(e.source, e.target)][1] for e in wanted]


def test_movements_of_an_account_are_those_that_name_it(told: Database):
    with told.transaction(1) as session:
        owned = owners(session)
        all_of_them = {seq.seq: seq for seq in explorer.movements(session, explorer.Filters(), 1000)}
        assert len(all_of_them) == ledger.last_entry(session)
        kinds: list[Kind | None] = [None, *LEFT]
        for account, (since, until), kind in product(owned, WHILES, kinds):
            wanted = [
                all_of_them[e.seq]
                for e in newest(session, since, until)
                if account in (e.source, e.target) and kind in (None, e.kind)
            ]
            filters = explorer.Filters(account=account, kind=kind, since=since, until=until)
            assert explorer.movements(session, filters, 1000) == wanted
            if len(wanted) > 2:
                first = explorer.movements(session, filters, 2)
                following = explorer.Filters(account=account, kind=kind, since=since, until=until, before=first[1].seq)
                assert first + explorer.movements(session, following, 1) == wanted[:3]
        assert explorer.movements(session, explorer.Filters(account=10_000), 10) == []


def test_months_say_what_came_and_went(told: Database):
    with told.transaction(1) as session:
        owned = owners(session)
        for holder, brand in product(HOLDERS, BRANDS):
            sums: dict[tuple[int, int], list[int]] = {}
            for e in newest(session):
                place = {Kind.AWARD: 0, Kind.REDEEM: 1, Kind.CAPTURE: 1, Kind.EXPIRE: 2}.get(Kind(e.kind))
                mine = owned[e.source if e.source > 0 else e.target]
                if mine == (holder, brand) and place is not None:
                    sums.setdefault((e.at.year, e.at.month), [0, 0, 0])[place] += e.points
            found = ledger.months_of(session, holder, brand, "points")
            assert all(one.first > other.first for one, other in pairwise(found))
            assert {(m.first.year, m.first.month): [m.earned, m.redeemed, m.expired] for m in found} == sums


def test_able_to_spend_is_who_has_enough_that_was_awarded_by_then_and_is_not_due(told: Database):
    with told.transaction(1) as session:
        ledger.post(session, [award("for ever", 30, holder=3, at=T0 + 50 * DAY, expires_at=None)])
        owned = owners(session)
        lots = session.rows(
            "SELECT l.account_id, l.at, coalesce(l.expires_at, '2100-01-01Z'), l.remaining - l.held"
            "  FROM ledger.lot AS l"
        )
        seen: set[int] = set()
        for day, points in product(range(0, 520, 10), (1, 12, 31)):
            at, free = T0 + day * DAY, dict.fromkeys(HOLDERS, 0)
            for account, awarded, ends, left in lots:
                holder, brand = owned[account]
                free[holder] += left if brand == "market" and awarded <= at < ends else 0
            able = [holder for holder in HOLDERS if free[holder] >= points]
            assert sorted(able_to_spend(session, ("market", "points"), points, at)) == able
            seen.add(len(able))
        assert {0, len(HOLDERS)} <= seen


# Account 8 has one lot in ten, all of them old: whoever looks for them from the newest back reads everybody's.
FILL = """
SELECT sec.ensure_months('ledger.entry', '2017-01-01', '2018-12-01');
INSERT INTO ledger.account
SELECT 1, n, CASE WHEN n <= 50000 THEN 2 ELSE 3 END, 1 + (n - 1) % 50000, 'market', 'points', sha256(int8send(n)), 9,
       1, NULL, 0
  FROM generate_series(1, 100000) AS n;
INSERT INTO ledger.entry
SELECT 1, n, '2017-01-01Z'::timestamptz + n * interval '1 hour', 1 + (n % 10 = 0)::int, CASE n % 10 WHEN 0 THEN w.who
       ELSE -1 END, CASE n % 10 WHEN 0 THEN -2 ELSE w.who END, 5, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       '2017-01-01'::date + n / 24, 5, sha256(int8send(n)), NULL, NULL, sha256(int8send(n))
  FROM generate_series(1, 17000) AS n
 CROSS JOIN LATERAL (SELECT CASE WHEN n < 8500 AND n % 5 = 1 THEN 8 ELSE 1 + n % 499 END AS who) AS w;
INSERT INTO ledger.lot
SELECT 1, e.seq, e.target, 5, 5, 0, 0, e.at + interval '1 year', e.at FROM ledger.entry AS e WHERE e.kind = 1;
"""
WHILE = {"before": NEWEST, "since": None, "until": None, "limit": 20}
SOON = {"after": T0 + YEAR, "until": T0 + YEAR + 30 * DAY}
ASKED: list[tuple[str, str, dict[str, Any]]] = [
    ("queries.sql", "statement", {**WHILE, "holder": 8}),
    ("queries.sql", "months_of", {"holder": 8, "brand": "market", "currency": "points"}),
    ("queries.sql", "lots_of", {**SOON, "holder": 8}),
    ("queries.sql", "earned_on_days", {"account_ids": [*range(1, 499)], "days": [date(2017, 3, 1)] * 498}),
    ("queries.sql", "first_lots_of_accounts", {
        "account_ids": [*range(1, 499)], "instants": [T0 + YEAR] * 498, "limit": 8,
    }),
    ("queries.sql", "lots_of_accounts", {"account_ids": [*range(1, 499)], "instants": [T0 + YEAR] * 498}),
    ("explorer_queries.sql", "movements_of_account", {**WHILE, "account": 8, "kind": None}),
    ("explorer_queries.sql", "months", {"holder": 8}),
]  # fmt: skip


def scans(plan: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Tables that a plan reads, each with the condition by which its rows are found."""
    if "Relation Name" in plan:
        under = plan.get("Plans", [{}])[-1]
        yield plan["Relation Name"], plan.get("Index Cond") or under.get("Index Cond", "")
    for part in plan.get("Plans", ()):
        yield from scans(part)


@pytest.mark.parametrize("analysed", [False, True])
def test_no_list_reads_what_is_not_its_holders(database: Database, superuser: Superuser, analysed: bool):  # noqa: FBT001  # a parameter
    for statement in FILL.split(";\n")[:-1]:
        superuser.execute(statement.encode())
    # What an earlier test left there tells of other rows.
    superuser.execute("ANALYZE" if analysed else "DELETE FROM pg_statistic WHERE starelid >= 16384")
    if not analysed:
        never = "UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE relnamespace = 'ledger'::regnamespace"
        superuser.execute(never)
    wanted = {
        "entry": ("(source = ", ") AND (at = "),
        "lot": ("(account_id = ",),
        "account": ("(account_id = ", "(holder = "),
    }
    for file, name, asked in ASKED:
        with database.transaction(1) as session:
            text = "EXPLAIN (FORMAT JSON) " + load_statements("keyuan.ledger", file)[name]
            found = (session.row(text, **asked) or ("[]",))[0]
        plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
        for table, condition in scans(plan):
            kind = table.partition("_")[0]
            assert any(each in condition for each in wanted[kind]), (name, table, condition)
