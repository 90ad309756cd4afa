//! Everything that this server's pg_catalog and information_schema hold was decided: shown, veiled or refused, with a word why.

use pgveil_policy::builtin::{catalogs, functions};
use pgveil_tests::world::World;

fn names(sql: &str) -> Vec<(String, String)> {
    let printed = World::get().cluster().execute("postgres", sql).unwrap();
    printed.lines().filter_map(|line| line.split_once('|')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

#[test]
fn every_stable_or_volatile_function() {
    let all = names("SELECT DISTINCT proname, '' FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile <> 'i'");
    assert!(all.len() > 700, "{}", all.len());
    // A language's own.
    let undecided: Vec<_> = all.iter().map(|(name, _)| name).filter(|n| !functions::decided(n)).collect();
    assert!(undecided.is_empty(), "{undecided:?}");
}

#[test]
fn the_null_of_a_veiled_function_is_of_its_type() {
    let all = names(
        "SELECT DISTINCT proname, 'pg_catalog.' || t.typname FROM pg_proc p JOIN pg_type t ON t.oid = prorettype \
         WHERE pronamespace = 'pg_catalog'::regnamespace",
    );
    let wrong: Vec<_> = all.iter().filter(|(name, of)| functions::veiled(name).is_some_and(|veiled| veiled != of)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn every_catalog_and_view() {
    let all = names(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v')",
    );
    assert!(all.len() > 190, "{}", all.len());
    let undecided: Vec<_> = all.iter().filter(|(schema, name)| !catalogs::decided(schema, name)).collect();
    assert!(undecided.is_empty(), "{undecided:?}");
}
