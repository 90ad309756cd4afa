//! `pgveil check`

mod live;
mod tests;

use std::path::Path;
use std::process::ExitCode;

use pgveil_policy::detect::proposal::Samples;
use pgveil_policy::policy::PolicyTest;
use pgveil_policy::report::finding::{Finding, IDS, Severity};
use pgveil_policy::{Policy, PolicyError, report};
use serde_json::json;

use super::ground::{DatabaseArguments, Live, Loaded, PolicyArguments, Trouble, lock_of, read};
use super::{PROBLEMS, print, say, scan};
use crate::rules::lock_file;
use tests::Outcome;

/// Arguments of `pgveil check`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Exit codes: 0 nothing but notes, 1 errors or warnings, 2 wrong usage, 78 bad configuration.

  pgveil check --policy policy.toml                     the file alone
  pgveil check -c pgveil.toml --database shop           on a database of the configuration's server
  pgveil check --policy policy.toml --database-url postgres://pgveil@127.0.0.1/shop
  pgveil check --policy policy.toml --github            annotations for a pull request")]
pub(super) struct Arguments {
    #[command(flatten)]
    policy: PolicyArguments,
    #[command(flatten)]
    database: DatabaseArguments,
    /// One JSON document: {"policy", "database", "findings": [{"severity", "id", "file", "line", "column", "message", "help"}], "tests": [{"name", "role", "user", "attributes", "sql", "file", "line", "passed", "why"}], "errors", "warnings", "notes"}
    #[arg(long, conflicts_with = "github")]
    json: bool,
    /// GitHub workflow commands: ::error file=…,line=…,col=…::…
    #[arg(long)]
    github: bool,
    /// Looks for personal data by names and types alone: no value is read
    #[arg(long)]
    names_only: bool,
    /// Findings of this kind do not count and are not shown
    #[arg(long, value_name = "ID", value_parser = id)]
    allow: Vec<&'static str>,
    /// Findings of this kind are errors
    #[arg(long, value_name = "ID", value_parser = id)]
    deny: Vec<&'static str>,
}

fn id(text: &str) -> Result<&'static str, String> {
    let known = IDS.iter().map(|(id, _)| *id);
    known.clone().find(|id| *id == text).ok_or_else(|| format!("known are {}", known.collect::<Vec<_>>().join(", ")))
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match check(arguments) {
        Ok(report) => tell(arguments, &report),
        Err(trouble) => trouble.tell(),
    }
}

/// All that was found.
struct Report {
    file: String,
    /// The texts of the files that findings are in.
    texts: Vec<(String, String)>,
    database: Option<String>,
    findings: Vec<Finding>,
    tests: Vec<(PolicyTest, Outcome)>,
}

fn check(arguments: &Arguments) -> Result<Report, Trouble> {
    let path = arguments.policy.file()?;
    let file = path.display().to_string();
    let text = read(&path)?;
    let mut report = Report { texts: vec![(file.clone(), text.clone())], file, database: None, findings: Vec::new(), tests: Vec::new() };
    let errors = |errors: Vec<PolicyError>| errors.into_iter().map(Finding::from);
    let policy = Policy::parse(&report.file, &text);
    let roles = policy.as_ref().map(|p| p.roles.keys().map(String::as_str).collect::<Vec<_>>()).unwrap_or_default();
    let mut wanted = policy.as_ref().map(|p| p.tests.clone()).unwrap_or_default();
    match beside(&path, &roles)? {
        // Without the policy's roles no test of the file beside it can be right.
        Some(_) if policy.is_err() => {}
        Some((name, text, read)) => {
            report.texts.push((name, text));
            match read {
                Ok(more) => wanted.extend(more),
                Err(found) => report.findings.extend(errors(found)),
            }
        }
        None => {}
    }
    match policy {
        Err(found) => report.findings.extend(errors(found)),
        Ok(policy) => {
            report.findings.extend(report::check::exemptions(&policy, now()));
            report.findings.extend(report::check::patterns(&policy));
            let lock = lock_of(&path)?;
            report.findings.extend(report::lock::unlocked(&policy, lock.as_ref()));
            let live = arguments.database.open(&arguments.policy)?;
            match live {
                Some(mut live) => on_database(&path, &Loaded { text, policy, lock }, &mut live, wanted, arguments.names_only, &mut report)?,
                None if wanted.is_empty() => {}
                None => {
                    let many = wanted.len();
                    let message = format!("{many} test{} not run: no database was named", if many == 1 { " was" } else { "s were" });
                    let finding = Finding::new(Severity::Note, "test.not_run", &policy, 0, message);
                    report.findings.push(finding.with_help("name one with --database or --database-url"));
                }
            }
        }
    }
    report.findings.retain(|f| !arguments.allow.contains(&f.id));
    for finding in report.findings.iter_mut().filter(|f| arguments.deny.contains(&f.id)) {
        finding.severity = Severity::Error;
    }
    report.findings.sort_by(|a, b| a.order().cmp(&b.order()));
    Ok(report)
}

