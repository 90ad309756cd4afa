//! pgjdbc, Debian's.

use std::process::Command;

use pgveil_tests::stage::Stage;

use super::{alike, must, source, workshop};

const DRIVER: &str = "/usr/share/java/postgresql.jar";

#[test]
fn jdbc() {
    let classes = workshop("jdbc");
    must(Command::new("javac").arg("-d").arg(&classes).args(["-cp", DRIVER]).arg(source("jdbc/Jdbc.java")));
    let path = format!("{}:{DRIVER}", classes.display());
    alike(|place| {
        let mut command = Command::new("java");
        command.args(["-XX:TieredStopAtLevel=1", "-cp", &path, "Jdbc"]).args(place.arguments()).arg(Stage::writable().proxy.ca());
        command
    });
}
