//! Masks that the policy writes as SQL: the client sees what they compute, whatever it sets, names or makes fail.

use pgveil_tests::stage::POLICY;
use pgveil_tests::world::{Proxy, World};

use super::*;

const ROLE: &str = r#"
[role.written]
default = "redact"
[role.written.mask]
person_name = { sql = "CASE WHEN {column} IS NULL THEN NULL ELSE '[name]' END" }
phone = { sql = "'…' || right({column}, 2)" }
birth_date = { sql = "CASE WHEN {column} < '1975-01-01' THEN date '1960-06-30' ELSE date '1990-06-30' END" }
salary = { sql = "CASE WHEN {column} >= 50000 THEN 50000 ELSE 0 END" }
ip = { sql = "CASE WHEN family({column}) = 4 THEN inet '10.0.0.0' END" }
address = { sql = """CASE WHEN {column} IS NULL THEN '{"is": true}'::jsonb ELSE '{"is": true}'::jsonb END""" }
"#;

fn stage() -> Stage {
    static PROXY: OnceLock<Proxy> = OnceLock::new();
    let proxy = PROXY.get_or_init(|| World::get().proxy(&format!("{POLICY}{ROLE}"), &[("written", "written")]));
    let stage = Stage::get();
    Stage {
        proxy,
        both: stage.values_only.clone(),
        values_only: stage.values_only.clone(),
        rows_only: stage.rows_only.clone(),
        schema: pgveil_tests::data::SCHEMA,
        values: stage.values,
    }
}

const ATTACKS: &[Attack] = &[
    attack("all of them", &["SELECT id, full_name, phone, dob, salary, ip, address FROM shop.customers ORDER BY id"], Harmless),
    attack("in binary", &["COPY (SELECT id, phone, dob, salary FROM shop.customers ORDER BY id) TO STDOUT (FORMAT binary)"], Harmless),
    attack("whole rows", &["SELECT c FROM shop.customers c ORDER BY id"], Harmless),
    attack("as JSON", &["SELECT to_jsonb(c) FROM shop.customers c ORDER BY id"], Harmless),
    attack(
        "a guess in WHERE",
        &["SELECT id FROM shop.customers WHERE phone = '{phone}' OR full_name = '{name}' OR salary = {salary}"],
        Rows(""),
    ),
    attack("a pattern", &["SELECT count(*) FROM shop.customers WHERE phone LIKE 'l%'"], Rows("0")),
    attack("the length", &["SELECT id, length(phone) FROM shop.customers ORDER BY id"], Harmless),
    attack("order of the values behind", &["SELECT id FROM shop.customers ORDER BY salary, dob LIMIT 40"], Harmless),
    attack("the first that an index finds", &["SELECT id FROM shop.customers WHERE salary >= 0 LIMIT 5"], Harmless),
    attack("largest", &["SELECT max(salary), min(phone), max(dob) FROM shop.customers"], Harmless),
    attack("grouped", &["SELECT salary, count(*) FROM shop.customers GROUP BY salary ORDER BY 1"], Harmless),
    attack("joined by value", &["SELECT count(*) FROM shop.customers a JOIN shop.customers b USING (phone)"], Harmless),
    attack("another DateStyle", &["SET DateStyle = 'SQL, DMY'", "SELECT id, dob FROM shop.customers ORDER BY id"], Harmless),
    attack(
        "another time zone",
        &["SET TimeZone = 'Pacific/Kiritimati'", "SELECT id, dob, dob::timestamptz FROM shop.customers ORDER BY id"],
        Harmless,
    ),
    attack(
        "fewer digits of floats",
        &["SET extra_float_digits = -15", "SELECT id, salary::float8 FROM shop.customers ORDER BY id"],
        Harmless,
    ),
    attack("an error with the value", &["SELECT phone::int FROM shop.customers WHERE id = {id}"], Nothing),
    attack("a division that fails by value", &["SELECT 1 / (salary - {salary}) FROM shop.customers WHERE id = {id}"], Harmless),
    attack("the mask's own text", &["EXPLAIN (VERBOSE) SELECT phone FROM shop.customers WHERE phone = 'x'"], Harmless),
    attack("a name of pgveil's", &["SELECT pgveil_column FROM shop.customers"], Error("42703")),
    attack(
        "the column behind it",
        &["SELECT c.phone FROM shop.customers c, LATERAL (SELECT c.phone) AS x (p) WHERE x.p <> c.phone"],
        Rows(""),
    ),
    attack(
        "kept, and read again",
        &["CREATE TEMP TABLE t AS SELECT id, phone, salary FROM shop.customers", "SELECT id, phone, salary FROM t ORDER BY id"],
        Harmless,
    ),
    attack("written back", &["UPDATE shop.customers SET phone = phone WHERE id = {id}"], Refused),
    attack(
        "an operator of another schema",
        &["SET search_path = adhoc, shop", "SELECT id, phone FROM shop.customers ORDER BY id"],
        Harmless,
    ),
];

#[test]
fn attacks() {
    run_on(&stage(), "written", ATTACKS);
}
