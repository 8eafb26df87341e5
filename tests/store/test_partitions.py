"""Monthly partitions are made when they are first needed, by whoever needs them first."""

import threading

from keyuan.engines.database import Database

ENSURE = "SELECT sec.ensure_months('ledger.entry', '2031-05-01', '2031-05-01')"


def test_a_month_that_two_need_at_once_is_made_once(database: Database):
    made: list[int] = []

    def second() -> None:
        with database.transaction(2) as session:
            made.extend(session.row(ENSURE) or ())

    thread = threading.Thread(target=second)
    with database.transaction(1) as session:
        made.extend(session.row(ENSURE) or ())
        thread.start()
        thread.join(0.5)
        assert thread.is_alive(), "it waits for the first"
    thread.join(10)
    assert made == [1, 0]
