"""Batches on a real PostgreSQL."""

from datetime import timedelta

import psycopg
import pytest
from msgspec.structs import replace

from keyuan import ledger
from keyuan.engines.database import Database
from keyuan.ledger import Answer, Kind
from unit.ledger.samples import DAY, HOUR, T0, YEAR, award, capture, hold, key, redeem, void


def post(database: Database, *requests: ledger.Request, tenant: int = 1) -> list[ledger.Outcome]:
    with database.transaction(tenant) as session:
        return ledger.post(session, requests)


def answers(outcomes: list[ledger.Outcome]) -> list[tuple[int, int | None, int, bool]]:
    return [(o.answer, o.seq, o.points, o.repeated) for o in outcomes]


def assert_books_hold(database: Database, tenant: int = 1) -> None:
    with database.transaction(tenant) as session:
        report = ledger.verify(session)
    assert report.ok, report.words()


def balance(database: Database, holder: int = 7, tenant: int = 1) -> tuple[int, int]:
    with database.transaction(tenant) as session:
        found = ledger.balances(session, [holder])
    return (found[0].available, found[0].held) if found else (0, 0)


def test_a_repeat_returns_the_first_answer_within_a_batch_and_after_it(database: Database):
    first = post(database, award("a"), award("a"), award("b", 5, at=T0 + 40 * DAY))
    assert answers(first) == [(Answer.POSTED, 1, 10, False), (Answer.POSTED, 1, 10, True), (Answer.POSTED, 2, 5, False)]
    again = post(database, award("a", at=T0 + DAY), award("c"))
    assert answers(again) == [(Answer.POSTED, 1, 10, True), (Answer.POSTED, 3, 10, False)]
    assert balance(database) == (25, 0)
    assert_books_hold(database)


def test_the_same_key_with_other_content_is_a_conflict(database: Database):
    post(database, award("a", 10))
    changed = post(database, replace(award("a", 10), base_minor=1), redeem("a", 1), award("x", 5))
    assert [o.answer for o in changed] == [Answer.CONFLICT, Answer.CONFLICT, Answer.POSTED]
    error = changed[0].error()
    assert isinstance(error, ledger.KeyConflictError)
    assert balance(database) == (15, 0)


def test_an_award_of_nothing_posts_nothing_but_keeps_its_key(database: Database):
    assert answers(post(database, award("a", 0))) == [(Answer.NOTHING, None, 0, False)]
    assert answers(post(database, award("a", 0, base_minor=0))) == [(Answer.NOTHING, None, 0, True)]
    assert_books_hold(database)


def test_a_refused_key_is_burnt(database: Database):
    assert answers(post(database, redeem("r", 5))) == [(Answer.TOO_FEW_POINTS, None, 0, False)]
    post(database, award("a", 10))
    again = post(database, redeem("r", 5))
    assert answers(again) == [(Answer.TOO_FEW_POINTS, None, 0, True)]
    assert isinstance(again[0].error(), ledger.TransferRefusedError)
    assert balance(database) == (10, 0)
    assert_books_hold(database)


def test_a_hold_is_captured_in_parts_and_released(database: Database):
    post(database, award("a", 10), award("b", 5, expires_at=T0 + DAY))
    assert post(database, hold("h", 12))[0].posted
    assert balance(database) == (3, 12)
    assert post(database, capture("c", "h", 7, at=T0 + HOUR / 2))[0].posted
    assert post(database, capture("too much", "h", 6))[0].answer is Answer.MORE_THAN_HELD
    assert post(database, capture("late", "h", 1, at=T0 + HOUR))[0].answer is Answer.HOLD_TIMED_OUT
    assert post(database, void("v", "h"))[0].points == 5
    assert post(database, capture("closed", "h", 1))[0].answer is Answer.HOLD_CLOSED
    assert post(database, void("never", "never"))[0].answer is Answer.NO_SUCH_HOLD
    assert balance(database) == (8, 0)
    assert_books_hold(database)


def test_a_hold_may_be_made_and_settled_in_one_batch(database: Database):
    out = post(database, award("a", 10), hold("h", 6), capture("c", "h", 2), redeem("r", 4), void("v", "h"))
    assert all(outcome.posted for outcome in out)
    assert balance(database) == (4, 0)
    assert_books_hold(database)


