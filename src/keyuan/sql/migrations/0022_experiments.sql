-- Experiments: who is in which arm, and who met the treatment. Both are written once and never changed.
CREATE SCHEMA experiments;
GRANT USAGE ON SCHEMA experiments TO keyuan_app;

-- What was decided before anybody was looked at: an arm has the buckets from its start up to its end.
CREATE TABLE experiments.experiment (
  tenant int4 NOT NULL,
  experiment text NOT NULL CHECK (length(experiment) BETWEEN 1 AND 100),
  salt text NOT NULL CHECK (length(salt) BETWEEN 1 AND 100),
  control text NOT NULL,
  arms text[] NOT NULL CHECK (cardinality(arms) BETWEEN 2 AND 20 AND control = ANY (arms)),
  starts float8[] NOT NULL,
  ends float8[] NOT NULL,
  begun_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, experiment),
  CHECK (cardinality(arms) = cardinality(starts) AND cardinality(arms) = cardinality(ends))
);
SELECT sec.protect('experiments.experiment');
REVOKE UPDATE, DELETE ON experiments.experiment FROM keyuan_app;

CREATE TABLE experiments.assignment (
  tenant int4 NOT NULL,
  experiment text NOT NULL,
  person uuid NOT NULL,
  arm text NOT NULL,
  PRIMARY KEY (tenant, experiment, person)
);
CREATE INDEX assignment_person ON experiments.assignment (tenant, person);
SELECT sec.protect('experiments.assignment');
REVOKE UPDATE ON experiments.assignment FROM keyuan_app;

-- The first time that somebody met the treatment.
CREATE TABLE experiments.exposure (
  tenant int4 NOT NULL,
  experiment text NOT NULL,
  person uuid NOT NULL,
  exposed_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, experiment, person),
  FOREIGN KEY (tenant, experiment, person) REFERENCES experiments.assignment ON DELETE CASCADE
);
SELECT sec.protect('experiments.exposure');
REVOKE UPDATE ON experiments.exposure FROM keyuan_app;
