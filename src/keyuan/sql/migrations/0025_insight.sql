-- The latest reading of all metrics: what the pages of insight show without asking the lake. It holds sums, no person.
CREATE SCHEMA insight;
GRANT USAGE ON SCHEMA insight TO keyuan_app;

CREATE TABLE insight.reading (
  tenant int4 NOT NULL,
  taken_at timestamptz NOT NULL,
  as_of timestamptz NOT NULL,
  event int8 NOT NULL CHECK (event >= 0),
  entry int8 NOT NULL CHECK (entry >= 0),
  shape bytea NOT NULL CHECK (octet_length(shape) = 32),
  body bytea NOT NULL CHECK (octet_length(body) <= 16777216),
  PRIMARY KEY (tenant)
);
SELECT sec.protect('insight.reading');
