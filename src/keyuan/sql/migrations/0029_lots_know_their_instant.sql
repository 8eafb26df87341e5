-- A lot says when it was awarded, so that its entry is found by its whole key, in one month. With that the awards of a
-- holder are found by her lots, and each award makes one entry less in a tree: the index of targets goes.
ALTER TABLE ledger.lot ADD COLUMN at timestamptz;
DROP INDEX ledger.lot_account;
DROP INDEX ledger.entry_target;
-- Forced row-level security binds the owner too: without a tenant's token she sees no rows.
ALTER TABLE ledger.lot NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.entry NO FORCE ROW LEVEL SECURITY;
UPDATE ledger.lot AS l SET at = e.at FROM ledger.entry AS e WHERE e.tenant = l.tenant AND e.seq = l.lot;
ALTER TABLE ledger.entry FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.lot FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.lot ALTER COLUMN at SET NOT NULL;
CREATE INDEX lot_account ON ledger.lot (tenant, account_id, expires_at, lot);
