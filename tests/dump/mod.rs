//! pg_dump as an analyst: a masked, consistent copy that restores.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use pgveil::demo::cluster::SUPERUSER;
use pgveil_tests::canary;
use pgveil_tests::client::{Answer, Client, Login, Message};
use pgveil_tests::world::{Proxy, World};

/// Tables that hold rows, each with what its rows are sorted by. A generated column is computed anew, from masks.
const TABLES: &[(&str, &str)] = &[
    ("shop.customers", "id"),
    ("shop.orders", "id"),
    ("shop.leads", "score"),
    ("shop.\"odd \"\"Name\"\"\"", "1"),
    ("shop.base", "id"),
    ("shop.child", "id"),
];

struct Source {
    proxy: Proxy,
    database: String,
}

impl Source {
    fn get() -> &'static Source {
        static SOURCE: OnceLock<Source> = OnceLock::new();
        SOURCE.get_or_init(|| {
            let world = World::get();
            let database = world.database(include_str!("schema.sql"));
            Source { proxy: world.proxy(include_str!("policy.toml"), &[("ana", "analyst")]), database }
        })
    }

    fn ana(&self) -> Client {
        client("ana", &self.proxy.password("ana"), self.proxy.addr().port(), &self.database)
    }

    /// Runs pg_dump as the analyst; where it wrote to.
    fn dump(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let target = World::get().cluster().folder().join(format!("dump_{name}"));
        let port = self.proxy.addr().port().to_string();
        let mut command = program("pg_dump");
        command.args(["-h", "127.0.0.1", "-p", &port, "-U", "ana", "-d", &self.database, "--no-blobs", "-f"]).arg(&target).args(arguments);
        run(command.env("PGPASSWORD", self.proxy.password("ana")));
        for file in files(&target) {
            let bytes = fs::read(&file).unwrap();
            assert!(!bytes.is_empty());
            if let Some(leak) = canary::find(&[], &bytes) {
                panic!("{name}: a protected value is in {}: {leak}", file.display());
            }
        }
        target
    }
}

fn client(user: &str, password: &str, port: u16, database: &str) -> Client {
    let login = Login { canary: true, ..Login::local(port, database, user, password) };
    Client::connect(&login).unwrap_or_else(|e| panic!("{e:?}"))
}

fn plain(database: &str) -> Client {
    let cluster = World::get().cluster();
    client(SUPERUSER, cluster.password(), cluster.port(), database)
}

fn program(name: &str) -> Command {
    let psql = World::get().cluster().psql();
    let mut command = Command::new(psql.with_file_name(name));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("PGSSLMODE", "disable");
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{command:?}\n{said}");
}

fn files(target: &Path) -> Vec<PathBuf> {
    if target.is_dir() { fs::read_dir(target).unwrap().map(|f| f.unwrap().path()).collect() } else { vec![target.to_owned()] }
}

/// An empty database; its name.
fn empty() -> String {
    World::get().database("SELECT 1")
}

/// Restores a dump, and stops at the first error.
fn restore(dump: &Path, database: &str, is_text: bool) {
    let cluster = World::get().cluster();
    let port = cluster.port().to_string();
    let mut command = program(if is_text { "psql" } else { "pg_restore" });
    command.args(["-h", "127.0.0.1", "-p", &port, "-U", SUPERUSER, "-d", database]).env("PGPASSWORD", cluster.password());
    match is_text {
        true => command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-f"]),
        false => command.args(["--exit-on-error", "--no-owner", "--no-privileges"]),
    };
    run(command.arg(dump));
}

fn data(answer: &Answer) -> String {
    assert!(answer.error().is_none(), "{answer:?}");
    let data = answer.messages.iter().filter_map(|m| match m {
        Message::CopyData(data) => Some(String::from_utf8_lossy(data).into_owned()),
        _ => None,
    });
    data.collect()
}

