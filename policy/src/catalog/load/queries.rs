//! What is asked of `pg_catalog`.
//!
//! The list is run in order on a connection of its own, each text by itself. Its first statements open a read-only
//! transaction and set, for that transaction only, what enters the text of a view's definition (PostgreSQL
//! documentation, 9.26.4 and 20.11): with an empty search_path every name comes qualified, and operators and functions
//! in these queries can only be those of `pg_catalog`; relations and types are qualified, as `pg_temp` is searched
//! before. Dates and intervals are printed so that no session's DateStyle or IntervalStyle reads them otherwise.

/// Names and texts of the queries, in the order in which they are to be run.
pub const QUERIES: &[(&str, &str)] = &[
    ("begin", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"),
    ("set search_path", "SET LOCAL search_path = ''"),
    ("set quoting", "SET LOCAL quote_all_identifiers = off"),
    ("set datestyle", "SET LOCAL datestyle = 'ISO, YMD'"),
    ("set intervalstyle", "SET LOCAL intervalstyle = 'iso_8601'"),
    ("set float digits", "SET LOCAL extra_float_digits = 1"),
    ("set timezone", "SET LOCAL timezone = 'UTC'"),
    ("set strings", "SET LOCAL standard_conforming_strings = on"),
    ("version", "SELECT pg_catalog.current_setting('server_version_num')"),
    ("database", "SELECT pg_catalog.current_database()"),
    ("horizon", "SELECT CAST(pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()) AS pg_catalog.xid)"),
    ("code", CODE),
    ("schemas", "SELECT nspname FROM pg_catalog.pg_namespace"),
    ("types", TYPES),
    ("relations", RELATIONS),
    ("columns", COLUMNS),
    ("generated", GENERATED),
    ("parents", PARENTS),
    ("partition keys", PARTITION_KEYS),
    ("sequences", SEQUENCES),
    ("indexes", INDEXES),
    ("index oids", INDEX_OIDS),
    ("reads", READS),
    ("functions", FUNCTIONS),
    ("operators", OPERATORS),
    ("casts", CASTS),
    ("collations", COLLATIONS),
    ("commit", "COMMIT"),
];

/// Those of [`QUERIES`] that tell of single relations and types, by their first columns. The types come first.
pub(in crate::catalog) const PARTS: &[&str] =
    &["types", "relations", "columns", "generated", "parents", "partition keys", "sequences", "indexes", "reads"];

/// The query of [`PARTS`] of that name, for some only. `oids`: numbers between commas.
pub(in crate::catalog) fn part(name: &str, oids: &str) -> Option<String> {
    let (_, whole) = QUERIES.iter().find(|(known, _)| *known == name)?;
    Some(format!("SELECT q.* FROM ({whole}) AS q (of) WHERE q.of = ANY (CAST('{{{oids}}}' AS pg_catalog._oid))"))
}

/// Those of [`QUERIES`] that return no rows.
pub(in crate::catalog) fn is_control(name: &str) -> bool {
    matches!(name, "begin" | "commit") || name.starts_with("set ")
}

/// An element's `typarray` tells a true array from `oidvector` and `int2vector`.
const TYPES: &str = "\
SELECT t.oid, n.nspname, t.typname, t.typtype, t.typbasetype, t.typrelid, \
  CASE WHEN e.typarray = t.oid THEN e.oid ELSE 0 END, \
  CASE WHEN t.typtype = 'd' AND t.typtypmod <> -1 THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END, \
  CASE WHEN t.typtype = 'd' AND t.typtypmod <> -1 THEN pg_catalog.format_type(t.typbasetype, NULL) END, \
  x.extname, t.typarray, t.typcategory, t.typispreferred, t.typcollation <> 0, NOT co.collisdeterministic \
FROM pg_catalog.pg_type t \
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
LEFT JOIN pg_catalog.pg_collation co ON co.oid = t.typcollation \
LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem \
LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e' \
LEFT JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid \
WHERE t.typnamespace NOT IN (SELECT oid FROM pg_catalog.pg_namespace \
  WHERE nspname ~ '^pg_(toast_)?temp_' AND oid <> pg_catalog.pg_my_temp_schema())";

/// Temporary relations of other sessions mean nothing to anybody else.
const RELATIONS: &str = "\
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relrowsecurity, \
  CASE WHEN c.relkind IN ('v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
       THEN pg_catalog.pg_get_viewdef(c.oid) END \
FROM pg_catalog.pg_class c \
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname <> 'pg_toast' \
  AND (n.nspname !~ '^pg_(toast_)?temp_' OR n.oid = pg_catalog.pg_my_temp_schema())";

/// Of free-standing composite types (`c`) too: they are the fields of types. From PostgreSQL 18 on `attnotnull` is also set by a
/// constraint that is NOT VALID, under which rows may be NULL all the same.
const COLUMNS: &str = "\
SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, \
  CASE WHEN a.atttypmod <> -1 THEN pg_catalog.format_type(a.atttypid, a.atttypmod) END, \
  CASE WHEN a.atttypmod <> -1 THEN pg_catalog.format_type(a.atttypid, NULL) END, \
  a.attnotnull AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k \
    WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND NOT k.convalidated AND a.attnum = ANY (k.conkey)), \
  CASE WHEN a.attcollation <> t.typcollation THEN cn.nspname END, \
  CASE WHEN a.attcollation <> t.typcollation THEN co.collname END, \
  NOT co.collisdeterministic \
FROM pg_catalog.pg_attribute a \
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation \
LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace \
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') \
  AND c.relnamespace <> 'pg_toast'::pg_catalog.regnamespace \
ORDER BY a.attrelid, a.attnum";

/// With 0 for each, so that one that is computed from no column is known too.
/// Up to PostgreSQL 14 the column itself depends on its sources, from 15 on its `pg_attrdef` does.
const GENERATED: &str = "\
SELECT DISTINCT a.attrelid, a.attnum, d.refobjsubid \
FROM pg_catalog.pg_attribute a \
LEFT JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum \
JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = a.attrelid \
  AND d.refobjsubid > 0 AND d.refobjsubid <> a.attnum \
  AND (d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = f.oid \
    OR d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = a.attrelid AND d.objsubid = a.attnum) \
WHERE a.attgenerated <> '' AND NOT a.attisdropped \
UNION ALL SELECT attrelid, attnum, 0 FROM pg_catalog.pg_attribute WHERE attgenerated <> '' AND NOT attisdropped";

const PARENTS: &str = "SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits ORDER BY inhrelid, inhseqno";

const PARTITION_KEYS: &str =
    "SELECT partrelid, pg_catalog.unnest(CAST(partattrs AS pg_catalog.int2[])) FROM pg_catalog.pg_partitioned_table";

const SEQUENCES: &str = "\
SELECT s.seqrelid, s.seqstart, s.seqincrement < 0, coalesce(d.refobjid, 0), coalesce(d.refobjsubid, 0) \
FROM pg_catalog.pg_sequence s \
LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = s.seqrelid AND d.objsubid = 0 \
  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')";

/// `pg_depend` names the columns of expressions and predicates, but not those that a whole-row reference
/// (`varattno 0`) takes in.
const INDEXES: &str = "\
SELECT i.indrelid, i.indkey, i.indnkeyatts, i.indisprimary AND i.indimmediate AND i.indisvalid, \
  i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL, \
  (SELECT pg_catalog.string_agg(DISTINCT d.refobjsubid::pg_catalog.text, ' ') FROM pg_catalog.pg_depend d \
   WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid \
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = i.indrelid AND d.refobjsubid > 0), \
  COALESCE(i.indexprs::pg_catalog.text, '') || COALESCE(i.indpred::pg_catalog.text, '') LIKE '%:varattno 0 %', \
  n.relname \
FROM pg_catalog.pg_index i \
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid \
JOIN pg_catalog.pg_class n ON n.oid = i.indexrelid \
WHERE i.indislive AND c.relkind IN ('r', 'p', 'm', 'f')";

const INDEX_OIDS: &str = "\
SELECT indexrelid, indrelid FROM pg_catalog.pg_index WHERE indislive AND indrelid NOT IN ( \
  SELECT oid FROM pg_catalog.pg_class WHERE relkind = 't' OR relnamespace IN ( \
    SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_'))";

/// Another text once a schema, a function, an operator, a cast or a collation is another.
pub(in crate::catalog) const CODE: &str = "\
SELECT pg_catalog.concat_ws(' ', \
 (SELECT pg_catalog.concat_ws('.', pg_catalog.count(*), pg_catalog.sum(CAST(CAST(xmin AS pg_catalog.text) AS pg_catalog.int8))) \
  FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'), \
 (SELECT pg_catalog.concat_ws('.', pg_catalog.count(*), pg_catalog.sum(CAST(CAST(xmin AS pg_catalog.text) AS pg_catalog.int8))) \
  FROM pg_catalog.pg_proc), \
 (SELECT pg_catalog.concat_ws('.', pg_catalog.count(*), pg_catalog.sum(CAST(CAST(xmin AS pg_catalog.text) AS pg_catalog.int8))) \
  FROM pg_catalog.pg_operator), \
 (SELECT pg_catalog.concat_ws('.', pg_catalog.count(*), pg_catalog.sum(CAST(CAST(xmin AS pg_catalog.text) AS pg_catalog.int8))) \
  FROM pg_catalog.pg_cast), \
 (SELECT pg_catalog.concat_ws('.', pg_catalog.count(*), pg_catalog.sum(CAST(CAST(xmin AS pg_catalog.text) AS pg_catalog.int8))) \
  FROM pg_catalog.pg_collation))";

const READS: &str = "\
SELECT DISTINCT r.ev_class, d.refobjid \
FROM pg_catalog.pg_rewrite r \
JOIN pg_catalog.pg_class c ON c.oid = r.ev_class AND c.relkind IN ('v', 'm') \
JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid \
  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class \
ORDER BY 1, 2";

const FUNCTIONS: &str = "\
SELECT n.nspname, p.proname, p.provolatile, p.prokind, p.pronargs - p.pronargdefaults, p.pronargs, \
  p.provariadic <> 0, p.proretset, \
  l.lanname IN ('internal', 'c') AND (p.oid < 16384 OR EXISTS (SELECT FROM pg_catalog.pg_depend d \
    WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e')), \
  CASE WHEN p.proargmodes IS NOT NULL THEN \
    (SELECT pg_catalog.json_agg(COALESCE(p.proargnames[a.i], '') ORDER BY a.i) \
     FROM pg_catalog.unnest(p.proargmodes) WITH ORDINALITY AS a(mode, i) WHERE a.mode IN ('o', 'b', 't')) END, \
  p.prorettype, p.proargtypes, \
  CASE WHEN p.proargmodes IS NOT NULL THEN \
    (SELECT pg_catalog.string_agg(p.proallargtypes[a.i]::pg_catalog.text, ' ' ORDER BY a.i) \
     FROM pg_catalog.unnest(p.proargmodes) WITH ORDINALITY AS a(mode, i) WHERE a.mode IN ('o', 'b', 't')) END, \
  p.provariadic, p.proleakproof \
FROM pg_catalog.pg_proc p \
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
JOIN pg_catalog.pg_language l ON l.oid = p.prolang";

const OPERATORS: &str = "\
SELECT n.nspname, o.oprname, x.extname, o.oprleft, o.oprright, o.oprresult, p.proname, p.proleakproof, p.provolatile \
FROM pg_catalog.pg_operator o \
JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace \
JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode \
LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND d.objid = o.oid AND d.deptype = 'e' \
LEFT JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid";

const CASTS: &str = "SELECT castsource, casttarget, castcontext, castmethod FROM pg_catalog.pg_cast";

const COLLATIONS: &str = "\
SELECT n.nspname, co.collname FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace n ON n.oid = co.collnamespace \
WHERE NOT co.collisdeterministic";
