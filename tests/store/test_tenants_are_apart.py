"""Row-level security on the signed token: in the catalogue, and tried by force (PROMISES: tenants are isolated)."""

import secrets
from typing import Any

import psycopg
import pytest

from keyuan.consent import Decision, Purpose, Record, record
from keyuan.engines.database import Database
from keyuan.engines.database.token import sign
from keyuan.kernel.ids import new_id
from real_server import Server

EXCEPTIONS = {"sec.migration", "sec.key", "sec.tenant_list"}
TABLES = """
SELECT n.nspname || '.' || c.relname, c.relrowsecurity AND c.relforcerowsecurity,
       (SELECT array_agg(p.qual || ' / ' || p.with_check) FROM pg_policies AS p
         WHERE p.schemaname = n.nspname AND p.tablename = c.relname)
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
"""
POLICY = "(tenant = ( SELECT sec.tenant() AS tenant)) / (tenant = ( SELECT sec.tenant() AS tenant))"

Connection = psycopg.Connection[tuple[Any, ...]]


def unprotected(connection: Connection) -> list[str]:
    """Return the tables that are not under the one policy, FORCE included."""
    return sorted(
        name
        for name, forced, policies in connection.execute(TABLES)
        if name not in EXCEPTIONS and not (forced and policies == [POLICY])
    )


def test_every_table_and_partition_forces_the_one_policy(database: Database, superuser: Connection):
    with database.transaction(1) as session:
        for (parent,) in session.rows("SELECT partrelid::regclass::text FROM pg_partitioned_table"):
            session.execute(f"SELECT sec.ensure_months('{parent}', DATE '2017-01-01', DATE '2017-03-01')")
    assert len(superuser.execute(TABLES).fetchall()) > len(EXCEPTIONS) + 5
    assert unprotected(superuser) == []


def test_a_table_that_was_forgotten_is_found(superuser: Connection):
    superuser.execute("CREATE TABLE consent.forgotten (tenant int4)")
    superuser.execute("ALTER TABLE consent.record NO FORCE ROW LEVEL SECURITY")
    superuser.execute("DROP POLICY of_tenant ON segments.segment")
    assert unprotected(superuser) == ["consent.forgotten", "consent.record", "segments.segment"]


def some_record() -> Record:
    return Record(
        person=new_id(), purpose=Purpose.LOYALTY, decision=Decision.GIVEN, effective_at_us=1, evidence="form 3"
    )


def rows_seen(app: dict[str, Any], token: str | None) -> int:
    with psycopg.connect(**app) as connection:
        if token is not None:
            token = token.replace("PID", str(connection.info.backend_pid))
            connection.execute("SELECT set_config('app.tok', %s, true)", (token,))
        row = connection.execute("SELECT count(*) FROM consent.record").fetchone()
        assert row is not None
        return int(row[0])


@pytest.mark.parametrize(
    "token", [None, "", "1", "1.PID.", "1.PID.00", "1..", "x.PID.y", f"1.PID.{'0' * 64}", "1.PID.NULL", "..", "1.PID"]
)
def test_a_forged_token_sees_no_rows(server: Server, database_name: str, database: Database, token: str | None):
    with database.transaction(1) as session:
        record(session, [some_record()])
    app = server.app | {"dbname": database_name}
    assert rows_seen(app, token) == 0


def test_a_token_of_another_backend_or_key_sees_no_rows(server: Server, database_name: str, database: Database):
    with database.transaction(1) as session:
        record(session, [some_record()])
    app = server.app | {"dbname": database_name}
    assert rows_seen(app, sign(server.token_key, 1, 999_999)) == 0
    with psycopg.connect(**app) as connection:
        for key, seen in ((secrets.token_bytes(32), 0), (server.token_key, 1)):
            token = sign(key, 1, connection.info.backend_pid)
            connection.execute("SELECT set_config('app.tok', %s, true)", (token,))
            assert connection.execute("SELECT count(*) FROM consent.record").fetchone() == (seen,)