def test_a_hold_that_outlives_its_lot_gives_it_back_to_expire(database: Database):
    post(database, award("a", 10, expires_at=T0 + HOUR), hold("h", 6, expires_at=T0 + DAY))
    with database.transaction(1) as session:
        assert ledger.expire_due(session, T0 + HOUR) == 1
        assert ledger.expire_due(session, T0 + HOUR) == 0
    assert balance(database) == (0, 6)
    assert post(database, capture("c", "h", 1, at=T0 + 2 * HOUR))[0].posted
    with database.transaction(1) as session:
        assert ledger.release_due(session, T0 + DAY) == 1
        assert ledger.release_due(session, T0 + DAY) == 0
        assert ledger.expire_due(session, T0 + DAY) == 1
    assert balance(database) == (0, 0)
    assert_books_hold(database)


def test_points_that_are_due_cannot_be_spent_though_the_job_has_not_come(database: Database):
    post(database, award("a", 10, expires_at=T0 + HOUR), award("b", 1))
    assert post(database, redeem("r", 2, at=T0 + HOUR))[0].answer is Answer.TOO_FEW_POINTS
    assert post(database, redeem("s", 1, at=T0 + HOUR))[0].posted
    assert_books_hold(database)


def test_lots_expire_once_and_the_job_may_come_late(database: Database):
    post(
        database,
        *(award(f"a{n}", 1 + n, expires_at=T0 + (1 + n) * DAY) for n in range(6)),
        award("never", 9, expires_at=None),
    )
    with database.transaction(1) as session:
        assert ledger.expire_due(session, T0 + DAY - HOUR) == 0
        assert ledger.expire_due(session, T0 + 3 * DAY, limit=2) == 2
        assert ledger.expire_due(session, T0 + 3 * DAY, limit=2) == 1
        assert ledger.expire_due(session, T0 + 90 * DAY) == 3
        assert ledger.expire_due(session, T0 + 90 * DAY) == 0
    assert balance(database) == (9, 0)
    assert_books_hold(database)


def test_totals_are_as_of_an_instant(database: Database):
    post(database, award("a", 10, expires_at=T0 + DAY), award("b", 20, at=T0 + 40 * DAY), redeem("r", 4), hold("h", 3))
    post(database, capture("c", "h", 1))
    with database.transaction(1) as session:
        ledger.expire_due(session, T0 + 2 * DAY)
        early, late = (ledger.totals(session, at) for at in (T0 + 39 * DAY, T0 + 40 * DAY))
        assert ledger.totals(session, T0 - HOUR) == ledger.Totals(
            points_issued=0, points_redeemed=0, points_expired=0, points_owed=0, awards=0
        )
    assert early == ledger.Totals(points_issued=10, points_redeemed=5, points_expired=3, points_owed=2, awards=1)
    assert late == ledger.Totals(points_issued=30, points_redeemed=5, points_expired=3, points_owed=22, awards=2)
    with database.transaction(2) as session:
        assert ledger.totals(session, T0 + YEAR).awards == 0


def test_a_statement_is_read_page_by_page_newest_first(database: Database):
    post(database, award("a", 10), award("other", 10, holder=8), award("b", 20, at=T0 + 40 * DAY), hold("h", 3))
    post(database, capture("c", "h", 1), void("v", "h"), redeem("r", 5, reference=key("till")))
    with database.transaction(1) as session:
        first = ledger.statement(session, 7, limit=4)
        rest = ledger.statement(session, 7, before=first[-1].seq, limit=4)
        assert ledger.statement(session, 99) == []
    lines = [(line.seq, line.kind, line.available, line.held) for line in first + rest]
    assert lines == [
        (7, Kind.REDEEM, -5, 0), (6, Kind.VOID, 2, -2), (5, Kind.CAPTURE, 0, -1), (4, Kind.HOLD, -3, 3),
        (3, Kind.AWARD, 20, 0), (1, Kind.AWARD, 10, 0),
    ]  # fmt: skip
    assert first[0].reference == key("till")


def test_lots_about_to_expire_are_listed_with_their_free_points(database: Database):
    post(database, award("a", 10, expires_at=T0 + DAY), award("b", 5, expires_at=T0 + 2 * DAY), hold("h", 4))
    with database.transaction(1) as session:
        soon = ledger.about_to_expire(session, T0, T0 + 2 * DAY)
    assert [(line.holder, line.lot, line.points) for line in soon] == [(7, 1, 6), (7, 2, 5)]


