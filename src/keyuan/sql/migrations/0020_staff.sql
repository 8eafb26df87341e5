-- Who works with the console: accounts, sessions, and what was done there.
CREATE SCHEMA staff;
GRANT USAGE ON SCHEMA staff TO keyuan_app;

-- `password` is an argon2id digest with its salt and costs. `must_change`: the password was given out once, and opens
-- nothing but the page where a new one is chosen.
CREATE TABLE staff.account (
  tenant int4 NOT NULL,
  account uuid NOT NULL,
  name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9._-]{0,62}$'),
  password text NOT NULL CHECK (length(password) BETWEEN 20 AND 500),
  must_change bool NOT NULL,
  made_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, account),
  UNIQUE (tenant, name)
);
SELECT sec.protect('staff.account');

-- Only a digest of the token is kept: who reads the table cannot sign in.
CREATE TABLE staff.session (
  tenant int4 NOT NULL,
  digest bytea NOT NULL CHECK (octet_length(digest) = 32),
  account uuid NOT NULL,
  begun_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL CHECK (seen_at >= begun_at),
  PRIMARY KEY (tenant, digest),
  FOREIGN KEY (tenant, account) REFERENCES staff.account ON DELETE CASCADE
);
CREATE INDEX session_account ON staff.session (tenant, account);
SELECT sec.protect('staff.session');

-- Written once. `subject` names what was touched, never a person's data; `account` is NULL where nobody was signed in.
CREATE TABLE staff.audit (
  tenant int4 NOT NULL,
  seq int8 GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL,
  account uuid,
  action text NOT NULL CHECK (length(action) BETWEEN 1 AND 100),
  subject text NOT NULL CHECK (length(subject) <= 500),
  PRIMARY KEY (tenant, seq)
);
SELECT sec.protect('staff.audit');
REVOKE UPDATE, DELETE ON staff.audit FROM keyuan_app;