/// Seconds since the beginning of 1970.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The file of tests beside a policy: its name, its text, and what it holds.
type Beside = (String, String, Result<Vec<PolicyTest>, Vec<PolicyError>>);

fn beside(policy: &Path, roles: &[&str]) -> Result<Option<Beside>, Trouble> {
    let path = policy.with_extension("tests.toml");
    if path == policy || !path.exists() {
        return Ok(None);
    }
    let (name, text) = (path.display().to_string(), read(&path)?);
    let tests = PolicyTest::parse_file(&name, &text, roles);
    Ok(Some((name, text, tests)))
}

fn on_database(
    path: &Path,
    loaded: &Loaded,
    live: &mut Live,
    wanted: Vec<PolicyTest>,
    names_only: bool,
    report: &mut Report,
) -> Result<(), Trouble> {
    report.database = Some(live.database.clone());
    let policy = &loaded.policy;
    let engine = match live.try_engine(policy, loaded.lock.as_ref())? {
        Ok(engine) => engine,
        Err(errors) => {
            report.findings.extend(errors.into_iter().map(Finding::from));
            return Ok(());
        }
    };
    report.findings.extend(report::check::findings(policy, &live.catalog, &engine));
    let samples = if names_only { Samples::new() } else { scan::take(live)?.0 };
    report.findings.extend(report::check::suspects(policy, &live.catalog, &samples));
    if let Some(lock) = &loaded.lock {
        let (identity, file) = (live.identity()?, lock_file(path).display().to_string());
        report.findings.extend(report::lock::findings(lock, &file, &identity, &live.catalog, policy));
    }
    report.findings.extend(live::filters(policy, &engine, live)?);
    report.findings.extend(live::roles_of_configuration(policy, live));
    report.tests = tests::run(path, &engine, live, wanted)?;
    report.findings.extend(report.tests.iter().filter_map(|(test, outcome)| outcome.finding(test)));
    Ok(())
}

fn tell(arguments: &Arguments, report: &Report) -> ExitCode {
    let count = |severity: Severity| report.findings.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings, notes) = (count(Severity::Error), count(Severity::Warning), count(Severity::Note));
    if arguments.json {
        let finding = |f: &Finding| {
            json!({
                "severity": f.severity.name(), "id": f.id, "file": f.file, "line": f.line, "column": f.column,
                "message": f.message, "help": f.help,
            })
        };
        let test = |(test, outcome): &(PolicyTest, Outcome)| {
            json!({
                "name": test.name, "role": test.role, "user": test.user.as_ref().map(|u| &u.name),
                "attributes": test.user.as_ref().map(|u| &u.attributes), "sql": test.sql, "file": test.file, "line": test.line,
                "passed": outcome.why.is_none(), "why": outcome.why,
            })
        };
        let document = json!({
            "policy": report.file,
            "database": report.database,
            "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
            "tests": report.tests.iter().map(test).collect::<Vec<_>>(),
            "errors": errors, "warnings": warnings, "notes": notes,
        });
        print(&format!("{document:#}\n"));
    } else if arguments.github {
        print(&report.findings.iter().map(Finding::github).collect::<String>());
    } else {
        let text = |f: &Finding| report.texts.iter().find(|(name, _)| *name == f.file).map(|(_, text)| text.as_str());
        for finding in &report.findings {
            print(&format!("{}\n", finding.render(text(finding))));
        }
    }
    if !arguments.json {
        say(&summary(report, errors, warnings, notes));
    }
    if errors > 0 || warnings > 0 { ExitCode::from(PROBLEMS) } else { ExitCode::SUCCESS }
}

fn summary(report: &Report, errors: usize, warnings: usize, notes: usize) -> String {
    let many = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        n => Some(format!("{n} {what}s")),
    };
    let parts: Vec<String> = [many(errors, "error"), many(warnings, "warning"), many(notes, "note")].into_iter().flatten().collect();
    let found = if parts.is_empty() { "nothing to say".to_owned() } else { parts.join(", ") };
    let passed = report.tests.iter().filter(|(_, outcome)| outcome.why.is_none()).count();
    let tests = match report.tests.len() {
        0 => String::new(),
        all => format!("; {passed} of {} passed", many(all, "test").unwrap_or_default()),
    };
    match &report.database {
        Some(database) => format!("{} on database {database}: {found}{tests}", report.file),
        None => format!("{}: {found} (the file alone; --database or --database-url holds it against a database)", report.file),
    }
}
