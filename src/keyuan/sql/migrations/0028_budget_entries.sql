-- Entries of budgets, few among many, are found by the account that they go to.
CREATE INDEX entry_budget ON ledger.entry (tenant, target, seq) WHERE kind >= 7;
