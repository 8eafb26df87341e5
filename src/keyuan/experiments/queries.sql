-- begin --
-- An experiment is told once; the same again changes nothing.
INSERT INTO experiments.experiment (tenant, experiment, salt, control, arms, starts, ends, begun_at)
VALUES (%(tenant)s, %(experiment)s, %(salt)s, %(control)s, %(arms)s::text[], %(starts)s::float8[], %(ends)s::float8[],
        %(begun_at)s)
    ON CONFLICT (tenant, experiment) DO NOTHING

-- experiment --
-- What was decided before anybody was looked at.
SELECT e.salt, e.control, e.arms, e.starts, e.ends
  FROM experiments.experiment AS e
 WHERE e.experiment = %(experiment)s

-- assign --
-- Who has an arm keeps it.
INSERT INTO experiments.assignment (tenant, experiment, person, arm)
SELECT %(tenant)s, %(experiment)s, s.person, s.arm FROM pg_temp.arm_in AS s
    ON CONFLICT (tenant, experiment, person) DO NOTHING

-- differing --
-- How many of a batch were in another arm already.
SELECT count(*)
  FROM pg_temp.arm_in AS s
  JOIN experiments.assignment AS a ON a.experiment = %(experiment)s AND a.person = s.person
 WHERE a.arm <> s.arm

-- unassigned --
-- How many of a batch are in no arm.
SELECT count(*)
  FROM unnest(%(people)s::uuid[]) AS s (person)
 WHERE NOT EXISTS (SELECT 1 FROM experiments.assignment AS a
                    WHERE a.experiment = %(experiment)s AND a.person = s.person)

-- expose --
-- The first exposure stays.
INSERT INTO experiments.exposure (tenant, experiment, person, exposed_at)
SELECT DISTINCT %(tenant)s, %(experiment)s, s.person, %(at)s FROM unnest(%(people)s::uuid[]) AS s (person)
    ON CONFLICT (tenant, experiment, person) DO NOTHING

-- arms --
-- All people of an experiment: intention to treat, whether they were exposed or not.
SELECT a.person, a.arm FROM experiments.assignment AS a WHERE a.experiment = %(experiment)s

-- sizes --
-- People and exposed people per arm.
SELECT a.arm, count(*), count(x.person)
  FROM experiments.assignment AS a
  LEFT JOIN experiments.exposure AS x ON x.experiment = a.experiment AND x.person = a.person
 WHERE a.experiment = %(experiment)s
 GROUP BY a.arm

-- forget --
-- Exposures go with their assignments.
DELETE FROM experiments.assignment AS a WHERE a.person = ANY(%(people)s)

-- keep_reading --
-- The newest reading stays.
INSERT INTO experiments.reading AS r (tenant, experiment, read_at, as_of, lake_version, body)
VALUES (%(tenant)s, %(experiment)s, %(read_at)s, %(as_of)s, %(lake_version)s, %(body)s::json)
    ON CONFLICT (tenant, experiment) DO UPDATE
       SET read_at = excluded.read_at, as_of = excluded.as_of, lake_version = excluded.lake_version,
           body = excluded.body
     WHERE r.read_at <= excluded.read_at

-- reading --
-- What an experiment said when it was read last.
SELECT r.read_at, r.as_of, r.lake_version, r.body::text FROM experiments.reading AS r WHERE r.experiment = %(experiment)s
