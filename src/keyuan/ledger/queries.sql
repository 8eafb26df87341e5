-- lock_books --
-- One writer per tenant from numbering to commit, so that the order of numbers is the order of commits.
SELECT pg_advisory_xact_lock(%(room)s, %(tenant)s)

-- head --
-- A statement of its own after the lock: its snapshot must see what the writer before has committed.
SELECT h.seq, h.link, h.accounts, h.keys
  FROM ledger.head AS h

-- known_keys --
-- The first answers to keys, which come end to end: a list of thousands is written and read much more slowly.
SELECT k.key, k.digest, k.answer, k.seq, k.points
  FROM ledger.key AS k
 WHERE k.key = ANY(ARRAY(SELECT substr(%(keys)s::bytea, b.first, 32)
                           FROM generate_series(1, length(%(keys)s::bytea), 32) AS b (first)))

-- accounts_of_holders --
-- The accounts that a batch may touch: those of its holders, and the brand's own (holder 0). In buckets from 21 on the
-- number is a campaign's, which may be a holder's too.
SELECT a.account_id, a.bucket, a.holder, a.brand, a.currency, a.name, a.balance, a.legs, a.day, a.day_points
  FROM ledger.account AS a
 WHERE a.holder = ANY(%(holders)b::int8[])
   AND a.brand = %(brand)s
   AND a.bucket < 21

-- accounts_of_budgets --
-- The accounts of campaigns whose money a batch moves.
SELECT a.account_id, a.bucket, a.holder, a.brand, a.currency, a.name, a.balance, a.legs, a.day, a.day_points
  FROM ledger.account AS a
 WHERE a.holder = ANY(%(campaigns)b::int8[])
   AND a.brand = %(brand)s
   AND a.bucket >= 21

-- accounts_by_id --
-- The accounts behind holds and lots that are settled.
SELECT a.account_id, a.bucket, a.holder, a.brand, a.currency, a.name, a.balance, a.legs, a.day, a.day_points
  FROM ledger.account AS a
 WHERE a.account_id = ANY(%(account_ids)b::int8[])

-- first_lots_of_accounts --
-- The first few lots in the order of spending, of each spender by the index: most spends need no more, and who has
-- been a customer for long has many. It begins behind those that are due at the spender's first instant; lots without
-- an end stand behind all others. Accounts and instants come as two arrays of one length.
SELECT l.lot, l.account_id, l.granted, l.remaining, l.held, l.expired, l.expires_at
  FROM unnest(%(account_ids)b::int8[], %(instants)b::timestamptz[]) AS w (account_id, at)
 CROSS JOIN LATERAL (
      (SELECT l.lot, l.account_id, l.granted, l.remaining, l.held, l.expired, l.expires_at
         FROM ledger.lot AS l
        WHERE l.account_id = w.account_id AND l.remaining > 0 AND l.expires_at > w.at
        ORDER BY l.expires_at, l.lot
        LIMIT %(limit)s)
        UNION ALL
      (SELECT l.lot, l.account_id, l.granted, l.remaining, l.held, l.expired, l.expires_at
         FROM ledger.lot AS l
        WHERE l.account_id = w.account_id AND l.remaining > 0 AND l.expires_at IS NULL
        ORDER BY l.expires_at, l.lot
        LIMIT %(limit)s)
        ORDER BY expires_at, lot
        LIMIT %(limit)s) AS l

-- lots_of_accounts --
-- All that a spender can give from an instant on.
SELECT l.lot, l.account_id, l.granted, l.remaining, l.held, l.expired, l.expires_at
  FROM unnest(%(account_ids)b::int8[], %(instants)b::timestamptz[]) AS w (account_id, at)
 CROSS JOIN LATERAL (
       SELECT l.lot, l.account_id, l.granted, l.remaining, l.held, l.expired, l.expires_at
         FROM ledger.lot AS l
        WHERE l.account_id = w.account_id AND l.remaining > 0 AND l.expires_at > w.at
        UNION ALL
       SELECT l.lot, l.account_id, l.granted, l.remaining, l.held, l.expired, l.expires_at
         FROM ledger.lot AS l
        WHERE l.account_id = w.account_id AND l.remaining > 0 AND l.expires_at IS NULL) AS l

