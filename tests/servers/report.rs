//! What the suite printed, counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Columns of the table, each with the rooms of the suite that are counted in it. A test counts in the first that names it.
pub const GROUPS: &[(&str, &[&str])] = &[
    ("login", &["wire::auth_query", "wire::certificates", "wire::identity", "wire::login", "wire::server_", "wire::startup_", "wire::tls"]),
    ("wire", &["wire::"]),
    ("syntax", &["attacks::versions", "attacks::later_forms", "corpora::"]),
    ("attacks", &["attacks::"]),
    ("twins", &["twins::", "total::"]),
    ("drivers", &["drivers::", "dump::"]),
    ("cases", &[""]),
];

/// What became of a run's tests.
#[derive(Debug, Default)]
pub struct Report {
    /// The last line that the harness prints.
    pub result: String,
    /// Their names.
    pub failed: Vec<String>,
    /// What tests say that they left out, said once.
    pub left_out: BTreeSet<String>,
    counts: BTreeMap<&'static str, Count>,
}

/// Of one group's tests.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    passed: u32,
    failed: u32,
    left_out: u32,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.passed, self.failed, self.left_out)
    }
}

impl Report {
    /// Of all that `cargo test -- --show-output` prints.
    pub fn read(printed: &str) -> Report {
        let mut report = Report::default();
        // A test that says so did nothing, though the harness counts it among those that passed.
        let (mut at, mut left_out) = ("", BTreeSet::new());
        for line in printed.lines() {
            if let Some(name) = line.strip_prefix("---- ").and_then(|l| l.strip_suffix(" stdout ----")) {
                at = name;
            } else if line.contains("SKIPPED") {
                left_out.insert(at);
                report.left_out.insert(line.trim_matches(['*', ' ']).to_owned());
            } else if let Some(result) = line.strip_prefix("test result: ") {
                report.result = result.split("; 0 measured").next().unwrap_or_default().to_owned();
            }
        }
        for line in printed.lines() {
            let Some((name, became)) = line.strip_prefix("test ").and_then(|l| l.split_once(" ... ")) else { continue };
            let group = GROUPS.iter().find(|(_, rooms)| rooms.iter().any(|room| name.starts_with(room))).map_or("", |(group, _)| group);
            let count = report.counts.entry(group).or_default();
            match became {
                "ok" if left_out.contains(name) => count.left_out += 1,
                "ok" => count.passed += 1,
                "FAILED" => {
                    count.failed += 1;
                    report.failed.push(name.to_owned());
                }
                _ => {}
            }
        }
        report
    }

    /// How many of a group's.
    pub fn count(&self, group: &str) -> Count {
        self.counts.get(group).copied().unwrap_or_default()
    }
}

#[test]
fn a_test_that_leaves_something_out_is_not_counted_among_those_that_pass() {
    let report = Report::read(
        "test wire::tls::a ... ok\ntest wire::cancel::b ... FAILED\ntest dump::c ... ok\ntest dump::d ... ok\ntest tpch::e ... ok\n\
         successes:\n---- dump::c stdout ----\nSKIPPED: too old\n\n---- dump::d stdout ----\nfine\n\
         test result: FAILED. 4 passed; 1 failed; 0 ignored; 0 measured; 2 filtered out\n",
    );
    let counts: Vec<String> = GROUPS.iter().map(|(name, _)| report.count(name).to_string()).collect();
    assert_eq!(counts, ["1/0/0", "0/1/0", "0/0/0", "0/0/0", "0/0/0", "1/0/1", "1/0/0"]);
    assert_eq!((report.failed.as_slice(), report.left_out.len()), (&["wire::cancel::b".to_owned()][..], 1));
    assert_eq!(report.result, "FAILED. 4 passed; 1 failed; 0 ignored");
}
