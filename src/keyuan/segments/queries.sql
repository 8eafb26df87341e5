-- save --
-- The same definition told again changes nothing.
INSERT INTO segments.segment AS s (tenant, segment, rule, title_en, title_zh, version)
VALUES (%(tenant)s, %(segment)s, %(rule)s, %(title_en)s, %(title_zh)s, 1)
    ON CONFLICT (tenant, segment) DO UPDATE
   SET rule = excluded.rule, title_en = excluded.title_en, title_zh = excluded.title_zh,
       version = s.version + (s.rule <> excluded.rule)::int
 WHERE (s.rule, s.title_en, s.title_zh) IS DISTINCT FROM (excluded.rule, excluded.title_en, excluded.title_zh)

-- segments --
-- By name, in byte order everywhere.
SELECT s.segment, s.rule, s.title_en, s.title_zh FROM segments.segment AS s ORDER BY s.segment COLLATE "C"

-- current --
-- Stays that have not ended, by the partial index; one row a person, because every value costs its reader.
SELECT m.person, array_agg(m.segment), array_agg(m.entered_at)
  FROM segments.membership AS m
 WHERE m.person = ANY(%(people)s) AND m.left_at IS NULL
 GROUP BY m.person

-- end_stays --
-- A stay is ended once. Few rows, found one by one through the partial index and changed where they stand (LIMIT and
-- ctid keep it so): while the table has no statistics, a join would walk everybody's stays.
UPDATE segments.membership AS m
   SET left_at = f.left_at
  FROM (SELECT o.place, s.left_at
          FROM unnest(%(people)s::uuid[], %(segments)s::text[], %(ends)s::timestamptz[]) AS s (person, segment, left_at)
         CROSS JOIN LATERAL (
               SELECT o.ctid AS place
                 FROM segments.membership AS o
                WHERE o.person = s.person AND o.segment = s.segment AND o.left_at IS NULL
                LIMIT 1) AS o) AS f
 WHERE m.ctid = f.place

-- begin_stays --
-- A stay is known by its beginning; nearly always all of them are new. That there is such a segment is asked here once for
-- the batch: a foreign key would ask, and lock it, for each row.
  WITH begun AS (
INSERT INTO segments.membership (tenant, segment, person, entered_at, left_at)
SELECT %(tenant)s, g.segment, s.person, s.entered_at, s.left_at
  FROM pg_temp.stay_in AS s
  JOIN segments.segment AS g ON g.segment = s.segment
RETURNING 1)
SELECT count(*) FROM begun

-- begin_stays_again --
-- As above, where one of them is there: somebody left and entered within a microsecond.
  WITH begun AS (
INSERT INTO segments.membership (tenant, segment, person, entered_at, left_at)
SELECT %(tenant)s, g.segment, s.person, s.entered_at, s.left_at
  FROM pg_temp.stay_in AS s
  JOIN segments.segment AS g ON g.segment = s.segment
    ON CONFLICT (tenant, segment, person, entered_at) DO UPDATE SET left_at = excluded.left_at
RETURNING 1)
SELECT count(*) FROM begun

-- leave_all --
-- Never before the beginning of a stay.
UPDATE segments.membership AS m
   SET left_at = greatest(m.entered_at, %(at)s)
 WHERE m.person = ANY(%(people)s) AND m.left_at IS NULL

-- sizes --
-- People whose stay contains the instant; segments without any count 0.
SELECT s.segment, count(m.person)
  FROM segments.segment AS s
  LEFT JOIN segments.membership AS m
    ON m.tenant = s.tenant AND m.segment = s.segment
   AND m.entered_at <= %(at)s AND (m.left_at IS NULL OR m.left_at > %(at)s)
 GROUP BY s.segment
 ORDER BY s.segment COLLATE "C"

-- members --
-- In a fixed order, so that what is built on it can be repeated.
SELECT m.person
  FROM segments.membership AS m
 WHERE m.segment = %(segment)s AND m.entered_at <= %(at)s AND (m.left_at IS NULL OR m.left_at > %(at)s)
 ORDER BY m.person
