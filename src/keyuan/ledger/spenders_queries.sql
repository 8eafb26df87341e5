-- able_to_spend --
-- Who can spend at an instant: free points of lots that had been awarded by then and were not due. Lots that are due come
-- first in the index, those without an end last; what lies between is read.
SELECT a.holder
  FROM ledger.account AS a
 WHERE a.brand = %(brand)s
   AND a.currency = %(currency)s
   AND a.bucket = 2
   AND a.balance >= %(points)s
   AND (SELECT sum(s.free)
          FROM (SELECT l.remaining - l.held AS free
                  FROM ledger.lot AS l
                 WHERE l.account_id = a.account_id AND l.remaining > 0 AND l.expires_at > %(at)s AND l.at <= %(at)s
                 UNION ALL
                SELECT l.remaining - l.held
                  FROM ledger.lot AS l
                 WHERE l.account_id = a.account_id AND l.remaining > 0 AND l.expires_at IS NULL AND l.at <= %(at)s
               ) AS s) >= %(points)s
 ORDER BY a.account_id
