-- Traits follow from the state and `as_of`, so they are not stored beside them. With room left on a page, a portrait
-- is mostly rewritten there, and its indexes are left alone.
ALTER TABLE profiles.portrait DROP COLUMN traits;
ALTER TABLE profiles.portrait SET (fillfactor = 70);
