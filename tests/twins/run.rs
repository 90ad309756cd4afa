//! Runs statements on both twins, compares, counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pgveil_tests::client::{Answer, Call, Client, Login};

use super::compare::Renaming;
use super::generate::{Extended, Statement};
use super::shrink;
use super::stage::Stage;

/// Sessions on both twins, and one that goes straight to Postgres to know what is valid.
pub struct Pair {
    logins: [Login; 2],
    plain_login: Login,
    sessions: Option<[Client; 2]>,
    plain: Option<Client>,
    renaming: Renaming,
}

/// What happened to one statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Rows, or whatever was asked for, on both.
    Accepted,
    /// The same error on both; its SQLSTATE and its message without names.
    Failed(String),
    /// A limit was hit: nothing is said about these.
    Inconclusive,
    /// The promise is broken.
    Different(String),
}

/// Figures of a run.
#[derive(Debug, Default)]
pub struct Report {
    pub statements: usize,
    /// Without an error on plain Postgres.
    pub valid: usize,
    pub accepted: usize,
    pub inconclusive: usize,
    /// Of those valid on plain Postgres: by the shape of the message.
    pub refused: BTreeMap<String, usize>,
    /// Errors of statements that fail on plain Postgres too.
    pub errors: BTreeMap<String, usize>,
    /// Full accounts of broken promises.
    pub differences: Vec<String>,
    pub pseudonyms: usize,
}

impl Pair {
    pub fn new(a: Login, b: Login, plain: Login) -> Self {
        Pair { logins: [a, b], plain_login: plain, sessions: None, plain: None, renaming: Renaming::default() }
    }

    /// Runs a statement on both twins.
    pub fn run(&mut self, statement: &Statement) -> Outcome {
        let sessions = self
            .sessions
            .get_or_insert_with(|| self.logins.each_ref().map(|l| Client::connect(l).unwrap_or_else(|e| panic!("login: {e:?}"))));
        let answers = sessions.each_mut().map(|session| ask(session, statement));
        let mut outcome = judge(&mut self.renaming, &answers);
        // A transaction that was left open, or aborted, ends here.
        if answers.iter().any(|a| a.status() != Some('I')) && answers.iter().all(|a| a.broken.is_none()) {
            let ends = sessions.each_mut().map(|session| session.query("ROLLBACK"));
            if let Err(what) = self.renaming.same(&ends[0], &ends[1]) {
                outcome = Outcome::Different(format!("at ROLLBACK: {what}"));
            }
        }
        if answers.iter().any(|a| a.broken.is_some()) {
            self.sessions = None;
        }
        outcome
    }

    /// Whether plain Postgres answers without an error.
    fn valid(&mut self, statement: &Statement) -> bool {
        let plain = self.plain.get_or_insert_with(|| Client::connect(&self.plain_login).unwrap());
        let answer = ask(plain, statement);
        if answer.status() != Some('I') {
            plain.query("ROLLBACK");
        }
        answer.error().is_none()
    }

    /// Runs a statement and notes what happened.
    pub fn note(&mut self, statement: &Statement, report: &mut Report) {
        report.statements += 1;
        let valid = self.valid(statement);
        report.valid += usize::from(valid);
        let outcome = self.run(statement);
        report.pseudonyms = self.renaming.len();
        match outcome {
            Outcome::Accepted => report.accepted += 1,
            Outcome::Inconclusive => report.inconclusive += 1,
            Outcome::Failed(shape) => *if valid { &mut report.refused } else { &mut report.errors }.entry(shape).or_default() += 1,
            Outcome::Different(what) => {
                let small = shrink::shrink(statement, &mut |smaller| matches!(self.run(smaller), Outcome::Different(_)));
                let mut account = format!("{}\n  {what}", show(statement));
                if small.sql != statement.sql
                    && let Outcome::Different(what) = self.run(&small)
                {
                    let _ = write!(account, "\n  shrunk: {}\n  {what}", show(&small));
                }
                let _ = write!(account, "\n  sent: {}", Stage::get().sent(&self.logins[0].user, &small.sql));
                report.differences.push(account);
            }
        }
    }
}

/// A statement as it can be repeated.
fn show(statement: &Statement) -> String {
    match &statement.extended {
        None => format!("simple: {}", statement.sql),
        Some(Extended { values, binary }) => format!("extended, binary {binary}, {values:?}: {}", statement.sql),
    }
}

/// Sends it as it says.
pub fn ask(session: &mut Client, statement: &Statement) -> Answer {
    match &statement.extended {
        None => session.query(&statement.sql),
        Some(Extended { values, binary }) => session.call(&Call {
            sql: statement.sql.clone(),
            values: values.iter().map(|v| v.clone().map(String::into_bytes)).collect(),
            results: vec![i16::from(*binary)],
            ..Call::default()
        }),
    }
}

fn judge(renaming: &mut Renaming, [a, b]: &[Answer; 2]) -> Outcome {
    // 57014 query_canceled, class 53 insufficient resources.
    if [a, b].iter().any(|x| x.sqlstate() == "57014" || x.sqlstate().starts_with("53")) {
        return Outcome::Inconclusive;
    }
    match renaming.same(a, b) {
        Err(what) => Outcome::Different(what),
        Ok(()) => match a.error() {
            Some(_) => Outcome::Failed(format!("{} {}", a.sqlstate(), shape(a.message()))),
            None => Outcome::Accepted,
        },
    }
}

/// A message without what it names: quoted names, dotted names, classes and numbers.
pub fn shape(message: &str) -> String {
    let mut out = Vec::new();
    let mut quoted = false;
    for word in message.split(' ') {
        let quotes = word.matches('"').count();
        let inside = quoted || quotes > 0;
        quoted ^= quotes % 2 == 1;
        let dotted = word.trim_end_matches(&[',', ':'][..]).contains('.');
        out.push(match word {
            _ if inside || dotted => "…".to_owned(),
            _ if out.last().is_some_and(|before| before == "(class") => "…)".to_owned(),
            word => word.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect(),
        });
    }
    out.dedup_by(|a, b| a == "…" && b == "…");
    out.join(" ").chars().take(130).collect()
}

impl Report {
    /// Of the statements that plain Postgres runs, those that come back with an error.
    pub fn share_refused(&self) -> f64 {
        self.refused.values().sum::<usize>() as f64 / self.valid.max(1) as f64
    }

    /// The figures, to be printed.
    pub fn show(&self, title: &str) -> String {
        let mut out = format!(
            "{title}: {} statements, {} valid in Postgres, {} accepted, {} inconclusive, refused {:.1} % of the valid ones; {} pseudonyms seen\n",
            self.statements,
            self.valid,
            self.accepted,
            self.inconclusive,
            100.0 * self.share_refused(),
            self.pseudonyms,
        );
        for (what, counts) in [("refused", &self.refused), ("error in Postgres too", &self.errors)] {
            let mut sorted: Vec<_> = counts.iter().collect();
            sorted.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
            for (shape, n) in sorted {
                let _ = writeln!(out, "  {n:5} {what}: {shape}");
            }
        }
        out
    }
}
