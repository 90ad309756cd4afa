//! psql: its backslash commands with variants and patterns, what it does beyond sending what was typed, and Ctrl-C.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use pgveil::demo::sample::SERVICE;
use pgveil_tests::world::World;

use super::{Place, differences, must, run, source, workshop};

/// What they list; each is tried with `+`, `S` and patterns. Left out: `\dconfig` and `\drds`, which show settings that are withheld,
/// and where pgveil's account may see less than it shows, `\db+` and `\dRs+`.
const LISTS: &str = "d da dA dAc dAf dAo dAp db dc dC dd dD ddp dE des det deu dew df dfa dfn dfp dft dfw dF dFd dFp dFt dg di dis ditvs \
                     dl dL dm dn do dO dp dRp dRs ds dt du dv dx dX dy dT dP dPi dPt dPn l lo_list z";
const PATTERNS: &[&str] =
    &["", "shop.*", "*", "pg_catalog.*", "customers", "shop.orders*", "\"customers\"", "shop.c?*", "(a|b)*", "lower", "=", "plpgsql"];
const OTHERS: &[&str] = &[
    "\\d *.*",
    "\\sf lower(text)",
    "\\sf+ shop.reveal",
    "\\sv shop.staff",
    "\\sv+ shop.customer_orders",
    "\\encoding",
    "\\do+ = int int",
    "\\df+ *sub* integer integer",
    "\\dAc btree int4",
    "\\dAp+ btree integer_ops",
    "\\z shop.*",
    "\\dconfig work_mem",
];

fn psql(place: &Place) -> Command {
    let mut command = Command::new(World::get().cluster().psql());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("PGSSLMODE", "disable").env("EDITOR", "true");
    command.env("PGHOST", "127.0.0.1").env("PGPORT", place.port.to_string()).env("PGUSER", place.user).env("PGPASSWORD", &place.password);
    command.env("PGDATABASE", &place.database).env("PGCLIENTENCODING", "UTF8").env("PSQL_HISTORY", "/dev/null").env("TERM", "dumb");
    command.arg("-X");
    command
}

/// A script's standard output and error, from psql's standard input.
fn script(command: &mut Command, text: &str) -> (String, String) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = text.to_owned();
    let writing = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// What stands between the marks in a script's answer, without what is withheld: sizes of relations, and options of foreign tables.
fn blocks(text: &str) -> BTreeMap<usize, String> {
    let size =
        |cell: &str| cell.split_once(' ').is_some_and(|(n, unit)| n.parse::<f64>().is_ok() && matches!(unit, "bytes" | "kB" | "MB" | "GB"));
    let line = |line: &str| {
        // Names of psql's input have line numbers before them.
        let line = line.strip_prefix("psql:<stdin>:").and_then(|l| l.split_once(": ")).map_or(line, |(_, rest)| rest);
        line.split('|').map(|cell| if size(cell) || cell.starts_with("(program ") { "" } else { cell }).collect::<Vec<_>>().join("|")
    };
    let block = |block: &str| -> Option<(usize, String)> {
        let (number, rest) = block.split_once('\n')?;
        Some((
            number.parse().ok()?,
            rest.lines().filter(|l| !l.starts_with("FDW options: (program")).map(line).collect::<Vec<_>>().join("\n"),
        ))
    };
    text.split("###").filter_map(block).collect()
}

