-- campaigns --
-- The newest first.
SELECT c.campaign, c.number, c.title_en, c.title_zh, c.segment, c.offer, c.holdout, c.salt, c.since, c.until,
       c.before_since, c.before_until, c.budget_minor, c.currency, c.brand, c.points_factor, c.language,
       c.nobody_treated, c.state
  FROM campaigns.campaign AS c
 ORDER BY c.number DESC

-- campaign --
-- One by its name.
SELECT c.campaign, c.number, c.title_en, c.title_zh, c.segment, c.offer, c.holdout, c.salt, c.since, c.until,
       c.before_since, c.before_until, c.budget_minor, c.currency, c.brand, c.points_factor, c.language,
       c.nobody_treated, c.state
  FROM campaigns.campaign AS c
 WHERE c.campaign = %(campaign)s

-- of_offer --
-- One by its offer.
SELECT c.campaign, c.number, c.title_en, c.title_zh, c.segment, c.offer, c.holdout, c.salt, c.since, c.until,
       c.before_since, c.before_until, c.budget_minor, c.currency, c.brand, c.points_factor, c.language,
       c.nobody_treated, c.state
  FROM campaigns.campaign AS c
 WHERE c.offer = %(offer)s

-- running --
-- Launched, and counting in a time that has something in common with another.
SELECT c.campaign, c.number, c.title_en, c.title_zh, c.segment, c.offer, c.holdout, c.salt, c.since, c.until,
       c.before_since, c.before_until, c.budget_minor, c.currency, c.brand, c.points_factor, c.language,
       c.nobody_treated, c.state
  FROM campaigns.campaign AS c
 WHERE c.state = 'launched' AND c.since < %(until)s AND c.until > %(since)s
 ORDER BY c.number DESC

-- launch --
-- What was counted when it was launched.
SELECT l.launched_at, l.people, l.treated, l.held_out, l.left_out, l.emails, l.inboxes, l.reserved_minor
  FROM campaigns.launch AS l
 WHERE l.campaign = %(campaign)s

-- offer_taken --
-- An offer is one campaign's.
SELECT 1 FROM campaigns.campaign AS c WHERE c.offer = %(offer)s AND c.campaign <> %(campaign)s

-- save_draft --
-- A draft is kept as it was said last; what was launched stays. Numbers are never given twice.
INSERT INTO campaigns.campaign AS c
       (tenant, campaign, number, title_en, title_zh, segment, offer, holdout, salt, since, until, before_since,
        before_until, budget_minor, currency, brand, points_factor, language, nobody_treated, state)
VALUES (%(tenant)s, %(campaign)s, nextval('campaigns.number_seq'), %(title_en)s, %(title_zh)s, %(segment)s, %(offer)s,
        %(holdout)s, %(salt)s, %(since)s, %(until)s, %(before_since)s, %(before_until)s, %(budget_minor)s, %(currency)s,
        %(brand)s, %(points_factor)s, %(language)s, %(nobody_treated)s, 'draft')
    ON CONFLICT (tenant, campaign) DO UPDATE
   SET title_en = excluded.title_en, title_zh = excluded.title_zh, segment = excluded.segment, offer = excluded.offer,
       holdout = excluded.holdout, salt = excluded.salt, since = excluded.since, until = excluded.until,
       before_since = excluded.before_since, before_until = excluded.before_until,
       budget_minor = excluded.budget_minor, currency = excluded.currency, brand = excluded.brand,
       points_factor = excluded.points_factor, language = excluded.language, nobody_treated = excluded.nobody_treated
 WHERE c.state = 'draft'

-- delete_draft --
-- Only what was never launched.
DELETE FROM campaigns.campaign AS c WHERE c.campaign = %(campaign)s AND c.state = 'draft'

-- lock --
-- Of two that launch, one waits and then finds it launched.
SELECT 1 FROM campaigns.campaign AS c WHERE c.campaign = %(campaign)s FOR UPDATE

-- move --
-- Forward only.
UPDATE campaigns.campaign AS c SET state = %(after)s WHERE c.campaign = %(campaign)s AND c.state = %(before)s

-- keep_launch --
-- Written once.
INSERT INTO campaigns.launch
       (tenant, campaign, launched_at, people, treated, held_out, left_out, emails, inboxes, reserved_minor)
