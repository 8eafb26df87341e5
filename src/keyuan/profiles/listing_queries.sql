-- page_down --
-- By person, which is by when she was first heard of.
SELECT p.person, p.as_of, p.state
  FROM profiles.portrait AS p
 WHERE %(before)s::uuid IS NULL OR p.person < %(before)s::uuid
 ORDER BY p.person DESC
 LIMIT %(limit)s

-- page_up --
-- The page before, from its end.
SELECT p.person, p.as_of, p.state
  FROM profiles.portrait AS p
 WHERE p.person > %(after)s::uuid
 ORDER BY p.person
 LIMIT %(limit)s

-- count_everybody --
-- Several senders may be one person.
SELECT count(DISTINCT i.person) FROM profiles.identity AS i

-- is_known --
-- By the index of people.
SELECT i.person FROM profiles.identity AS i WHERE i.person = %(person)s LIMIT 1

-- newest_instant --
-- Everybody is read: for a change of all, not for pages.
SELECT max(p.as_of) FROM profiles.portrait AS p
