-- The present truth: every schema, table, index, policy and right of Keyuan's database, in the order of the rooms.
--
-- Kept by hand, for reading; nothing runs it but a test. Databases get here by the numbered files in `migrations`, and
-- tests/store/test_schema.py compares the two ways. How to add a migration: docs/how-to/operate.md.
--
-- The owner role runs this. The app role (keyuan_app) is there already and gets what is granted here, no more.
-- Every table has the tenant first, in its keys too, and is protected: see sec.protect. Instants are timestamptz,
-- durations and amounts whole numbers; hashes and sealed values are bytea.

-- ----------------------------------------------------------------------------------------------------
-- sec: who may see what
-- ----------------------------------------------------------------------------------------------------

-- Tenants, the signed token, and how tables are protected. Named exceptions to row-level security: sec.migration,
-- sec.key (unreadable by the app role) and sec.tenant_list (read-only to the app role).
CREATE SCHEMA sec;
GRANT USAGE ON SCHEMA sec TO keyuan_app;

-- Which migrations have run; made by `engines/database/migrate.py` before the first one.
CREATE TABLE sec.migration (
  number int PRIMARY KEY,
  name text NOT NULL,
  digest text NOT NULL,
  ran_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sec.tenant_list (
  tenant int4 PRIMARY KEY CHECK (tenant > 0),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200)
);
GRANT SELECT ON sec.tenant_list TO keyuan_app;

CREATE TABLE sec.key (
  only_one bool PRIMARY KEY CHECK (only_one),
  inner_key bytea NOT NULL CHECK (octet_length(inner_key) = 64),
  outer_key bytea NOT NULL CHECK (octet_length(outer_key) = 64)
);

-- HMAC-SHA256 as in RFC 2104, from built-in functions only: no extension is needed on any server.
CREATE FUNCTION sec.hmac_hex(message text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT encode(sha256(k.outer_key || sha256(k.inner_key || convert_to(message, 'UTF8'))), 'hex') FROM sec.key AS k
$$;
REVOKE ALL ON FUNCTION sec.hmac_hex(text) FROM PUBLIC;

-- The tenant of this transaction, or NULL (no rows at all) when the token is absent, forged or of another backend.
CREATE FUNCTION sec.tenant() RETURNS int4
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE
    WHEN split_part(t.tok, '.', 2) = pg_backend_pid()::text
     AND split_part(t.tok, '.', 3) = sec.hmac_hex(split_part(t.tok, '.', 1) || '.' || split_part(t.tok, '.', 2))
    THEN split_part(t.tok, '.', 1)::int4
  END
  FROM (SELECT coalesce(current_setting('app.tok', true), '') AS tok) AS t
$$;
REVOKE ALL ON FUNCTION sec.tenant() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.tenant() TO keyuan_app;

-- Enable and force row-level security, make the one policy, grant the app role its four verbs.
CREATE FUNCTION sec.protect(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY of_tenant ON %s USING (tenant = (SELECT sec.tenant()))'
                 ' WITH CHECK (tenant = (SELECT sec.tenant()))', target);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO keyuan_app', target);
END $$;
REVOKE ALL ON FUNCTION sec.protect(regclass) FROM PUBLIC;

-- A partitioned table is protected like any other; its partitions protect themselves too (sec.ensure_months).
CREATE FUNCTION sec.protect_partitioned(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_partitioned_table AS p WHERE p.partrelid = target AND p.partstrat = 'r') THEN
    RAISE EXCEPTION 'table % is not partitioned by range', target;
  END IF;
  PERFORM sec.protect(target);
END $$;
REVOKE ALL ON FUNCTION sec.protect_partitioned(regclass) FROM PUBLIC;

-- Make the monthly partitions that are missing. It runs as the owner, so the app role needs no right to create
-- tables; a partition is made beside its parent and then attached, which does not stop writers. A partition takes
-- the parent's rights on the app role's side from the parent: nobody reads a partition by its own name.
CREATE FUNCTION sec.ensure_months(parent regclass, from_month date, to_month date) RETURNS int4
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  month date := date_trunc('month', from_month)::date;
  made int4 := 0;
  space text;
  stem text;
  part text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_partitioned_table AS p JOIN pg_class AS c ON c.oid = p.partrelid
                  WHERE p.partrelid = parent AND p.partstrat = 'r' AND c.relowner = current_user::regrole) THEN
    RAISE EXCEPTION 'table % has no monthly partitions of ours', parent;
  END IF;
  IF to_month - from_month > 366 * 30 OR from_month < DATE '1970-01-01' OR to_month > DATE '2200-01-01' THEN
    RAISE EXCEPTION 'months from % to % are out of range', from_month, to_month;
  END IF;
  SELECT n.nspname, c.relname INTO space, stem
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = parent;
  WHILE month <= to_month LOOP
    part := stem || '_' || to_char(month, 'YYYY_MM');
    IF to_regclass(format('%I.%I', space, part)) IS NULL THEN
      PERFORM pg_advisory_xact_lock(hashtextextended('sec.ensure_months', 0));
      -- Asked of the table itself: a name that was looked up in vain is remembered as missing across the lock.
      IF NOT EXISTS (SELECT FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
                      WHERE i.inhparent = parent AND c.relname = part) THEN
        EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)',
                       space, part, parent);
        EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', space, part);
        EXECUTE format('ALTER TABLE %I.%I FORCE ROW LEVEL SECURITY', space, part);
        EXECUTE format('CREATE POLICY of_tenant ON %I.%I USING (tenant = (SELECT sec.tenant()))'
                       ' WITH CHECK (tenant = (SELECT sec.tenant()))', space, part);
        EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
                       parent, space, part, month::timestamp AT TIME ZONE 'UTC',
                       (month + INTERVAL '1 month')::timestamp AT TIME ZONE 'UTC');
        made := made + 1;
      END IF;
    END IF;
    month := (month + INTERVAL '1 month')::date;
  END LOOP;
  RETURN made;
