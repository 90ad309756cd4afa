//! pgbench: its own tables and scripts, and scripts over masked columns.

use std::fs;
use std::path::Path;
use std::process::Command;

use pgveil_tests::world::World;

use super::{Place, must, workshop};

const MODES: [&str; 3] = ["simple", "extended", "prepared"];
const BUILT_IN: [&str; 3] = ["tpcb-like", "simple-update", "select-only"];

/// In the three modes, in which `\startpipeline` is for the last two.
const PIPELINE: &str = "\
\\set aid random(1, 100000)
\\startpipeline
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 1, :aid, 1, CURRENT_TIMESTAMP);
END;
SELECT count(*) FROM pgbench_branches;
\\endpipeline
\\startpipeline
\\endpipeline
SELECT 1 AS one \\gset
";

const MASKED: &str = "\
\\set id random(1, 50)
SELECT id, full_name, email, phone, ssn, dob, salary, ip, address, notes FROM shop.customers WHERE id = :id;
SELECT full_name, substr(full_name, 1, 3) FROM shop.customers WHERE id = :id OR salary > :id ORDER BY id;
SELECT country, count(*), count(DISTINCT email) AS people FROM shop.customers GROUP BY country;
SELECT c.id, c.email, o.ship_email, o.amount FROM shop.customers c JOIN shop.orders o ON o.customer_id = c.id AND o.ship_email = c.email;
SELECT max(id) AS greatest, min(email) AS mail FROM shop.customers \\gset
SELECT name, salary FROM shop.employees WHERE dept = :id % 5 AND :greatest > 0 LIMIT 5;
";

const MASKED_PIPELINE: &str = "\
\\set id random(1, 50)
\\startpipeline
SELECT id, full_name, email, phone, ssn, dob FROM shop.customers WHERE id = :id;
SELECT ship_email, card_number FROM shop.orders WHERE customer_id = :id ORDER BY id, placed;
SELECT email, source FROM shop.leads ORDER BY email;
\\endpipeline
";

fn pgbench(place: &Place) -> Command {
    let mut command = Command::new(World::get().cluster().psql().with_file_name("pgbench"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("PGSSLMODE", "disable");
    command.env("PGHOST", "127.0.0.1").env("PGPORT", place.port.to_string()).env("PGUSER", place.user).env("PGPASSWORD", &place.password);
    command.env("PGDATABASE", &place.database);
    command
}

/// Four clients with ten transactions each.
///
/// # Panics
/// Where not all of them went well.
fn bench(place: &Place, arguments: &[&str]) {
    let said = must(pgbench(place).args(["-c", "4", "-j", "2", "-t", "10"]).args(arguments));
    for line in ["number of transactions actually processed: 40/40", "number of failed transactions: 0 (0.000%)"] {
        assert!(said.contains(line), "{} {arguments:?}:\n{said}", place.role);
    }
}

fn script(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn built_in_scripts() {
    let folder = workshop("pgbench");
    let pipeline = script(&folder, "pipeline.sql", PIPELINE);
    let place = Place::of("engineer");
    must(pgbench(&place).args(["-i", "-s", "1", "-q"]));
    for mode in MODES {
        for name in BUILT_IN {
            bench(&place, &["-n", "-M", mode, "-b", name]);
        }
        bench(&place, &["-M", mode, "-C", "-b", "tpcb-like", "-n"]);
        if mode != "simple" {
            bench(&place, &["-M", mode, "-n", "-f", &pipeline]);
            bench(&place, &["-M", mode, "-n", "-C", "-f", &pipeline]);
        }
    }
    // What was written is there once: ten transactions of four clients each time.
    let sql = "SELECT count(*), (SELECT sum(abalance) FROM pgbench_accounts) - sum(delta) FROM pgbench_history";
    let written = 40 * (MODES.len() * 3 + 4);
    assert_eq!(World::get().cluster().execute(&place.database, sql).unwrap(), format!("{written}|0\n"));
    // Once more over what is there, with keys, partitions, and data that the server makes.
    must(pgbench(&place).args(["-i", "-s", "1", "-q", "-I", "dtGvpf", "--partitions", "3", "--partition-method", "hash"]));
    // Without -n it empties the history and runs VACUUM before.
    bench(&place, &["-b", "tpcb-like", "-M", "prepared"]);
}

#[test]
fn masked_columns() {
    let folder = workshop("pgbench");
    let scripts = [script(&folder, "masked.sql", MASKED), script(&folder, "masked_pipeline.sql", MASKED_PIPELINE)];
    for role in ["analyst", "engineer"] {
        let place = Place::of(role);
        for mode in MODES {
            bench(&place, &["-n", "-M", mode, "-f", &scripts[0]]);
            bench(&place, &["-n", "-M", mode, "-C", "-f", &scripts[0]]);
            if mode != "simple" {
                bench(&place, &["-n", "-M", mode, "-f", &scripts[1]]);
            }
        }
        place.assert_clean();
    }
}
