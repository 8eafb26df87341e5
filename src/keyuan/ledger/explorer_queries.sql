-- sums --
-- Balances of all accounts of points by what they are for; as many rows are read as there are accounts. Buckets from 21
-- on are money.
SELECT a.bucket, sum(a.balance), count(*) FROM ledger.account AS a WHERE a.bucket < 21 GROUP BY a.bucket

-- ending --
-- By the index of lots that are due.
SELECT coalesce(sum(l.remaining - l.held), 0), count(DISTINCT l.account_id)
  FROM ledger.lot AS l
 WHERE l.expires_at > %(after)s AND l.expires_at <= %(until)s AND l.remaining > l.held

-- movements --
-- Newest first by number; a time given leaves whole months out. The holder's account is the one with a positive number.
SELECT e.seq, e.at, e.kind, a.account_id, a.name,
       e.points * CASE WHEN e.target > 0 AND e.kind <> 3 THEN 1 ELSE -1 END,
       e.rule, e.rule_version, e.base_minor, e.expires_at, e.link
  FROM (SELECT e.*, CASE WHEN e.source > 0 THEN e.source ELSE e.target END AS mine
          FROM ledger.entry AS e
         WHERE e.seq < %(before)s
           AND (e.source > 0 OR e.target > 0)
           AND (%(kind)s::int2 IS NULL OR e.kind = %(kind)s::int2)
           AND e.at >= coalesce(%(since)s::timestamptz, '-infinity')
           AND e.at < coalesce(%(until)s::timestamptz, 'infinity')
         ORDER BY e.seq DESC
         LIMIT %(limit)s) AS e
  LEFT JOIN LATERAL (SELECT a.account_id, a.name FROM ledger.account AS a WHERE a.account_id = e.mine LIMIT 1) AS a
    ON true
 ORDER BY e.seq DESC

-- movements_of_account --
-- The same of one account of a holder: what it gave, what her other account in that book gave to it (a hold that is
-- given back), and its awards, which have lots.
WITH givers AS (
  SELECT g.account_id
    FROM ledger.account AS a
    JOIN ledger.account AS g ON g.holder = a.holder AND g.brand = a.brand AND g.currency = a.currency
   WHERE a.account_id = %(account)s AND a.account_id > 0 AND g.account_id > 0
), numbers AS (
  SELECT e.seq, e.at FROM givers AS g CROSS JOIN LATERAL (
         SELECT e.seq, e.at FROM ledger.entry AS e
          WHERE e.source = g.account_id AND e.source > 0 AND e.seq < %(before)s
            AND (e.source = %(account)s OR e.target = %(account)s)
            AND (%(kind)s::int2 IS NULL OR e.kind = %(kind)s::int2)
            AND e.at >= coalesce(%(since)s::timestamptz, '-infinity')
            AND e.at < coalesce(%(until)s::timestamptz, 'infinity')
          ORDER BY e.seq DESC LIMIT %(limit)s) AS e
   UNION ALL
  SELECT l.lot, l.at FROM ledger.lot AS l
   WHERE l.account_id = %(account)s AND l.lot < %(before)s
     AND (%(kind)s::int2 IS NULL OR %(kind)s::int2 = 1)
     AND l.at >= coalesce(%(since)s::timestamptz, '-infinity')
     AND l.at < coalesce(%(until)s::timestamptz, 'infinity')
   ORDER BY seq DESC LIMIT %(limit)s
)
SELECT e.seq, e.at, e.kind, a.account_id, a.name,
       e.points * CASE WHEN e.target > 0 AND e.kind <> 3 THEN 1 ELSE -1 END,
       e.rule, e.rule_version, e.base_minor, e.expires_at, e.link
  FROM numbers AS n
 CROSS JOIN LATERAL (SELECT e.* FROM ledger.entry AS e WHERE e.seq = n.seq AND e.at = n.at LIMIT 1) AS e
  LEFT JOIN LATERAL (SELECT a.account_id, a.name
                       FROM ledger.account AS a
                      WHERE a.account_id = CASE WHEN e.source > 0 THEN e.source ELSE e.target END
                      LIMIT 1) AS a ON true
 ORDER BY e.seq DESC

-- budget_entries --
-- By the index of entries of budgets; each of them goes to one of the campaign's accounts.
SELECT e.seq, e.at, e.kind, e.points
  FROM ledger.account AS a
  JOIN ledger.entry AS e ON e.target = a.account_id
 WHERE a.holder = %(campaign)s AND a.bucket >= 21 AND e.kind >= 7
 ORDER BY e.seq DESC
 LIMIT %(limit)s

-- months --
-- What is left of a holder's lots, held points too.
SELECT date_trunc('month', l.expires_at, 'UTC'), sum(l.remaining), min(l.expires_at)
  FROM ledger.account AS a
  JOIN ledger.lot AS l ON l.account_id = a.account_id
 WHERE a.holder = %(holder)s AND a.account_id > 0 AND l.remaining > 0 AND l.expires_at IS NOT NULL
 GROUP BY 1
 ORDER BY 1