END $$;
REVOKE ALL ON FUNCTION sec.ensure_months(regclass, date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.ensure_months(regclass, date, date) TO keyuan_app;

-- ----------------------------------------------------------------------------------------------------
-- events: what happened
-- ----------------------------------------------------------------------------------------------------

-- What happened: the log, the keys of its messages and senders, quarantine, and how far each reader is.
CREATE SCHEMA events;
GRANT USAGE ON SCHEMA events TO keyuan_app;

-- Who may send: one row per write key. Only a digest of the key is kept.
CREATE TABLE events.source (
  tenant int4 NOT NULL DEFAULT sec.tenant(),
  key_hash bytea NOT NULL CHECK (octet_length(key_hash) = 32),
  source text NOT NULL CHECK (length(source) BETWEEN 1 AND 64),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  created_at timestamptz NOT NULL,
  revoked_at timestamptz,
  PRIMARY KEY (tenant, key_hash)
);
SELECT sec.protect('events.source');

-- One sequence for all tenants. Numbers are taken under a tenant's lock, held to commit, so that within a tenant
-- the order of numbers is the order of commits; gaps mean nothing.
CREATE SEQUENCE events.log_seq AS int8;
GRANT USAGE ON SEQUENCE events.log_seq TO keyuan_app;

-- The log, by month of receipt: that is bounded by our own clock, while `at` is whatever a sender says.
CREATE TABLE events.log (
  tenant int4 NOT NULL DEFAULT sec.tenant(),
  seq int8 NOT NULL,
  message_key bytea NOT NULL CHECK (octet_length(message_key) = 16),
  kind text NOT NULL,
  name text,
  sender bytea NOT NULL CHECK (octet_length(sender) = 16),
  anonymous bytea CHECK (octet_length(anonymous) = 16),
  at timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  source text NOT NULL,
  body bytea NOT NULL,
  sealed bytea,
  PRIMARY KEY (tenant, seq, received_at)
) PARTITION BY RANGE (received_at);
-- Compressing a body costs more time than its bytes on disk save.
ALTER TABLE events.log ALTER COLUMN body SET STORAGE EXTERNAL, ALTER COLUMN sealed SET STORAGE EXTERNAL;
-- What one person did: her pages say where points were earned. Senders are random: in a tree each event would go to a page
-- of its own, at four times the cost of a hash.
CREATE INDEX log_sender ON events.log USING hash (sender);
SELECT sec.protect_partitioned('events.log');

-- Every message that was ever accepted; never partitioned, so that a repeat is found whatever month it came in.
CREATE TABLE events.message (
  tenant int4 NOT NULL DEFAULT sec.tenant(),
  message_key bytea NOT NULL CHECK (octet_length(message_key) = 16),
  digest bytea NOT NULL CHECK (octet_length(digest) = 16),
  seq int8 NOT NULL,
  PRIMARY KEY (tenant, message_key)
);
SELECT sec.protect('events.message');

-- The key of each sender, wrapped by the key-encryption key; NULL once destroyed. A sender that comes back after
-- being forgotten gets a fresh key: what was sealed under the old one stays closed.
CREATE TABLE events.sender_key (
  tenant int4 NOT NULL DEFAULT sec.tenant(),
  sender bytea NOT NULL CHECK (octet_length(sender) = 16),
  wrapped_key bytea,
  made_at timestamptz NOT NULL,
  destroyed_at timestamptz,
  PRIMARY KEY (tenant, sender),
  CHECK (wrapped_key IS NOT NULL OR destroyed_at IS NOT NULL)
);
SELECT sec.protect('events.sender_key');

-- What was refused: by intake (raw, sealed), or later by a consumer (seq).
CREATE TABLE events.quarantine (
  tenant int4 NOT NULL DEFAULT sec.tenant(),
  id uuid NOT NULL,
  received_at timestamptz NOT NULL,
  source text NOT NULL,
  message_key bytea NOT NULL CHECK (octet_length(message_key) = 16),
  sender bytea NOT NULL CHECK (octet_length(sender) = 16),
  digest bytea NOT NULL CHECK (octet_length(digest) = 16),
  reason text NOT NULL,
  detail text NOT NULL,
  raw bytea,
  seq int8,
  shift bool NOT NULL,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'dropped')),
  times int4 NOT NULL DEFAULT 1,
  consumer text,
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, digest),
  CHECK ((raw IS NULL) <> (seq IS NULL)),
  CONSTRAINT quarantine_consumer_check CHECK ((seq IS NULL) = (consumer IS NULL))
);
SELECT sec.protect('events.quarantine');

-- `reader` moved the position last: one that keeps what it knows of people begins anew after another one. `at` is the
-- time of the newest event it has passed: a clock kept by hand stands where the slowest reader is.
CREATE TABLE events.position (
  tenant int4 NOT NULL DEFAULT sec.tenant(),
  consumer text NOT NULL,
  seq int8 NOT NULL DEFAULT 0,
  reader uuid,
  at timestamptz,
  PRIMARY KEY (tenant, consumer)
);
SELECT sec.protect('events.position');

-- People of whom something was written past a reader; it takes its notices down.
CREATE TABLE events.notice (
  tenant int4 NOT NULL,
  consumer text NOT NULL,
  person uuid NOT NULL,
  PRIMARY KEY (tenant, consumer, person)
);
SELECT sec.protect('events.notice');

-- A tenant without a row follows the system's clock.
CREATE TABLE events.clock (
  tenant int4 NOT NULL DEFAULT sec.tenant() PRIMARY KEY,
  by_hand bool NOT NULL,
  at timestamptz NOT NULL,
  running_since timestamptz
);
SELECT sec.protect('events.clock');

