//! `[[test]]`: a policy's own tests.

use std::path::Path;

use pgveil_policy::policy::PolicyTest;
use pgveil_policy::policy::attributes::Attributes;
use pgveil_policy::policy::tests_in_file::{Expect, USER};
use pgveil_policy::policy::user::User;
use pgveil_policy::report::finding::{Finding, Severity};
use pgveil_policy::{Engine, Refusal, Subject};

use crate::command::ground::session::Stage;
use crate::command::ground::{Live, Trouble};
use crate::command::report;

/// How a test ended.
pub(super) struct Outcome {
    /// Why it failed; `None`: it passed.
    pub(super) why: Option<String>,
}

impl Outcome {
    /// A test that failed is an error of the policy.
    pub(super) fn finding(&self, test: &PolicyTest) -> Option<Finding> {
        let why = self.why.as_ref()?;
        let name = test.name.as_ref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
        Some(Finding {
            severity: Severity::Error,
            id: "test.failed",
            file: test.file.clone(),
            line: test.line,
            column: test.column,
            message: format!("the test{name} of role {} failed: {why}", test.role),
            help: Some(format!("pgveil explain --role {}{} shows what becomes of the statement", test.role, arguments(test))),
        })
    }
}

/// Those by which `pgveil explain` asks as the user of a test.
fn arguments(test: &PolicyTest) -> String {
    let Some(user) = &test.user else { return String::new() };
    let attributes = user.attributes.iter().map(|(name, value)| format!(" --attribute {}", word(&format!("{name}={value}"))));
    format!(" --user {}{}", word(&user.name), attributes.collect::<String>())
}

/// One word of a shell.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '=');
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// Runs tests; those of rows through a proxy of our own, the others by the judgement alone.
pub(super) fn run(file: &Path, engine: &Engine, live: &Live, tests: Vec<PolicyTest>) -> Result<Vec<(PolicyTest, Outcome)>, Trouble> {
    let stage = match tests.iter().any(|test| matches!(test.expect, Expect::Rows(_))) {
        true => Some(Stage::open(file, &live.source, &live.database)?),
        false => None,
    };
    let mut out = Vec::new();
    for test in tests {
        let why = match (&test.expect, &stage) {
            (Expect::Rows(expected), Some(stage)) => rows(engine, live, stage, &test, expected)?,
            (Expect::Rows(_), None) => Some("it could not be run".to_owned()),
            (Expect::Answered | Expect::Refused(_) | Expect::Columns(_), _) => judged(engine, live, &test),
        };
        out.push((test, Outcome { why }));
    }
    Ok(out)
}

/// Why a test of the judgement failed.
fn judged(engine: &Engine, live: &Live, test: &PolicyTest) -> Option<String> {
    if engine.unprotected(&test.role) {
        return match &test.expect {
            Expect::Refused(_) => Some("nothing is refused to this role: it is passed through untouched".to_owned()),
            Expect::Columns(columns) => columns
                .iter()
                .find(|(_, mask)| !matches!(mask.as_str(), "clear" | "computed"))
                .map(|(column, mask)| format!("the column {column} is clear, not {mask}: the role is passed through untouched")),
            Expect::Answered | Expect::Rows(_) => None,
        };
    }
    let who = Subject { role: test.role.clone(), search_path: live.search_path.clone().into(), user: test.user.clone().map(Into::into) };
    match (engine.judge(&who, &test.sql), &test.expect) {
        (Ok(_), Expect::Refused(_)) => Some("it is not refused".to_owned()),
        (Ok(_), Expect::Answered | Expect::Rows(_)) => None,
        (Ok(plan), Expect::Columns(columns)) => {
            let outputs: Vec<_> = plan.statements.iter().flat_map(|s| s.shown()).collect();
            columns.iter().find_map(|(column, mask)| {
                let Some(output) = outputs.iter().find(|o| o.name == *column) else {
                    return Some(format!("it has no column {column}"));
                };
                let is = engine.describe(&test.role, output)?.mask;
                (is != *mask).then(|| format!("the column {column} is {is}, not {mask}"))
            })
        }
        (Err(refusal), Expect::Refused(None)) => {
            // A statement that Postgres would not take either shows nothing of the policy.
            let of_postgres = pgveil_policy::refusal::kinds::kind(refusal.id).is_some_and(|kind| kind.of_postgres);
            of_postgres.then(|| format!("it is refused, but not by the policy: {}", refusal.message))
        }
        (Err(refusal), Expect::Refused(Some(id))) => {
            (refusal.id != id).then(|| format!("it is refused by {}, not by {id}: {}", refusal.id, refusal.message))
        }
        (Err(refusal), Expect::Answered | Expect::Columns(_) | Expect::Rows(_)) => Some(refused(&refusal)),
    }
}

fn refused(refusal: &Refusal) -> String {
    let remedy = if refusal.id == "rows.attribute" { "; `attributes = { NAME = VALUE }` in the test gives it" } else { "" };
    format!("it is refused: {} ({}){remedy}", refusal.message, refusal.id)
}

/// Why a test of rows failed.
fn rows(
    engine: &Engine,
    live: &Live,
    stage: &Stage,
    test: &PolicyTest,
    expected: &[Vec<Option<String>>],
) -> Result<Option<String>, Trouble> {
    let user = test.user.clone().unwrap_or_else(|| User { name: USER.to_owned(), attributes: Attributes::new() });
    let who = Subject { role: test.role.clone(), search_path: live.search_path.clone().into(), user: Some(user.clone().into()) };
    if let Err(refusal) = engine.judge(&who, &test.sql)
        && refusal.id == "rows.attribute"
    {
        return Ok(Some(refused(&refusal)));
    }
    let mut session = stage.session(&user, &test.role)?;
    // It looks, and leaves nothing behind.
    session.run("BEGIN")?;
    let answers = session.run(&test.sql)?;
    session.run("ROLLBACK")?;
    if let Some(error) = answers.iter().find_map(|a| a.error.as_ref()) {
        return Ok(Some(report::message(error)));
    }
    let Some(answer) = answers.iter().find(|a| a.columns.is_some()) else { return Ok(Some("it gives no rows".to_owned())) };
    let shown = |row: Option<&Vec<Option<String>>>| match row {
        None => "nothing".to_owned(),
        Some(row) => format!("({})", row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join(", ")),
    };
    let longest = answer.rows.len().max(expected.len());
    Ok((0..longest)
        .find(|n| answer.rows.get(*n) != expected.get(*n))
        .map(|n| format!("row {} is {}, not {}", n.saturating_add(1), shown(answer.rows.get(n)), shown(expected.get(n)))))
}
