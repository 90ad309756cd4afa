//! libpq's pipeline mode: src/test/modules/libpq_pipeline, whose traces hold every message in order.

use std::fs;
use std::path::{Path, PathBuf};

use crate::beside::Side;
use crate::{alone, sources};

fn program() -> PathBuf {
    sources::tree().join("src/test/modules/libpq_pipeline/libpq_pipeline")
}

/// The program's tests.
fn tests(side: &Side) -> Vec<String> {
    let output = side.program(&program()).arg("tests").output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
}

/// Runs one of them: an error, or the trace.
fn run(side: &Side, test: &str) -> Result<String, String> {
    let trace = side.world().cluster().folder().join(format!("{test}.trace"));
    let mut command = side.program(&program());
    let output = command.args(["-r", "700", "-t"]).arg(&trace).args([test, "dbname=postgres"]).output().unwrap();
    if !output.status.success() {
        return Err(format!("{test} {}: {}", side.name, String::from_utf8_lossy(&output.stderr)));
    }
    Ok(fs::read_to_string(&trace).unwrap_or_default())
}

#[test]
fn every_test_passes_with_the_same_messages() {
    let _alone = alone();
    let traces = program().with_file_name("traces");
    let (direct, through) = (Side::direct(&[]), Side::through(&[]));
    let all = tests(&direct);
    assert!(all.len() >= 10, "{all:?}");
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for test in &all {
        let (directly, proxied) = (run(&direct, test).unwrap_or_else(|e| panic!("{e}")), run(&through, test));
        match proxied {
            Err(e) => wrong.push(e),
            Ok(trace) => {
                if let Some(expected) = expected(&traces, test) {
                    compared += 1;
                    if trace != expected {
                        wrong
                            .push(format!("{test}: the trace is not the expected one; directly it {}:\n{trace}", is(directly == expected)));
                    }
                }
            }
        }
    }
    println!("libpq_pipeline: {} tests, {compared} with an expected trace", all.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is(yes: bool) -> &'static str {
    if yes { "is" } else { "is not" }
}

fn expected(traces: &Path, test: &str) -> Option<String> {
    fs::read_to_string(traces.join(format!("{test}.trace"))).ok()
}