CREATE TABLE events.import_progress (
  tenant int4 NOT NULL DEFAULT sec.tenant(),
  name text NOT NULL,
  fingerprint text NOT NULL,
  next_row int8 NOT NULL CHECK (next_row >= 0),
  done bool NOT NULL,
  PRIMARY KEY (tenant, name)
);
SELECT sec.protect('events.import_progress');

-- ----------------------------------------------------------------------------------------------------
-- consent: who agreed to what
-- ----------------------------------------------------------------------------------------------------

-- Who agreed to what. Records are never edited: the app role may add and read them only.
CREATE SCHEMA consent;
GRANT USAGE ON SCHEMA consent TO keyuan_app;

CREATE TABLE consent.record (
  tenant int4 NOT NULL,
  seq int8 GENERATED ALWAYS AS IDENTITY,
  person uuid NOT NULL,
  purpose text NOT NULL CHECK (length(purpose) BETWEEN 1 AND 100),
  given bool NOT NULL,
  effective_at timestamptz NOT NULL,
  evidence text NOT NULL CHECK (length(evidence) BETWEEN 1 AND 1000),
  recorded_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, person, purpose, effective_at, given, evidence)
);
SELECT sec.protect('consent.record');
REVOKE UPDATE, DELETE ON consent.record FROM keyuan_app;

-- ----------------------------------------------------------------------------------------------------
-- staff: who works with the console
-- ----------------------------------------------------------------------------------------------------

-- Who works with the console: accounts, sessions, and what was done there.
CREATE SCHEMA staff;
GRANT USAGE ON SCHEMA staff TO keyuan_app;

-- `password` is an argon2id digest with its salt and costs. `must_change`: the password was given out once, and opens
-- nothing but the page where a new one is chosen.
CREATE TABLE staff.account (
  tenant int4 NOT NULL,
  account uuid NOT NULL,
  name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9._-]{0,62}$'),
  password text NOT NULL CHECK (length(password) BETWEEN 20 AND 500),
  must_change bool NOT NULL,
  made_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, account),
  UNIQUE (tenant, name)
);
SELECT sec.protect('staff.account');

-- Only a digest of the token is kept: who reads the table cannot sign in.
CREATE TABLE staff.session (
  tenant int4 NOT NULL,
  digest bytea NOT NULL CHECK (octet_length(digest) = 32),
  account uuid NOT NULL,
  begun_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL CHECK (seen_at >= begun_at),
  PRIMARY KEY (tenant, digest),
  FOREIGN KEY (tenant, account) REFERENCES staff.account ON DELETE CASCADE
);
CREATE INDEX session_account ON staff.session (tenant, account);
SELECT sec.protect('staff.session');

-- Written once. `subject` names what was touched, never a person's data; `account` is NULL where nobody was signed in.
CREATE TABLE staff.audit (
  tenant int4 NOT NULL,
  seq int8 GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL,
  account uuid,
  action text NOT NULL CHECK (length(action) BETWEEN 1 AND 100),
  subject text NOT NULL CHECK (length(subject) <= 500),
  PRIMARY KEY (tenant, seq)
);
SELECT sec.protect('staff.audit');
REVOKE UPDATE, DELETE ON staff.audit FROM keyuan_app;

-- ----------------------------------------------------------------------------------------------------
-- profiles: who somebody is
-- ----------------------------------------------------------------------------------------------------

-- Who somebody is. Senders are keyed hashes, persons random; contact fields are sealed under a key of the person.
CREATE SCHEMA profiles;
GRANT USAGE ON SCHEMA profiles TO keyuan_app;

CREATE TABLE profiles.identity (
  tenant int4 NOT NULL DEFAULT sec.tenant(),
  sender bytea NOT NULL CHECK (octet_length(sender) = 16),
  person uuid NOT NULL,
  PRIMARY KEY (tenant, sender)
);
CREATE INDEX identity_person ON profiles.identity (tenant, person);
SELECT sec.protect('profiles.identity');

-- One row per person with effective consent and at least one fact. `facts` counts the facts folded into `state`, so
-- that a writer with an old copy is noticed. Traits follow from `state` and `as_of`. States stay in the row up to 8 kB
-- and pages keep some room: they are rewritten often.
CREATE TABLE profiles.portrait (
  tenant int4 NOT NULL DEFAULT sec.tenant(),
  person uuid NOT NULL,
  facts int8 NOT NULL CHECK (facts > 0),
  from_seq int8 NOT NULL,
  as_of timestamptz NOT NULL,
  next_edge_at timestamptz,
  state bytea NOT NULL,
  PRIMARY KEY (tenant, person)
) WITH (toast_tuple_target = 8160, fillfactor = 70);
CREATE INDEX portrait_edge ON profiles.portrait (tenant, next_edge_at) WHERE next_edge_at IS NOT NULL;
SELECT sec.protect('profiles.portrait');

CREATE TABLE profiles.person_key (
  tenant int4 NOT NULL DEFAULT sec.tenant(),
  person uuid NOT NULL,
  wrapped bytea NOT NULL,
  PRIMARY KEY (tenant, person)
);
SELECT sec.protect('profiles.person_key');

-- `blind` is a keyed hash of the normalised value, only for the fields that can be looked up.
CREATE TABLE profiles.contact (
  tenant int4 NOT NULL DEFAULT sec.tenant(),
  person uuid NOT NULL,
  field text NOT NULL CHECK (field IN ('name', 'email', 'phone', 'address')),
  sealed bytea NOT NULL,
  blind bytea,
  made_up bool NOT NULL,
  PRIMARY KEY (tenant, person, field),
  FOREIGN KEY (tenant, person) REFERENCES profiles.person_key (tenant, person) ON DELETE CASCADE
);
CREATE INDEX contact_blind ON profiles.contact (tenant, field, blind) WHERE blind IS NOT NULL;
SELECT sec.protect('profiles.contact');

