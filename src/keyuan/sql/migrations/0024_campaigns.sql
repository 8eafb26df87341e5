-- Offers and the coupons that carry them. Of a code only a keyed hash is kept.
CREATE SCHEMA promotions;
GRANT USAGE ON SCHEMA promotions TO keyuan_app;

CREATE TABLE promotions.offer (
  tenant int4 NOT NULL,
  offer text NOT NULL CHECK (length(offer) BETWEEN 1 AND 60),
  title_en text NOT NULL,
  title_zh text NOT NULL,
  face_minor int8 NOT NULL CHECK (face_minor > 0),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  valid_from timestamptz NOT NULL,
  valid_until timestamptz NOT NULL CHECK (valid_until > valid_from),
  PRIMARY KEY (tenant, offer)
);
SELECT sec.protect('promotions.offer');

-- One coupon a person and offer. Who it was given to is told apart from who hands it in: `redeemed_by` is the digest of
-- the order that used it.
CREATE TABLE promotions.coupon (
  tenant int4 NOT NULL,
  code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 16),
  offer text NOT NULL,
  person uuid NOT NULL,
  issued_at timestamptz NOT NULL,
  redeemed_at timestamptz,
  redeemed_by bytea CHECK (octet_length(redeemed_by) = 32),
  PRIMARY KEY (tenant, code_hash),
  UNIQUE (tenant, offer, person),
  FOREIGN KEY (tenant, offer) REFERENCES promotions.offer,
  CHECK ((redeemed_at IS NULL) = (redeemed_by IS NULL))
);
CREATE INDEX coupon_person ON promotions.coupon (tenant, person);
SELECT sec.protect('promotions.coupon');

-- Campaigns: an offer to a segment, and the messages that tell of it. The number stands for a campaign in the ledger.
CREATE SCHEMA campaigns;
GRANT USAGE ON SCHEMA campaigns TO keyuan_app;
CREATE SEQUENCE campaigns.number_seq;
GRANT USAGE ON SEQUENCE campaigns.number_seq TO keyuan_app;

CREATE TABLE campaigns.campaign (
  tenant int4 NOT NULL,
  campaign text NOT NULL CHECK (campaign ~ '^[a-z][a-z0-9_]{0,59}$'),
  number int8 NOT NULL CHECK (number > 0),
  title_en text NOT NULL,
  title_zh text NOT NULL,
  segment text NOT NULL,
  offer text NOT NULL,
  holdout float8 NOT NULL CHECK (holdout > 0 AND holdout < 1),
  salt text NOT NULL CHECK (length(salt) BETWEEN 1 AND 100),
  since timestamptz NOT NULL,
  until timestamptz NOT NULL CHECK (until > since),
  before_since timestamptz NOT NULL,
  before_until timestamptz NOT NULL CHECK (before_until > before_since AND before_until <= since),
  budget_minor int8 NOT NULL CHECK (budget_minor >= 0),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  brand text NOT NULL,
  points_factor int4 NOT NULL CHECK (points_factor BETWEEN 1 AND 10),
  language text NOT NULL CHECK (language IN ('en', 'zh')),
  nobody_treated bool NOT NULL,
  state text NOT NULL CHECK (state IN ('draft', 'launched', 'ended')),
  PRIMARY KEY (tenant, campaign),
  UNIQUE (tenant, number),
  UNIQUE (tenant, offer)
);
SELECT sec.protect('campaigns.campaign');

-- What was counted when a campaign was launched; what has become of it since is read from the other tables.
CREATE TABLE campaigns.launch (
  tenant int4 NOT NULL,
  campaign text NOT NULL,
  launched_at timestamptz NOT NULL,
  people int4 NOT NULL CHECK (people = treated + held_out),
  treated int4 NOT NULL CHECK (treated >= 0),
  held_out int4 NOT NULL CHECK (held_out >= 0),
  left_out int4 NOT NULL CHECK (left_out >= 0),
  emails int4 NOT NULL CHECK (emails BETWEEN 0 AND treated),
  inboxes int4 NOT NULL CHECK (inboxes BETWEEN 0 AND treated),
  reserved_minor int8 NOT NULL CHECK (reserved_minor >= 0),
  PRIMARY KEY (tenant, campaign),
  FOREIGN KEY (tenant, campaign) REFERENCES campaigns.campaign
);
SELECT sec.protect('campaigns.launch');
REVOKE UPDATE, DELETE ON campaigns.launch FROM keyuan_app;

-- While a message is being sent, `due_at` is when it would be given to another sender.
CREATE TABLE campaigns.message (
  tenant int4 NOT NULL,
  id uuid NOT NULL,
  campaign text NOT NULL,
  person uuid NOT NULL,
  channel text NOT NULL CHECK (channel IN ('email', 'inbox')),
  state text NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'withheld')),
  reason text CHECK (length(reason) <= 200),
  made_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  sent_at timestamptz,
  attempts int4 NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  read_at timestamptz,
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, campaign, person, channel),
  FOREIGN KEY (tenant, campaign) REFERENCES campaigns.launch,
  CHECK ((state = 'sent') = (sent_at IS NOT NULL))
);
CREATE INDEX message_due ON campaigns.message (tenant, channel, due_at) WHERE state IN ('queued', 'sending');
CREATE INDEX message_person ON campaigns.message (tenant, person);
SELECT sec.protect('campaigns.message');