-- lots_by_number --
-- Lots behind holds and expiries.
SELECT l.lot, l.account_id, l.granted, l.remaining, l.held, l.expired, l.expires_at
  FROM ledger.lot AS l
 WHERE l.lot = ANY(%(lots)b::int8[])

-- holds_by_key --
-- Holds that are settled, by the key of the request that made them.
SELECT h.hold, h.key, h.available_id, h.account_id, h.points, h.remaining, h.expires_at
  FROM ledger.hold AS h
 WHERE h.key = ANY(%(keys)b::bytea[])

-- takes_of --
-- What entries took from which lots.
SELECT t.seq, t.lot, t.points
  FROM ledger.take AS t
 WHERE t.seq = ANY(%(seqs)b::int8[])

-- earned_on_days --
-- The total of an earlier day is in its last award: of the lots of that day the newest whose entry counts on it. Accounts
-- and days come as two arrays of one length.
SELECT w.account_id, w.day, e.day_points
  FROM unnest(%(account_ids)b::int8[], %(days)b::date[]) AS w (account_id, day)
 CROSS JOIN LATERAL (
       SELECT e.day_points
         FROM ledger.lot AS l
        CROSS JOIN LATERAL (
              SELECT e.day_points
                FROM ledger.entry AS e
               WHERE e.seq = l.lot AND e.at = l.at AND e.day = w.day
               LIMIT 1) AS e
        WHERE l.account_id = w.account_id
          AND l.at >= w.day::timestamp AT TIME ZONE 'UTC'
          AND l.at < (w.day + 1)::timestamp AT TIME ZONE 'UTC'
        ORDER BY l.lot DESC
        LIMIT 1) AS e

-- ensure_month --
-- A partition that the batch's entries fall into.
SELECT sec.ensure_months('ledger.entry', %(month)s, %(month)s)

-- add_entries --
-- The tenant is given as a value: as a column's default it would be computed, with its signature, for every row.
INSERT INTO ledger.entry
       (tenant, seq, at, kind, source, target, points, lot, origin, expires_at, rule, rule_version, base_minor,
        extra_minor, day, day_points, key, reference, takes, link)
SELECT %(tenant)s, s.seq, s.at, s.kind, s.source, s.target, s.points, s.lot, s.origin, s.expires_at, s.rule,
       s.rule_version, s.base_minor, s.extra_minor, s.day, s.day_points, s.key, s.reference, s.takes, s.link
  FROM pg_temp.ledger_entry AS s

-- add_keys_of_entries --
-- A key that is there already stops the batch: it was not there when the batch was decided.
INSERT INTO ledger.key (tenant, key, digest, answer, seq, points)
SELECT %(tenant)s, s.key, s.digest, 1, s.seq, s.points
  FROM pg_temp.ledger_entry AS s

-- add_keys --
-- Keys that were answered without an entry; `self` is what verify has to compare them with.
INSERT INTO ledger.key (tenant, key, digest, answer, points, self)
SELECT %(tenant)s, s.key, s.digest, s.answer, 0, sha256(s.key || s.digest || int2send(s.answer))
  FROM pg_temp.ledger_key AS s

-- add_takes --
-- What the batch's entries took from which lots.
INSERT INTO ledger.take (tenant, seq, lot, points)
SELECT %(tenant)s, s.seq, s.lot, s.points
  FROM pg_temp.ledger_take AS s

-- add_accounts --
-- Accounts are made when they are first needed.
INSERT INTO ledger.account
       (tenant, account_id, bucket, holder, brand, currency, name, balance, legs, day, day_points)
SELECT %(tenant)s, s.account_id, s.bucket, s.holder, s.brand, s.currency, s.name, s.balance, s.legs, s.day,
       s.day_points
  FROM pg_temp.ledger_account_new AS s

