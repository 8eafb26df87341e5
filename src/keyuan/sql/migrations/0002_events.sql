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

-- What was refused: by intake (raw, sealed), or later by the consumer (seq).
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
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, digest),
  CHECK ((raw IS NULL) <> (seq IS NULL))
);
SELECT sec.protect('events.quarantine');

CREATE TABLE events.position (
  tenant int4 NOT NULL DEFAULT sec.tenant(),
  consumer text NOT NULL,
  seq int8 NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, consumer)
);
SELECT sec.protect('events.position');

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
