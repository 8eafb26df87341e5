-- What is committed to: leaves, the standing of accounts, and the headers of epochs.
CREATE SCHEMA anchor;
GRANT USAGE ON SCHEMA anchor TO keyuan_app;

-- Where a tenant's commitments stand, and its pseudonym there; both are in each header and never change.
-- `waiting_since`: real time at which a movement without an epoch was first seen. `paused`: close by count only.
CREATE TABLE anchor.domain (
  tenant int4 NOT NULL PRIMARY KEY,
  chain_id int8 NOT NULL CHECK (chain_id > 0),
  contract bytea NOT NULL CHECK (octet_length(contract) = 20),
  ledger bytea NOT NULL CHECK (octet_length(ledger) = 32),
  waiting_since timestamptz,
  paused bool NOT NULL DEFAULT false
);
SELECT sec.protect('anchor.domain');
REVOKE DELETE ON anchor.domain FROM keyuan_app;

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
  PRIMARY KEY (tenant, epoch)
);
SELECT sec.protect('anchor.epoch');
REVOKE UPDATE, DELETE ON anchor.epoch FROM keyuan_app;