-- change_accounts --
-- One update a batch, hot accounts too. A balance that moved since it was read leaves its row out, and the count tells.
-- The ids are given as an array as well: the planner knows nothing of a temporary table, and would read all accounts.
UPDATE ledger.account AS a
   SET balance = s.balance, legs = s.legs, day = s.day, day_points = s.day_points
  FROM pg_temp.ledger_account AS s
 WHERE a.account_id = ANY(%(ids)b::int8[])
   AND a.account_id = s.account_id
   AND a.balance = s.balance_before

-- add_lots_of_entries --
-- One whole lot per award (kind 1); what the same batch took from it comes with change_lots.
INSERT INTO ledger.lot (tenant, lot, account_id, granted, remaining, held, expired, expires_at, at)
SELECT %(tenant)s, s.seq, s.target, s.points, s.points, 0, 0, s.expires_at, s.at
  FROM pg_temp.ledger_entry AS s
 WHERE s.kind = 1

-- change_lots --
-- As change_accounts.
UPDATE ledger.lot AS l
   SET remaining = s.remaining, held = s.held, expired = s.expired
  FROM pg_temp.ledger_lot AS s
 WHERE l.lot = ANY(%(ids)b::int8[])
   AND l.lot = s.lot
   AND l.remaining = s.remaining_before
   AND l.held = s.held_before

-- add_holds --
-- One hold per entry of that kind.
INSERT INTO ledger.hold (tenant, hold, key, available_id, account_id, points, remaining, expires_at)
SELECT %(tenant)s, s.hold, s.key, s.available_id, s.account_id, s.points, s.remaining, s.expires_at
  FROM pg_temp.ledger_hold_new AS s

-- change_holds --
-- As change_accounts.
UPDATE ledger.hold AS h
   SET remaining = s.remaining
  FROM pg_temp.ledger_hold AS s
 WHERE h.hold = ANY(%(ids)b::int8[])
   AND h.hold = s.hold
   AND h.remaining = s.remaining_before

-- begin_head --
-- The first batch of a tenant.
INSERT INTO ledger.head (tenant, seq, link, accounts, keys)
VALUES (%(tenant)s, %(seq)s, %(link)s, %(accounts)s, %(keys)b)

-- move_head --
-- Only from where the batch began.
UPDATE ledger.head AS h
   SET seq = %(seq)s, link = %(link)s, accounts = %(accounts)s, keys = %(keys)b
 WHERE h.seq = %(seq_before)s
   AND h.keys = %(keys_before)s

-- due_lots --
-- Lots whose time has come and of which something is left that nobody holds.
SELECT l.lot, l.expired
  FROM ledger.lot AS l
 WHERE l.expires_at <= %(now)s
   AND l.remaining > l.held
 ORDER BY l.expires_at, l.lot
 LIMIT %(limit)s

-- due_holds --
-- Holds whose time is out.
SELECT h.hold, h.key
  FROM ledger.hold AS h
 WHERE h.expires_at <= %(now)s
   AND h.remaining > 0
 ORDER BY h.expires_at, h.hold
 LIMIT %(limit)s

-- balances --
-- The buckets of holders, per brand and currency; theirs have positive numbers.
SELECT a.holder, a.brand, a.currency, a.bucket, a.balance
  FROM ledger.account AS a
 WHERE a.holder = ANY(%(holders)b::int8[])
   AND a.account_id > 0
 ORDER BY a.holder, a.brand, a.currency, a.bucket

-- budgets --
-- The buckets of campaigns, per brand and currency.
SELECT a.holder, a.brand, a.currency, a.bucket, a.balance
  FROM ledger.account AS a
 WHERE a.holder = ANY(%(campaigns)b::int8[])
   AND a.bucket >= 21
 ORDER BY a.holder, a.brand, a.currency, a.bucket

-- books_of --
-- By the available account, which every book of a holder has.
SELECT a.account_id, a.brand, a.currency
  FROM ledger.account AS a
 WHERE a.holder = %(holder)s
   AND a.account_id > 0
   AND a.bucket = 2
 ORDER BY a.brand, a.currency

