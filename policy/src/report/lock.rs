//! A database against the lock file: what nobody has accepted yet.

use super::finding::{Finding, Severity};
use crate::catalog::Catalog;
use crate::policy::lock::{Change, Lock, What, compare};
use crate::policy::{Policy, Unclassified};

/// The policy says how new columns are treated, and nothing tells which are.
pub fn unlocked(policy: &Policy, lock: Option<&Lock>) -> Option<Finding> {
    let silent = lock.is_some() || policy.unclassified_new_line == 0;
    let message = "`unclassified_new` means nothing without a lock file: every column counts as accepted";
    let finding = || Finding::new(Severity::Warning, "lock.missing", policy, policy.unclassified_new_line, message);
    (!silent).then(|| finding().with_help("write one: pgveil lock --accept DATABASE"))
}

/// What has changed in a database since it was accepted. `file`: the lock file's name; `identity`: the database's, as the lock file has it.
pub fn findings(lock: &Lock, file: &str, identity: &str, catalog: &Catalog, policy: &Policy) -> Vec<Finding> {
    let at_lock = |severity: Severity, id: &'static str, message: String| Finding {
        file: file.to_owned(),
        ..Finding::new(severity, id, policy, 0, message)
    };
    if !lock.knows(&catalog.database) {
        let message = format!("the lock file does not have the database {}: all its columns count as new", catalog.database);
        let help = format!("look at `pgveil lock {0}`, then accept it: pgveil lock --accept {0}", catalog.database);
        return vec![at_lock(Severity::Warning, "lock.database", message).with_help(help)];
    }
    let changes = compare(lock, identity, catalog, policy);
    let finding = |change: &Change| {
        let (id, severity, help) = meaning(change, policy);
        at_lock(severity, id, change.to_string()).with_help(help)
    };
    changes.iter().map(finding).collect()
}

/// The finding's name, how bad it is, and what to do.
fn meaning(change: &Change, policy: &Policy) -> (&'static str, Severity, String) {
    let column = change.names.join(".");
    let accept = "pgveil lock --accept, once it is as it should be".to_owned();
    match (&change.what, &change.class) {
        (What::New, Some(_)) => ("column.new", Severity::Note, accept),
        (What::New, None) => {
            let what = match policy.unclassified_new {
                Unclassified::Clear => "shown",
                Unclassified::Redact => "redacted",
                Unclassified::Refuse => "not shown",
            };
            let help = format!("it is {what} until a class names it (\"{column}\") or somebody accepts it: pgveil lock --accept");
            ("column.new", Severity::Warning, help)
        }
        (What::Renamed(_), Some(class)) => {
            let help = format!("add \"{column}\" to the columns of class {class}, or of another one; then pgveil lock --accept");
            ("column.renamed", Severity::Warning, help)
        }
        (What::Renamed(_), None) => ("column.renamed", Severity::Warning, accept),
        (What::Retyped(_), _) => ("column.retyped", Severity::Note, accept),
        (What::Reclassed(_), _) => ("column.reclassed", Severity::Note, accept),
        (What::Vanished, _) => ("column.vanished", Severity::Note, accept),
    }
}
