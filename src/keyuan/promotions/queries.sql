-- save_offer --
-- While nobody has a coupon of it an offer may be said anew.
INSERT INTO promotions.offer AS o (tenant, offer, title_en, title_zh, face_minor, currency, valid_from, valid_until)
VALUES (%(tenant)s, %(offer)s, %(title_en)s, %(title_zh)s, %(face_minor)s, %(currency)s, %(valid_from)s, %(valid_until)s)
    ON CONFLICT (tenant, offer) DO UPDATE
   SET title_en = excluded.title_en, title_zh = excluded.title_zh, face_minor = excluded.face_minor,
       currency = excluded.currency, valid_from = excluded.valid_from, valid_until = excluded.valid_until
 WHERE NOT EXISTS (SELECT 1 FROM promotions.coupon AS c WHERE c.offer = o.offer)

-- delete_offer --
-- Only one that nobody has.
DELETE FROM promotions.offer AS o
 WHERE o.offer = %(offer)s AND NOT EXISTS (SELECT 1 FROM promotions.coupon AS c WHERE c.offer = o.offer)

-- lock_offer --
-- Not changed any more while coupons of it are given out.
SELECT 1 FROM promotions.offer AS o WHERE o.offer = %(offer)s FOR UPDATE

-- offer --
-- One by its name.
SELECT o.title_en, o.title_zh, o.face_minor, o.currency, o.valid_from, o.valid_until
  FROM promotions.offer AS o
 WHERE o.offer = %(offer)s

-- issue --
-- One a person.
INSERT INTO promotions.coupon (tenant, code_hash, offer, person, issued_at)
SELECT %(tenant)s, s.code_hash, %(offer)s, s.person, %(at)s
  FROM pg_temp.coupon_in AS s
    ON CONFLICT DO NOTHING

-- missing --
-- Those of a batch who have no coupon now: another one has their code.
SELECT count(*)
  FROM pg_temp.coupon_in AS s
 WHERE NOT EXISTS (SELECT 1 FROM promotions.coupon AS c
                    WHERE c.offer = %(offer)s AND c.person = s.person AND c.code_hash = s.code_hash)

-- redeem --
-- Only what nobody has used, and only while it is good. Who comes second waits for the row and finds it used.
UPDATE promotions.coupon AS c
   SET redeemed_at = %(at)s, redeemed_by = %(by)s
  FROM promotions.offer AS o
 WHERE c.code_hash = %(code_hash)s AND c.redeemed_at IS NULL
   AND o.offer = c.offer AND o.valid_from <= %(at)s AND o.valid_until > %(at)s
RETURNING c.offer, c.person

-- coupon --
-- Why it was not taken.
SELECT c.offer, c.person, c.redeemed_at, c.redeemed_by, o.valid_from, o.valid_until
  FROM promotions.coupon AS c
  JOIN promotions.offer AS o ON o.offer = c.offer
 WHERE c.code_hash = %(code_hash)s

-- given --
-- Given out, and handed in.
SELECT count(*), count(c.redeemed_at) FROM promotions.coupon AS c WHERE c.offer = %(offer)s

-- coupons_of --
-- What one person has.
SELECT c.offer, c.issued_at, c.redeemed_at
  FROM promotions.coupon AS c
 WHERE c.person = %(person)s
 ORDER BY c.issued_at DESC, c.offer

-- forget --
-- What some people had.
DELETE FROM promotions.coupon AS c WHERE c.person = ANY(%(people)s)
