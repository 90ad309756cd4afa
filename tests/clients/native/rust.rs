//! sqlx, and what of tokio-postgres the suite does not try: COPY, cancelling, custom types, notifications, TLS. A package of its own, so
//! that nothing else has to be built with it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use pgveil_tests::stage::Stage;

use super::{alike, must, source, workshop};

const SOURCES: &[&str] = &["Cargo.toml", "Cargo.lock", "src/lib.rs", "src/bin/sqlx.rs", "src/bin/tokio_postgres.rs"];

fn built() -> &'static PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = workshop("rust");
        fs::create_dir_all(folder.join("src/bin")).unwrap();
        for name in SOURCES {
            let text = fs::read(source("rust").join(name)).unwrap();
            // A file that is written anew is built anew.
            if fs::read(folder.join(name)).ok().as_ref() != Some(&text) {
                fs::write(folder.join(name), text).unwrap();
            }
        }
        must(Command::new("cargo").args(["build", "--locked", "--target-dir", "target"]).current_dir(&folder));
        folder.join("target/debug")
    })
}

fn program(name: &str) {
    alike(|place| {
        let mut command = Command::new(built().join(name));
        command.args(place.arguments());
        if place.role != "direct" {
            command.arg(Stage::writable().proxy.ca());
        }
        command
    });
}

#[test]
fn sqlx() {
    program("sqlx");
}

#[test]
fn tokio_postgres() {
    program("tokio_postgres");
}
