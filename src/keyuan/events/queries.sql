-- lock --
-- One writer per tenant from numbering to commit: a consumer that has passed a number has seen all below it.
SELECT pg_advisory_xact_lock(hashtextextended('events.log', %(tenant)s))

-- months --
-- The partitions that the new events fall into.
SELECT sec.ensure_months('events.log', %(first)s, %(last)s)

-- append_messages --
-- Keys and digests come end to end, in the order of the log: lists of two thousand are written and read much more
-- slowly. Numbers are taken in that order under the lock, gaps mean nothing; then rows go in by key, so that neighbours
-- in the index are written together. One that is known stops all: to be ready for it (ON CONFLICT) costs each row a
-- second look into the index.
INSERT INTO events.message (tenant, message_key, digest, seq)
SELECT %(tenant)s, n.message_key, n.digest, n.seq
  FROM (SELECT substr(%(keys)s::bytea, b.first, 16) AS message_key,
               substr(%(digests)s::bytea, b.first, 16) AS digest,
               nextval('events.log_seq') AS seq
          FROM generate_series(1, length(%(keys)s::bytea), 16) AS b (first)) AS n
 ORDER BY n.message_key
RETURNING seq

-- known --
-- What is known of these messages; another digest is a conflict. The keys come end to end, as above.
SELECT m.message_key, m.digest
  FROM events.message AS m
 WHERE m.message_key = ANY(ARRAY(SELECT substr(%(keys)s::bytea, b.first, 16)
                                   FROM generate_series(1, length(%(keys)s::bytea), 16) AS b (first)))

-- append_log --
-- From the staged rows, all at once: COPY straight into the log is refused under row-level security.
INSERT INTO events.log (tenant, seq, message_key, kind, name, sender, anonymous, at, received_at, source, body, sealed)
SELECT %(tenant)s, s.seq, s.message_key, s.kind, s.name, s.sender, s.anonymous, s.at, s.received_at, s.source, s.body,
       s.sealed
  FROM pg_temp.events_in AS s

-- sender_keys --
-- The keys of these senders that exist and were not destroyed; the senders come end to end, as above.
SELECT k.sender, k.wrapped_key
  FROM events.sender_key AS k
 WHERE k.sender = ANY(ARRAY(SELECT substr(%(senders)s::bytea, b.first, 16)
                              FROM generate_series(1, length(%(senders)s::bytea), 16) AS b (first)))
   AND k.wrapped_key IS NOT NULL

-- keep_sender_keys --
-- A sender that was forgotten and comes back gets a fresh key in the old row.
INSERT INTO events.sender_key (tenant, sender, wrapped_key, made_at)
SELECT %(tenant)s, s.sender, s.wrapped_key, %(now)s
  FROM pg_temp.sender_keys_in AS s
    ON CONFLICT (tenant, sender) DO UPDATE
   SET wrapped_key = EXCLUDED.wrapped_key, made_at = EXCLUDED.made_at

-- forget --
-- What was sealed under these keys can never be read again; the rows stay and say when.
UPDATE events.sender_key
   SET wrapped_key = NULL, destroyed_at = %(now)s
 WHERE sender = ANY(%(senders)s) AND wrapped_key IS NOT NULL

-- forgotten --
-- Senders whose keys were destroyed, and when; who has come back since too.
SELECT k.sender, k.destroyed_at
  FROM events.sender_key AS k
 WHERE k.sender = ANY(%(senders)s) AND k.destroyed_at IS NOT NULL

-- newest_sealed --
-- What was sealed last of each of these senders: an older one may lie under a key that was destroyed.
SELECT DISTINCT ON (l.sender) l.sender, l.message_key, l.sealed
  FROM events.log AS l
 WHERE l.sender = ANY(%(senders)s) AND l.sealed IS NOT NULL
 ORDER BY l.sender, l.at DESC, l.seq DESC

-- quarantine --
-- The same bytes sent again are counted, not kept again; the newest seal and reason stay.
INSERT INTO events.quarantine AS q
       (tenant, id, received_at, source, message_key, sender, digest, reason, detail, raw, seq, consumer,
        shift, times)
