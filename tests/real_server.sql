-- One text that differs when anything but the rows of our tables, and months, does.
WITH ours AS (SELECT oid FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'),
relations AS (SELECT c.oid FROM pg_class AS c WHERE c.relnamespace IN (SELECT oid FROM ours)),
facts (kind, fact) AS (
  SELECT 'class', (c.oid, c.relname, c.relkind, c.relowner, c.relacl, c.relrowsecurity, c.relforcerowsecurity,
                   c.reloptions, c.relpersistence)::text
    FROM pg_class AS c WHERE c.oid IN (SELECT oid FROM relations)
  UNION ALL
  SELECT 'column', (a.attrelid, a.attnum, a.attname, a.atttypid, a.attnotnull, a.attisdropped, a.attacl, a.atthasdef)::text
    FROM pg_attribute AS a WHERE a.attrelid IN (SELECT oid FROM relations)
  UNION ALL
  SELECT 'default', (d.adrelid, d.adnum, pg_get_expr(d.adbin, d.adrelid))::text
    FROM pg_attrdef AS d WHERE d.adrelid IN (SELECT oid FROM relations)
  UNION ALL
  SELECT 'index', (i.indexrelid, i.indisvalid, i.indisready, i.indislive)::text
    FROM pg_index AS i WHERE i.indrelid IN (SELECT oid FROM relations)
  UNION ALL
  SELECT 'constraint', (n.oid, n.conname, n.convalidated, n.condeferrable)::text
    FROM pg_constraint AS n WHERE n.connamespace IN (SELECT oid FROM ours)
  UNION ALL
  SELECT 'trigger', (t.oid, t.tgname, t.tgenabled, t.tgfoid)::text
    FROM pg_trigger AS t WHERE t.tgrelid IN (SELECT oid FROM relations)
  UNION ALL
  SELECT 'rule', (r.oid, r.rulename, r.ev_enabled)::text
    FROM pg_rewrite AS r WHERE r.ev_class IN (SELECT oid FROM relations)
  UNION ALL
  SELECT 'policy', (p.oid, p.polname, p.polcmd, p.polpermissive, p.polroles,
                    pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))::text
    FROM pg_policy AS p
  UNION ALL
  SELECT 'function', (f.oid, f.proname, f.prosrc, f.prosecdef, f.proowner, f.proacl, f.proconfig, f.provolatile)::text
    FROM pg_proc AS f WHERE f.pronamespace IN (SELECT oid FROM ours)
  UNION ALL
  SELECT 'schema', (n.oid, n.nspname, n.nspowner, n.nspacl)::text FROM pg_namespace AS n WHERE n.nspname !~ '^pg_'
  UNION ALL
  SELECT 'sequence', s::text FROM pg_sequence AS s
  UNION ALL
  SELECT 'type', (t.oid, t.typname, t.typacl)::text FROM pg_type AS t WHERE t.typnamespace IN (SELECT oid FROM ours)
  UNION ALL
  SELECT 'extension', (e.oid, e.extname)::text FROM pg_extension AS e
  UNION ALL
  SELECT 'event trigger', (e.oid, e.evtname)::text FROM pg_event_trigger AS e
  UNION ALL
  SELECT 'default right', (d.oid, d.defaclacl)::text FROM pg_default_acl AS d
  UNION ALL
  SELECT 'large object', l.oid::text FROM pg_largeobject_metadata AS l
  UNION ALL
  SELECT 'setting', (s.setrole, s.setconfig)::text
    FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase AND d.datname = current_database()
  UNION ALL
  SELECT 'database', (d.datdba, d.datacl, d.datallowconn, d.datconnlimit)::text
    FROM pg_database AS d WHERE d.datname = current_database()
  UNION ALL
  SELECT 'key', k::text FROM sec.key AS k
  UNION ALL
  SELECT 'migration', m::text FROM sec.migration AS m
  UNION ALL
  SELECT 'tenant', t::text FROM sec.tenant_list AS t
)
SELECT md5(string_agg(kind || ' ' || fact, E'\n' ORDER BY kind, fact)) FROM facts
