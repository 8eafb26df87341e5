-- make_domain --
-- Once per tenant: headers that were published name it.
INSERT INTO anchor.domain (tenant, chain_id, contract, ledger)
VALUES (%(tenant)s, %(chain_id)s, %(contract)s, %(ledger)s)
    ON CONFLICT (tenant) DO NOTHING

-- begin_closing --
-- The row that closers lock; made by whoever comes first.
INSERT INTO anchor.closing (tenant) VALUES (%(tenant)s) ON CONFLICT (tenant) DO NOTHING

-- lock_closing --
-- One closer at a time: the lock is held to the end of its transaction.
SELECT c.paused, c.close_through, c.waiting_since FROM anchor.closing AS c FOR UPDATE

-- progress --
-- Without waiting for the closer.
SELECT coalesce(c.paused, false), coalesce(c.close_through, 0), c.alarm, coalesce(e.epoch, 0), coalesce(e.last_entry, 0),
       coalesce(a.epoch, 0)
  FROM (VALUES (1)) AS one (row)
  LEFT JOIN anchor.closing AS c ON true
  LEFT JOIN LATERAL (SELECT l.epoch, l.last_entry FROM anchor.epoch AS l ORDER BY l.epoch DESC LIMIT 1) AS e ON true
  LEFT JOIN LATERAL (SELECT max(d.epoch) AS epoch FROM anchor.anchored AS d) AS a ON true

-- domain --
-- Without waiting for the closer.
SELECT d.chain_id, d.contract, d.ledger FROM anchor.domain AS d

-- wait_since --
-- When a movement without an epoch was first seen; NULL when there is none.
UPDATE anchor.closing SET waiting_since = %(since)s

-- pause --
-- While many movements come in, epochs are closed by count only.
UPDATE anchor.closing SET paused = %(paused)s

-- close_through --
-- What is due once stays due.
UPDATE anchor.closing SET close_through = greatest(close_through, %(entry)s)

-- raise_alarm --
-- NULL when all is well again.
UPDATE anchor.closing SET alarm = %(alarm)s WHERE alarm IS DISTINCT FROM %(alarm)s

-- add_contract --
-- It stands there for good.
INSERT INTO anchor.contract (tenant, name, address) VALUES (%(tenant)s, %(name)s, %(address)s)
    ON CONFLICT (tenant, name) DO NOTHING

-- contracts --
-- By name.
SELECT c.name, c.address FROM anchor.contract AS c ORDER BY c.name

-- note_anchored --
-- Told again it is kept once.
INSERT INTO anchor.anchored (tenant, epoch, transaction, block_number, gas_used)
VALUES (%(tenant)s, %(epoch)s, %(transaction)s, %(block_number)s, %(gas_used)s)
    ON CONFLICT (tenant, epoch) DO NOTHING

-- anchored --
-- How many, and what the last one that was not the first has cost: the first pays for storage that the others find.
SELECT coalesce(max(a.epoch), 0)::int8, (array_agg(a.gas_used ORDER BY a.epoch > 1 DESC, a.epoch DESC))[1]
  FROM anchor.anchored AS a

-- last_epoch --
-- Where the next one goes on.
SELECT e.header, e.commitment, e.records, e.frontier, e.last_entry
  FROM anchor.epoch AS e
 ORDER BY e.epoch DESC
 LIMIT 1

-- last_number --
-- The number alone.
SELECT e.epoch FROM anchor.epoch AS e ORDER BY e.epoch DESC LIMIT 1

-- standings --
-- In the order of the sum trees.
SELECT s.account, s.brand, s.currency, s.place, s.pseudonym, s.account_seq, s.head, s.available, s.held, s.pending,
       s.debt
  FROM anchor.standing AS s
 ORDER BY s.brand, s.currency, s.place

-- terms_hashes --
-- In the order in which they became known.
SELECT t.terms_hash FROM anchor.terms AS t WHERE t.place > %(after)s ORDER BY t.place

-- add_terms --
-- A version is known once.
INSERT INTO anchor.terms (tenant, place, contract, version, terms_hash)
SELECT %(tenant)s, coalesce(max(t.place), 0) + 1, %(contract)s, %(version)s, %(terms_hash)s
  FROM anchor.terms AS t
    ON CONFLICT (tenant, contract, version) DO NOTHING

-- add_leaves --
-- The tenant is given as a value: a default would be computed for each row.
INSERT INTO anchor.leaf (tenant, seq, entry, account, hash, body)
SELECT %(tenant)s, s.seq, s.entry, s.account, s.hash, s.body
  FROM pg_temp.anchor_leaf AS s

-- keep_standings --
-- New accounts, and where the others stand now; pseudonym and place stay.
INSERT INTO anchor.standing
       (tenant, account, brand, currency, place, pseudonym, account_seq, head, available, held, pending, debt)
SELECT %(tenant)s, s.account, s.brand, s.currency, s.place, s.pseudonym, s.account_seq, s.head, s.available, s.held,
       s.pending, s.debt
  FROM pg_temp.anchor_standing AS s
    ON CONFLICT (tenant, account) DO UPDATE
   SET account_seq = excluded.account_seq, head = excluded.head, available = excluded.available,
       held = excluded.held, pending = excluded.pending, debt = excluded.debt