-- A customer's way to her own page: a link is a secret that ends; only its digest is kept.
CREATE TABLE profiles.link (
  tenant int4 NOT NULL,
  token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
  person uuid NOT NULL,
  made_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL CHECK (expires_at > made_at),
  revoked_at timestamptz CHECK (revoked_at >= made_at),
  PRIMARY KEY (tenant, token_hash)
);
CREATE INDEX link_person ON profiles.link (tenant, person);
SELECT sec.protect('profiles.link');

-- ----------------------------------------------------------------------------------------------------
-- ledger: who owns which points
-- ----------------------------------------------------------------------------------------------------

-- Who owns which points. Entries, keys and takes are written once: the app role may add and read them only.
CREATE SCHEMA ledger;
GRANT USAGE ON SCHEMA ledger TO keyuan_app;

-- The end of a tenant's chain of entries, and how many accounts and keys were ever made.
CREATE TABLE ledger.head (
  tenant int4 NOT NULL PRIMARY KEY,
  seq int8 NOT NULL CHECK (seq >= 0),
  link bytea NOT NULL CHECK (octet_length(link) = 32),
  accounts int8 NOT NULL CHECK (accounts >= 0),
  keys int8 NOT NULL CHECK (keys >= 0)
);
SELECT sec.protect('ledger.head');
REVOKE DELETE ON ledger.head FROM keyuan_app;

-- Buckets 1 to 4 are a holder's (pending, available, held, debt), from 11 on the brand's own (issued, redeemed,
-- expired, clawed back, exchange, settlement), with holder 0 and a negative number. Buckets 21 to 24 are the budget of a
-- campaign (granted, free, reserved, spent), whose number stands in `holder`; their own is negative. `name` is the digest
-- of what the account is; entries are chained over names. The balance is what came in less what went out; `day` and
-- `day_points` are the latest day of an award and what was earned on it.
CREATE TABLE ledger.account (
  tenant int4 NOT NULL,
  account_id int8 NOT NULL CHECK (account_id <> 0),
  bucket int2 NOT NULL CHECK (bucket BETWEEN 1 AND 4 OR bucket BETWEEN 11 AND 16 OR bucket BETWEEN 21 AND 24),
  holder int8 NOT NULL CHECK (holder >= 0),
  brand text NOT NULL CHECK (length(brand) BETWEEN 1 AND 100),
  currency text NOT NULL CHECK (length(currency) BETWEEN 1 AND 100),
  name bytea NOT NULL CHECK (octet_length(name) = 32),
  balance int8 NOT NULL,
  legs int8 NOT NULL CHECK (legs >= 0),
  day date,
  day_points int8 NOT NULL CHECK (day_points >= 0),
  PRIMARY KEY (tenant, account_id),
  UNIQUE (tenant, holder, brand, currency, bucket),
  CHECK ((bucket BETWEEN 11 AND 16) = (holder = 0)),
  CHECK ((bucket <= 4) = (account_id > 0)),
  CHECK (CASE WHEN bucket <= 4 THEN balance >= 0 WHEN bucket IN (11, 21) THEN balance <= 0
              WHEN bucket <= 14 OR bucket >= 22 THEN balance >= 0 ELSE true END)
) WITH (fillfactor = 70);
SELECT sec.protect('ledger.account');
REVOKE DELETE ON ledger.account FROM keyuan_app;

-- A transfer with both its legs. `link` is the chain: see ledger/canonical.py for the bytes behind it.
CREATE TABLE ledger.entry (
  tenant int4 NOT NULL,
  seq int8 NOT NULL CHECK (seq > 0),
  at timestamptz NOT NULL,
  kind int2 NOT NULL CHECK (kind BETWEEN 1 AND 10),
  source int8 NOT NULL,
  target int8 NOT NULL,
  points int8 NOT NULL CHECK (points > 0),
  lot int8,
  origin int8 CHECK (origin < seq),
  expires_at timestamptz,
  rule text,
  rule_version int8,
  base_minor int8,
  extra_minor int8,
  day date,
  day_points int8,
  key bytea NOT NULL CHECK (octet_length(key) = 32),
  reference bytea CHECK (octet_length(reference) = 32),
  takes bytea CHECK (octet_length(takes) = 32),
  link bytea NOT NULL CHECK (octet_length(link) = 32),
  PRIMARY KEY (tenant, seq, at),
  CHECK (source <> target)
) PARTITION BY RANGE (at);
-- What a holder gave or set aside is found here, what she was awarded by her lots; the accounts of brands and budgets have
-- negative numbers and stay out.
CREATE INDEX entry_source ON ledger.entry (tenant, source, seq) WHERE source > 0;
-- Entries of budgets, few among many, are found by the account that they go to.
CREATE INDEX entry_budget ON ledger.entry (tenant, target, seq) WHERE kind >= 7;
SELECT sec.protect_partitioned('ledger.entry');
REVOKE UPDATE, DELETE ON ledger.entry FROM keyuan_app;

-- Every key that was ever answered, refused ones too; never partitioned, so that a repeat is found in any month.
-- Answers: 1 posted, 2 nothing to post, from 3 on refused (ledger/model.py, Answer).
CREATE TABLE ledger.key (
  tenant int4 NOT NULL,
  key bytea NOT NULL CHECK (octet_length(key) = 32),
  digest bytea NOT NULL CHECK (octet_length(digest) = 32),
  answer int2 NOT NULL CHECK (answer BETWEEN 1 AND 9),
  seq int8,
  points int8 NOT NULL,
  self bytea,
  PRIMARY KEY (tenant, key),
  CHECK (CASE WHEN answer = 1 THEN seq > 0 AND points > 0 ELSE seq IS NULL AND points = 0 END),
  CONSTRAINT key_self_check CHECK (octet_length(self) = 32)
);
SELECT sec.protect('ledger.key');
REVOKE UPDATE, DELETE ON ledger.key FROM keyuan_app;

