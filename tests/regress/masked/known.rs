//! Where pgveil answers otherwise than Postgres, without refusing: to be mended. None of these shows anything protected.

const TEMPORARY_INDEX: &str = "an index is looked for in the first schema of the path, not in that of temporary tables";
const CTE_OF_CONFLICT: &str = "DO UPDATE does not see the statement's WITH";
const HEADLINE: &str = "ts_headline of json is not found";
const TEMPORARY_FUNCTION: &str = "functions in pg_temp are not found";

/// File, how the statement begins (in one line), why.
pub const KNOWN: &[(&str, &str, &str)] = &[
    ("select", "SELECT * FROM nocols n, LATERAL (VALUES(n.*)) v", "a row without columns has no name to be found by"),
    ("select", "DROP INDEX fooi", TEMPORARY_INDEX),
    ("select", "CREATE INDEX fooi ON foo (f1 DESC", TEMPORARY_INDEX),
    ("subselect", "select view_a from view_a", "a whole row of a view has no origin"),
    ("subselect", "with aa as (select 'int4_tbl' u from int4_tbl limit 1) insert into upsert", CTE_OF_CONFLICT),
    ("json", "select ts_headline(", HEADLINE),
    ("jsonb", "select ts_headline(", HEADLINE),
    (
        "limit",
        "SELECT (SELECT n FROM (VALUES (1)) AS x, (SELECT n FROM generate_series(1,10) AS n ORDER BY n LIMIT 1 OFFSET s-1)",
        "OFFSET does not see outer levels",
    ),
    ("returning", "UPDATE foo SET f2 = foo_v.f2 FROM foo_v WHERE foo_v.f1 = foo.f1 RETURNING foo_v", "a whole row of a view has no origin"),
    (
        "with",
        "with recursive q as ( select * from department union all (with x as",
        "it is sorted without need, and LIMIT alone ends it: it runs for ever",
    ),
    ("with", "with recursive test as ( select 0 as x union all", "a recursive arm does not see the columns of CYCLE"),
    ("with", "select * from v_cycle2", "a view with CYCLE … TO … DEFAULT is not read"),
    ("with", "WITH aa AS (SELECT", CTE_OF_CONFLICT),
    ("with", "WITH simpletup AS ( SELECT 2 k, 'Green' v), upsert_cte AS (", CTE_OF_CONFLICT),
    ("window", "EXPLAIN (costs off) SELECT * FROM pg_temp.f(2)", TEMPORARY_FUNCTION),
    ("window", "SELECT * FROM pg_temp.f(2)", TEMPORARY_FUNCTION),
];
