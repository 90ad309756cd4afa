//! Fakes, addresses with their domain, digits for digits: what they are of does not show, and no guess is answered.

use pgveil_tests::stage::POLICY;
use pgveil_tests::world::{Proxy, World};

use super::*;

/// Roles beside those of the twins' policy: their pseudonyms sort in another order in each twin, or show a domain.
const ROLES: &str = r#"
[role.named.mask]
person_name = { fake = { kind = "name", locale = "de" } }
phone = { token = { prefix = "u_", digits = true } }
[role.domains.mask]
email = { email = { prefix = "u_", length = 32 } }
"#;

fn proxy() -> &'static Proxy {
    static PROXY: OnceLock<Proxy> = OnceLock::new();
    PROXY.get_or_init(|| World::get().proxy(&format!("{POLICY}{ROLES}"), &[("named", "named"), ("domains", "domains")]))
}

fn named() -> Stage {
    let stage = Stage::get();
    Stage {
        proxy: proxy(),
        both: stage.values_only.clone(),
        values_only: stage.values_only.clone(),
        rows_only: stage.rows_only.clone(),
        schema: pgveil_tests::data::SCHEMA,
        values: stage.values,
    }
}

const NAMES: &[Attack] = &[
    attack("names, one for one", &["SELECT id, full_name FROM shop.customers WHERE id % 2 = 0 ORDER BY id"], Harmless),
    attack("the same name in COPY", &["COPY (SELECT id, name FROM shop.employees ORDER BY id) TO STDOUT (FORMAT csv)"], Harmless),
    attack("and in arrays", &["SELECT array_agg(name ORDER BY id) FROM shop.employees"], Harmless),
    attack("a guessed name", &["SELECT id FROM shop.customers WHERE full_name = '{name}'"], Refused),
    attack("a guessed name among fakes", &["SELECT full_name FROM shop.customers UNION ALL SELECT '{name}'"], Refused),
    attack("the fake of a guess", &["SELECT coalesce(full_name, '{name}') FROM shop.customers LIMIT 1"], Refused),
    attack("who has this fake", &["SELECT id FROM shop.customers WHERE full_name = 'Anna Fischer'"], Refused),
    attack("a parameter", &["PREPARE p (text) AS SELECT id FROM shop.customers WHERE full_name = $1"], Refused),
    attack("the first letter", &["SELECT left(full_name, 1) FROM shop.customers WHERE id = {id}"], Refused),
    attack("how long it is", &["SELECT id FROM shop.customers ORDER BY length(full_name), id LIMIT 3"], Refused),
    attack("a pattern", &["SELECT count(*) FROM shop.customers WHERE full_name LIKE 'l%'"], Refused),
    attack("in capitals", &["SELECT upper(full_name) FROM shop.customers WHERE id = {id}"], Refused),
    attack("joined to a text", &["SELECT full_name || '' FROM shop.customers WHERE id = {id}"], Refused),
    attack("in JSON", &["SELECT to_json(full_name) FROM shop.customers WHERE id = {id}"], Refused),
    attack("what is before it", &["SELECT count(*) FROM shop.customers WHERE full_name < 'm'"], Refused),
    attack("people, not fakes, are counted", &["SELECT count(DISTINCT name), count(name) FROM shop.employees"], Harmless),
    attack("names that two people have", &["SELECT count(*) FROM (SELECT DISTINCT name FROM shop.employees) AS s"], Harmless),
    attack("joined by people", &["SELECT count(*) FROM shop.employees a JOIN shop.employees b USING (name)"], Harmless),
    attack("written back", &["UPDATE shop.employees SET name = 'Anna Fischer' WHERE id = 1"], Refused),
    attack(
        "kept, and then as a text",
        &["CREATE TEMP TABLE t AS SELECT id, name FROM shop.employees", "SELECT id, name FROM t ORDER BY id"],
        Harmless,
    ),
    attack("a guessed number", &["SELECT id FROM shop.customers WHERE phone = '{phone}'"], Rows("")),
    attack("a number's token", &["SELECT id FROM shop.customers WHERE phone IN ('000000', '123 456', '+49 30 23125000')"], Rows("")),
    attack("a number as a number", &["SELECT phone::bigint FROM shop.customers WHERE id = {id}"], Refused),
    attack("the last digits", &["SELECT right(phone, 2) FROM shop.customers WHERE id = {id}"], Refused),
    attack("a value as a token in a list", &["SELECT id FROM shop.customers WHERE phone = ANY (ARRAY['{phone}'])"], Rows("")),
];

#[test]
fn names_and_numbers() {
    run_on(&named(), "named", NAMES);
}

const DOMAINS: &[Attack] = &[
    attack("addresses", &["SELECT id, email FROM shop.customers WHERE id % 2 = 0 ORDER BY id"], Harmless),
    attack("in binary and COPY", &["COPY (SELECT id, email FROM shop.customers WHERE id % 2 = 0 ORDER BY id) TO STDOUT"], Harmless),
    attack("in arrays", &["SELECT array_agg(email ORDER BY id) FROM shop.employees"], Harmless),
    attack("joined", &["SELECT a.id, b.id, a.email FROM shop.employees a JOIN shop.employees b USING (email) ORDER BY 1, 2"], Harmless),
    attack("grouped", &["SELECT count(*) FROM shop.employees GROUP BY email ORDER BY 1"], Harmless),
    attack("a guess", &["SELECT id FROM shop.customers WHERE email = '{email}'"], Refused),
    attack("the pseudonym of a guess", &["SELECT email FROM shop.leads UNION ALL SELECT '{email}'"], Refused),
    attack("by the domain", &["SELECT count(*) FROM shop.customers WHERE email LIKE '%@example.com'"], Refused),
    attack("the local part", &["SELECT split_part(email, '@', 1) FROM shop.customers WHERE id = {id}"], Refused),
    attack("how long it is", &["SELECT id FROM shop.employees ORDER BY length(email), id"], Refused),
    attack("in small letters", &["SELECT lower(email) FROM shop.customers WHERE id = {id}"], Refused),
    attack("cut to a length", &["SELECT email::varchar(5) FROM shop.customers WHERE id = {id}"], Refused),
    attack("kept", &["CREATE TEMP TABLE t AS SELECT id, email FROM shop.employees", "SELECT id, email FROM t ORDER BY id"], Harmless),
    attack("whole rows", &["SELECT e FROM shop.employees e WHERE id = 1"], Refused),
    attack("in an error", &["SELECT email::int FROM shop.employees"], Refused),
];

#[test]
fn domains_and_nothing_else_of_an_address() {
    run_on(&Stage::of_domains(proxy()), "domains", DOMAINS);
}

/// That the twins' domains are alike hides nothing: with other ones the first of these attacks must see it.
#[test]
fn other_domains_are_seen() {
    let stage = named();
    let sql = "SELECT id, email FROM shop.customers WHERE id % 2 = 0 ORDER BY id";
    let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| both_on(&stage, "domains", |s| vec![s.query(sql)])));
    assert!(seen.is_err() || seen.is_ok_and(|answers| answers.is_err()));
}
