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
-- expired, clawed back, exchange, settlement), with holder 0 and a negative number. `name` is the digest of what the
-- account is; entries are chained over names. The balance is what came in less what went out; `day` and `day_points`
-- are the latest day of an award and what was earned on it.
CREATE TABLE ledger.account (
  tenant int4 NOT NULL,
  account_id int8 NOT NULL CHECK (account_id <> 0),
  bucket int2 NOT NULL CHECK (bucket BETWEEN 1 AND 4 OR bucket BETWEEN 11 AND 16),
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
  CHECK ((bucket <= 4) = (holder > 0)),
  CHECK ((bucket <= 4) = (account_id > 0)),
  CHECK (CASE WHEN bucket <= 4 THEN balance >= 0 WHEN bucket = 11 THEN balance <= 0
              WHEN bucket <= 14 THEN balance >= 0 ELSE true END)
) WITH (fillfactor = 70);
SELECT sec.protect('ledger.account');
REVOKE DELETE ON ledger.account FROM keyuan_app;

-- A transfer with both its legs. `link` is the chain: see ledger/canonical.py for the bytes behind it.
CREATE TABLE ledger.entry (
  tenant int4 NOT NULL,
  seq int8 NOT NULL CHECK (seq > 0),
  at timestamptz NOT NULL,
  kind int2 NOT NULL CHECK (kind BETWEEN 1 AND 6),
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
-- A statement is read by holder; the brand's own accounts have negative numbers and stay out of the indexes.
CREATE INDEX entry_source ON ledger.entry (tenant, source, seq) WHERE source > 0;
CREATE INDEX entry_target ON ledger.entry (tenant, target, seq) WHERE target > 0;
SELECT sec.protect_partitioned('ledger.entry');
REVOKE UPDATE, DELETE ON ledger.entry FROM keyuan_app;

-- Every key that was ever answered, refused ones too; never partitioned, so that a repeat is found in any month.
-- Answers: 1 posted, 2 nothing to post, from 3 on refused (ledger/model.py, Answer).
CREATE TABLE ledger.key (
  tenant int4 NOT NULL,
  key bytea NOT NULL CHECK (octet_length(key) = 32),
  digest bytea NOT NULL CHECK (octet_length(digest) = 32),
  answer int2 NOT NULL CHECK (answer BETWEEN 1 AND 8),
  seq int8,
  points int8 NOT NULL,
  PRIMARY KEY (tenant, key),
  CHECK (CASE WHEN answer = 1 THEN seq > 0 AND points > 0 ELSE seq IS NULL AND points = 0 END)
);
SELECT sec.protect('ledger.key');
REVOKE UPDATE, DELETE ON ledger.key FROM keyuan_app;

-- One lot per award, numbered by its entry: `remaining` is not gone yet, `held` of that is on hold.
CREATE TABLE ledger.lot (
  tenant int4 NOT NULL,
  lot int8 NOT NULL,
  account_id int8 NOT NULL CHECK (account_id > 0),
  granted int8 NOT NULL CHECK (granted > 0),
  remaining int8 NOT NULL,
  held int8 NOT NULL,
  expired int8 NOT NULL,
  expires_at timestamptz,
  PRIMARY KEY (tenant, lot),
  CHECK (remaining BETWEEN 0 AND granted),
  CHECK (held BETWEEN 0 AND remaining),
  CHECK (expired BETWEEN 0 AND granted - remaining)
) WITH (fillfactor = 80);
CREATE INDEX lot_account ON ledger.lot (tenant, account_id, expires_at, lot) WHERE remaining > 0;
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
