-- known_senders --
-- The people of these senders, as far as they are known.
SELECT i.sender, i.person
  FROM profiles.identity AS i
 WHERE i.sender = ANY(%(senders)s)

-- add_senders --
-- New people; in the order of their senders, so that two writers never wait for each other. Who comes second gets
-- nothing back here and reads the first one's person afterwards.
INSERT INTO profiles.identity (tenant, sender, person)
SELECT %(tenant)s, n.sender, n.person
  FROM unnest(%(senders)s::bytea[], %(people)s::uuid[]) AS n (sender, person)
 ORDER BY n.sender
    ON CONFLICT (tenant, sender) DO NOTHING

-- load_states --
-- The states that a batch is folded into.
SELECT p.person, p.state
  FROM profiles.portrait AS p
 WHERE p.person = ANY(%(people)s)

-- rewrite_portraits --
-- Only over the very state that was folded: a row that another writer changed or deleted is not touched.
-- People are asked for by the array of all of them, so that they are found by the index: by the join alone the planner,
-- who knows nothing of the size of the batch, would read everybody.
-- Microseconds times an interval are exact until the year 2255; no partition of the log reaches beyond 2200.
UPDATE profiles.portrait AS p
   SET facts = s.facts, from_seq = s.from_seq, state = s.state,
       as_of = timestamptz 'epoch' + s.as_of_us * interval '1 microsecond',
       next_edge_at = timestamptz 'epoch' + s.next_edge_us * interval '1 microsecond'
  FROM pg_temp.profiles_portrait AS s
 WHERE p.person = ANY(ARRAY(SELECT a.person FROM pg_temp.profiles_portrait AS a))
   AND p.person = s.person
   AND p.facts = s.facts_before

-- add_portraits --
-- People without a portrait so far; of two writers the second is noticed by its count.
INSERT INTO profiles.portrait (tenant, person, facts, from_seq, as_of, next_edge_at, state)
SELECT %(tenant)s, s.person, s.facts, s.from_seq,
       timestamptz 'epoch' + s.as_of_us * interval '1 microsecond',
       timestamptz 'epoch' + s.next_edge_us * interval '1 microsecond',
       s.state
  FROM pg_temp.profiles_portrait AS s
 WHERE s.facts_before = 0
    ON CONFLICT (tenant, person) DO NOTHING

-- people_due --
-- People with a trait that time alone has changed since it was computed, the longest due first.
SELECT p.person
  FROM profiles.portrait AS p
 WHERE p.next_edge_at <= %(now)s
 ORDER BY p.next_edge_at, p.person
 LIMIT %(limit)s

-- people_after --
-- Everybody, page by page.
SELECT p.person
  FROM profiles.portrait AS p
 WHERE p.person > %(after)s
 ORDER BY p.person
 LIMIT %(limit)s

-- load_portraits --
-- What a refresh needs: the state is evaluated at a new instant.
SELECT p.person, p.facts, p.as_of, p.state
  FROM profiles.portrait AS p
 WHERE p.person = ANY(%(people)s)

-- move_portraits --
-- A new instant for the same facts. A person folded meanwhile is left: that writer evaluated her later.
UPDATE profiles.portrait AS p
   SET as_of = timestamptz 'epoch' + s.as_of_us * interval '1 microsecond',
       next_edge_at = timestamptz 'epoch' + s.next_edge_us * interval '1 microsecond'
  FROM pg_temp.profiles_moved AS s
 WHERE p.person = ANY(ARRAY(SELECT a.person FROM pg_temp.profiles_moved AS a))
   AND p.person = s.person
   AND p.facts = s.facts
RETURNING p.person

-- forget_portraits --
-- Who withdraws has no portrait from now on.
DELETE FROM profiles.portrait AS p
 WHERE p.person = ANY(%(people)s)

-- one_portrait --
-- One person, for her page and for what she takes along.
SELECT p.as_of, p.from_seq, p.facts, p.state
  FROM profiles.portrait AS p
 WHERE p.person = %(person)s