def test_what_was_earned_on_a_day_is_known_for_the_latest_day_and_for_earlier_ones(database: Database):
    first, second = T0.date(), (T0 + DAY).date()
    post(database, award("a", 3, day=first, day_points=3), award("b", 4, day=first, day_points=7))
    next_day = T0 + DAY
    post(database, award("c", 5, at=next_day, day=second, day_points=5), award("late", 1, day=first, day_points=8))
    post(database, award("later", 2, day=first, day_points=10), award("of no day", 1))
    post(database, award("at its end", 1, at=next_day - timedelta(microseconds=1), day=first, day_points=11))
    post(database, award("today", 2, at=next_day, day=second, day_points=7))
    with database.transaction(1) as session:
        pairs = [(7, first), (7, second), (7, (T0 + 2 * DAY).date()), (8, first)]
        assert ledger.OpenBooks(session).earned(("market", "points"), pairs) == {(7, first): 11, (7, second): 7}
    assert_books_hold(database)


def test_who_keeps_accounts_knows_that_an_award_comes_late(database: Database):
    memory = ledger.Memory()
    first, second = T0.date(), (T0 + DAY).date()
    for request in (
        award("a", 3, day=first, day_points=3),
        award("b", 4, at=T0 + DAY, day=second, day_points=4),
        award("late", 5, day=first, day_points=8),
        award("today", 6, at=T0 + DAY, day=second, day_points=10),
    ):
        with database.transaction(1) as session:
            assert ledger.post(session, [request], memory)[0].posted
    assert_books_hold(database)


def test_an_award_on_another_total_of_its_day_writes_nothing(database: Database):
    post(database, award("a", 3, day=T0.date(), day_points=3))
    with pytest.raises(ledger.StaleDayError):
        post(database, award("b", 1), award("c", 4, day=T0.date(), day_points=4))
    assert balance(database) == (3, 0)
    assert answers(post(database, award("b", 1))) == [(Answer.POSTED, 2, 1, False)]


def test_answers_to_known_keys_can_be_asked_for(database: Database):
    post(database, award("a", 3), redeem("r", 10))
    with database.transaction(1) as session:
        known = ledger.OpenBooks(session).answered([key("a"), key("r"), key("new")])
    assert {name: outcome.answer for name, outcome in known.items()} == {
        key("a"): Answer.POSTED,
        key("r"): Answer.TOO_FEW_POINTS,
    }


def test_entries_are_read_in_order_from_any_place(database: Database):
    post(database, award("a", 3), award("b", 4, at=T0 + 40 * DAY), award("c", 5))
    with database.transaction(1) as session:
        assert [(entry.seq, entry.points) for entry in ledger.entries(session, after=1)] == [(2, 4), (3, 5)]
        assert next(entry.key for entry in ledger.entries(session)) == key("a")


def test_tenants_have_books_of_their_own(database: Database):
    post(database, award("a", 10))
    assert answers(post(database, award("a", 4), tenant=2)) == [(Answer.POSTED, 1, 4, False)]
    assert balance(database) == (10, 0)
    assert balance(database, tenant=2) == (4, 0)
    assert post(database, redeem("r", 5), tenant=2)[0].answer is Answer.TOO_FEW_POINTS
    assert_books_hold(database)
    assert_books_hold(database, 2)


def test_a_batch_has_a_limit(database: Database):
    with pytest.raises(ledger.LedgerInputError):
        post(database, *[award("a")] * (ledger.BATCH_MAX + 1))


