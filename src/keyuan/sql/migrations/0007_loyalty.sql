-- Programmes, the versions of their earn rules, and members.
CREATE SCHEMA loyalty;
GRANT USAGE ON SCHEMA loyalty TO keyuan_app;

CREATE TABLE loyalty.programme (
  tenant int4 NOT NULL,
  programme text NOT NULL CHECK (length(programme) BETWEEN 1 AND 100),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  brand text NOT NULL CHECK (length(brand) BETWEEN 1 AND 100),
  currency text NOT NULL CHECK (length(currency) BETWEEN 1 AND 20),
  money_currency text NOT NULL CHECK (money_currency ~ '^[A-Z]{3}$'),
  PRIMARY KEY (tenant, programme)
);
SELECT sec.protect('loyalty.programme');

-- Terms are written once: points were paid by them.
CREATE TABLE loyalty.earn_rule (
  tenant int4 NOT NULL,
  programme text NOT NULL,
  rule text NOT NULL CHECK (length(rule) BETWEEN 1 AND 100),
  version int4 NOT NULL CHECK (version > 0),
  minor_per_point int8 NOT NULL CHECK (minor_per_point > 0),
  daily_cap int8 NOT NULL CHECK (daily_cap >= 0),
  doubled_categories text[] NOT NULL,
  expiry_months int4 NOT NULL CHECK (expiry_months > 0),
  PRIMARY KEY (tenant, programme, rule, version),
  FOREIGN KEY (tenant, programme) REFERENCES loyalty.programme
);
SELECT sec.protect('loyalty.earn_rule');
REVOKE UPDATE, DELETE ON loyalty.earn_rule FROM keyuan_app;

-- The only place that joins a person and a holder of points; erasing a person deletes her row.
CREATE TABLE loyalty.member (
  tenant int4 NOT NULL,
  programme text NOT NULL,
  person uuid NOT NULL,
  holder int8 NOT NULL CHECK (holder >= 0),
  joined_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, programme, person),
  UNIQUE (tenant, programme, holder),
  FOREIGN KEY (tenant, programme) REFERENCES loyalty.programme
);
SELECT sec.protect('loyalty.member');
