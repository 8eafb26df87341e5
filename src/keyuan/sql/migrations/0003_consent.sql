-- Who agreed to what. Records are never edited: the app role may add and read them only.
CREATE SCHEMA consent;
GRANT USAGE ON SCHEMA consent TO keyuan_app;

CREATE TABLE consent.record (
  tenant int4 NOT NULL,
  seq int8 GENERATED ALWAYS AS IDENTITY,
  person uuid NOT NULL,
  purpose text NOT NULL CHECK (length(purpose) BETWEEN 1 AND 100),
  given bool NOT NULL,
  effective_at timestamptz NOT NULL,
  evidence text NOT NULL CHECK (length(evidence) BETWEEN 1 AND 1000),
  recorded_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, person, purpose, effective_at, given, evidence)
);
SELECT sec.protect('consent.record');
REVOKE UPDATE, DELETE ON consent.record FROM keyuan_app;
