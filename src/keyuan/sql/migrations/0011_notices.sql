-- Who moved the position last: a reader that keeps what it knows of people begins anew after another one. And the
-- time of the newest event it has passed: a clock kept by hand stands where the slowest reader is.
ALTER TABLE events.position ADD COLUMN reader uuid;
ALTER TABLE events.position ADD COLUMN at timestamptz;

-- People of whom something was written past a reader; it takes its notices down.
CREATE TABLE events.notice (
  tenant int4 NOT NULL,
  consumer text NOT NULL,
  person uuid NOT NULL,
  PRIMARY KEY (tenant, consumer, person)
);
SELECT sec.protect('events.notice');

-- The one consumer became two, each with its own position, and its own refusals. Forced row-level security binds the
-- owner too: without a tenant's token she sees no rows.
ALTER TABLE events.quarantine ADD COLUMN consumer text;
ALTER TABLE events.position NO FORCE ROW LEVEL SECURITY;
ALTER TABLE events.quarantine NO FORCE ROW LEVEL SECURITY;
INSERT INTO events.position (tenant, consumer, seq)
SELECT p.tenant, n.consumer, p.seq
  FROM events.position AS p CROSS JOIN (VALUES ('points'), ('portraits')) AS n (consumer)
 WHERE p.consumer = 'main';
DELETE FROM events.position WHERE consumer = 'main';
UPDATE events.quarantine SET consumer = 'points' WHERE seq IS NOT NULL;
ALTER TABLE events.position FORCE ROW LEVEL SECURITY;
ALTER TABLE events.quarantine FORCE ROW LEVEL SECURITY;
ALTER TABLE events.quarantine ADD CONSTRAINT quarantine_consumer_check CHECK ((seq IS NULL) = (consumer IS NULL));