def test_a_row_cannot_be_written_for_another_tenant(database: Database):
    row = "INSERT INTO consent.record (tenant, person, purpose, given, effective_at, evidence)"
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.transaction(1) as session:
        session.execute(f"{row} VALUES (2, gen_random_uuid(), 'loyalty', true, now(), 'form')")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM sec.key",
        "SELECT sec.hmac_hex('1.1')",
        "UPDATE sec.tenant_list SET name = 'mine'",
        "INSERT INTO sec.tenant_list VALUES (3, 'mine')",
        "SELECT sec.protect('consent.record')",
        "ALTER TABLE consent.record NO FORCE ROW LEVEL SECURITY",
        "SET ROLE keyuan_owner",
        "SET ROLE postgres",
        "CREATE TABLE public.mine (x int)",
        "CREATE SCHEMA mine",
        "SET row_security = off; SELECT * FROM consent.record",
        "COPY consent.record FROM PROGRAM 'true'",
        "SELECT sec.ensure_months('consent.record', DATE '2017-01-01', DATE '2017-02-01')",
    ],
)
def test_the_app_role_cannot_step_over_the_fence(server: Server, database_name: str, statement: str):
    with psycopg.connect(**server.app | {"dbname": database_name}, autocommit=True) as connection:
        with pytest.raises(psycopg.Error):
            connection.execute(statement)
        row = connection.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user").fetchone()
        assert row == (False, False)


SHADOWS = (
    "CREATE FUNCTION pg_temp.tenant() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_temp.pg_backend_pid() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_temp.split_part(text, text, int) RETURNS text LANGUAGE sql AS 'SELECT 1::text'",
    "CREATE FUNCTION pg_temp.same(text, text) RETURNS bool LANGUAGE sql AS 'SELECT true'",
    "CREATE OPERATOR pg_temp.= (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.same)",
    "CREATE DOMAIN pg_temp.int4 AS pg_catalog.int8",
    "CREATE TEMPORARY TABLE key (only_one bool, inner_key bytea, outer_key bytea)",
    "INSERT INTO pg_temp.key VALUES (true, '', '')",
    "SET search_path = pg_temp, sec, consent, public",
    "SELECT set_config('app.tok', '1.1.' || encode(sha256(sha256('1.1')), 'hex'), false)",
)


def test_objects_of_the_session_do_not_stand_in_for_ours(server: Server, database_name: str, database: Database):
    with database.transaction(1) as session:
        record(session, [some_record()])
    with psycopg.connect(**server.app | {"dbname": database_name}, autocommit=True) as connection:
        for statement in SHADOWS:
            connection.execute(statement.encode())
            assert connection.execute("SELECT count(*) FROM consent.record").fetchone() == (0,)


def test_partitions_are_made_of_our_own_tables_only(server: Server, database_name: str, superuser: Connection):
    """The function works as the owner; even where the owner could act as the app role, a table of hers stays out."""
    superuser.execute("GRANT keyuan_app TO keyuan_owner")
    try:
        with psycopg.connect(**server.app | {"dbname": database_name}, autocommit=True) as connection:
            connection.execute("CREATE TEMPORARY TABLE bait (tenant int4, at timestamptz) PARTITION BY RANGE (at)")
            connection.execute("GRANT ALL ON bait TO keyuan_owner")
            with pytest.raises(psycopg.errors.RaiseException, match="no monthly partitions of ours"):
                connection.execute("SELECT sec.ensure_months('bait', DATE '2017-01-01', DATE '2017-01-01')")
    finally:
        superuser.execute("REVOKE keyuan_app FROM keyuan_owner")


def test_a_plain_setting_instead_of_the_signed_token_would_let_everybody_in(
    server: Server, database_name: str, database: Database, superuser: Connection
):
    """The planted bug: a `sec.tenant()` that trusts the setting. The forged-token test must then see rows."""
    with database.transaction(1) as session:
        record(session, [some_record()])
    superuser.execute(
        "CREATE OR REPLACE FUNCTION sec.tenant() RETURNS int4 LANGUAGE sql STABLE SECURITY DEFINER"
        " SET search_path = pg_catalog, pg_temp AS"
        " $$ SELECT nullif(split_part(current_setting('app.tok', true), '.', 1), '')::int4 $$"
    )
    assert rows_seen(server.app | {"dbname": database_name}, "1.PID.00") == 1
