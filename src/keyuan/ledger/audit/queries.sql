-- isolation --
-- A transaction with one snapshot needs no lock to be read as a whole.
SELECT current_setting('transaction_isolation')

-- every_account --
-- Each account against its name, and as the names of entries.
SELECT a.account_id, a.bucket, a.holder, a.brand, a.currency, a.name, a.balance, a.legs, a.day, a.day_points
  FROM ledger.account AS a
 ORDER BY a.account_id

-- every_take --
-- In the order of entries.
SELECT t.seq, t.lot, t.points
  FROM ledger.take AS t
 ORDER BY t.seq, t.lot

-- every_lot --
-- In the order of the awards that made them.
SELECT l.lot, l.account_id, l.granted, l.remaining, l.held, l.expired, l.expires_at, l.at
  FROM ledger.lot AS l
 ORDER BY l.lot

-- every_hold --
-- In the order of the entries that made them.
SELECT h.hold, h.key, h.available_id, h.account_id, h.points, h.remaining, h.expires_at
  FROM ledger.hold AS h
 ORDER BY h.hold

-- every_posted_key --
-- In the order of the entries they were answered with.
SELECT k.seq, k.key, k.digest, k.points
  FROM ledger.key AS k
 WHERE k.answer = 1
 ORDER BY k.seq, k.key

-- count_keys --
-- Keys without an entry count too.
SELECT count(*) FROM ledger.key

-- changed_key --
-- The first key without an entry that is not what was written or names one, or key with one that carries what only
-- those without do.
SELECT k.key, k.self, w.self, k.answer <> 1 AND (k.seq IS NOT NULL OR k.points <> 0)
  FROM ledger.key AS k
 CROSS JOIN LATERAL (
       SELECT CASE WHEN k.answer <> 1 THEN sha256(k.key || k.digest || int2send(k.answer)) END AS self) AS w
 WHERE k.self IS DISTINCT FROM w.self
    OR (k.answer <> 1 AND (k.seq IS NOT NULL OR k.points <> 0))
 ORDER BY k.key
 LIMIT 1

-- odd_instant --
-- The first instant or day that no calendar of ours holds: nobody but a superuser's hand can have put it there.
SELECT odd.place, odd.number, odd.name
  FROM (SELECT 'ledger.entry' AS place, e.seq AS number, 'expires_at' AS name, e.expires_at::timestamp AS held
          FROM ledger.entry AS e
         UNION ALL SELECT 'ledger.entry', e.seq, 'day', e.day FROM ledger.entry AS e
         UNION ALL SELECT 'ledger.entry', e.seq, 'at', e.at::timestamp FROM ledger.entry AS e
         UNION ALL SELECT 'ledger.account', a.account_id, 'day', a.day FROM ledger.account AS a
         UNION ALL SELECT 'ledger.lot', l.lot, 'expires_at', l.expires_at::timestamp FROM ledger.lot AS l
         UNION ALL SELECT 'ledger.lot', l.lot, 'at', l.at::timestamp FROM ledger.lot AS l
         UNION ALL SELECT 'ledger.hold', h.hold, 'expires_at', h.expires_at::timestamp FROM ledger.hold AS h) AS odd
 WHERE odd.held NOT BETWEEN '0001-01-02' AND '9999-12-30'
 ORDER BY odd.number, odd.place, odd.name
 LIMIT 1
