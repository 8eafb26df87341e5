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