-- add_epoch --
-- Written once.
INSERT INTO anchor.epoch (tenant, epoch, header, commitment, records, frontier, last_entry, salt)
VALUES (%(tenant)s, %(epoch)s, %(header)s, %(commitment)s, %(records)s, %(frontier)s, %(last_entry)s, %(salt)s)

-- epochs --
-- Headers in order, from the epoch after a number on.
SELECT e.epoch, e.header, e.commitment, e.records
  FROM anchor.epoch AS e
 WHERE e.epoch > %(after)s
 ORDER BY e.epoch
 LIMIT %(most)s

-- leaves_after --
-- The log, in order; a body that was destroyed is NULL.
SELECT l.seq, l.entry, l.account, l.hash, l.body FROM anchor.leaf AS l WHERE l.seq > %(after)s ORDER BY l.seq

-- leaves_between --
-- Those of an epoch.
SELECT l.seq, l.entry, l.account, l.hash, l.body
  FROM anchor.leaf AS l
 WHERE l.seq BETWEEN %(first)s AND %(last)s
 ORDER BY l.seq

-- note_passed --
-- A gate that was passed and then killed is passed again.
INSERT INTO anchor.passed (tenant, epoch, awards) VALUES (%(tenant)s, %(epoch)s, %(awards)s) ON CONFLICT DO NOTHING

-- count --
-- How much is committed to, and how many awards have passed the gate.
SELECT (SELECT count(*) FROM anchor.leaf), (SELECT count(*) FROM anchor.epoch),
       (SELECT coalesce(sum(p.awards), 0)::int8 FROM anchor.passed AS p)

-- destroy_bodies --
-- Salts and all else of these accounts' leaves; hashes stay.
UPDATE anchor.leaf AS l SET body = NULL WHERE l.account = ANY(%(accounts)s::int8[]) AND l.body IS NOT NULL

-- attempts_open --
-- Signed, sent or mined: those that can still change, by nonce.
SELECT a.chain_id, a.job, a.attempt, a.sender, a.nonce, a.target, a.data, a.gas, a.raw, a.hash, a.fee::text,
       a.signed_us, a.state, a.sent_us, a.block_number, a.block_hash, a.succeeded
  FROM anchor.attempt AS a
 WHERE a.chain_id = %(chain_id)s AND a.sender = %(sender)s AND a.state <= 3
 ORDER BY a.nonce, a.attempt

-- attempts_of_job --
-- All, by their number.
SELECT a.chain_id, a.job, a.attempt, a.sender, a.nonce, a.target, a.data, a.gas, a.raw, a.hash, a.fee::text,
       a.signed_us, a.state, a.sent_us, a.block_number, a.block_hash, a.succeeded
  FROM anchor.attempt AS a
 WHERE a.chain_id = %(chain_id)s AND a.sender = %(sender)s AND a.job = %(job)s
 ORDER BY a.attempt

-- highest_nonce --
-- Of all that are not gone for good (state 5).
SELECT max(a.nonce) FROM anchor.attempt AS a
 WHERE a.chain_id = %(chain_id)s AND a.sender = %(sender)s AND a.state < 5

-- add_attempt --
-- Before it is sent.
INSERT INTO anchor.attempt
       (tenant, chain_id, job, attempt, sender, nonce, target, data, gas, raw, hash, fee, signed_us, state)
VALUES (%(tenant)s, %(chain_id)s, %(job)s, %(attempt)s, %(sender)s, %(nonce)s, %(target)s, %(data)s, %(gas)s, %(raw)s,
        %(hash)s, %(fee)s::numeric, %(signed_us)s, %(state)s)

-- keep_attempt --
-- What has become of it; the bytes never change.
UPDATE anchor.attempt AS a
   SET state = %(state)s, sent_us = %(sent_us)s, block_number = %(block_number)s, block_hash = %(block_hash)s,
       succeeded = %(succeeded)s
 WHERE a.chain_id = %(chain_id)s AND a.job = %(job)s AND a.attempt = %(attempt)s

-- edges --
-- What the next epoch after each goes on from, and the salt over the link of its last entry.
SELECT e.epoch, e.frontier, e.last_entry, e.salt FROM anchor.epoch AS e ORDER BY e.epoch

-- every_terms --
-- In the order in which they became known.
SELECT t.place, t.contract, t.version, t.terms_hash FROM anchor.terms AS t ORDER BY t.place

-- every_passed --
-- How many awards of which epochs have passed the gate.
SELECT p.epoch, p.awards FROM anchor.passed AS p ORDER BY p.epoch

-- final_anchors --
-- How many epochs the outbox has seen final, and in which contract; the keeper's outbox has those of other tenants too.
SELECT a.chain_id, a.target, count(DISTINCT a.job)
  FROM anchor.attempt AS a
 WHERE starts_with(a.job, %(prefix)s) AND a.state = 4 AND a.succeeded
 GROUP BY a.chain_id, a.target
 ORDER BY a.chain_id, a.target
