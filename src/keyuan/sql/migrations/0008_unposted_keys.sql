-- A key that was answered without an entry has nothing beside it to be compared with, so its row carries a digest of
-- itself: `keyuan verify` finds it changed. The others are compared with their entries.
ALTER TABLE ledger.key
  ADD COLUMN self bytea CONSTRAINT key_self_check CHECK (octet_length(self) = 32);
-- Forced row-level security binds the owner too: without a tenant's token she sees no rows.
ALTER TABLE ledger.key NO FORCE ROW LEVEL SECURITY;
UPDATE ledger.key SET self = sha256(key || digest || int2send(answer)) WHERE answer <> 1;
ALTER TABLE ledger.key FORCE ROW LEVEL SECURITY;