-- One lot per award, numbered by its entry: `remaining` is not gone yet, `held` of that is on hold. `at` is the instant of
-- the award: number and instant are the key of its entry, which lies in one month.
CREATE TABLE ledger.lot (
  tenant int4 NOT NULL,
  lot int8 NOT NULL,
  account_id int8 NOT NULL CHECK (account_id > 0),
  granted int8 NOT NULL CHECK (granted > 0),
  remaining int8 NOT NULL,
  held int8 NOT NULL,
  expired int8 NOT NULL,
  expires_at timestamptz,
  at timestamptz NOT NULL,
  PRIMARY KEY (tenant, lot),
  CHECK (remaining BETWEEN 0 AND granted),
  CHECK (held BETWEEN 0 AND remaining),
  CHECK (expired BETWEEN 0 AND granted - remaining)
) WITH (fillfactor = 80);
-- In the order of spending. Lots that are used up stay in it: it is also the way to all awards of a holder.
CREATE INDEX lot_account ON ledger.lot (tenant, account_id, expires_at, lot);
CREATE INDEX lot_due ON ledger.lot (tenant, expires_at, lot) WHERE remaining > held;
SELECT sec.protect('ledger.lot');
REVOKE DELETE ON ledger.lot FROM keyuan_app;

-- What an entry took from which lot.
CREATE TABLE ledger.take (
  tenant int4 NOT NULL,
  seq int8 NOT NULL,
  lot int8 NOT NULL,
  points int8 NOT NULL CHECK (points > 0),
  PRIMARY KEY (tenant, seq, lot),
  CHECK (lot < seq)
);
SELECT sec.protect('ledger.take');
REVOKE UPDATE, DELETE ON ledger.take FROM keyuan_app;

-- Points set aside, numbered by the hold's entry; closed when nothing remains.
CREATE TABLE ledger.hold (
  tenant int4 NOT NULL,
  hold int8 NOT NULL,
  key bytea NOT NULL CHECK (octet_length(key) = 32),
  available_id int8 NOT NULL CHECK (available_id > 0),
  account_id int8 NOT NULL CHECK (account_id > 0),
  points int8 NOT NULL CHECK (points > 0),
  remaining int8 NOT NULL CHECK (remaining BETWEEN 0 AND points),
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, hold),
  UNIQUE (tenant, key)
);
CREATE INDEX hold_due ON ledger.hold (tenant, expires_at, hold) WHERE remaining > 0;
SELECT sec.protect('ledger.hold');
REVOKE DELETE ON ledger.hold FROM keyuan_app;

-- ----------------------------------------------------------------------------------------------------
-- segments: target groups
-- ----------------------------------------------------------------------------------------------------

-- Target groups and who was in them when.
CREATE SCHEMA segments;
GRANT USAGE ON SCHEMA segments TO keyuan_app;

CREATE TABLE segments.segment (
  tenant int4 NOT NULL,
  segment text NOT NULL CHECK (segment ~ '^[a-z][a-z0-9_]{0,62}$'),
  rule text NOT NULL CHECK (octet_length(rule) BETWEEN 1 AND 4096),
  title_en text NOT NULL CHECK (length(title_en) BETWEEN 1 AND 200),
  title_zh text NOT NULL CHECK (length(title_zh) BETWEEN 1 AND 200),
  version int4 NOT NULL CHECK (version > 0),
  PRIMARY KEY (tenant, segment)
);
SELECT sec.protect('segments.segment');
-- Stays name their segment without a foreign key, which would lock it for each row: so a segment never goes away.
REVOKE UPDATE, DELETE ON segments.segment FROM keyuan_app;
GRANT UPDATE (rule, title_en, title_zh, version) ON segments.segment TO keyuan_app;

CREATE TABLE segments.membership (
  tenant int4 NOT NULL,
  segment text NOT NULL,
  person uuid NOT NULL,
  entered_at timestamptz NOT NULL,
  left_at timestamptz CHECK (left_at >= entered_at),
  PRIMARY KEY (tenant, segment, person, entered_at)
);
CREATE UNIQUE INDEX membership_current ON segments.membership (tenant, person, segment) WHERE left_at IS NULL;
SELECT sec.protect('segments.membership');

-- ----------------------------------------------------------------------------------------------------
-- loyalty: programmes and members
-- ----------------------------------------------------------------------------------------------------

-- Programmes, the versions of their earn rules, and members.
CREATE SCHEMA loyalty;
GRANT USAGE ON SCHEMA loyalty TO keyuan_app;

CREATE TABLE loyalty.programme (
  tenant int4 NOT NULL,
  programme text NOT NULL CHECK (length(programme) BETWEEN 1 AND 100),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  brand text NOT NULL CHECK (length(brand) BETWEEN 1 AND 100),
  currency text NOT NULL CHECK (length(currency) BETWEEN 1 AND 20),
  money_currency text NOT NULL CHECK (money_currency ~ '^[A-Z]{3}$'),
  PRIMARY KEY (tenant, programme)
);
SELECT sec.protect('loyalty.programme');

