-- Two tenants whose first events of a month come at once: the second one sees what the first one made.
CREATE OR REPLACE FUNCTION sec.ensure_months(parent regclass, from_month date, to_month date) RETURNS int4
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  month date := date_trunc('month', from_month)::date;
  made int4 := 0;
  space text;
  stem text;
  part text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_partitioned_table AS p JOIN pg_class AS c ON c.oid = p.partrelid
                  WHERE p.partrelid = parent AND p.partstrat = 'r' AND c.relowner = current_user::regrole) THEN
    RAISE EXCEPTION 'table % has no monthly partitions of ours', parent;
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
      -- Asked of the table itself: a name that was looked up in vain is remembered as missing across the lock.
      IF NOT EXISTS (SELECT FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
                      WHERE i.inhparent = parent AND c.relname = part) THEN
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
