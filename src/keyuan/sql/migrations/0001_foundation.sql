-- Who may see what: tenants, the signed token, and how tables are protected. Run by the owner role.
-- Named exceptions to row-level security: sec.migration, sec.key (unreadable by the app role) and sec.tenant_list
-- (read-only to the app role).
GRANT USAGE ON SCHEMA sec TO keyuan_app;

CREATE TABLE sec.tenant_list (
  tenant int4 PRIMARY KEY CHECK (tenant > 0),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200)
);
GRANT SELECT ON sec.tenant_list TO keyuan_app;

CREATE TABLE sec.key (
  only_one bool PRIMARY KEY CHECK (only_one),
  inner_key bytea NOT NULL CHECK (octet_length(inner_key) = 64),
  outer_key bytea NOT NULL CHECK (octet_length(outer_key) = 64)
);

-- HMAC-SHA256 as in RFC 2104, from built-in functions only: no extension is needed on any server.
CREATE FUNCTION sec.hmac_hex(message text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT encode(sha256(k.outer_key || sha256(k.inner_key || convert_to(message, 'UTF8'))), 'hex') FROM sec.key AS k
$$;
REVOKE ALL ON FUNCTION sec.hmac_hex(text) FROM PUBLIC;

-- The tenant of this transaction, or NULL (no rows at all) when the token is absent, forged or of another backend.
CREATE FUNCTION sec.tenant() RETURNS int4
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE
    WHEN split_part(t.tok, '.', 2) = pg_backend_pid()::text
     AND split_part(t.tok, '.', 3) = sec.hmac_hex(split_part(t.tok, '.', 1) || '.' || split_part(t.tok, '.', 2))
    THEN split_part(t.tok, '.', 1)::int4
  END
  FROM (SELECT coalesce(current_setting('app.tok', true), '') AS tok) AS t
$$;
REVOKE ALL ON FUNCTION sec.tenant() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.tenant() TO keyuan_app;

-- Enable and force row-level security, make the one policy, grant the app role its four verbs.
CREATE FUNCTION sec.protect(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY of_tenant ON %s USING (tenant = (SELECT sec.tenant()))'
                 ' WITH CHECK (tenant = (SELECT sec.tenant()))', target);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO keyuan_app', target);
END $$;
REVOKE ALL ON FUNCTION sec.protect(regclass) FROM PUBLIC;

-- A partitioned table is protected like any other; its partitions protect themselves too (sec.ensure_months).
CREATE FUNCTION sec.protect_partitioned(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_partitioned_table AS p WHERE p.partrelid = target AND p.partstrat = 'r') THEN
    RAISE EXCEPTION 'table % is not partitioned by range', target;
  END IF;
  PERFORM sec.protect(target);
END $$;
REVOKE ALL ON FUNCTION sec.protect_partitioned(regclass) FROM PUBLIC;

-- Make the monthly partitions that are missing. It runs as the owner, so the app role needs no right to create
-- tables; a partition is made beside its parent and then attached, which does not stop writers. A partition takes
-- the parent's rights on the app role's side from the parent: nobody reads a partition by its own name.
CREATE FUNCTION sec.ensure_months(parent regclass, from_month date, to_month date) RETURNS int4
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  month date := date_trunc('month', from_month)::date;
  made int4 := 0;
  space text;
  stem text;
  part text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_partitioned_table AS p WHERE p.partrelid = parent AND p.partstrat = 'r') THEN
    RAISE EXCEPTION 'table % has no monthly partitions', parent;
  END IF;
  IF to_month - from_month > 366 * 30 OR from_month < DATE '1970-01-01' OR to_month > DATE '2200-01-01' THEN
    RAISE EXCEPTION 'months from % to % are out of range', from_month, to_month;
  END IF;
  SELECT n.nspname, c.relname INTO space, stem
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = parent;
  WHILE month <= to_month LOOP
    part := stem || '_' || to_char(month, 'YYYY_MM');
    IF to_regclass(format('%I.%I', space, part)) IS NULL THEN
      PERFORM pg_advisory_xact_lock(hashtextextended('sec.ensure_months', 0));
      IF to_regclass(format('%I.%I', space, part)) IS NULL THEN
        EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)',
                       space, part, parent);
        EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', space, part);
        EXECUTE format('ALTER TABLE %I.%I FORCE ROW LEVEL SECURITY', space, part);
        EXECUTE format('CREATE POLICY of_tenant ON %I.%I USING (tenant = (SELECT sec.tenant()))'
                       ' WITH CHECK (tenant = (SELECT sec.tenant()))', space, part);
        EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
                       parent, space, part, month::timestamp AT TIME ZONE 'UTC',
                       (month + INTERVAL '1 month')::timestamp AT TIME ZONE 'UTC');
        made := made + 1;
      END IF;
    END IF;
    month := (month + INTERVAL '1 month')::date;
  END LOOP;
  RETURN made;
END $$;
REVOKE ALL ON FUNCTION sec.ensure_months(regclass, date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sec.ensure_months(regclass, date, date) TO keyuan_app;