-- Terms are written once: points were paid by them.
CREATE TABLE loyalty.earn_rule (
  tenant int4 NOT NULL,
  programme text NOT NULL,
  rule text NOT NULL CHECK (length(rule) BETWEEN 1 AND 100),
  version int4 NOT NULL CHECK (version > 0),
  minor_per_point int8 NOT NULL CHECK (minor_per_point > 0),
  daily_cap int8 NOT NULL CHECK (daily_cap >= 0),
  doubled_categories text[] NOT NULL,
  expiry_months int4 NOT NULL CHECK (expiry_months > 0),
  starts_at timestamptz NOT NULL DEFAULT '2000-01-01T00:00:00Z',
  PRIMARY KEY (tenant, programme, rule, version),
  FOREIGN KEY (tenant, programme) REFERENCES loyalty.programme
);
SELECT sec.protect('loyalty.earn_rule');
REVOKE UPDATE, DELETE ON loyalty.earn_rule FROM keyuan_app;

-- The only place that joins a person and a holder of points; erasing a person deletes her row.
CREATE TABLE loyalty.member (
  tenant int4 NOT NULL,
  programme text NOT NULL,
  person uuid NOT NULL,
  holder int8 NOT NULL CHECK (holder >= 0),
  joined_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, programme, person),
  UNIQUE (tenant, holder, programme),
  FOREIGN KEY (tenant, programme) REFERENCES loyalty.programme
);
SELECT sec.protect('loyalty.member');

-- ----------------------------------------------------------------------------------------------------
-- anchor: what is committed to
-- ----------------------------------------------------------------------------------------------------

-- What is committed to: leaves, the standing of accounts, and the headers of epochs.
CREATE SCHEMA anchor;
GRANT USAGE ON SCHEMA anchor TO keyuan_app;

-- Where a tenant's commitments stand, and its pseudonym there; both are in each header and never change.
CREATE TABLE anchor.domain (
  tenant int4 NOT NULL PRIMARY KEY,
  chain_id int8 NOT NULL CHECK (chain_id > 0),
  contract bytea NOT NULL CHECK (octet_length(contract) = 20),
  ledger bytea NOT NULL CHECK (octet_length(ledger) = 32)
);
SELECT sec.protect('anchor.domain');
REVOKE UPDATE, DELETE ON anchor.domain FROM keyuan_app;

-- How closing goes on. `paused`: close by count only. `close_through`: what comes no later than this entry of the ledger is
-- closed now. `waiting_since`: real time at which a movement without an epoch was first seen. `alarm`: what anchoring
-- stopped at, until it goes on.
CREATE TABLE anchor.closing (
  tenant int4 NOT NULL PRIMARY KEY,
  paused bool NOT NULL DEFAULT false,
  close_through int8 NOT NULL DEFAULT 0 CHECK (close_through >= 0),
  waiting_since timestamptz,
  alarm text CHECK (length(alarm) <= 2000)
);
SELECT sec.protect('anchor.closing');
REVOKE DELETE ON anchor.closing FROM keyuan_app;

-- Contracts that stand on the chain for good.
CREATE TABLE anchor.contract (
  tenant int4 NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  address bytea NOT NULL CHECK (octet_length(address) = 20),
  PRIMARY KEY (tenant, name)
);
SELECT sec.protect('anchor.contract');
REVOKE UPDATE, DELETE ON anchor.contract FROM keyuan_app;

-- Versions of terms in the order in which they became known.
CREATE TABLE anchor.terms (
  tenant int4 NOT NULL,
  place int8 NOT NULL CHECK (place > 0),
  contract bytea NOT NULL CHECK (octet_length(contract) = 20),
  version int8 NOT NULL CHECK (version > 0),
  terms_hash bytea NOT NULL CHECK (octet_length(terms_hash) = 32),
  PRIMARY KEY (tenant, place),
  UNIQUE (tenant, contract, version)
);
SELECT sec.protect('anchor.terms');
REVOKE UPDATE, DELETE ON anchor.terms FROM keyuan_app;

-- Where an account stands after its newest leaf. `account` is the ledger's number of its available account; `place` its
-- leaf in the sum tree of its book.
CREATE TABLE anchor.standing (
  tenant int4 NOT NULL,
  account int8 NOT NULL CHECK (account > 0),
  brand text NOT NULL,
  currency text NOT NULL,
  place int8 NOT NULL CHECK (place >= 0),
  pseudonym bytea NOT NULL CHECK (octet_length(pseudonym) = 32),
  account_seq int8 NOT NULL CHECK (account_seq > 0),
  head bytea NOT NULL CHECK (octet_length(head) = 32),
  available int8 NOT NULL CHECK (available >= 0),
  held int8 NOT NULL CHECK (held >= 0),
  pending int8 NOT NULL CHECK (pending >= 0),
  debt int8 NOT NULL CHECK (debt >= 0),
  PRIMARY KEY (tenant, account),
  UNIQUE (tenant, brand, currency, place)
) WITH (fillfactor = 70);
SELECT sec.protect('anchor.standing');
REVOKE DELETE ON anchor.standing FROM keyuan_app;

-- The leaves. `body` holds the salt and is NULL once it was destroyed; the hash stays, and with it everybody's proofs.
CREATE TABLE anchor.leaf (
  tenant int4 NOT NULL,
  seq int8 NOT NULL CHECK (seq > 0),
  entry int8 NOT NULL CHECK (entry > 0),
  account int8 NOT NULL CHECK (account > 0),
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  body bytea,
  PRIMARY KEY (tenant, seq)
);
CREATE INDEX leaf_account ON anchor.leaf (tenant, account, seq);
ALTER TABLE anchor.leaf ALTER COLUMN body SET STORAGE PLAIN;
SELECT sec.protect('anchor.leaf');
REVOKE DELETE ON anchor.leaf FROM keyuan_app;

