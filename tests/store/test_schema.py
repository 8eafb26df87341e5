"""`schema.sql` is the truth that the migrations lead to: two databases, built either way, are the same."""

from collections.abc import Iterator
from importlib import resources
from typing import Any

import psycopg
import pytest
from psycopg import sql

from keyuan.engines.database import migrate as migrate_room
from keyuan.engines.database.migrate import migrations
from real_server import Server
from store.catalogue import catalogue, differences

NAME = "built_from_schema"
SCHEMA = resources.files("keyuan").joinpath("sql", "schema.sql").read_text(encoding="utf-8")

TRIGGER = """
CREATE FUNCTION sec.odd() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER odd AFTER INSERT ON ledger.key FOR EACH ROW EXECUTE FUNCTION sec.odd()"""

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def built(server: Server) -> Iterator[Connection]:
    """Return the owner role's connection to a database made by `schema.sql` alone."""
    name = sql.Identifier(NAME)
    with psycopg.connect(**server.superuser | {"dbname": "postgres"}, autocommit=True) as superuser:
        superuser.execute(sql.SQL("CREATE DATABASE {} OWNER keyuan_owner TEMPLATE template0").format(name))
        with psycopg.connect(**server.owner | {"dbname": NAME}, autocommit=True) as connection:
            connection.execute(SCHEMA.encode())
            yield connection
        superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def planted(built: Connection) -> Iterator[Connection]:
    """Return the same, in a transaction that is undone."""
    with built.transaction(force_rollback=True):
        yield built


def test_the_migrations_lead_to_the_schema(owner: Connection, built: Connection):
    found = catalogue(owner)
    assert {name.partition(" ")[0] for name in found} >= {"schema", "relation", "column", "constraint", "index"}
    assert len(found) > 200
    assert differences(catalogue(built), found) == []


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("ALTER TABLE consent.record ADD COLUMN note text", "column consent.record.note"),
        ("ALTER TABLE consent.record DROP COLUMN evidence", "column consent.record.evidence"),
        ("ALTER TABLE consent.record RENAME COLUMN given TO agreed", "column consent.record.agreed"),
        ("ALTER TABLE ledger.lot ALTER COLUMN held TYPE int4", "column ledger.lot.held"),
        ("ALTER TABLE ledger.lot ALTER COLUMN held SET DEFAULT 0", "column ledger.lot.held"),
        ("ALTER TABLE ledger.lot ALTER COLUMN held DROP NOT NULL", "column ledger.lot.held"),
        ("ALTER TABLE events.log ALTER COLUMN body SET STORAGE EXTENDED", "column events.log.body"),
        ("ALTER TABLE consent.record ALTER COLUMN seq DROP IDENTITY", "column consent.record.seq"),
        ("ALTER TABLE ledger.lot DROP CONSTRAINT lot_pkey", "constraint ledger.lot.lot_pkey"),
        ("ALTER TABLE ledger.lot ADD CONSTRAINT odd CHECK (held <> 13)", "constraint ledger.lot.odd"),
        ("ALTER TABLE ledger.lot SET (fillfactor = 90)", "relation ledger.lot"),
        ("DROP INDEX ledger.lot_due", "index ledger.lot_due"),
        ("CREATE INDEX more ON ledger.lot (held)", "index ledger.more"),
        ("ALTER TABLE ledger.lot DISABLE ROW LEVEL SECURITY", "relation ledger.lot"),
        ("ALTER TABLE ledger.lot NO FORCE ROW LEVEL SECURITY", "relation ledger.lot"),
        ("ALTER POLICY of_tenant ON ledger.lot USING (true)", "policy ledger.lot.of_tenant"),
        ("DROP POLICY of_tenant ON ledger.lot", "policy ledger.lot.of_tenant"),
        ("GRANT DELETE ON ledger.lot TO keyuan_app", "relation ledger.lot"),
        ("GRANT UPDATE (points) ON ledger.entry TO keyuan_app", "column ledger.entry.points"),
        ("REVOKE SELECT ON sec.tenant_list FROM keyuan_app", "relation sec.tenant_list"),
        ("REVOKE USAGE ON SCHEMA ledger FROM keyuan_app", "schema ledger"),
        ("GRANT EXECUTE ON FUNCTION sec.hmac_hex(text) TO PUBLIC", "function sec.hmac_hex(text)"),
        ("ALTER FUNCTION sec.tenant() SECURITY INVOKER", "function sec.tenant()"),
        (
            "CREATE OR REPLACE FUNCTION sec.protect(target regclass) RETURNS void LANGUAGE plpgsql AS 'BEGIN END'",
            "function sec.protect(regclass)",
        ),
        ("CREATE FUNCTION sec.more() RETURNS int LANGUAGE sql AS 'SELECT 1'", "function sec.more()"),
        ("ALTER SEQUENCE events.log_seq INCREMENT 2", "sequence events.log_seq"),
        ("SELECT sec.ensure_months('events.log', '2017-01-01', '2017-01-01')", "relation events.log_2017_01"),
        ("CREATE TABLE segments.more (tenant int4)", "relation segments.more"),
        ("CREATE VIEW segments.more AS SELECT 1 AS one", "relation segments.more"),
        ("CREATE TYPE segments.more AS ENUM ('a')", "type segments.more"),
        ("CREATE SCHEMA more", "schema more"),
        ("ALTER DEFAULT PRIVILEGES IN SCHEMA ledger GRANT SELECT ON TABLES TO PUBLIC", "default right"),
        (TRIGGER, "trigger ledger.key.odd"),
    ],
)
def test_a_planted_difference_is_found(owner: Connection, planted: Connection, statement: str, place: str):
    planted.execute(statement.encode())
    found = differences(catalogue(planted), catalogue(owner))
    assert any(each.startswith(place) for each in found), found


