//! What a plan shows.

use super::*;

attacks![
    attack("estimates by value", &["EXPLAIN SELECT * FROM shop.customers WHERE full_name = '{name}'"], Harmless),
    attack("estimates of a sealed column", &["EXPLAIN SELECT * FROM shop.customers WHERE email = '{email}'"], Refused),
    attack("rows removed", &["EXPLAIN (ANALYZE, SUMMARY OFF) SELECT * FROM shop.customers WHERE id < 10"], Harmless),
    attack("rows removed, in JSON", &["EXPLAIN (ANALYZE, SUMMARY OFF, FORMAT JSON) SELECT id FROM shop.customers WHERE id < 10"], Harmless),
    attack("buffers", &["EXPLAIN (ANALYZE, SUMMARY OFF, BUFFERS) SELECT email FROM shop.customers WHERE id < 10"], Harmless),
    attack("verbose: the veil, the key", &["EXPLAIN VERBOSE SELECT email FROM shop.employees ORDER BY email"], Harmless),
    attack("settings", &["EXPLAIN (SETTINGS, WAL, ANALYZE, SUMMARY OFF) SELECT 1"], Harmless),
    attack("of an INSERT", &["EXPLAIN ANALYZE INSERT INTO adhoc.x SELECT email FROM shop.customers"], Refused),
    attack("of a CREATE TABLE AS", &["EXPLAIN ANALYZE CREATE TABLE adhoc.x AS SELECT email FROM shop.customers"], Refused),
    attack("of an EXECUTE", &["PREPARE p AS SELECT email FROM shop.customers", "EXPLAIN EXECUTE p"], Harmless),
    attack("of a DECLARE", &["EXPLAIN DECLARE c CURSOR FOR SELECT email FROM shop.customers"], Harmless),
    attack(
        "in JSON, with all options",
        &[
            "EXPLAIN (ANALYZE, VERBOSE, BUFFERS, TIMING, SUMMARY OFF, WAL, SETTINGS, FORMAT JSON) SELECT c.id, email, ssn FROM shop.customers c WHERE salary > {salary} ORDER BY email"
        ],
        Harmless
    ),
    attack(
        "in XML, with all options",
        &[
            "EXPLAIN (ANALYZE, SUMMARY OFF, VERBOSE, FORMAT XML) SELECT full_name FROM shop.customers WHERE dob > '{dob}' AND notes LIKE '{name}%'"
        ],
        Harmless
    ),
    attack("of a materialised view", &["EXPLAIN ANALYZE CREATE MATERIALIZED VIEW adhoc.x AS SELECT email FROM shop.customers"], Refused),
    attack(
        "a filter as an alias",
        &["EXPLAIN (FORMAT JSON) SELECT 1 FROM shop.customers AS \"\"\"}, {\"\"Filter\"\": \"\"\" WHERE id = {id}"],
        Harmless
    ),
    attack("in YAML", &["EXPLAIN (FORMAT YAML) SELECT full_name FROM shop.customers"], Harmless),
];

/// No figure, no condition, no key: of what the server says of a plan only words and names are left.
#[test]
fn nothing_but_the_shape_is_shown() {
    const CUT: [&str; 16] = [
        "rows",
        "Rows",
        "cost",
        "width",
        "Filter",
        "Cond",
        "Key",
        "Output",
        "Buffers",
        "Memory",
        "loops",
        "Loops",
        "Heap Fetches",
        "Workers",
        "0rder",
        "sha256",
    ];
    for format in ["TEXT", "JSON", "XML", "YAML"] {
        for options in ["", "ANALYZE, ", "VERBOSE, ", "ANALYZE, BUFFERS, VERBOSE, WAL, SETTINGS, TIMING, SUMMARY, "] {
            let sql = format!(
                "EXPLAIN ({options}FORMAT {format}) SELECT c.email, count(*), max(c.salary) FROM shop.customers c JOIN shop.orders o ON o.customer_id = c.id \
                 WHERE c.salary > 30000 AND c.id < 400 AND c.full_name = '[name]' GROUP BY c.email ORDER BY c.email LIMIT 5"
            );
            let answers = both("analyst", |session| {
                let answer = session.query(&sql);
                assert!(answer.error().is_none(), "{sql}: {answer:?}");
                let want = match format {
                    "JSON" => 114,
                    "XML" => 142,
                    _ => 25,
                };
                assert_eq!((answer.columns()[0].type_oid, answer.columns()[0].name.as_str()), (want, "QUERY PLAN"), "{sql}");
                let table = answer.table();
                assert!(table.contains("customers") && table.contains("Scan"), "{sql}: {table}");
                let shown: Vec<&str> = CUT.into_iter().filter(|word| table.contains(word)).collect();
                assert!(shown.is_empty(), "{sql} shows {shown:?}:\n{table}");
                assert_eq!(table.contains("Execution") || table.contains("Execution-Time"), options.contains("ANALYZE"), "{sql}: {table}");
                // How long it took is no matter of the twins.
                vec![session.query("SELECT 1")]
            });
            answers.unwrap();
        }
    }
}
