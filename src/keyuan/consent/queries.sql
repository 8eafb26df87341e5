-- keep_records --
-- A decision told twice (the same person, purpose, instant, answer and evidence) is one record.
INSERT INTO consent.record (tenant, person, purpose, given, effective_at, evidence)
SELECT %(tenant)s, s.person, s.purpose, s.given, s.effective_at, s.evidence
  FROM pg_temp.consent_in AS s
 ORDER BY s.place
    ON CONFLICT (tenant, person, purpose, effective_at, given, evidence) DO NOTHING

-- timelines --
-- By instant; of two at one instant the one recorded last is in force.
SELECT r.person, r.purpose, r.effective_at, r.given
  FROM consent.record AS r
 WHERE r.person = ANY(%(people)s) AND r.purpose = ANY(%(purposes)s)
 ORDER BY r.person, r.purpose, r.effective_at, r.seq

-- people_in_force --
-- The newest decision of each person that is effective at the instant, if it gives consent.
SELECT newest.person
  FROM (SELECT DISTINCT ON (r.person) r.person, r.given
          FROM consent.record AS r
         WHERE r.purpose = %(purpose)s AND r.effective_at <= %(at)s
         ORDER BY r.person, r.effective_at DESC, r.seq DESC) AS newest
 WHERE newest.given
 ORDER BY newest.person
