"""One transaction of one tenant: staging, streaming, errors that say who can act."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date

import psycopg
import pytest

from keyuan.engines.database import Database, KeyTakenError, Session, load_statements
from keyuan.engines.database.failures import DatabaseGoneError, ValueRefusedError
from keyuan.engines.database.session import PostgresSession
from keyuan.kernel.ids import new_id


def test_rows_are_staged_afresh_each_time_also_when_the_columns_change(database: Database):
    layouts = ({"n": "int8"}, {"t": "text", "n": "int8"}, {"n": "int8"})
    rows = ([(1,), (2,)], [("a", 3)], [(4,)])
    for _ in range(2):
        with database.transaction(1) as session:
            for layout, staged in zip(layouts, rows, strict=True):
                assert session.stage("some_in", layout, staged) == len(staged)
                assert session.rows(f"SELECT {', '.join(layout)} FROM pg_temp.some_in ORDER BY n") == staged


def test_long_values_are_staged_as_they_are_and_a_narrow_table_has_no_place_for_them(database: Database):
    layout, long = {"n": "int8", "b": "bytea", "t": "text"}, (1, b"x" * 20_000, "y" * 20_000)
    for _ in range(2):
        with database.transaction(1) as session:
            session.stage("wide_in", layout, [long])
            assert session.rows("SELECT n, b, t FROM pg_temp.wide_in") == [long]
            assert session.row("SELECT pg_column_size(b) FROM pg_temp.wide_in") == (20_000,)
            session.stage("narrow_in", layout, [(2, b"z" * 3_000, "z" * 3_000)], narrow=True)
            assert session.rows("SELECT length(b), length(t) FROM pg_temp.narrow_in") == [(3_000, 3_000)]
            beside = "SELECT relname, reltoastrelid <> 0 FROM pg_class WHERE relname IN ('wide_in', 'narrow_in')"
            assert dict(session.rows(beside)) == {"wide_in": True, "narrow_in": False}


def test_a_row_that_was_promised_to_fit_on_a_page_and_does_not_is_an_error(database: Database):
    with pytest.raises(ValueRefusedError), database.transaction(1) as session:
        session.stage("narrow_in", {"b": "bytea"}, [(b"x" * 9_000,)], narrow=True)
    with database.transaction(1) as session:
        assert session.stage("narrow_in", {"b": "bytea"}, [(b"x" * 9_000,)]) == 1


def test_a_transaction_that_fails_leaves_nothing(database: Database):
    with pytest.raises(ZeroDivisionError), database.transaction(1) as session:
        session.execute("INSERT INTO events.position (tenant, consumer, seq) VALUES (1, 'x', 1)")
        raise ZeroDivisionError
    with database.transaction(1) as session:
        assert session.row("SELECT count(*) FROM events.position") == (0,)


def test_rows_can_be_staged_after_a_transaction_that_staged_them_failed(database: Database):
    for fails in (True, False):
        try:
            with database.transaction(1) as session:
                assert session.stage("some_in", {"n": "int8"}, [(1,)]) == 1
                if fails:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            assert fails


def test_a_token_does_not_outlive_its_transaction(database: Database):
    with database.transaction(1) as session:
        assert session.row("SELECT sec.tenant()") == (1,)
    with database.transaction(2) as session:
        assert session.row("SELECT sec.tenant()") == (2,)


def test_a_stream_gives_all_rows(database: Database):
    with database.transaction(1) as session:
        assert list(session.stream("SELECT generate_series(1, 12)", size=5)) == [(n,) for n in range(1, 13)]


def test_a_snapshot_sees_nothing_that_came_later(database: Database):
    count = "SELECT count(*) FROM events.position"
    with database.transaction(1, snapshot=True) as reader:
        assert reader.row(count) == (0,)
        with database.transaction(1) as writer:
            writer.execute("INSERT INTO events.position (tenant, consumer, seq) VALUES (1, 'x', 1)")
        assert reader.row(count) == (0,)
    with database.transaction(1) as session:
        assert session.row(count) == (1,)


def test_errors_say_who_can_act(database: Database):
    insert = "INSERT INTO events.position (tenant, consumer, seq) VALUES (1, 'x', 1)"
    with pytest.raises(KeyTakenError), database.transaction(1) as session:
        session.execute(insert)
        session.execute(insert)
    with pytest.raises(ValueRefusedError), database.transaction(1) as session:
        session.row("SELECT %(text)s::text", text="a\0b")
    with pytest.raises(DatabaseGoneError), database.transaction(1) as session:
        session.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with database.transaction(1) as session:
        assert session.row("SELECT 1") == (1,)


def test_a_statement_that_meets_a_taken_key_writes_nothing_and_the_transaction_goes_on(database: Database):
    insert = (
        "INSERT INTO events.position (tenant, consumer, seq) SELECT 1, c, 1 FROM unnest(%(names)s::text[]) AS c"
        " RETURNING consumer"
    )
    for behind in (False, True):
        with database.transaction(1, behind=behind) as session:
            assert session.rows_if_free(insert, names=[f"a{behind}", f"b{behind}"]) == [
                (f"a{behind}",),
                (f"b{behind}",),
            ]
            assert session.rows_if_free(insert, names=[f"c{behind}", f"a{behind}"]) is None
            assert session.rows_if_free(insert, names=[f"d{behind}"]) == [(f"d{behind}",)]
    with database.transaction(1) as session:
        names = [name for (name,) in session.rows("SELECT consumer FROM events.position ORDER BY consumer")]
    assert names == [f"{letter}{behind}" for letter in "abd" for behind in (False, True)]


def test_what_is_there_for_ever_is_made_once_and_again_after_its_transaction_failed(database: Database):
    make = "SELECT sec.ensure_months('events.log', %(month)s, %(month)s)"
    there = "SELECT to_regclass('events.log_2031_02') IS NOT NULL"
    for fails in (True, False, False):
        with suppress(ZeroDivisionError), database.transaction(1) as session:
            for _ in range(3):  # made, seen, known
                session.ensure(make, month=date(2031, 2, 1))
            assert session.row(there) == (True,)
            if fails:
                raise ZeroDivisionError
    with database.transaction(1) as session, pytest.MonkeyPatch.context() as patch:
        patch.setattr(PostgresSession, "row", None)  # nothing is asked
        session.ensure(make, month=date(2031, 2, 1))


def test_a_mistake_of_ours_is_not_hidden(database: Database):
    with pytest.raises(psycopg.errors.SyntaxError), database.transaction(1) as session:
        session.row("SELEC 1")


def test_ids_are_version_7_and_ordered_by_time():
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == len(ids)
    assert all(each.version == 7 for each in ids)
    assert [each.int >> 80 for each in ids] == sorted(each.int >> 80 for each in ids)


def test_statements_are_found_by_name():
    assert load_statements("keyuan.consent").keys() >= {"keep_records", "timelines"}


def add_reader(name: str) -> Callable[[Session], None]:
    def write(session: Session) -> None:
        time.sleep(0.05)
        session.execute("INSERT INTO events.position (tenant, consumer, seq) VALUES (1, %(name)s, 1)", name=name)

    return write


def readers(database: Database) -> int:
    with database.transaction(1) as session:
        return len(session.rows("SELECT p.consumer FROM events.position AS p"))


@pytest.mark.parametrize("behind", [False, True])
def test_what_is_written_later_comes_before_every_other_statement(database: Database, *, behind: bool):
    with database.transaction(1, behind=behind) as session:
        for name in "abc":
            session.later(add_reader(name))
        assert session.row("SELECT count(*) FROM events.position") == (3,)
        session.later(add_reader("d"))
        assert len(list(session.stream("SELECT p.consumer FROM events.position AS p"))) == 4
        session.later(add_reader("e"))
    assert readers(database) == 5


def test_the_caller_goes_on_while_it_is_written(database: Database):
    gone_on, seen = threading.Event(), list[bool]()
    with database.transaction(1, behind=True) as session:
        session.later(lambda _: seen.append(gone_on.wait(5)))
        gone_on.set()
    assert seen == [True]


def test_a_write_that_fails_later_stops_the_commit_and_those_after_it(database: Database):
    with pytest.raises(KeyTakenError), database.transaction(1, behind=True) as session:
        for name in "aab":
            session.later(add_reader(name))
    with pytest.raises(KeyTakenError), database.transaction(1, behind=True) as session:
        session.later(add_reader("a"))
        session.later(add_reader("a"))
        session.row("SELECT 1")
    assert readers(database) == 0


def test_a_transaction_that_fails_leaves_nothing_that_was_written_later(database: Database):
    with pytest.raises(ZeroDivisionError), database.transaction(1, behind=True) as session:
        session.later(add_reader("a"))
        session.later(add_reader("b"))
        raise ZeroDivisionError
    assert readers(database) == 0
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("write-behind")]
