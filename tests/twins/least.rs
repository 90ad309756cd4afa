//! How much of each construct must be accepted: of the statements that Postgres runs, as an analyst. A fall fails the build.
//!
//! The shares are those of whole statements, which hold other constructs too: that some are refused says little about one. They are
//! well below what was last seen, and rise as more is accepted. 0: refused so far; it must be tried all the same.

use super::tally::Report;

/// Statements with a construct below which a share says nothing.
const ENOUGH: usize = 40;

/// Construct, and percent.
const LEAST: &[(&str, u8)] = &[
    ("(row).field", 35),
    ("*", 58),
    ("= ANY", 55),
    ("ALL (subquery)", 40),
    ("AND/OR/NOT", 60),
    ("ARRAY(subquery)", 15),
    ("ARRAY[]", 45),
    ("BETWEEN", 55),
    ("CASE", 55),
    ("CASE x WHEN", 50),
    ("COALESCE", 55),
    ("COLLATE", 50),
    ("CUBE", 45),
    ("CYCLE", 60),
    ("DISTINCT", 62),
    ("DISTINCT ON", 60),
    ("EXCEPT", 50),
    ("EXISTS", 50),
    ("EXPLAIN", 50),
    ("FILTER", 40),
    ("FOR UPDATE/SHARE", 0),
    ("FULL JOIN", 55),
    ("FULL JOIN USING", 45),
    ("GREATEST/LEAST", 48),
    ("GROUP BY", 58),
    ("GROUP BY DISTINCT", 60),
    ("GROUPING SETS", 40),
    ("GROUPING()", 50),
    ("HAVING", 50),
    ("ILIKE", 45),
    ("IN (subquery)", 52),
    ("IN list", 55),
    ("INTERSECT", 40),
    ("IS DISTINCT FROM", 55),
    ("IS NULL", 57),
    ("IS TRUE", 50),
    ("JOIN", 55),
    ("JOIN alias", 60),
    ("LATERAL function", 55),
    ("LATERAL subquery", 55),
    ("LEFT JOIN", 55),
    ("LIKE", 58),
    ("LIMIT", 60),
    ("MATERIALIZED", 50),
    ("NATURAL JOIN", 58),
    ("NOT MATERIALIZED", 48),
    ("NULLIF", 57),
    ("OFFSET", 60),
    ("ONLY", 50),
    ("ORDER BY", 62),
    ("PARTITION BY", 55),
    ("RIGHT JOIN", 48),
    ("ROLLUP", 40),
    ("ROW()", 35),
    ("ROWS FROM", 60),
    ("SEARCH", 60),
    ("SIMILAR TO", 50),
    ("SQL/JSON", 0),
    ("TABLESAMPLE", 0),
    ("TPC-H", 85),
    ("UNION", 62),
    ("UNION ALL", 65),
    ("USING", 55),
    ("USING alias", 60),
    ("VALUES", 63),
    ("WHERE", 63),
    ("WINDOW", 50),
    ("WITH", 50),
    ("WITH ORDINALITY", 55),
    ("WITH RECURSIVE", 55),
    ("WITH TIES", 30),
    ("WITHIN GROUP", 60),
    ("XML", 60),
    ("XMLTABLE", 60),
    ("aggregate DISTINCT", 45),
    ("aggregate ORDER BY", 30),
    ("array_agg", 0),
    ("cast", 60),
    ("catalogs", 75),
    ("column aliases", 57),
    ("column definitions", 40),
    ("foreign table", 45),
    ("frame EXCLUDE", 50),
    ("frame GROUPS", 50),
    ("frame ROWS", 40),
    ("function in FROM", 65),
    ("generate_series", 62),
    ("generated columns", 48),
    ("inheritance", 50),
    ("json_agg", 42),
    ("materialised view", 0),
    ("min/max", 47),
    ("no columns", 40),
    ("parameter", 55),
    ("partition", 50),
    ("partitioned table", 63),
    ("protocol: extended, binary", 62),
    ("protocol: extended, text", 62),
    ("protocol: simple", 62),
    ("regular expression", 45),
    ("row to JSON", 42),
    ("scalar subquery", 60),
    ("schema.table.column", 52),
    ("slice", 25),
    ("string_agg", 45),
    ("subquery in FROM", 60),
    ("subscript", 35),
    ("unnest", 15),
    ("view", 60),
    ("window by name", 50),
    ("window function", 55),
];

/// What is accepted too seldom, or never tried.
pub fn fallen(report: &Report) -> Vec<String> {
    let mut out = Vec::new();
    for (construct, least) in LEAST {
        match report.constructs.get(construct) {
            // What the grammar of the server does not know is not valid there, but it is tried.
            None => out.push(format!("{construct} was never made")),
            Some(count) if count.valid >= ENOUGH && count.percent() < f64::from(*least) => {
                out.push(format!("{construct}: {:.1} % of {} accepted, {least} % must be", count.percent(), count.valid));
            }
            Some(_) => {}
        }
    }
    out
}