SELECT %(tenant)s, s.id, s.received_at, s.source, s.message_key, s.sender, s.digest, s.reason, s.detail, s.raw, s.seq,
       s.consumer, s.shift, s.times
  FROM pg_temp.quarantine_in AS s
    ON CONFLICT (tenant, digest) DO UPDATE
   SET times = q.times + EXCLUDED.times, reason = EXCLUDED.reason, detail = EXCLUDED.detail, raw = EXCLUDED.raw

-- quarantined --
-- What was refused, oldest first: ids are ordered by time.
SELECT q.id, q.received_at, q.source, q.reason, q.detail, q.seq, q.consumer, q.state, q.times
  FROM events.quarantine AS q
 WHERE (%(state)s::text IS NULL OR q.state = %(state)s)
   AND (%(reason)s::text IS NULL OR q.reason = %(reason)s)
 ORDER BY q.id
 LIMIT %(limit)s

-- quarantine_counts --
-- How much waits, and why.
SELECT q.reason, count(*)
  FROM events.quarantine AS q
 WHERE q.state = 'open'
 GROUP BY q.reason
 ORDER BY q.reason

-- quarantined_raw --
-- Locked, so that two replays do not try the same event at the same time.
SELECT q.id, q.received_at, q.source, q.message_key, q.sender, q.digest, q.shift, q.raw
  FROM events.quarantine AS q
 WHERE q.id = ANY(%(ids)s) AND q.state = 'open' AND q.raw IS NOT NULL
 ORDER BY q.id
   FOR UPDATE

-- refused_by_consumer --
-- Locked, as above; in the order of the log, in which they take effect.
SELECT q.id, q.seq
  FROM events.quarantine AS q
 WHERE q.id = ANY(%(ids)s) AND q.state = 'open' AND q.seq IS NOT NULL
 ORDER BY q.seq
   FOR UPDATE

-- set_quarantine_state --
-- Only what is open; a settled one stays as it was settled.
UPDATE events.quarantine
   SET state = %(state)s
 WHERE id = ANY(%(ids)s) AND state = 'open'

-- follow --
-- The next events of a consumer, by the key of the log; what it has no use for is left where it is.
SELECT l.seq, l.kind, l.sender, l.at, l.body
  FROM events.log AS l
 WHERE l.seq > %(seq)s
 ORDER BY l.seq
 LIMIT %(limit)s

-- read_after --
-- As above, the whole rows.
SELECT l.seq, l.kind, l.sender, l.at, l.body, l.message_key, l.name, l.anonymous, l.received_at, l.source, l.sealed
  FROM events.log AS l
 WHERE l.seq > %(seq)s
 ORDER BY l.seq
 LIMIT %(limit)s

-- by_seq --
-- Single events, in the order of the log.
SELECT l.seq, l.kind, l.sender, l.at, l.body, l.message_key, l.name, l.anonymous, l.received_at, l.source, l.sealed
  FROM events.log AS l
 WHERE l.seq = ANY(%(seqs)s)
 ORDER BY l.seq

-- orders_at --
-- What some senders bought at some instants, by the index of senders.
SELECT l.body
  FROM events.log AS l
 WHERE l.sender = ANY(%(senders)s)
   AND l.at = ANY(%(instants)s::timestamptz[])
   AND l.kind = 'order'
 ORDER BY l.seq

-- last_seq --
-- How far the log goes.
SELECT max(l.seq) FROM events.log AS l

-- log_exists --
-- Whether this database was migrated.
SELECT to_regclass('events.log') IS NOT NULL

-- count_kinds --
-- The whole log is read: for reports, not for pages.
SELECT l.kind, count(*) FROM events.log AS l GROUP BY l.kind ORDER BY l.kind

-- make_position --
-- A consumer begins at 0; who comes second finds the row.
INSERT INTO events.position (tenant, consumer) VALUES (%(tenant)s, %(consumer)s) ON CONFLICT DO NOTHING

-- lock_position --
-- One consumer of a name at a time, to the end of its transaction.
SELECT p.seq, p.at, p.reader FROM events.position AS p WHERE p.consumer = %(consumer)s FOR UPDATE

-- position --
-- How far a consumer is, without waiting for it.
SELECT p.seq FROM events.position AS p WHERE p.consumer = %(consumer)s

