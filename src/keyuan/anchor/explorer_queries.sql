-- newest_epochs --
-- With the place on the chain of those that are final.
SELECT e.epoch, e.last_entry, e.commitment, a.transaction, a.block_number
  FROM anchor.epoch AS e
  LEFT JOIN anchor.anchored AS a ON a.epoch = e.epoch
 ORDER BY e.epoch DESC
 LIMIT %(limit)s

-- epoch_of --
-- The first one that reaches as far as an entry.
SELECT e.epoch, e.last_entry, e.commitment, a.transaction, a.block_number
  FROM anchor.epoch AS e
  LEFT JOIN anchor.anchored AS a ON a.epoch = e.epoch
 WHERE e.last_entry >= %(entry)s
 ORDER BY e.epoch
 LIMIT 1

-- anchored_entry --
-- The end of the newest epoch that is final.
SELECT max(e.last_entry) FROM anchor.epoch AS e JOIN anchor.anchored AS a ON a.epoch = e.epoch

-- leaves_of --
-- Entry by entry through the index of accounts.
SELECT l.seq, l.entry, l.account, l.hash, l.body
  FROM unnest(%(accounts)s::int8[], %(entries)s::int8[]) AS w (account, entry)
 CROSS JOIN LATERAL (
       SELECT l.seq, l.entry, l.account, l.hash, l.body
         FROM anchor.leaf AS l
        WHERE l.account = w.account AND l.entry = w.entry
        LIMIT 1) AS l