-- page_of_people --
-- By person, page by page.
SELECT p.person, p.as_of, p.from_seq, p.facts
  FROM profiles.portrait AS p
 WHERE p.person > %(after)s
 ORDER BY p.person
 LIMIT %(limit)s

-- count_portraits --
-- People with a portrait.
SELECT count(*)
  FROM profiles.portrait AS p

-- all_states --
-- For comparing everybody with the batch path.
SELECT p.person, p.as_of, p.state
  FROM profiles.portrait AS p

-- load_keys --
-- The wrapped keys of people.
SELECT k.person, k.wrapped
  FROM profiles.person_key AS k
 WHERE k.person = ANY(%(people)s)

-- add_keys --
-- A key is never replaced: of two writers the first wins, and the second reads it afterwards.
INSERT INTO profiles.person_key (tenant, person, wrapped)
SELECT %(tenant)s, n.person, n.wrapped
  FROM unnest(%(people)s::uuid[], %(wrapped)s::bytea[]) AS n (person, wrapped)
 ORDER BY n.person
    ON CONFLICT (tenant, person) DO NOTHING

-- keep_contact --
-- A field given again replaces the old value.
INSERT INTO profiles.contact (tenant, person, field, sealed, blind, made_up)
SELECT %(tenant)s, s.person, s.field, s.sealed, s.blind, s.made_up
  FROM pg_temp.profiles_contact AS s
 ORDER BY s.person, s.field
    ON CONFLICT (tenant, person, field)
    DO UPDATE SET sealed = excluded.sealed, blind = excluded.blind, made_up = excluded.made_up

-- load_contact --
-- Sealed; who asks needs the keys too.
SELECT c.person, c.field, c.sealed, c.made_up
  FROM profiles.contact AS c
 WHERE c.person = ANY(%(people)s)
 ORDER BY c.person, c.field

-- who_has --
-- Who can be reached by a field, without opening it: fields go with their key.
SELECT c.person
  FROM profiles.contact AS c
 WHERE c.field = %(field)s
   AND c.person = ANY(%(people)s)

-- find_by_blind --
-- People who share an e-mail or a phone, by its keyed hash.
SELECT c.person
  FROM profiles.contact AS c
 WHERE c.field = %(field)s
   AND c.blind = %(blind)s
 ORDER BY c.person

-- forget_keys --
-- The contact fields go with their key.
DELETE FROM profiles.person_key AS k
 WHERE k.person = ANY(%(people)s)

-- count_people --
-- Several senders may be one person.
SELECT count(DISTINCT i.person) FROM profiles.identity AS i WHERE i.sender = ANY(%(senders)s)

-- senders_of --
-- The names under which events of one person came in.
SELECT i.sender FROM profiles.identity AS i WHERE i.person = %(person)s ORDER BY i.sender

-- senders_of_all --
-- The same of many people; one row a person.
SELECT i.person, array_agg(i.sender ORDER BY i.sender)
  FROM profiles.identity AS i
 WHERE i.person = ANY(%(people)s)
 GROUP BY i.person

-- keep_link --
-- Only the digest of its secret.
INSERT INTO profiles.link (tenant, token_hash, person, made_at, expires_at)
VALUES (%(tenant)s, %(token_hash)s, %(person)s, %(made_at)s, %(expires_at)s)

-- open_link --
-- Whose link this is, while it holds.
SELECT l.person, l.expires_at
  FROM profiles.link AS l
 WHERE l.token_hash = %(token_hash)s
   AND l.expires_at > %(now)s
   AND l.revoked_at IS NULL

-- revoke_links --
-- All links of some people that still hold.
UPDATE profiles.link AS l
   SET revoked_at = greatest(%(now)s, l.made_at)
 WHERE l.person = ANY(%(people)s)
   AND l.revoked_at IS NULL
