-- account --
-- By its name.
SELECT a.account, a.name, a.password, a.must_change FROM staff.account AS a WHERE a.name = %(name)s

-- make_account --
-- Its password was given out, so it must be changed.
INSERT INTO staff.account (tenant, account, name, password, must_change, made_at)
VALUES (%(tenant)s, %(account)s, %(name)s, %(password)s, true, %(now)s)

-- set_password --
-- Another digest for the same account.
UPDATE staff.account SET password = %(password)s, must_change = %(must_change)s WHERE account = %(account)s

-- begin_session --
-- By the digest of its token.
INSERT INTO staff.session (tenant, digest, account, begun_at, seen_at)
VALUES (%(tenant)s, %(digest)s, %(account)s, %(now)s, %(now)s)

-- member --
-- Who has a session that is neither idle nor old.
SELECT a.account, a.name, a.must_change, s.seen_at
  FROM staff.session AS s
  JOIN staff.account AS a ON a.account = s.account
 WHERE s.digest = %(digest)s AND s.seen_at > %(idle_since)s AND s.begun_at > %(begun_since)s

-- seen --
-- So that it does not become idle.
UPDATE staff.session SET seen_at = greatest(seen_at, %(now)s) WHERE digest = %(digest)s

-- end_session --
-- One.
DELETE FROM staff.session AS s WHERE s.digest = %(digest)s

-- end_sessions --
-- All of an account.
DELETE FROM staff.session AS s WHERE s.account = %(account)s

-- end_old --
-- Those that open nothing any more.
DELETE FROM staff.session AS s WHERE s.seen_at <= %(idle_since)s OR s.begun_at <= %(begun_since)s

-- note --
-- Added, never changed.
INSERT INTO staff.audit (tenant, at, account, action, subject)
VALUES (%(tenant)s, %(at)s, %(account)s, %(action)s, %(subject)s)
