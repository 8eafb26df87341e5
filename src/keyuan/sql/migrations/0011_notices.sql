-- Who moved the position last: a reader that keeps what it knows of people begins anew after another one.
ALTER TABLE events.position ADD COLUMN reader uuid;

-- People of whom something was written past the reader; it takes the notices down.
CREATE TABLE events.notice (
  tenant int4 NOT NULL,
  person uuid NOT NULL,
  PRIMARY KEY (tenant, person)
);
SELECT sec.protect('events.notice');
