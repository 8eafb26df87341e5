"""The databases of tests are as new: what one test leaves, another does not meet."""

from datetime import UTC, datetime

import psycopg
import pytest

from keyuan import ledger
from keyuan.engines.database import Database
from real_server import Server, cloned
from unit.ledger.samples import YEAR, award

MAY = datetime(2026, 5, 1, tzinfo=UTC)

CHANGES = [
    "ALTER TABLE ledger.head SET (fillfactor = 50)",
    "ALTER TABLE ledger.head NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE ledger.head ADD COLUMN more int",
    "CREATE TABLE ledger.more (n int)",
    "CREATE INDEX ON ledger.head (tenant)",
    "DROP POLICY of_tenant ON ledger.head",
    "GRANT SELECT ON ledger.head TO PUBLIC",
    "CREATE OR REPLACE FUNCTION sec.tenant() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "INSERT INTO sec.tenant_list VALUES (3, 'Three')",
    "DELETE FROM sec.tenant_list",
    "UPDATE sec.key SET inner_key = outer_key",
]


def test_a_database_that_was_used_is_emptied_and_used_again(server: Server):
    server.used.clear()
    for _ in range(2):
        with cloned(server) as name, Database(server.app | {"dbname": name}, server.token_key) as database:
            with database.transaction(1) as session:
                assert ledger.count_movements(session) == 0
                ledger.post(session, [award("one", at=MAY, expires_at=MAY + YEAR)])
            with database.transaction(1) as session:
                assert ledger.count_movements(session) == 1
        assert server.used == [name]


@pytest.mark.parametrize("change", CHANGES)
def test_a_database_whose_schema_was_changed_is_not_used_again(server: Server, change: str):
    server.used.clear()
    with cloned(server) as name, psycopg.connect(**server.superuser | {"dbname": name}) as connection:
        connection.execute(change.encode())
    assert server.used == []