-- statement --
-- The newest entries of a holder before a number and in a while, if one is given. What comes from one of her accounts is
-- read from the end of its index; what does not is an award, and has a lot. All her lots are looked at, account by account.
-- Entries are fetched one by one by number and instant, each from its month (the LIMIT keeps it so): while the table has
-- no statistics, a join would read them all.
WITH mine AS (
  SELECT a.account_id, a.bucket, a.brand, a.currency
    FROM ledger.account AS a
   WHERE a.holder = %(holder)s AND a.account_id > 0
), numbers AS (
  SELECT e.seq, e.at FROM mine AS m CROSS JOIN LATERAL (
         SELECT e.seq, e.at FROM ledger.entry AS e
          WHERE e.source = m.account_id AND e.source > 0 AND e.seq < %(before)s
            AND e.at >= coalesce(%(since)s::timestamptz, '-infinity')
            AND e.at < coalesce(%(until)s::timestamptz, 'infinity')
          ORDER BY e.seq DESC LIMIT %(limit)s) AS e
   UNION ALL
  SELECT l.lot, l.at FROM mine AS m CROSS JOIN LATERAL (
         SELECT l.lot, l.at FROM ledger.lot AS l
          WHERE l.account_id = m.account_id AND l.lot < %(before)s
            AND l.at >= coalesce(%(since)s::timestamptz, '-infinity')
            AND l.at < coalesce(%(until)s::timestamptz, 'infinity')
         OFFSET 0) AS l
   ORDER BY seq DESC LIMIT %(limit)s
)
SELECT e.seq, e.at, e.kind, s.bucket, t.bucket, coalesce(s.brand, t.brand), coalesce(s.currency, t.currency),
       e.points, e.expires_at, e.reference, e.base_minor, e.extra_minor
  FROM numbers AS n
 CROSS JOIN LATERAL (SELECT e.* FROM ledger.entry AS e WHERE e.seq = n.seq AND e.at = n.at LIMIT 1) AS e
  LEFT JOIN mine AS s ON s.account_id = e.source
  LEFT JOIN mine AS t ON t.account_id = e.target
 ORDER BY e.seq DESC

-- lots_about_to_expire --
-- What holders lose until an instant if they do nothing, first to expire first.
SELECT a.holder, a.brand, a.currency, l.lot, l.remaining - l.held, l.expires_at
  FROM ledger.lot AS l
  JOIN ledger.account AS a ON a.account_id = l.account_id
 WHERE l.expires_at > %(after)s
   AND l.expires_at <= %(until)s
   AND l.remaining > l.held
 ORDER BY l.expires_at, l.lot
 LIMIT %(limit)s

-- lots_of --
-- The free points of one holder that end until an instant, first to expire first; account by account (OFFSET 0). What is
-- free is asked outside of that: inside, the index of what is due would do, and that is everybody's.
SELECT a.brand, a.currency, l.lot, l.remaining - l.held, l.expires_at
  FROM ledger.account AS a
 CROSS JOIN LATERAL (
       SELECT l.lot, l.remaining, l.held, l.expires_at
         FROM ledger.lot AS l
        WHERE l.account_id = a.account_id
          AND l.expires_at > %(after)s
          AND l.expires_at <= %(until)s
       OFFSET 0) AS l
 WHERE a.holder = %(holder)s
   AND a.account_id > 0
   AND l.remaining > l.held
 ORDER BY l.expires_at, l.lot

