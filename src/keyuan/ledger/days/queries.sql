-- points_by_day --
-- What was issued, redeemed (at once or out of a hold) and expired on each day, by the brand's own account.
SELECT (e.at AT TIME ZONE 'UTC')::date, a.brand, a.currency,
       coalesce(sum(e.points) FILTER (WHERE e.kind = 1), 0)::int8,
       coalesce(sum(e.points) FILTER (WHERE e.kind IN (2, 4)), 0)::int8,
       coalesce(sum(e.points) FILTER (WHERE e.kind = 6), 0)::int8
  FROM ledger.entry AS e
  JOIN ledger.account AS a ON a.account_id = CASE WHEN e.kind = 1 THEN e.source ELSE e.target END
 WHERE e.seq > %(after)s AND e.seq <= %(upto)s AND e.kind IN (1, 2, 4, 6)
 GROUP BY 1, 2, 3
 ORDER BY 1, 2, 3
