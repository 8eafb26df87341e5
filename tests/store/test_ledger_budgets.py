"""Budgets of campaigns on a real PostgreSQL: never overdrawn, found when tampered with, and nobody's points."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import sql

from keyuan import ledger
from keyuan.engines.database import Database, KeyTakenError, Session
from keyuan.kernel.errors import EngineError
from keyuan.ledger import Answer, Budget, explorer
from keyuan.ledger import books as books_module
from keyuan.ledger.days import points_by_day
from store.test_ledger_post import answers, assert_books_hold, balance, post
from store.test_ledger_verify import assert_found
from unit.ledger.samples import DAY, T0, YEAR, award, fund, hold, key, redeem, release, reserve, spend, void

Superuser = psycopg.Connection[tuple[Any, ...]]
LAUNCH = [fund("f", 1000), reserve("r", 900, reference=key("coupons")), spend("s", 500), release("x", 300)]
"""Entries 1 to 4, on accounts -1 granted, -2 free, -3 reserved and -4 spent."""


def budget(database: Database, campaign: int = 7, tenant: int = 1) -> tuple[int, int, int, int] | None:
    with database.transaction(tenant) as session:
        found = ledger.budgets(session, [campaign])
    return (found[0].granted, found[0].free, found[0].reserved, found[0].spent) if found else None


def test_money_is_granted_reserved_spent_and_released(database: Database):
    assert [outcome.points for outcome in post(database, *LAUNCH)] == [1000, 900, 500, 300]
    assert budget(database) == (1000, 400, 100, 500)
    assert post(database, spend("all", 100), reserve("rest", 400))[1].posted
    assert budget(database) == (1000, 0, 400, 600)
    assert_books_hold(database)


def test_a_budget_cannot_be_overdrawn_and_a_refused_request_keeps_nothing_but_its_key(database: Database):
    over = (Answer.OVER_BUDGET, None, 0, False)
    assert answers(post(database, reserve("early", 1), spend("e", 1), release("l", 1))) == [over] * 3
    assert budget(database) is None
    post(database, fund("f", 100))
    assert answers(post(database, reserve("r", 101))) == [over]
    assert answers(post(database, reserve("r", 101), fund("more", 100), reserve("r", 101)))[2] == (
        Answer.OVER_BUDGET, None, 0, True,
    )  # fmt: skip
    assert budget(database) == (200, 200, 0, 0)
    assert post(database, reserve("all", 200))[0].posted
    assert [o.answer for o in post(database, spend("s", 201), release("x", 201), reserve("one", 1))] == [
        Answer.OVER_BUDGET
    ] * 3
    error = post(database, reserve("r", 101))[0].error()
    assert isinstance(error, ledger.TransferRefusedError)
    assert "over budget" in str(error)
    assert budget(database) == (200, 0, 200, 0)
    assert_books_hold(database)


def test_a_budget_request_told_again_gives_the_first_answer_and_with_other_content_a_conflict(database: Database):
    post(database, fund("f", 100), reserve("r", 60))
    assert answers(post(database, reserve("r", 60, at=T0 + DAY))) == [(Answer.POSTED, 2, 60, True)]
    others = [
        reserve("r", 61), reserve("r", 60, campaign=8), reserve("r", 60, currency="CNY"), spend("r", 60),
        reserve("r", 60, reference=key("x")), redeem("r", 60), award("f"), fund("f", 100, brand="bank"),
    ]  # fmt: skip
    assert {outcome.answer for outcome in post(database, *others)} == {Answer.CONFLICT}
    assert budget(database) == (100, 40, 60, 0)
    assert_books_hold(database)


def test_campaigns_brands_and_currencies_have_budgets_of_their_own(database: Database):
    post(database, fund("a", 10), fund("b", 20, brand="bank"), fund("c", 30, currency="CNY"), fund("d", 40, campaign=8))
    assert post(database, reserve("r", 11))[0].answer is Answer.OVER_BUDGET
    with database.transaction(1) as session:
        found = ledger.budgets(session, [7, 8, 9])
    assert found == [
        Budget(campaign=7, brand="bank", currency="USD", granted=20, free=20),
        Budget(campaign=7, brand="market", currency="CNY", granted=30, free=30),
        Budget(campaign=7, brand="market", currency="USD", granted=10, free=10),
        Budget(campaign=8, brand="market", currency="USD", granted=40, free=40),
    ]
    assert_books_hold(database)


def test_tenants_have_budgets_of_their_own(database: Database):
    post(database, *LAUNCH)
    assert post(database, reserve("r", 1), tenant=2)[0].answer is Answer.OVER_BUDGET
    assert budget(database, tenant=2) is None
    post(database, fund("f", 5), tenant=2)
    assert budget(database, tenant=2) == (5, 5, 0, 0)
    assert budget(database) == (1000, 400, 100, 500)
    assert_books_hold(database)
    assert_books_hold(database, 2)


def test_one_batch_may_mix_points_and_money(database: Database):
    out = post(
        database, award("a", 10), fund("f", 100), hold("h", 6), reserve("r", 100), void("v", "h"), spend("s", 1),
        redeem("p", 10), release("x", 99), award("b", 3, at=T0 + 40 * DAY), reserve("too much", 100),
    )  # fmt: skip
    assert [outcome.answer for outcome in out] == [Answer.POSTED] * 9 + [Answer.OVER_BUDGET]
    assert balance(database) == (3, 0)
    assert budget(database) == (100, 99, 0, 1)
    assert_books_hold(database)


def test_a_campaign_and_a_holder_of_one_number_are_never_taken_for_each_other(database: Database):
    """Campaign 7 has money in the brand in which holder 7 has points; even in one currency they stay apart."""
    memory = ledger.Memory()

    def remembering(*requests: ledger.Request) -> list[Answer]:
        with database.transaction(1) as session:
            return [outcome.answer for outcome in ledger.post(session, requests, memory)]

    post(database, *LAUNCH, award("a", 10), award("b", 20, currency="USD"))
    assert remembering(reserve("m", 1)) == [Answer.POSTED]
    assert remembering(redeem("p", 10), redeem("q", 20, currency="USD")) == [Answer.POSTED] * 2
    assert remembering(award("c", 5), reserve("n", 399)) == [Answer.POSTED] * 2
    post(database, fund("elsewhere", 8), award("d", 1))
    assert remembering(reserve("o", 9), reserve("k", 8), redeem("t", 6)) == [
        Answer.OVER_BUDGET, Answer.POSTED, Answer.POSTED,
    ]  # fmt: skip
    assert budget(database) == (1008, 0, 508, 500)
    with database.transaction(1) as session:
        assert [(b.currency, b.available) for b in ledger.balances(session, [7])] == [("USD", 0), ("points", 0)]
        assert [book.currency for book in ledger.books_of(session, 7)] == ["USD", "points"]
        assert {line.kind for line in ledger.statement(session, 7)} == {ledger.Kind.AWARD, ledger.Kind.REDEEM}
        newest = explorer.budget_entries(session, 7, 3)
        assert [(entry.kind, entry.minor) for entry in newest] == [
            (ledger.Kind.RESERVE, 8), (ledger.Kind.FUND, 8), (ledger.Kind.RESERVE, 399),
        ]  # fmt: skip
        assert explorer.budget_entries(session, 8, 3) == []
        assert ledger.balances(session, [8]) == ledger.budgets(session, [8]) == []
    assert_books_hold(database)


def figures(session: Session) -> list[object]:
    """All that is told of points, without the numbers of entries and accounts."""
    return [
        ledger.totals(session, T0 + YEAR),
        ledger.count_movements(session),
        ledger.months_of(session, 7, "market", "points"),
        ledger.months_of(session, 7, "market", "USD"),
        explorer.sums(session),
        [movement.points for movement in explorer.movements(session, explorer.Filters(), 100)],
        [leg[1:3] + leg[4:] for leg in ledger.holder_legs(session, 0, 100)],
        points_by_day(session, 0, 100),
    ]


def test_money_of_budgets_is_in_no_figure_of_points(database: Database):
    story = [award("a", 10), hold("h", 4), redeem("p", 5), award("b", 7, holder=8, expires_at=T0 + DAY)]
    post(database, *story, tenant=2)
    for move, request in zip(LAUNCH, story, strict=True):
        post(database, move, request)
    with database.transaction(1) as one, database.transaction(2) as two:
        for session in (one, two):
            assert ledger.expire_due(session, T0 + 2 * DAY) == 1
        assert figures(one) == figures(two)
        assert (ledger.last_entry(one), ledger.last_movement(one), ledger.count_movements(one)) == (9, 9, 5)


def test_the_newest_movement_is_known_whatever_budgets_do_after_it(database: Database):
    with database.transaction(1) as session:
        assert (ledger.last_movement(session), ledger.count_movements(session)) == (0, 0)
        ledger.post(session, [fund("f", 9), award("a"), reserve("r", 9, at=T0 + 40 * DAY)])
    post(database, spend("s", 9, at=T0 + 80 * DAY))
    with database.transaction(1) as session:
        assert (ledger.last_entry(session), ledger.last_movement(session), ledger.count_movements(session)) == (4, 2, 1)
        assert [leg.seq for leg in ledger.holder_legs(session, 0, 10)] == [2]
        assert ledger.holder_legs(session, 2, 10) == ledger.holder_legs(session, 0, 10, upto=1) == []


def test_a_tampered_budget_is_found_and_named(database: Database, superuser: Superuser):
    for tenant in (1, 2):
        post(database, *LAUNCH, fund("other", 5, campaign=8), reserve("too much", 401), tenant=tenant)
    set_entry = "UPDATE ledger.entry SET {} WHERE tenant = 1 AND seq = {}"
    set_account = "UPDATE ledger.account SET {} WHERE tenant = 1 AND account_id = {}"
    entries = {
        set_entry.format(change, seq): ("entry", f"entry {seq}", column)
        for change, seq, column in (
            ("points = 100", 1, "points"),
            ("points = points - 1", 3, "points"),
            ("kind = 9", 4, "kind"),
            ("kind = 1", 1, "kind"),
            ("target = -6", 1, "target"),
            ("source = -2", 3, "source"),
            ("reference = NULL", 2, "link"),
            ("at = at + interval '1 day'", 2, "link"),
            ("origin = 1", 3, "link"),
            ("lot = 1", 3, "link"),
            ("expires_at = at", 2, "link"),
            ("takes = sha256('x')", 2, "takes"),
        )
    }
    accounts = {
        set_account.format(change, number): ("account", f"account {number}", column)
        for change, number, column in (
            ("balance = balance - 1", -1, "balance"),
            ("balance = balance + 1", -2, "balance"),
            ("balance = 0", -3, "balance"),
            ("balance = 0", -4, "balance"),
            ("legs = legs + 2", -3, "legs"),
            ("day_points = 1", -3, "day_points"),
            ("holder = 9", -2, "name"),
            ("currency = 'CNY'", -1, "name"),
        )
    }
    set_key = "UPDATE ledger.key SET {} WHERE tenant = 1 AND seq = {}"
    keys = {
        set_key.format("digest = sha256(digest)", 2): ("key", "key of entry 2", "digest"),
        set_key.format("points = 1", 4): ("key", "key of entry 4", "points"),
        "DELETE FROM ledger.key WHERE tenant = 1 AND answer = 9": ("head", "", "keys"),
        "DELETE FROM ledger.entry WHERE tenant = 1 AND seq = 5": ("entry", "entry 5", "the row"),
        "INSERT INTO ledger.take VALUES (1, 3, 1, 500)": ("take", "entry 3", "sum of points"),
        "INSERT INTO ledger.lot VALUES (1, 1, 99, 5, 5, 0, 0, NULL, now())": ("lot", "lot 1", "the row"),
    }
    assert_found(database, superuser, entries | accounts | keys)
    superuser.execute("UPDATE ledger.key SET answer = 3 WHERE tenant = 1 AND answer = 9")
    with database.transaction(1) as session:
        assert "self" in ledger.verify(session).words()


def test_the_database_itself_refuses_an_overdrawn_budget_and_a_budget_that_is_a_holders(
    database: Database, superuser: Superuser
):
    post(database, *LAUNCH, award("a"))
    for change in (
        "balance = -1 WHERE bucket = 22", "balance = -1 WHERE bucket = 23", "balance = -1 WHERE bucket = 24",
        "balance = 1 WHERE bucket = 21", "holder = 0 WHERE bucket = 22", "account_id = 99 WHERE bucket = 22",
        "bucket = 25 WHERE bucket = 24", "bucket = 20 WHERE bucket = 21", "bucket = 22 WHERE bucket = 2",
        "bucket = 22 WHERE bucket = 11", "bucket = 12 WHERE bucket = 22",
    ):  # fmt: skip
        with pytest.raises(psycopg.errors.CheckViolation):
            superuser.execute(sql.SQL("UPDATE ledger.account SET " + change))  # pyright: ignore[reportArgumentType]
    for statement in ("UPDATE ledger.entry SET kind = 11", "UPDATE ledger.key SET answer = 10, seq = NULL, points = 0"):
        with pytest.raises(psycopg.errors.CheckViolation):
            superuser.execute(statement)
    assert_books_hold(database)


def launch_two(database: Database) -> list[Answer]:
    """Two launches that want the last money; the second begins while the first has decided but not committed."""

    def second() -> Answer:
        with database.transaction(1) as session:
            return ledger.post(session, [reserve("second", 100)])[0].answer

    with ThreadPoolExecutor(1) as thread:
        with database.transaction(1) as session:
            first = ledger.post(session, [reserve("first", 100)])[0].answer
            waiting = thread.submit(second)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
        return [first, waiting.result(timeout=30)]


def test_of_two_launches_that_want_the_last_money_exactly_one_gets_it(database: Database):
    post(database, fund("f", 150))
    assert launch_two(database) == [Answer.POSTED, Answer.OVER_BUDGET]
    assert budget(database) == (150, 50, 100, 0)
    assert_books_hold(database)


def test_many_launches_at_once_never_promise_more_than_there_is(database: Database):
    post(database, fund("f", 1000))
    ready = threading.Barrier(8)

    def launch(number: int) -> Answer:
        with database.transaction(1) as session:
            return ledger.post(session, [reserve(f"r{number}", 70), award(f"a{number}")])[0].answer

    with ThreadPoolExecutor(8, initializer=ready.wait, initargs=(60,)) as threads:
        found = list(threads.map(launch, range(32)))
    assert (found.count(Answer.POSTED), found.count(Answer.OVER_BUDGET)) == (14, 18)
    assert budget(database) == (1000, 20, 980, 0)
    assert balance(database) == (320, 0)
    assert_books_hold(database)


def test_a_reserve_whose_connection_dies_before_the_commit_keeps_nothing_and_may_be_told_again(
    database: Database, superuser: Superuser
):
    post(database, fund("f", 100))
    with pytest.raises(EngineError), database.transaction(1) as session:
        assert ledger.post(session, [reserve("r", 100)])[0].posted
        (backend,) = session.row("SELECT pg_backend_pid()") or (0,)
        superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
    assert budget(database) == (100, 100, 0, 0)
    assert answers(post(database, reserve("r", 100))) == [(Answer.POSTED, 2, 100, False)]
    assert answers(post(database, reserve("r", 100))) == [(Answer.POSTED, 2, 100, True)]
    assert budget(database) == (100, 0, 100, 0)
    assert_books_hold(database)


def test_without_the_lock_the_second_launch_is_an_error_and_the_budget_still_holds(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    def lock_nothing(_session: Session) -> None:
        """Leave the books open: the planted bug."""

    post(database, fund("f", 150))
    monkeypatch.setattr(books_module, "lock_books", lock_nothing)
    with pytest.raises(KeyTakenError):
        launch_two(database)
    assert budget(database) == (150, 50, 100, 0)
    assert_books_hold(database)
