-- weeks --
-- Growth accounting. The whole log is read: the answer is kept. Who came in a week and not in the next is gone in the
-- next one, which exists if anybody came.
WITH came AS (
  SELECT DISTINCT date_trunc('week', l.at, 'UTC') AS week, l.sender
    FROM events.log AS l
   WHERE l.kind = 'order' AND l.at < %(until)s
), around AS (
  SELECT c.week, lag(c.week) OVER w AS before, lead(c.week) OVER w AS after
    FROM came AS c
  WINDOW w AS (PARTITION BY c.sender ORDER BY c.week)
), counted AS (
  SELECT a.week,
         count(*) FILTER (WHERE a.before = a.week - interval '168 hours') AS stayed,
         count(*) FILTER (WHERE a.before < a.week - interval '168 hours') AS returned,
         count(*) FILTER (WHERE a.before IS NULL) AS new,
         count(*) FILTER (WHERE a.after IS DISTINCT FROM a.week + interval '168 hours') AS leaving
    FROM around AS a
   GROUP BY a.week
)
SELECT n.week, n.stayed, n.returned, n.new, coalesce(p.leaving, 0)
  FROM counted AS n
  LEFT JOIN counted AS p ON p.week = n.week - interval '168 hours'
 ORDER BY n.week

-- history --
-- By the index of senders.
SELECT l.seq, l.kind, l.sender, l.at, l.body
  FROM events.log AS l
 WHERE l.sender = ANY(%(senders)s)
 ORDER BY l.at DESC, l.seq DESC
 LIMIT %(limit)s

-- orders_per_sender --
-- Who placed none has no row.
SELECT l.sender, count(*)
  FROM events.log AS l
 WHERE l.sender = ANY(%(senders)s) AND l.kind = 'order' AND l.at >= %(since)s AND l.at < %(until)s
 GROUP BY l.sender
