-- keep --
-- Of two readings the one taken later stays.
INSERT INTO insight.reading (tenant, taken_at, as_of, event, entry, shape, body)
VALUES (%(tenant)s, %(taken_at)s, %(as_of)s, %(event)s, %(entry)s, %(shape)s,
        %(body)s)
    ON CONFLICT (tenant) DO UPDATE
   SET taken_at = EXCLUDED.taken_at, as_of = EXCLUDED.as_of, event = EXCLUDED.event, entry = EXCLUDED.entry,
       shape = EXCLUDED.shape, body = EXCLUDED.body
 WHERE reading.taken_at <= EXCLUDED.taken_at

-- taken --
-- Of what the kept reading was taken, without the reading.
SELECT r.taken_at, r.as_of, r.event, r.entry
  FROM insight.reading AS r
 WHERE r.shape = %(shape)s

-- latest --
-- The kept reading.
SELECT r.body
  FROM insight.reading AS r
 WHERE r.shape = %(shape)s
