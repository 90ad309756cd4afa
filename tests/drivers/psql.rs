//! psql, as people use it: over TLS, with its backslash commands.

use pgveil_tests::world::{Printed, World};

use crate::twins::stage::Stage;

fn psql(role: &str, command: &str) -> String {
    let stage = Stage::get();
    let Printed { ok, out, err } = stage.proxy.psql(role, &stage.both.a, command);
    assert!(ok && err.is_empty(), "{role}: {command}\n{out}{err}");
    pgveil_tests::canary::assert_clean(command.as_bytes(), if role == "analyst" { out.as_bytes() } else { b"" });
    out
}

#[test]
fn backslash_commands() {
    for role in ["analyst", "engineer"] {
        for (command, says) in [
            ("\\d", "shop|customers|table"),
            ("\\dt", "shop|customers|table"),
            ("\\dt shop.*", "shop|orders|partitioned table"),
            ("\\d shop.customers", "full_name|text"),
            ("\\d+ shop.customers", "full_name|text"),
            ("\\d shop.orders", "placed|date"),
            ("\\d customers", "full_name|text"),
            ("\\d shop.customer_orders", "customer_id|integer"),
            ("\\d+ shop.staff", "payroll|numeric"),
            ("\\l", "template1"),
            ("\\du", "pgveil"),
            ("\\dn", "shop|"),
            ("\\dv", "shop|big_orders|view"),
            ("\\di", "customers_email_idx"),
            ("\\df shop.*", ""),
            ("\\df pg_catalog.lower", "lower"),
            ("\\dT+ shop.*", "mood"),
            ("\\dp", "customers"),
            ("\\dx", "plpgsql"),
            ("\\dP", "orders"),
            ("\\conninfo", "You are connected"),
            ("\\encoding", "UTF8"),
            ("\\sv shop.staff", "employees"),
        ] {
            // Not every psql knows every server.
            let plain = World::get().cluster().execute(&Stage::get().both.a, command);
            if World::get().major() != 15 && plain.is_err() {
                println!("{command} is left out: this psql does not know it of this server");
                continue;
            }
            let out = psql(role, command);
            assert!(out.contains(says), "{role}: {command}\n{out}");
        }
    }
}

#[test]
fn queries() {
    assert_eq!(psql("analyst", "SELECT full_name, ssn FROM shop.customers WHERE id = 2"), "[name]|\n");
    assert_eq!(psql("analyst", "SELECT count(*) FROM shop.customers"), "1500\n");
    assert!(psql("analyst", "SELECT email FROM shop.leads WHERE email IS NOT NULL LIMIT 1").starts_with("u_"));
    assert_eq!(psql("analyst", "BEGIN; SELECT 1; COMMIT"), "1\n");
}

#[test]
fn prepared_statements_and_cursors() {
    assert_eq!(
        psql("analyst", "PREPARE p (int) AS SELECT full_name FROM shop.customers WHERE id = $1; EXECUTE p (2); DEALLOCATE p"),
        "[name]\n"
    );
    let fetched = "BEGIN; DECLARE c SCROLL CURSOR FOR SELECT id FROM shop.customers WHERE id < 5 ORDER BY id; MOVE ALL IN c; FETCH PRIOR FROM c; COMMIT";
    assert_eq!(psql("analyst", fetched), "4\n");
}

#[test]
fn a_refusal_is_shown_with_its_place_and_a_hint() {
    let stage = Stage::get();
    let printed = stage.proxy.psql("analyst", &stage.both.a, "SELECT upper(email) FROM shop.customers");
    assert!(!printed.ok);
    for word in ["ERROR:", "LINE 1:", "HINT:", "^"] {
        assert!(printed.err.contains(word), "{}", printed.err);
    }
}

#[test]
fn errors_and_recovery() {
    let stage = Stage::get();
    // Statements of one -c text are one query: the first error ends it.
    let printed = stage.proxy.psql("analyst", &stage.both.a, "SELECT 1; SELECT 1 / 0; SELECT 2");
    assert_eq!((printed.out.as_str(), printed.ok), ("1\n", false));
    assert!(printed.err.contains("division by zero"), "{}", printed.err);
}