-- months_of --
-- What each month brought and took a holder in one book, newest first: lots say what came, entries what went.
-- OFFSET 0 keeps entries account by account: while the table has no statistics, a join would read them all.
WITH mine AS (
  SELECT a.account_id FROM ledger.account AS a
   WHERE a.holder = %(holder)s AND a.account_id > 0 AND a.brand = %(brand)s AND a.currency = %(currency)s
), moved AS (
  SELECT e.at, e.kind, e.points FROM mine AS m CROSS JOIN LATERAL (
         SELECT e.at, e.kind, e.points FROM ledger.entry AS e
          WHERE e.source = m.account_id AND e.source > 0 AND e.kind IN (2, 4, 6) OFFSET 0) AS e
   UNION ALL
  SELECT l.at, 1, l.granted FROM mine AS m JOIN ledger.lot AS l ON l.account_id = m.account_id
)
SELECT date_trunc('month', v.at, 'UTC'),
       coalesce(sum(v.points) FILTER (WHERE v.kind = 1), 0)::int8,
       coalesce(sum(v.points) FILTER (WHERE v.kind IN (2, 4)), 0)::int8,
       coalesce(sum(v.points) FILTER (WHERE v.kind = 6), 0)::int8
  FROM moved AS v
 GROUP BY 1
 ORDER BY 1 DESC

-- totals --
-- From entries alone, by what each kind does (model.LEGS): 1 award, 2 redeem, 4 capture, 6 expire. Money of budgets moves
-- in kinds from 7 on.
SELECT coalesce(sum(e.points) FILTER (WHERE e.kind = 1), 0)::int8,
       coalesce(sum(e.points) FILTER (WHERE e.kind IN (2, 4)), 0)::int8,
       coalesce(sum(e.points) FILTER (WHERE e.kind = 6), 0)::int8,
       count(*) FILTER (WHERE e.kind = 1)
  FROM ledger.entry AS e
 WHERE e.at <= %(as_of)s

-- entries_after --
-- The books, in order.
SELECT e.seq, e.at, e.kind, e.source, e.target, e.points, e.lot, e.origin, e.expires_at, e.rule, e.rule_version,
       e.base_minor, e.extra_minor, e.day, e.day_points, e.key, e.reference, e.takes, e.link
  FROM ledger.entry AS e
 WHERE e.seq > %(after)s
 ORDER BY e.seq

-- links_of --
-- By number.
SELECT e.seq, e.link FROM ledger.entry AS e WHERE e.seq = ANY(%(seqs)s::int8[])

-- last_movement --
-- Kinds from 7 on move the money of budgets, which nobody holds.
SELECT e.seq FROM ledger.entry AS e WHERE e.kind < 7 ORDER BY e.seq DESC LIMIT 1

-- count_movements --
-- Entries are numbered without gaps; those of budgets have both their legs on accounts of budgets, which are few.
SELECT h.seq - coalesce((SELECT sum(a.legs) / 2 FROM ledger.account AS a WHERE a.account_id < 0 AND a.bucket >= 21), 0)::int8
  FROM ledger.head AS h

-- holder_legs --
-- Entries from the holder's side, in order: her account is the one with a positive number, and stands for all of hers
-- in that book by its available one (bucket 2), which it mostly is. Account by account through the keys (the LIMIT keeps
-- it so): while the table has no statistics, a join would walk all accounts once for each entry. Kinds from 7 on have no
-- holder's side.
SELECT e.seq, e.at, e.kind,
       CASE WHEN a.bucket = 2 THEN a.account_id
            ELSE (SELECT v.account_id FROM ledger.account AS v
                   WHERE v.holder = a.holder AND v.brand = a.brand AND v.currency = a.currency AND v.bucket = 2
                   LIMIT 1) END,
       a.brand, a.currency, e.points, e.rule, e.rule_version, e.base_minor, e.extra_minor, e.day, e.day_points,
       e.expires_at, e.reference
  FROM (SELECT e.*, CASE WHEN e.source > 0 THEN e.source ELSE e.target END AS mine
          FROM ledger.entry AS e
         WHERE e.seq > %(after)s AND e.seq <= %(upto)s AND e.kind < 7
         ORDER BY e.seq
         LIMIT %(limit)s) AS e
  LEFT JOIN LATERAL (SELECT a.account_id, a.bucket, a.holder, a.brand, a.currency
                       FROM ledger.account AS a
                      WHERE a.account_id = e.mine
                      LIMIT 1) AS a ON true
 ORDER BY e.seq
