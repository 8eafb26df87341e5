-- Budgets of campaigns: buckets 21 to 24 (granted, free, reserved, spent), whose number in `holder` is a campaign's. What is
-- free and what is reserved never falls below zero. Kinds of entries: 7 fund, 8 reserve, 9 spend, 10 release. Answer 9: over
-- budget.
ALTER TABLE ledger.account
  DROP CONSTRAINT account_bucket_check,
  DROP CONSTRAINT account_check,
  DROP CONSTRAINT account_check2,
  ADD CONSTRAINT account_bucket_check CHECK (bucket BETWEEN 1 AND 4 OR bucket BETWEEN 11 AND 16 OR bucket BETWEEN 21 AND 24),
  ADD CONSTRAINT account_check CHECK ((bucket BETWEEN 11 AND 16) = (holder = 0)),
  ADD CONSTRAINT account_check2 CHECK (CASE WHEN bucket <= 4 THEN balance >= 0 WHEN bucket IN (11, 21) THEN balance <= 0
                                            WHEN bucket <= 14 OR bucket >= 22 THEN balance >= 0 ELSE true END);
ALTER TABLE ledger.entry
  DROP CONSTRAINT entry_kind_check,
  ADD CONSTRAINT entry_kind_check CHECK (kind BETWEEN 1 AND 10);
ALTER TABLE ledger.key
  DROP CONSTRAINT key_answer_check,
  ADD CONSTRAINT key_answer_check CHECK (answer BETWEEN 1 AND 9);
