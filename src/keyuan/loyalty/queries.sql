-- keep_programme --
-- The first definition stands; changing a programme is a new version of its rule.
INSERT INTO loyalty.programme (tenant, programme, name, brand, currency, money_currency)
VALUES (%(tenant)s, %(programme)s, %(name)s, %(brand)s, %(currency)s, %(money_currency)s)
    ON CONFLICT (tenant, programme) DO NOTHING

-- keep_rule --
-- A version is written once.
INSERT INTO loyalty.earn_rule
       (tenant, programme, rule, version, minor_per_point, daily_cap, doubled_categories, expiry_months)
VALUES (%(tenant)s, %(programme)s, %(rule)s, %(version)s, %(minor_per_point)s, %(daily_cap)s, %(doubled)s,
        %(expiry_months)s)
    ON CONFLICT (tenant, programme, rule, version) DO NOTHING

-- programme --
-- The newest version of the rule is the one in force.
SELECT p.name, p.brand, p.currency, p.money_currency,
       r.rule, r.version, r.minor_per_point, r.daily_cap, r.doubled_categories, r.expiry_months
  FROM loyalty.programme AS p
  JOIN loyalty.earn_rule AS r USING (tenant, programme)
 WHERE p.programme = %(programme)s
 ORDER BY r.version DESC
 LIMIT 1

-- enrol --
-- One holder per person and programme, made once.
INSERT INTO loyalty.member (tenant, programme, person, holder, joined_at)
SELECT %(tenant)s, %(programme)s, s.person, s.holder, %(joined_at)s
  FROM pg_temp.member_in AS s
    ON CONFLICT (tenant, programme, person) DO NOTHING

-- lock_members --
-- In holder order, so that two batches never wait for each other in a circle.
SELECT m.person, m.holder
  FROM loyalty.member AS m
 WHERE m.programme = %(programme)s AND m.person = ANY(%(people)s)
 ORDER BY m.holder
   FOR UPDATE

-- earned_days --
-- Pairs come as two arrays of one length.
SELECT e.holder, e.day, e.points
  FROM unnest(%(holders)s::int8[], %(days)s::int4[]) AS wanted (holder, day)
  JOIN loyalty.earned AS e USING (holder, day)
 WHERE e.programme = %(programme)s

-- note_earned --
-- The new total replaces the old one: the rows are locked through their member.
INSERT INTO loyalty.earned (tenant, programme, holder, day, points)
SELECT %(tenant)s, %(programme)s, s.holder, s.day, s.points
  FROM pg_temp.earned_in AS s
    ON CONFLICT (tenant, programme, holder, day) DO UPDATE SET points = excluded.points
