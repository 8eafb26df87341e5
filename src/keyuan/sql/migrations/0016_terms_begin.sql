-- From when on the terms of a version hold: a contract says it once, and never changes it.
ALTER TABLE loyalty.earn_rule ADD COLUMN starts_at timestamptz NOT NULL DEFAULT '2000-01-01T00:00:00Z';

-- How many awards of an epoch the deployed code has computed again, all with the same result.
CREATE TABLE anchor.passed (
  tenant int4 NOT NULL,
  epoch int8 NOT NULL CHECK (epoch > 0),
  awards int8 NOT NULL CHECK (awards >= 0),
  PRIMARY KEY (tenant, epoch)
);
SELECT sec.protect('anchor.passed');
REVOKE UPDATE, DELETE ON anchor.passed FROM keyuan_app;