-- is_waiting --
-- Whether there is anything after the place of a consumer. It locks nothing, so it writes nothing.
SELECT EXISTS (
         SELECT FROM events.log AS l
          WHERE l.seq > coalesce((SELECT p.seq FROM events.position AS p WHERE p.consumer = %(consumer)s), 0))

-- advance --
-- Forward only; who moved it last is kept.
UPDATE events.position SET seq = %(seq)s, at = greatest(at, %(at)s::timestamptz), reader = %(reader)s
 WHERE consumer = %(consumer)s AND seq <= %(seq)s

-- notice --
-- For every reader there is; one notice a person is enough.
INSERT INTO events.notice (tenant, consumer, person)
SELECT %(tenant)s, p.consumer, n.person
  FROM events.position AS p CROSS JOIN unnest(%(people)s::uuid[]) AS n (person)
 ORDER BY p.consumer, n.person
    ON CONFLICT (tenant, consumer, person) DO NOTHING

-- take_notices --
-- With the effects of the reader that reads them: after a rollback they are there again.
DELETE FROM events.notice AS n WHERE n.consumer = %(consumer)s RETURNING n.person

-- clock --
-- No row: the clock follows the system.
SELECT c.by_hand, c.at, c.running_since FROM events.clock AS c

-- slowest --
-- The least of the times of readers, if all of them have passed an event.
SELECT CASE WHEN count(p.at) = cardinality(%(consumers)s::text[]) THEN min(p.at) END
  FROM events.position AS p
 WHERE p.consumer = ANY(%(consumers)s::text[])

-- keep_clock --
-- One row a tenant.
INSERT INTO events.clock (tenant, by_hand, at, running_since)
VALUES (%(tenant)s, %(by_hand)s, %(at)s, %(running_since)s)
    ON CONFLICT (tenant) DO UPDATE
   SET by_hand = EXCLUDED.by_hand, at = EXCLUDED.at, running_since = EXCLUDED.running_since

-- lock_clock --
-- Locked, so that of two movers none overwrites the other.
SELECT c.by_hand, c.at, c.running_since FROM events.clock AS c FOR UPDATE

-- progress --
-- Locked: of two runs of one import, one waits.
SELECT i.fingerprint, i.next_row, i.done FROM events.import_progress AS i WHERE i.name = %(name)s FOR UPDATE

-- note_progress --
-- How far an import is, in the transaction of what it appended.
INSERT INTO events.import_progress (tenant, name, fingerprint, next_row, done)
VALUES (%(tenant)s, %(name)s, %(fingerprint)s, %(next_row)s, %(done)s)
    ON CONFLICT (tenant, name) DO UPDATE
   SET fingerprint = EXCLUDED.fingerprint, next_row = EXCLUDED.next_row, done = EXCLUDED.done

-- keep_source --
-- Only a digest of the write key is kept.
INSERT INTO events.source (tenant, key_hash, source, currency, created_at)
VALUES (%(tenant)s, %(key_hash)s, %(source)s, %(currency)s, %(now)s)

-- source_of_key --
-- A revoked key opens nothing.
SELECT s.source, s.currency FROM events.source AS s WHERE s.key_hash = %(key_hash)s AND s.revoked_at IS NULL

-- currency_of_source --
-- The newest key of a source says its currency.
SELECT s.currency FROM events.source AS s WHERE s.source = %(source)s ORDER BY s.created_at DESC LIMIT 1

-- revoke_source --
-- All keys of a source that still work.
UPDATE events.source SET revoked_at = %(now)s WHERE source = %(source)s AND revoked_at IS NULL

-- order_totals --
-- The whole log is read: for reports, not for pages.
SELECT count(*), coalesce(sum(json_array_length(o.body -> 'products')), 0)::int8,
       coalesce(sum((o.body ->> 'total_minor')::int8), 0)::int8
  FROM (SELECT convert_from(l.body, 'UTF8')::json AS body
          FROM events.log AS l
         WHERE l.kind = 'order' AND l.at < %(before)s) AS o

-- senders_before --
-- The whole log is read: for reports, not for pages.
SELECT DISTINCT l.sender FROM events.log AS l WHERE l.at < %(before)s

-- seqs_of --
-- The whole log is read: for erasure, not for pages.
SELECT l.seq FROM events.log AS l WHERE l.sender = ANY(%(senders)s) ORDER BY l.seq
