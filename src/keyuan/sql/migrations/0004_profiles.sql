-- Who somebody is. Senders are keyed hashes, persons random; contact fields are sealed under a key of the person.
CREATE SCHEMA profiles;
GRANT USAGE ON SCHEMA profiles TO keyuan_app;

CREATE TABLE profiles.identity (
  tenant int4 NOT NULL DEFAULT sec.tenant(),
  sender bytea NOT NULL CHECK (octet_length(sender) = 16),
  person uuid NOT NULL,
  PRIMARY KEY (tenant, sender)
);
CREATE INDEX identity_person ON profiles.identity (tenant, person);
SELECT sec.protect('profiles.identity');

-- One row per person with effective consent and at least one fact. `facts` counts the facts folded into `state`, so
-- that a writer with an old copy is noticed. States stay in the row up to 8 kB: they are rewritten often.
CREATE TABLE profiles.portrait (
  tenant int4 NOT NULL DEFAULT sec.tenant(),
  person uuid NOT NULL,
  facts int8 NOT NULL CHECK (facts > 0),
  from_seq int8 NOT NULL,
  as_of timestamptz NOT NULL,
  next_edge_at timestamptz,
  traits bytea NOT NULL,
  state bytea NOT NULL,
  PRIMARY KEY (tenant, person)
) WITH (toast_tuple_target = 8160);
CREATE INDEX portrait_edge ON profiles.portrait (tenant, next_edge_at) WHERE next_edge_at IS NOT NULL;
SELECT sec.protect('profiles.portrait');

CREATE TABLE profiles.person_key (
  tenant int4 NOT NULL DEFAULT sec.tenant(),
  person uuid NOT NULL,
  wrapped bytea NOT NULL,
  PRIMARY KEY (tenant, person)
);
SELECT sec.protect('profiles.person_key');

-- `blind` is a keyed hash of the normalised value, only for the fields that can be looked up.
CREATE TABLE profiles.contact (
  tenant int4 NOT NULL DEFAULT sec.tenant(),
  person uuid NOT NULL,
  field text NOT NULL CHECK (field IN ('name', 'email', 'phone', 'address')),
  sealed bytea NOT NULL,
  blind bytea,
  made_up bool NOT NULL,
  PRIMARY KEY (tenant, person, field),
  FOREIGN KEY (tenant, person) REFERENCES profiles.person_key (tenant, person) ON DELETE CASCADE
);
CREATE INDEX contact_blind ON profiles.contact (tenant, field, blind) WHERE blind IS NOT NULL;
SELECT sec.protect('profiles.contact');