#[test]
fn backslash_commands() {
    let lists = LISTS.split_whitespace().flat_map(|list| {
        ["", "+", "S", "S+"].into_iter().flat_map(move |variant| PATTERNS.iter().map(move |p| format!("\\{list}{variant} {p}")))
    });
    let hidden = |command: &String| ["\\db+", "\\dbS+", "\\dRs+", "\\dRsS+"].iter().any(|c| command.starts_with(c));
    let commands: Vec<String> = lists.filter(|c| !hidden(c)).chain(OTHERS.iter().map(|c| (*c).to_owned())).collect();
    let text: String = commands.iter().enumerate().map(|(n, c)| format!("\\echo '###{n}'\n\\warn '###{n}'\n{c}\n")).collect();
    let [direct, engineer, analyst] = ["direct", "engineer", "analyst"].map(|role| {
        let place = Place::of(role);
        let (out, err) = script(psql(&place).args(["-A", "-q"]), &text);
        place.assert_clean();
        (blocks(&out), blocks(&err), place.database)
    });
    let mut failures = Vec::new();
    for (role, (out, err, database)) in [("engineer", engineer), ("analyst", analyst)] {
        for (n, command) in commands.iter().enumerate() {
            // Each has a database of its own.
            let same = |ours: Option<&String>, theirs: Option<&String>| match (ours, theirs) {
                (Some(ours), Some(theirs)) => ours.replace(&database, "db") == theirs.replace(&direct.2, "db"),
                _ => false,
            };
            // Databases of other tests come and go.
            let listed = ["\\l", "\\dg", "\\du"].iter().any(|c| command.starts_with(c)) && !command.starts_with("\\lo");
            if !same(err.get(&n), direct.1.get(&n)) || !listed && !same(out.get(&n), direct.0.get(&n)) {
                failures.push(format!("{role} {command}\n{:?}\n{:?}\n", err.get(&n), direct.1.get(&n)));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), 2 * commands.len(), failures[..failures.len().min(6)].join("\n"));
    println!("{} backslash commands answered as by Postgres, twice", commands.len());
}

#[test]
fn features() {
    let [direct, engineer, analyst] = ["direct", "engineer", "analyst"].map(|role| {
        let place = Place::of(role);
        let folder = workshop(&format!("psql_{role}"));
        let (out, err, _) = run(psql(&place).arg("-f").arg(source("psql/features.sql")).current_dir(&folder).stdin(Stdio::null()));
        place.assert_clean();
        // What pgveil says about refused COPY data and broken constraints is less than Postgres does.
        let shown = |line: &&str| {
            !["CONTEXT:", "DETAIL:", "HINT:", "LOCATION:", "LINE ", "  "].iter().any(|start| line.starts_with(start))
                && !line.trim().is_empty()
        };
        let words = |line: &str| match line.contains("invalid input syntax") || line.contains("has not the syntax of its type") {
            true => "a value's syntax".to_owned(),
            false => line
                .replace(place.user, "user")
                .replace(SERVICE, "user")
                .replace(&place.database, "db")
                .replace(&place.port.to_string(), "port"),
        };
        let errors: Vec<String> = err.lines().filter(shown).map(|l| words(l.split_once("features.sql:").map_or(l, |(_, l)| l))).collect();
        (out.lines().map(words).collect::<Vec<_>>().join("\n"), errors.join("\n"))
    });
    differences("engineer", &direct.0, &engineer.0);
    differences("engineer", &direct.1, &engineer.1);
    // An analyst has fewer rows, hence other answers; errors are the same.
    differences("analyst", &direct.1, &analyst.1);
}

#[test]
fn one_transaction_and_single_commands() {
    for role in ["direct", "engineer", "analyst"] {
        let place = Place::of(role);
        let answer = must(psql(&place).args([
            "-1",
            "-Atq",
            "-c",
            "CREATE TABLE adhoc.one (a int)",
            "-c",
            "INSERT INTO adhoc.one VALUES (1)",
            "-c",
            "TABLE adhoc.one",
        ]));
        assert_eq!(answer, "1\n", "{role}");
        let (_, _, ok) =
            run(psql(&place).args(["-1", "-v", "ON_ERROR_STOP=1", "-c", "INSERT INTO adhoc.one VALUES (2)", "-c", "SELECT 1/0"]));
        assert!(!ok, "{role}");
        assert_eq!(must(psql(&place).args(["-Atc", "SELECT count(*) FROM adhoc.one"])), "1\n", "{role}");
        assert_eq!(must(psql(&place).args(["-AtS", "-c", "SELECT 1"])), "1\n", "{role}");
    }
}

/// Ctrl-C while a query runs: psql sends a request to cancel, and goes on.
#[test]
fn interrupted() {
    for role in ["engineer", "analyst"] {
        let place = Place::of(role);
        let mut child = psql(&place).args(["-At"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"SET statement_timeout = 0;\n\\echo ready\nSELECT pg_sleep(300);\nSELECT 'after';\n").unwrap();
        drop(input);
        let mut out = child.stdout.take().unwrap();
        let mut said = Vec::new();
        while !said.ends_with(b"ready\n") {
            let mut byte = [0];
            assert_eq!(out.read(&mut byte).unwrap(), 1, "{role}: psql has ended");
            said.push(byte[0]);
        }
        // Not before the query runs: psql would end.
        let running = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND query LIKE '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()",
            place.database
        );
        while World::get().cluster().execute("postgres", &running).unwrap() != "1\n" {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        must(Command::new("kill").args(["-INT", &child.id().to_string()]));
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        child.wait().unwrap();
        // psql gives up a script that is interrupted, after the server has said so.
        assert!(err.contains("canceling statement due to user request"), "{role}: {rest}{err}");
    }
}
