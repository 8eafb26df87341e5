-- lock --
-- One writer per tenant from numbering to commit: a consumer that has passed a number has seen all below it.
SELECT pg_advisory_xact_lock(hashtextextended('events.log', %(tenant)s))

-- months --
SELECT sec.ensure_months('events.log', %(first)s, %(last)s)

-- known --
SELECT m.message_key, m.digest
  FROM events.message AS m
 WHERE m.message_key = ANY(%(keys)s)

-- numbers --
SELECT nextval('events.log_seq') FROM generate_series(1, %(count)s)

-- append_log --
INSERT INTO events.log (tenant, seq, message_key, kind, name, sender, anonymous, at, received_at, source, body, sealed)
SELECT %(tenant)s, s.seq, s.message_key, s.kind, s.name, s.sender, s.anonymous, s.at, s.received_at, s.source, s.body,
       s.sealed
  FROM pg_temp.events_in AS s

-- append_messages --
-- In key order: neighbours in the index are written together.
INSERT INTO events.message (tenant, message_key, digest, seq)
SELECT %(tenant)s, s.message_key, s.digest, s.seq
  FROM pg_temp.events_in AS s
 ORDER BY s.message_key

-- sender_keys --
SELECT k.sender, k.wrapped_key
  FROM events.sender_key AS k
 WHERE k.sender = ANY(%(senders)s) AND k.wrapped_key IS NOT NULL

-- keep_sender_keys --
-- A sender that was forgotten and comes back gets a fresh key in the old row.
INSERT INTO events.sender_key (tenant, sender, wrapped_key, made_at)
SELECT %(tenant)s, s.sender, s.wrapped_key, %(now)s
  FROM pg_temp.sender_keys_in AS s
    ON CONFLICT (tenant, sender) DO UPDATE
   SET wrapped_key = EXCLUDED.wrapped_key, made_at = EXCLUDED.made_at

-- forget --
UPDATE events.sender_key
   SET wrapped_key = NULL, destroyed_at = %(now)s
 WHERE sender = ANY(%(senders)s) AND wrapped_key IS NOT NULL

-- quarantine --
-- The same bytes sent again are counted, not kept again; the newest seal and reason stay.
INSERT INTO events.quarantine AS q
       (tenant, id, received_at, source, message_key, sender, digest, reason, detail, raw, seq, shift, times)
SELECT %(tenant)s, s.id, s.received_at, s.source, s.message_key, s.sender, s.digest, s.reason, s.detail, s.raw, s.seq,
       s.shift, s.times
  FROM pg_temp.quarantine_in AS s
    ON CONFLICT (tenant, digest) DO UPDATE
   SET times = q.times + EXCLUDED.times, reason = EXCLUDED.reason, detail = EXCLUDED.detail, raw = EXCLUDED.raw

-- quarantined --
SELECT q.id, q.received_at, q.source, q.reason, q.detail, q.seq, q.state, q.times
  FROM events.quarantine AS q
 WHERE (%(state)s::text IS NULL OR q.state = %(state)s)
   AND (%(reason)s::text IS NULL OR q.reason = %(reason)s)
 ORDER BY q.id
 LIMIT %(limit)s

-- quarantine_counts --
SELECT q.reason, count(*)
  FROM events.quarantine AS q
 WHERE q.state = 'open'
 GROUP BY q.reason
 ORDER BY q.reason

-- quarantined_raw --
SELECT q.id, q.received_at, q.source, q.message_key, q.sender, q.digest, q.shift, q.raw
  FROM events.quarantine AS q
 WHERE q.id = ANY(%(ids)s) AND q.state = 'open' AND q.raw IS NOT NULL
 ORDER BY q.id
   FOR UPDATE

-- refused_by_consumer --
SELECT q.id, q.seq
  FROM events.quarantine AS q
 WHERE q.id = ANY(%(ids)s) AND q.state = 'open' AND q.seq IS NOT NULL
 ORDER BY q.seq
   FOR UPDATE

