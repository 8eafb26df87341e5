-- hashes --
-- The log up to a leaf, without the bodies.
SELECT l.hash FROM anchor.leaf AS l WHERE l.seq <= %(last)s ORDER BY l.seq

-- ends --
-- The entries of the ledger behind one leaf, and behind the newest.
SELECT (SELECT l.entry FROM anchor.leaf AS l WHERE l.seq = %(last)s),
       (SELECT l.entry FROM anchor.leaf AS l ORDER BY l.seq DESC LIMIT 1)

-- standings_of_book --
-- Those with the first so many places; who came later has a higher one.
SELECT s.account, s.head, s.available, s.held, s.pending, s.debt
  FROM anchor.standing AS s
 WHERE s.brand = %(brand)s
   AND s.currency = %(currency)s
   AND s.place < %(accounts)s
 ORDER BY s.place

-- heads_at --
-- The last leaf that each of some accounts had in a log of this size.
SELECT a.account, l.hash
  FROM unnest(%(accounts)s::int8[]) AS a (account)
 CROSS JOIN LATERAL (
       SELECT l.hash FROM anchor.leaf AS l
        WHERE l.account = a.account AND l.seq <= %(last)s
        ORDER BY l.seq DESC LIMIT 1) AS l

-- leaves_of --
-- The history of accounts in a log of this size.
SELECT l.seq, l.entry, l.account, l.hash, l.body
  FROM anchor.leaf AS l
 WHERE l.account = ANY(%(accounts)s::int8[])
   AND l.seq <= %(last)s
 ORDER BY l.account, l.seq

-- books --
-- By name.
SELECT DISTINCT s.brand, s.currency FROM anchor.standing AS s ORDER BY s.brand, s.currency
