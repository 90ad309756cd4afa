//! psqlODBC through pyodbc.

use std::process::Command;

use super::{alike, must, source, workshop};

const PACKAGE: &str = "pyodbc==5.2.0";

#[test]
fn odbc() {
    let folder = workshop("odbc");
    let python = folder.join("bin/python");
    if !Command::new(&python).args(["-c", "import pyodbc"]).output().is_ok_and(|o| o.status.success()) {
        must(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        must(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]));
    }
    alike(|place| {
        let mut command = Command::new(&python);
        command.arg(source("odbc/odbc.py")).args(place.arguments());
        command
    });
}