-- set_quarantine_state --
UPDATE events.quarantine
   SET state = %(state)s
 WHERE id = ANY(%(ids)s) AND state = 'open'

-- read_after --
SELECT l.seq, l.message_key, l.kind, l.name, l.sender, l.anonymous, l.at, l.received_at, l.source, l.body, l.sealed
  FROM events.log AS l
 WHERE l.seq > %(seq)s
 ORDER BY l.seq
 LIMIT %(limit)s

-- by_seq --
SELECT l.seq, l.message_key, l.kind, l.name, l.sender, l.anonymous, l.at, l.received_at, l.source, l.body, l.sealed
  FROM events.log AS l
 WHERE l.seq = ANY(%(seqs)s)
 ORDER BY l.seq

-- last_seq --
SELECT max(l.seq) FROM events.log AS l

-- log_exists --
SELECT to_regclass('events.log') IS NOT NULL

-- count_kinds --
SELECT l.kind, count(*) FROM events.log AS l GROUP BY l.kind ORDER BY l.kind

-- make_position --
INSERT INTO events.position (tenant, consumer) VALUES (%(tenant)s, %(consumer)s) ON CONFLICT DO NOTHING

-- lock_position --
SELECT p.seq FROM events.position AS p WHERE p.consumer = %(consumer)s FOR UPDATE

-- position --
SELECT p.seq FROM events.position AS p WHERE p.consumer = %(consumer)s

-- advance --
UPDATE events.position SET seq = %(seq)s WHERE consumer = %(consumer)s AND seq <= %(seq)s

-- clock --
SELECT c.by_hand, c.at, c.running_since FROM events.clock AS c

-- keep_clock --
INSERT INTO events.clock (tenant, by_hand, at, running_since)
VALUES (%(tenant)s, %(by_hand)s, %(at)s, %(running_since)s)
    ON CONFLICT (tenant) DO UPDATE
   SET by_hand = EXCLUDED.by_hand, at = EXCLUDED.at, running_since = EXCLUDED.running_since

-- lock_clock --
SELECT c.by_hand, c.at, c.running_since FROM events.clock AS c FOR UPDATE

-- progress --
SELECT i.fingerprint, i.next_row, i.done FROM events.import_progress AS i WHERE i.name = %(name)s FOR UPDATE

-- note_progress --
INSERT INTO events.import_progress (tenant, name, fingerprint, next_row, done)
VALUES (%(tenant)s, %(name)s, %(fingerprint)s, %(next_row)s, %(done)s)
    ON CONFLICT (tenant, name) DO UPDATE
   SET fingerprint = EXCLUDED.fingerprint, next_row = EXCLUDED.next_row, done = EXCLUDED.done

-- keep_source --
INSERT INTO events.source (tenant, key_hash, source, currency, created_at)
VALUES (%(tenant)s, %(key_hash)s, %(source)s, %(currency)s, %(now)s)

-- source_of_key --
SELECT s.source, s.currency FROM events.source AS s WHERE s.key_hash = %(key_hash)s AND s.revoked_at IS NULL

-- sources --
SELECT s.source, s.currency, s.created_at, s.revoked_at FROM events.source AS s ORDER BY s.created_at, s.source

-- currency_of_source --
SELECT s.currency FROM events.source AS s WHERE s.source = %(source)s ORDER BY s.created_at DESC LIMIT 1

-- revoke_source --
UPDATE events.source SET revoked_at = %(now)s WHERE source = %(source)s AND revoked_at IS NULL

-- order_totals --
-- The whole log is read: for reports, not for pages.
SELECT count(*), coalesce(sum(json_array_length(o.body -> 'products')), 0)::int8,
       coalesce(sum((o.body ->> 'total_minor')::int8), 0)::int8
  FROM (SELECT convert_from(l.body, 'UTF8')::json AS body
          FROM events.log AS l
         WHERE l.kind = 'order' AND l.at < %(before)s) AS o