def test_the_app_role_cannot_rewrite_history(database: Database):
    post(database, award("a", 10))
    for statement in (
        "UPDATE ledger.entry SET points = 1",
        "DELETE FROM ledger.entry",
        "TRUNCATE ledger.entry",
        "UPDATE ledger.entry_2017_01 SET points = 1",
        "DELETE FROM ledger.entry_2017_01",
        "UPDATE ledger.key SET answer = 2",
        "DELETE FROM ledger.key",
        "UPDATE ledger.take SET points = 1",
        "DELETE FROM ledger.take",
        "DELETE FROM ledger.lot",
        "DELETE FROM ledger.account",
        "DELETE FROM ledger.hold",
        "DELETE FROM ledger.head",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database.transaction(1) as session:
            session.execute(statement)


def taken(database: Database, seq: int | None) -> list[tuple[int, int]]:
    with database.transaction(1) as session:
        return session.rows("SELECT t.lot, t.points FROM ledger.take AS t WHERE t.seq = %(seq)s ORDER BY 1", seq=seq)


def test_a_spender_of_many_lots_gives_those_that_expire_first_however_many_it_takes(database: Database):
    post(database, *(award(f"a{n}", 5, expires_at=T0 + (30 - n) * DAY) for n in range(20)))
    few, many = post(database, redeem("few", 7)), post(database, redeem("many", 60))
    assert taken(database, few[0].seq) == [(19, 2), (20, 5)]
    assert taken(database, many[0].seq) == [(7, 2), *((lot, 5) for lot in range(8, 19)), (19, 3)]
    assert answers(post(database, redeem("too many", 34)))[0][0] is Answer.TOO_FEW_POINTS
    assert answers(post(database, redeem("the rest", 33)))[0][0] is Answer.POSTED
    assert_books_hold(database)


def test_lots_that_are_due_do_not_hide_those_behind_them(database: Database):
    post(database, *(award(f"a{n}", 5, expires_at=T0 + (1 + n) * DAY) for n in range(20)))
    spent = post(database, redeem("late", 8, at=T0 + 12 * DAY))
    assert taken(database, spent[0].seq) == [(13, 5), (14, 3)]
    assert_books_hold(database)


def test_of_two_spends_in_a_batch_each_may_give_what_is_not_due_when_it_comes(database: Database):
    post(database, award("soon", 5, expires_at=T0 + DAY), award("a", 20, expires_at=T0 + 9 * DAY))
    late, early = post(database, redeem("late", 5, at=T0 + DAY), redeem("early", 6))
    assert (taken(database, late.seq), taken(database, early.seq)) == ([(2, 5)], [(1, 5), (2, 1)])
    assert_books_hold(database)


def test_that_holds_for_spenders_of_many_lots_too(database: Database):
    post(database, *(award(f"a{n}", 5, expires_at=T0 + DAY) for n in range(10)), award("b", 5))
    late, early = post(database, redeem("late", 5, at=T0 + DAY), redeem("early", 50))
    assert (taken(database, late.seq), taken(database, early.seq)) == ([(11, 5)], [(lot, 5) for lot in range(1, 11)])
    assert_books_hold(database)


def test_lots_without_an_end_are_given_last_and_by_number(database: Database):
    post(database, *(award(f"n{n}", 5, expires_at=None) for n in range(10)), award("due", 5, expires_at=T0 + DAY))
    post(database, *(award(f"a{n}", 5, expires_at=T0 + 9 * DAY) for n in range(3)))
    few, many = post(database, redeem("few", 12, at=T0 + DAY))[0], post(database, redeem("many", 50, at=T0 + DAY))[0]
    assert taken(database, few.seq) == [(12, 5), (13, 5), (14, 2)]
    assert taken(database, many.seq) == [*((lot, 5) for lot in range(1, 10)), (10, 2), (14, 3)]
    assert_books_hold(database)


def test_a_spend_beside_a_release_gives_what_expires_first(database: Database):
    post(database, *(award(f"a{n}", 5, expires_at=T0 + (1 + n) * DAY) for n in range(20)))
    post(database, hold("h", 45))
    spent = post(database, void("v", "h"), redeem("r", 6))
    assert taken(database, spent[1].seq) == [(1, 5), (2, 1)]
    assert_books_hold(database)


def test_accounts_kept_from_batch_to_batch_are_read_again_after_another_writer_and_after_a_rollback(
    database: Database,
):
    memory = ledger.Memory()

    def remembering(*requests: ledger.Request) -> list[ledger.Outcome]:
        with database.transaction(1) as session:
            return ledger.post(session, requests, memory)

    remembering(award("a", 10))
    with pytest.raises(ZeroDivisionError), database.transaction(1) as session:
        ledger.post(session, [award("undone", 90)], memory)
        raise ZeroDivisionError
    assert answers(remembering(redeem("too much", 11)))[0][0] is Answer.TOO_FEW_POINTS
    post(database, redeem("elsewhere", 4), award("new", 1, holder=8))
    assert remembering(award("b", 5))[0].posted
    assert remembering(redeem("r", 11), redeem("s", 1, holder=8))[0].posted
    assert balance(database) == (0, 0)
    assert_books_hold(database)
