-- able_to_spend --
-- Who can spend at an instant: free points of lots that had been awarded by then (a lot is numbered by its entry) and
-- were not due. Of the entries only those that are later are read: mostly there are none.
WITH later AS MATERIALIZED (
  SELECT e.seq FROM ledger.entry AS e WHERE e.at > %(at)s AND e.kind = 1
)
SELECT a.holder
  FROM ledger.account AS a
 WHERE a.brand = %(brand)s
   AND a.currency = %(currency)s
   AND a.bucket = 2
   AND a.balance >= %(points)s
   AND (SELECT sum(l.remaining - l.held)
          FROM ledger.lot AS l
         WHERE l.account_id = a.account_id
           AND l.remaining > 0
           AND (l.expires_at IS NULL OR l.expires_at > %(at)s)
           AND l.lot NOT IN (SELECT n.seq FROM later AS n)) >= %(points)s
 ORDER BY a.account_id
