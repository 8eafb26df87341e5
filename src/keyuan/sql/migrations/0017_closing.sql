-- Closing and anchoring go on in a process of their own; others pause it, ask for the rest, and see how far it is.
ALTER TABLE anchor.domain DROP COLUMN waiting_since, DROP COLUMN paused;
REVOKE UPDATE ON anchor.domain FROM keyuan_app;

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
