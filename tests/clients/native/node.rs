//! node-postgres with its cursors, streams and COPY, and on libpq; postgres.js; knex and Sequelize.

use std::fs;
use std::process::Command;

use super::{alike, must, source, workshop};

#[test]
fn node() {
    let folder = workshop("node");
    for name in ["package.json", "package-lock.json", "check.mjs"] {
        fs::copy(source("node").join(name), folder.join(name)).unwrap();
    }
    must(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder));
    // pg-native's half in C, against Debian's headers of Node and of libpq.
    must(Command::new("npm").args(["rebuild", "libpq", "--nodedir=/usr"]).current_dir(&folder));
    alike(|place| {
        let mut command = Command::new("node");
        command.arg("check.mjs").args(place.arguments()).current_dir(&folder);
        command
    });
}