-- Closed epochs: the header that is committed to, the records of all books, and the edge of the log's tree.
CREATE TABLE anchor.epoch (
  tenant int4 NOT NULL,
  epoch int8 NOT NULL CHECK (epoch > 0),
  header bytea NOT NULL,
  commitment bytea NOT NULL CHECK (octet_length(commitment) = 32),
  records bytea NOT NULL,
  frontier bytea NOT NULL,
  last_entry int8 NOT NULL CHECK (last_entry > 0),
  salt bytea NOT NULL CHECK (octet_length(salt) = 32),
  PRIMARY KEY (tenant, epoch)
);
SELECT sec.protect('anchor.epoch');
REVOKE UPDATE, DELETE ON anchor.epoch FROM keyuan_app;

-- The outbox: transactions for the chain, signed once and kept as bytes before they are sent.
CREATE TABLE anchor.attempt (
  tenant int4 NOT NULL,
  chain_id int8 NOT NULL CHECK (chain_id > 0),
  job text NOT NULL CHECK (length(job) BETWEEN 1 AND 200),
  attempt int4 NOT NULL CHECK (attempt > 0),
  sender bytea NOT NULL CHECK (octet_length(sender) = 20),
  nonce int8 NOT NULL CHECK (nonce >= 0),
  target bytea CHECK (octet_length(target) = 20),
  data bytea NOT NULL,
  gas int8,
  raw bytea NOT NULL,
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  fee numeric(78, 0) NOT NULL CHECK (fee >= 0),
  signed_us int8 NOT NULL,
  state int2 NOT NULL CHECK (state BETWEEN 1 AND 5),
  sent_us int8,
  block_number int8,
  block_hash bytea CHECK (octet_length(block_hash) = 32),
  succeeded bool,
  PRIMARY KEY (tenant, chain_id, job, attempt),
  UNIQUE (tenant, hash)
);
CREATE INDEX attempt_open ON anchor.attempt (tenant, chain_id, nonce, attempt) WHERE state <= 3;
SELECT sec.protect('anchor.attempt');
REVOKE DELETE ON anchor.attempt FROM keyuan_app;

-- How many awards of an epoch the deployed code has computed again, all with the same result.
CREATE TABLE anchor.passed (
  tenant int4 NOT NULL,
  epoch int8 NOT NULL CHECK (epoch > 0),
  awards int8 NOT NULL CHECK (awards >= 0),
  PRIMARY KEY (tenant, epoch)
);
SELECT sec.protect('anchor.passed');
REVOKE UPDATE, DELETE ON anchor.passed FROM keyuan_app;

-- Epochs whose commitment is final on the chain, and where it stands there.
CREATE TABLE anchor.anchored (
  tenant int4 NOT NULL,
  epoch int8 NOT NULL CHECK (epoch > 0),
  transaction bytea NOT NULL CHECK (octet_length(transaction) = 32),
  block_number int8 NOT NULL CHECK (block_number >= 0),
  gas_used int8 NOT NULL CHECK (gas_used > 0),
  PRIMARY KEY (tenant, epoch)
);
SELECT sec.protect('anchor.anchored');
REVOKE UPDATE, DELETE ON anchor.anchored FROM keyuan_app;

-- Experiments: who is in which arm, and who met the treatment. Both are written once and never changed.
CREATE SCHEMA experiments;
GRANT USAGE ON SCHEMA experiments TO keyuan_app;

-- What was decided before anybody was looked at: an arm has the buckets from its start up to its end.
CREATE TABLE experiments.experiment (
  tenant int4 NOT NULL,
  experiment text NOT NULL CHECK (length(experiment) BETWEEN 1 AND 100),
  salt text NOT NULL CHECK (length(salt) BETWEEN 1 AND 100),
  control text NOT NULL,
  arms text[] NOT NULL CHECK (cardinality(arms) BETWEEN 2 AND 20 AND control = ANY (arms)),
  starts float8[] NOT NULL,
  ends float8[] NOT NULL,
  begun_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, experiment),
  CHECK (cardinality(arms) = cardinality(starts) AND cardinality(arms) = cardinality(ends))
);
SELECT sec.protect('experiments.experiment');
REVOKE UPDATE, DELETE ON experiments.experiment FROM keyuan_app;

CREATE TABLE experiments.assignment (
  tenant int4 NOT NULL,
  experiment text NOT NULL,
  person uuid NOT NULL,
  arm text NOT NULL,
  PRIMARY KEY (tenant, experiment, person)
);
CREATE INDEX assignment_person ON experiments.assignment (tenant, person);
SELECT sec.protect('experiments.assignment');
REVOKE UPDATE ON experiments.assignment FROM keyuan_app;

-- The first time that somebody met the treatment.
CREATE TABLE experiments.exposure (
  tenant int4 NOT NULL,
  experiment text NOT NULL,
  person uuid NOT NULL,
  exposed_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, experiment, person),
  FOREIGN KEY (tenant, experiment, person) REFERENCES experiments.assignment ON DELETE CASCADE
);
SELECT sec.protect('experiments.exposure');
REVOKE UPDATE ON experiments.exposure FROM keyuan_app;

-- What an experiment said when its figures were read last; no person stands in it.
CREATE TABLE experiments.reading (
  tenant int4 NOT NULL,
  experiment text NOT NULL,
  read_at timestamptz NOT NULL,
  as_of timestamptz NOT NULL,
  lake_version int8 NOT NULL,
  body json NOT NULL,
  PRIMARY KEY (tenant, experiment),
  FOREIGN KEY (tenant, experiment) REFERENCES experiments.experiment
);
SELECT sec.protect('experiments.reading');
REVOKE DELETE ON experiments.reading FROM keyuan_app;

-- Offers and the coupons that carry them. Of a code only a keyed hash is kept.
CREATE SCHEMA promotions;
GRANT USAGE ON SCHEMA promotions TO keyuan_app;

