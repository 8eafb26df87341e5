-- Headers commit to the link of the ledger's last entry too, salted. Epochs that were closed in development before have
-- no such header: they are closed and anchored anew, in contracts of their own. Nothing was released with them.
TRUNCATE anchor.domain, anchor.terms, anchor.standing, anchor.leaf, anchor.epoch, anchor.attempt, anchor.passed,
  anchor.contract, anchor.anchored, anchor.closing;
ALTER TABLE anchor.epoch ADD COLUMN salt bytea NOT NULL CHECK (octet_length(salt) = 32);
