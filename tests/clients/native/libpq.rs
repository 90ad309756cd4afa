//! libpq's pipeline mode, in a small program in C.

use std::process::Command;

use super::{alike_as, must, source, workshop};

#[test]
fn pipeline() {
    let program = workshop("libpq").join("pipeline");
    must(
        Command::new("cc")
            .args(["-O1", "-Wall", "-Wextra", "-Werror", "-I/usr/include/postgresql"])
            .arg(source("libpq/pipeline.c"))
            .arg("-lpq")
            .arg("-o")
            .arg(&program),
    );
    alike_as(&["admin", "engineer", "analyst"], |place| {
        let mut command = Command::new(&program);
        command.args(place.arguments());
        command
    });
}
