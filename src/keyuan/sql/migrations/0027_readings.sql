-- What an experiment said when its figures were read last; no person stands in it.
CREATE TABLE experiments.reading (
  tenant int4 NOT NULL,
  experiment text NOT NULL,
  read_at timestamptz NOT NULL,
  as_of timestamptz NOT NULL,
  lake_version int8 NOT NULL,
  body json NOT NULL,
  PRIMARY KEY (tenant, experiment),
  FOREIGN KEY (tenant, experiment) REFERENCES experiments.experiment
);
SELECT sec.protect('experiments.reading');
REVOKE DELETE ON experiments.reading FROM keyuan_app;
