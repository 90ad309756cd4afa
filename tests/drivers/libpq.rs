//! libpq itself: that of the server's own version where it comes with one, with all that this version has brought.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use pgveil_tests::canary;
use pgveil_tests::world::World;

use crate::twins::stage::Stage;

#[test]
fn libpq_of_the_servers_version() {
    let stage = Stage::get();
    let login = stage.login("analyst", &stage.both.a);
    // Without a folder that is named: the system's.
    let binaries = std::env::var_os("PGVEIL_POSTGRES_BIN");
    let library = binaries.map(|bin| Path::new(&bin).with_file_name("lib").join("libpq.so.5")).filter(|library| library.exists());
    let own = library.is_some();
    let library = library.unwrap_or_else(|| "libpq.so.5".into());
    let ca = stage.proxy.ca().display();
    let target = format!(
        "host=127.0.0.1 port={} dbname={} user={} sslmode=verify-ca sslrootcert={ca}",
        stage.proxy.addr().port(),
        login.database,
        login.user
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("drivers/libpq_check.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(&library).arg(target).env("PGPASSWORD", login.password.unwrap()).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.output().unwrap();
    let [printed, failed] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{}\n{printed}{failed}", library.display());
    canary::assert_clean(b"libpq", printed.as_bytes());
    let told: HashMap<&str, &str> = printed.lines().filter_map(|line| line.rsplit_once(' ')).collect();
    let told = |name: &str| told.get(name).copied();
    let version: u32 = told("version").unwrap().parse().unwrap();
    println!("libpq {version} on PostgreSQL {}: {}", World::get().major(), printed.trim().replace('\n', ", "));
    assert!(!own || version == World::get().major());
    assert_eq!((told("tls"), told("cancelled")), (Some("1"), Some("57014")));
    let since = |major: u32, value: &'static str| (version >= major).then_some(value);
    // Direct TLS has no SSLRequest to fall back to, and no such protocol.
    assert_eq!(told("alpn"), since(17, "postgresql"));
    assert_eq!(told("protocol"), Some(if version >= 18 { "30002" } else { "30000" }));
    assert_eq!((told("closed"), told("chunks")), (since(17, "1"), since(17, "3")));
    assert_eq!(told("cancelled over TLS"), since(17, "1"));
    // Who one is, is no affair of the statement's: a refusal, and none of the functions that libpq needs for it.
    assert!(version < 17 || matches!(told("password"), Some("42501" | "0A000")), "{:?}", told("password"));
}
