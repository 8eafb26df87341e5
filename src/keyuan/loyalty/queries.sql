-- keep_programme --
-- The first definition stands; changing a programme is a new version of its rule.
INSERT INTO loyalty.programme (tenant, programme, name, brand, currency, money_currency)
VALUES (%(tenant)s, %(programme)s, %(name)s, %(brand)s, %(currency)s, %(money_currency)s)
    ON CONFLICT (tenant, programme) DO NOTHING

-- keep_rule --
-- A version is written once.
INSERT INTO loyalty.earn_rule
       (tenant, programme, rule, version, minor_per_point, daily_cap, doubled_categories, expiry_months,
        starts_at)
VALUES (%(tenant)s, %(programme)s, %(rule)s, %(version)s, %(minor_per_point)s, %(daily_cap)s, %(doubled)s,
        %(expiry_months)s, %(starts_at)s)
    ON CONFLICT (tenant, programme, rule, version) DO NOTHING

-- programmes --
-- The newest version of the rule is the one in force.
SELECT DISTINCT ON (p.programme COLLATE "C")
       p.programme, p.name, p.brand, p.currency, p.money_currency,
       r.rule, r.version, r.minor_per_point, r.daily_cap, r.doubled_categories, r.expiry_months, r.starts_at
  FROM loyalty.programme AS p
  JOIN loyalty.earn_rule AS r USING (tenant, programme)
 ORDER BY p.programme COLLATE "C", r.version DESC

-- versions --
-- All versions of all rules, each in its order.
SELECT p.programme, p.name, p.brand, p.currency, p.money_currency,
       r.rule, r.version, r.minor_per_point, r.daily_cap, r.doubled_categories, r.expiry_months, r.starts_at
  FROM loyalty.programme AS p
  JOIN loyalty.earn_rule AS r USING (tenant, programme)
 ORDER BY p.programme COLLATE "C", r.rule COLLATE "C", r.version

-- enrol --
-- One holder per person and programme, made once.
INSERT INTO loyalty.member (tenant, programme, person, holder, joined_at)
SELECT %(tenant)s, %(programme)s, s.person, s.holder, %(joined_at)s
  FROM pg_temp.member_in AS s
    ON CONFLICT (tenant, programme, person) DO NOTHING

-- holders --
-- Only people who joined have one. Person by person through the key (the LIMIT keeps it so): while the table has no
-- statistics, a join would walk all members.
SELECT p.person, m.holder
  FROM unnest(%(people)s::uuid[]) AS p (person)
 CROSS JOIN LATERAL (
       SELECT m.holder FROM loyalty.member AS m WHERE m.programme = %(programme)s AND m.person = p.person LIMIT 1) AS m

-- people --
-- The other way round, of many members at once.
SELECT m.holder, m.person
  FROM loyalty.member AS m
 WHERE m.programme = %(programme)s AND m.holder = ANY(%(holders)s::int8[])