VALUES (%(tenant)s, %(campaign)s, %(at)s, %(people)s, %(treated)s, %(held_out)s, %(left_out)s, %(emails)s, %(inboxes)s,
        %(reserved_minor)s)

-- queue --
-- One message a person and channel.
INSERT INTO campaigns.message (tenant, id, campaign, person, channel, state, made_at, due_at, sent_at)
SELECT %(tenant)s, s.id, %(campaign)s, s.person, s.channel, s.state, %(at)s, %(due_at)s, s.sent_at
  FROM pg_temp.message_in AS s
    ON CONFLICT (tenant, campaign, person, channel) DO NOTHING

-- claim_due --
-- Two senders take different ones. Who takes one has it until the lease is over; then it is due again.
UPDATE campaigns.message AS m
   SET state = 'sending', due_at = %(now)s + %(lease)s, attempts = m.attempts + 1
 WHERE m.id IN (SELECT d.id
                  FROM campaigns.message AS d
                 WHERE d.channel = %(channel)s AND d.state IN ('queued', 'sending') AND d.due_at <= %(now)s
                 ORDER BY d.due_at, d.id
                 LIMIT %(limit)s
                   FOR UPDATE SKIP LOCKED)
RETURNING m.id, m.campaign, m.person, m.channel, m.state, m.reason, m.made_at, m.due_at, m.sent_at, m.attempts,
          m.read_at

-- mark --
-- Only what waits; what is settled stays as it was settled.
UPDATE campaigns.message AS m
   SET state = %(state)s, reason = %(reason)s,
       sent_at = CASE WHEN %(state)s = 'sent' THEN %(at)s::timestamptz END,
       due_at = CASE WHEN %(state)s = 'queued' THEN %(at)s ELSE m.due_at END
 WHERE m.id = ANY(%(ids)s) AND m.state IN ('queued', 'sending')

-- give_back --
-- Taken and not tried: it does not count as an attempt.
UPDATE campaigns.message AS m
   SET state = 'queued', due_at = %(now)s, attempts = m.attempts - 1
 WHERE m.id = ANY(%(ids)s) AND m.state = 'sending'

-- message --
-- One by its number.
SELECT m.id, m.campaign, m.person, m.channel, m.state, m.reason, m.made_at, m.due_at, m.sent_at, m.attempts, m.read_at
  FROM campaigns.message AS m
 WHERE m.id = %(id)s

-- due --
-- Whether one waits, without taking it.
SELECT 1
  FROM campaigns.message AS m
 WHERE m.channel = %(channel)s AND m.state IN ('queued', 'sending') AND m.due_at <= %(now)s
 LIMIT 1

-- withhold_waiting --
-- What waits of one campaign.
UPDATE campaigns.message AS m
   SET state = 'withheld', reason = %(reason)s
 WHERE m.campaign = %(campaign)s AND m.state = 'queued'

-- mark_read --
-- The first time stays, and only her own.
UPDATE campaigns.message AS m
   SET read_at = %(at)s
 WHERE m.id = %(id)s AND m.person = %(person)s AND m.channel = 'inbox' AND m.state = 'sent' AND m.read_at IS NULL

-- inbox_of --
-- What has reached one person's inbox.
SELECT m.id, m.campaign, m.person, m.channel, m.state, m.reason, m.made_at, m.due_at, m.sent_at, m.attempts, m.read_at
  FROM campaigns.message AS m
 WHERE m.person = %(person)s AND m.channel = 'inbox' AND m.state = 'sent'
 ORDER BY m.sent_at DESC, m.id DESC
 LIMIT %(limit)s

-- messages_of --
-- All that was ever written to one person, by any way.
SELECT m.id, m.campaign, m.person, m.channel, m.state, m.reason, m.made_at, m.due_at, m.sent_at, m.attempts, m.read_at
  FROM campaigns.message AS m
 WHERE m.person = %(person)s
 ORDER BY m.made_at, m.id

-- message_counts --
-- By channel and state.
SELECT m.channel, m.state, count(*)
  FROM campaigns.message AS m
 WHERE m.campaign = %(campaign)s
 GROUP BY m.channel, m.state

-- read_count --
-- Read in the inbox.
SELECT count(*) FROM campaigns.message AS m WHERE m.campaign = %(campaign)s AND m.read_at IS NOT NULL

-- forget --
-- What was written to some people.
DELETE FROM campaigns.message AS m WHERE m.person = ANY(%(people)s)
