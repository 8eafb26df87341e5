"""What PostgreSQL's catalogue says of a database, as facts that can be compared: one text per thing.

Left out: what belongs to PostgreSQL itself, the schema `public`, object numbers, and rows.
"""

from collections.abc import Mapping
from typing import Any

import psycopg

OURS = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'public')"
ACL = "(SELECT string_agg(r::text, ' ' ORDER BY r::text) FROM unnest({}) AS r)"
RELATION = "n.nspname || '.' || c.relname"
FACTS: Mapping[str, str] = {
    "schema": f"""
        SELECT n.nspname, concat_ws(' | ', pg_get_userbyid(n.nspowner), {ACL.format("n.nspacl")})
          FROM pg_namespace AS n WHERE {OURS}""",
    "relation": f"""
        SELECT {RELATION}, concat_ws(' | ', c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
               pg_get_userbyid(c.relowner), c.reloptions::text, {ACL.format("c.relacl")},
               pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
               CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END)
          FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') AND {OURS}""",
    "column": f"""
        SELECT {RELATION} || '.' || a.attname,
               concat_ws(' | ', row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum),
               format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
               a.attidentity, a.attgenerated, a.attstorage, a.attcompression, a.attcollation::regcollation,
               {ACL.format("a.attacl")})
          FROM pg_attribute AS a
          JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
          JOIN pg_namespace AS n ON n.oid = c.relnamespace
          LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attnum > 0 AND NOT a.attisdropped AND {OURS}""",
    "constraint": f"""
        SELECT {RELATION} || '.' || k.conname,
               concat_ws(' | ', pg_get_constraintdef(k.oid), k.convalidated, k.condeferrable, k.condeferred)
          FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid
          JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE {OURS}""",
    "index": f"""
        SELECT {RELATION}, concat_ws(' | ', pg_get_indexdef(c.oid), i.indisvalid, c.reloptions::text)
          FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
          JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE {OURS}""",
    "policy": """
        SELECT p.schemaname || '.' || p.tablename || '.' || p.policyname,
               concat_ws(' | ', p.permissive, p.roles::text, p.cmd, p.qual, p.with_check)
          FROM pg_policies AS p""",
    "function": f"""
        SELECT p.oid::regprocedure::text,
               concat_ws(' | ', pg_get_functiondef(p.oid), pg_get_userbyid(p.proowner), {ACL.format("p.proacl")})
          FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE p.prokind <> 'a' AND {OURS}""",
    "sequence": f"""
        SELECT {RELATION}, concat_ws(' | ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax,
               s.seqcache, s.seqcycle)
          FROM pg_sequence AS s JOIN pg_class AS c ON c.oid = s.seqrelid
          JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE {OURS}""",
    "trigger": f"""
        SELECT {RELATION} || '.' || t.tgname, concat_ws(' | ', pg_get_triggerdef(t.oid), t.tgenabled)
          FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
          JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal AND {OURS}""",
    "type": f"""
        SELECT n.nspname || '.' || t.typname, concat_ws(' | ', t.typtype, format_type(t.typbasetype, t.typtypmod),
               (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum AS e
                 WHERE e.enumtypid = t.oid),
               (SELECT string_agg(pg_get_constraintdef(k.oid), ',' ORDER BY k.conname) FROM pg_constraint AS k
                 WHERE k.contypid = t.oid))
          FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
         WHERE t.typtype IN ('d', 'e', 'r') AND {OURS}""",
    "default right": f"""
        SELECT concat_ws(' ', pg_get_userbyid(d.defaclrole), d.defaclnamespace::regnamespace, d.defaclobjtype),
               {ACL.format("d.defaclacl")} FROM pg_default_acl AS d""",
}


def catalogue(connection: psycopg.Connection[tuple[Any, ...]]) -> dict[str, str]:
    """Return every fact of the connected database by a name that says what it is about."""
    found: dict[str, str] = {}
    for kind, query in FACTS.items():
        for name, fact in connection.execute(query.encode()):
            found[f"{kind} {name}"] = fact or ""
    return found


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Return what only one of two catalogues says, named."""
    return [
        f"{name}: {one.get(name, 'is not there')} / {other.get(name, 'is not there')}"
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    ]
