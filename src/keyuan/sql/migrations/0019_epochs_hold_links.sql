-- Headers commit to the link of the ledger's last entry too, salted. Epochs from before have no such header: there are
-- none outside of development.
ALTER TABLE anchor.epoch ADD COLUMN salt bytea NOT NULL CHECK (octet_length(salt) = 32);