CREATE TABLE promotions.offer (
  tenant int4 NOT NULL,
  offer text NOT NULL CHECK (length(offer) BETWEEN 1 AND 60),
  title_en text NOT NULL,
  title_zh text NOT NULL,
  face_minor int8 NOT NULL CHECK (face_minor > 0),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  valid_from timestamptz NOT NULL,
  valid_until timestamptz NOT NULL CHECK (valid_until > valid_from),
  PRIMARY KEY (tenant, offer)
);
SELECT sec.protect('promotions.offer');

-- One coupon a person and offer. Who it was given to is told apart from who hands it in: `redeemed_by` is the digest of
-- the order that used it.
CREATE TABLE promotions.coupon (
  tenant int4 NOT NULL,
  code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 16),
  offer text NOT NULL,
  person uuid NOT NULL,
  issued_at timestamptz NOT NULL,
  redeemed_at timestamptz,
  redeemed_by bytea CHECK (octet_length(redeemed_by) = 32),
  PRIMARY KEY (tenant, code_hash),
  UNIQUE (tenant, offer, person),
  FOREIGN KEY (tenant, offer) REFERENCES promotions.offer,
  CHECK ((redeemed_at IS NULL) = (redeemed_by IS NULL))
);
CREATE INDEX coupon_person ON promotions.coupon (tenant, person);
SELECT sec.protect('promotions.coupon');

-- Campaigns: an offer to a segment, and the messages that tell of it. The number stands for a campaign in the ledger.
CREATE SCHEMA campaigns;
GRANT USAGE ON SCHEMA campaigns TO keyuan_app;
CREATE SEQUENCE campaigns.number_seq;
GRANT USAGE ON SEQUENCE campaigns.number_seq TO keyuan_app;

CREATE TABLE campaigns.campaign (
  tenant int4 NOT NULL,
  campaign text NOT NULL CHECK (campaign ~ '^[a-z][a-z0-9_]{0,59}$'),
  number int8 NOT NULL CHECK (number > 0),
  title_en text NOT NULL,
  title_zh text NOT NULL,
  segment text NOT NULL,
  offer text NOT NULL,
  holdout float8 NOT NULL CHECK (holdout > 0 AND holdout < 1),
  salt text NOT NULL CHECK (length(salt) BETWEEN 1 AND 100),
  since timestamptz NOT NULL,
  until timestamptz NOT NULL CHECK (until > since),
  before_since timestamptz NOT NULL,
  before_until timestamptz NOT NULL CHECK (before_until > before_since AND before_until <= since),
  budget_minor int8 NOT NULL CHECK (budget_minor >= 0),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  brand text NOT NULL,
  points_factor int4 NOT NULL CHECK (points_factor BETWEEN 1 AND 10),
  language text NOT NULL CHECK (language IN ('en', 'zh')),
  nobody_treated bool NOT NULL,
  state text NOT NULL CHECK (state IN ('draft', 'launched', 'ended')),
  PRIMARY KEY (tenant, campaign),
  UNIQUE (tenant, number),
  UNIQUE (tenant, offer)
);
SELECT sec.protect('campaigns.campaign');

-- What was counted when a campaign was launched; what has become of it since is read from the other tables.
CREATE TABLE campaigns.launch (
  tenant int4 NOT NULL,
  campaign text NOT NULL,
  launched_at timestamptz NOT NULL,
  people int4 NOT NULL CHECK (people = treated + held_out),
  treated int4 NOT NULL CHECK (treated >= 0),
  held_out int4 NOT NULL CHECK (held_out >= 0),
  left_out int4 NOT NULL CHECK (left_out >= 0),
  emails int4 NOT NULL CHECK (emails BETWEEN 0 AND treated),
  inboxes int4 NOT NULL CHECK (inboxes BETWEEN 0 AND treated),
  reserved_minor int8 NOT NULL CHECK (reserved_minor >= 0),
  PRIMARY KEY (tenant, campaign),
  FOREIGN KEY (tenant, campaign) REFERENCES campaigns.campaign
);
SELECT sec.protect('campaigns.launch');
REVOKE UPDATE, DELETE ON campaigns.launch FROM keyuan_app;

-- While a message is being sent, `due_at` is when it would be given to another sender.
CREATE TABLE campaigns.message (
  tenant int4 NOT NULL,
  id uuid NOT NULL,
  campaign text NOT NULL,
  person uuid NOT NULL,
  channel text NOT NULL CHECK (channel IN ('email', 'inbox')),
  state text NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'withheld')),
  reason text CHECK (length(reason) <= 200),
  made_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  sent_at timestamptz,
  attempts int4 NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  read_at timestamptz,
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, campaign, person, channel),
  FOREIGN KEY (tenant, campaign) REFERENCES campaigns.launch,
  CHECK ((state = 'sent') = (sent_at IS NOT NULL))
);
CREATE INDEX message_due ON campaigns.message (tenant, channel, due_at) WHERE state IN ('queued', 'sending');
CREATE INDEX message_person ON campaigns.message (tenant, person);
SELECT sec.protect('campaigns.message');

-- The latest reading of all metrics: what the pages of insight show without asking the lake. It holds sums, no person.
CREATE SCHEMA insight;
GRANT USAGE ON SCHEMA insight TO keyuan_app;

CREATE TABLE insight.reading (
  tenant int4 NOT NULL,
  taken_at timestamptz NOT NULL,
  as_of timestamptz NOT NULL,
  event int8 NOT NULL CHECK (event >= 0),
  entry int8 NOT NULL CHECK (entry >= 0),
  shape bytea NOT NULL CHECK (octet_length(shape) = 32),
  body bytea NOT NULL CHECK (octet_length(body) <= 16777216),
  PRIMARY KEY (tenant)
);
SELECT sec.protect('insight.reading');