OLD_AWARD = """
SELECT sec.ensure_months('ledger.entry', '2017-01-01', '2017-02-01');
INSERT INTO ledger.entry (tenant, seq, at, kind, source, target, points, key, link)
SELECT 1 + n % 2, n, '2017-01-20Z'::timestamptz + n * interval '1 day', 1, -1, 2, 5, sha256('k'), sha256('l')
  FROM generate_series(1, 20) AS n;
INSERT INTO ledger.lot SELECT tenant, seq, 2, 5, 5, 0, 0, NULL FROM ledger.entry"""


def test_lots_that_were_there_before_learn_the_instant_of_their_award(server: Server, monkeypatch: pytest.MonkeyPatch):
    name, everything = sql.Identifier("lots_migrated"), migrations()
    there = server.owner | {"dbname": "lots_migrated"}
    with psycopg.connect(**server.superuser | {"dbname": "postgres"}, autocommit=True) as superuser:
        superuser.execute(sql.SQL("CREATE DATABASE {} OWNER keyuan_owner TEMPLATE template0").format(name))
        monkeypatch.setattr(migrate_room, "migrations", lambda: everything[:28])
        migrate_room.migrate(there, server.token_key)
        with psycopg.connect(**server.superuser | {"dbname": "lots_migrated"}, autocommit=True) as here:
            here.execute(OLD_AWARD)
            monkeypatch.undo()
            migrate_room.migrate(there, server.token_key)
            same = "SELECT count(*) FROM ledger.lot AS l JOIN ledger.entry AS e USING (tenant, at) WHERE e.seq = l.lot"
            forced = "SELECT bool_and(relforcerowsecurity) FROM pg_class WHERE relkind IN ('r', 'p') AND relname ~ %s"
            gone = (
                "SELECT count(*) FROM pg_indexes WHERE schemaname = 'ledger' AND indexdef ~ 'target.*WHERE .target > 0'"
            )
            assert here.execute(same).fetchone() == (20,)
            assert here.execute(forced, ["^(lot|entry)"]).fetchone() == (True,)
            assert here.execute(gone).fetchone() == (0,)
        superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def test_a_migration_reaches_the_rows_of_all_tenants(server: Server, monkeypatch: pytest.MonkeyPatch):
    """Forced row-level security hides them from the owner, so a migration that changes rows must lift it meanwhile."""
    name, everything = sql.Identifier("migrated_later"), migrations()
    row = "INSERT INTO ledger.key (tenant, key, digest, answer, points) VALUES (%s, sha256('k'), sha256('d'), 2, 0)"
    with psycopg.connect(**server.superuser | {"dbname": "postgres"}, autocommit=True) as superuser:
        superuser.execute(sql.SQL("CREATE DATABASE {} OWNER keyuan_owner TEMPLATE template0").format(name))
        monkeypatch.setattr(migrate_room, "migrations", lambda: everything[:7])
        migrate_room.migrate(server.owner | {"dbname": "migrated_later"}, server.token_key)
        with psycopg.connect(**server.superuser | {"dbname": "migrated_later"}, autocommit=True) as here:
            for tenant in (1, 2):
                here.execute(row, [tenant])
            monkeypatch.undo()
            migrate_room.migrate(server.owner | {"dbname": "migrated_later"}, server.token_key)
            forced = "SELECT relforcerowsecurity FROM pg_class WHERE oid = 'ledger.key'::regclass"
            assert here.execute("SELECT count(self) FROM ledger.key").fetchone() == (2,)
            assert here.execute(forced).fetchone() == (True,)
        superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