/// The restored database holds what the analyst sees.
fn same(restored: &str) {
    let (mut ana, mut copy) = (Source::get().ana(), plain(restored));
    for (table, order) in TABLES {
        let columns = if *table == "shop.customers" { "id, email, name, ssn, salary, country, code, tags, doc" } else { "*" };
        let sql = format!("COPY (SELECT {columns} FROM ONLY {table} ORDER BY {order}) TO STDOUT");
        let (seen, kept) = (data(&ana.query(&sql)), data(&copy.query(&sql)));
        assert!(!seen.is_empty() && seen == kept, "{table}:\n{seen}\n--- restored:\n{kept}");
    }
    for sql in [
        "SELECT count(*), count(DISTINCT c.email), sum(o.amount) FROM shop.customers c JOIN shop.orders o ON o.ship_email = c.email",
        "SELECT count(*), sum(l.score) FROM shop.leads l JOIN shop.customers c USING (email)",
        "SELECT count(*), sum(amount) FROM shop.paid",
    ] {
        assert_eq!(ana.query(sql).table(), copy.query(sql).table(), "{sql}");
    }
}

/// Constraints, indexes, triggers and the like are those of the original.
fn whole(restored: &str) {
    let (mut original, mut copy) = (plain(&Source::get().database), plain(restored));
    for sql in [
        "SELECT conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'shop'::regnamespace ORDER BY conrelid::regclass::text, conname",
        "SELECT indexrelid::regclass, indisvalid, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid >= 16384 AND indrelid::regclass::text ~ '^shop' ORDER BY indexrelid::regclass::text",
    ] {
        assert_eq!(original.query(sql).table(), copy.query(sql).table(), "{sql}");
    }
    // The next numbers are free.
    copy.query("INSERT INTO shop.customers (email, name, country) VALUES ('new', 'new', 'DE')").ok();
    copy.query("INSERT INTO shop.orders (customer_id, placed) SELECT max(id), date '2023-05-05' FROM shop.customers").ok();
    assert_eq!(copy.query("SELECT nextval('shop.tickets')").table(), "1000");
    // Of 300 customers the last is hidden: the counter tells of 299.
    assert_eq!(copy.query("SELECT max(id) FROM shop.customers").table(), "300");
    assert_eq!(copy.query("SELECT sum(people) FROM shop.by_country").table(), "200");
}

/// pg_dump refuses servers that are newer than itself.
fn can_dump() -> bool {
    let output = program("pg_dump").arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    let major = |text: &str| text.split(|c: char| !c.is_ascii_digit()).find_map(|n| n.parse::<u32>().ok());
    let can = major(&version).unwrap() >= World::get().major();
    if !can {
        println!("SKIPPED: {} does not dump PostgreSQL {}", version.trim(), World::get().major());
    }
    can
}

#[test]
fn in_every_format() {
    if !can_dump() {
        return;
    }
    let source = Source::get();
    for (name, arguments, is_text) in [
        ("plain", &["-Fp", "--no-owner", "--no-privileges"][..], true),
        ("custom", &["-Fc", "-Z0"], false),
        ("folder", &["-Fd", "-Z0", "-j2"], false),
        ("tar", &["-Ft"], false),
    ] {
        let dump = source.dump(name, arguments);
        let restored = empty();
        restore(&dump, &restored, is_text);
        same(&restored);
        whole(&restored);
    }
}

#[test]
fn schema_and_data_apart() {
    if !can_dump() {
        return;
    }
    let source = Source::get();
    let schema = source.dump("schema", &["--schema-only", "--no-owner", "--no-privileges"]);
    let restored = empty();
    restore(&schema, &restored, true);
    restore(&source.dump("data", &["--data-only", "--disable-triggers"]), &restored, true);
    same(&restored);
}

#[test]
fn a_sequence_does_not_tell_of_hidden_rows() {
    let mut ana = Source::get().ana();
    assert_eq!(ana.query("SELECT last_value, is_called FROM shop.customers_id_seq").table(), "299|t");
    assert_eq!(ana.query("SELECT last_value, is_called FROM shop.tickets").table(), "1000|f");
}
