-- Target groups and who was in them when.
CREATE SCHEMA segments;
GRANT USAGE ON SCHEMA segments TO keyuan_app;

CREATE TABLE segments.segment (
  tenant int4 NOT NULL,
  segment text NOT NULL CHECK (segment ~ '^[a-z][a-z0-9_]{0,62}$'),
  rule text NOT NULL CHECK (octet_length(rule) BETWEEN 1 AND 4096),
  title_en text NOT NULL CHECK (length(title_en) BETWEEN 1 AND 200),
  title_zh text NOT NULL CHECK (length(title_zh) BETWEEN 1 AND 200),
  version int4 NOT NULL CHECK (version > 0),
  PRIMARY KEY (tenant, segment)
);
SELECT sec.protect('segments.segment');

CREATE TABLE segments.membership (
  tenant int4 NOT NULL,
  segment text NOT NULL,
  person uuid NOT NULL,
  entered_at timestamptz NOT NULL,
  left_at timestamptz CHECK (left_at >= entered_at),
  PRIMARY KEY (tenant, segment, person, entered_at),
  FOREIGN KEY (tenant, segment) REFERENCES segments.segment
);
CREATE UNIQUE INDEX membership_current ON segments.membership (tenant, person, segment) WHERE left_at IS NULL;
SELECT sec.protect('segments.membership');
