-- A customer's way to her own page: a link is a secret that ends; only its digest is kept.
CREATE TABLE profiles.link (
  tenant int4 NOT NULL,
  token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
  person uuid NOT NULL,
  made_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL CHECK (expires_at > made_at),
  revoked_at timestamptz CHECK (revoked_at >= made_at),
  PRIMARY KEY (tenant, token_hash)
);
CREATE INDEX link_person ON profiles.link (tenant, person);
SELECT sec.protect('profiles.link');

-- What one person did: her page says where points were earned. It costs an event about 1.5 % of its way in.
CREATE INDEX log_sender ON events.log (tenant, sender, at);
