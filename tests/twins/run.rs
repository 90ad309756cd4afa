//! Runs statements on both twins, compares, counts.

use std::fmt::Write as _;

use pgveil_tests::client::{Answer, Call, Client, Login, Message};

use super::compare::Renaming;
use super::constructs::Facts;
use super::generate::{Extended, Statement};
use super::masked::Masked;
use super::meaning::{Meaning, Verdict};
use super::mutate::CATALOGS;
use super::shrink;
use super::stage::Stage;
use super::tally::Report;

/// Sessions on both twins, and those that know what a statement means.
pub struct Pair {
    logins: [Login; 2],
    sessions: Option<[Client; 2]>,
    renaming: Renaming,
    judge: Judge,
}

/// Who says whether a statement is valid.
enum Judge {
    /// The masked databases, which say what its answer is too.
    Meaning(Box<Meaning>),
    /// Plain Postgres.
    Plain(Login, Option<Box<Client>>),
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

/// Errors by which pgveil says no, or the server to a role that may only read, and those of limits: no answer, so none that could be wrong. 42883 and 42702 are open in
/// docs/design.md, section 8: functional notation, and columns of one name in a derived table.
const REFUSALS: [&str; 9] = ["42501", "25006", "0A000", "42601", "54000", "54001", "42939", "42883", "42702"];

impl Pair {
    /// Without masked databases: `plain` says what is valid.
    pub fn plain(a: Login, b: Login, plain: Login) -> Self {
        Pair { logins: [a, b], sessions: None, renaming: Renaming::default(), judge: Judge::Plain(plain, None) }
    }

    /// As a role through pgveil.
    pub fn new(stage: &Stage, role: &str, masked: &Masked) -> Self {
        let twins = stage.twins_of(role);
        let meaning = Meaning::new(masked);
        let logins = [stage.login(role, &twins.a), stage.login(role, &twins.b)];
        Pair { logins, sessions: None, renaming: meaning.renaming().clone(), judge: Judge::Meaning(Box::new(meaning)) }
    }

    /// Runs a statement on both twins: what happened, and twin A's answer.
    fn run(&mut self, statement: &Statement) -> (Outcome, Answer) {
        let sessions = self
            .sessions
            .get_or_insert_with(|| self.logins.each_ref().map(|l| Client::connect(l).unwrap_or_else(|e| panic!("login: {e:?}"))));
        // Both work at the same time.
        sessions.iter_mut().for_each(|session| put(session, statement));
        let mut answers = sessions.each_mut().map(Client::answer);
        answers.iter_mut().for_each(|answer| sort(statement, answer));
        let mut outcome = judge(&mut self.renaming, &statement.sql, &answers);
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
        let [a, _] = answers;
        if matches!(outcome, Outcome::Different(_)) && self.unstable(statement, &a) {
            outcome = Outcome::Inconclusive;
        }
        (outcome, a)
    }

    /// One twin differs from itself: parallel workers give out rows as they finish, which says nothing about values.
    fn unstable(&mut self, statement: &Statement, before: &Answer) -> bool {
        let Some([a, _]) = &mut self.sessions else { return false };
        (0..4).any(|_| {
            let mut again = ask(a, statement);
            sort(statement, &mut again);
            if again.broken.is_none() && again.status() != Some('I') {
                a.query("ROLLBACK");
            }
            again.broken.is_none() && again != *before
        })
    }

    fn verdict(&mut self, statement: &Statement, facts: &Facts, answer: &Answer, meant: &Answer) -> Verdict {
        match &mut self.judge {
            Judge::Meaning(meaning) => meaning.check(statement, facts, answer, meant),
            Judge::Plain(..) => Verdict::Open,
        }
    }

    fn meant(&mut self, statement: &Statement) -> Answer {
        match &mut self.judge {
            Judge::Meaning(meaning) => meaning.answer(statement),
            Judge::Plain(login, session) => {
                let plain = session.get_or_insert_with(|| Box::new(Client::connect(login).unwrap()));
                let answer = ask(plain, statement);
                if answer.status() != Some('I') {
                    plain.query("ROLLBACK");
                }
                answer
            }
        }
    }

    /// Runs a statement and notes what happened.
    pub fn note(&mut self, statement: &Statement, report: &mut Report) {
        let facts = Facts::of(&statement.sql, statement.extended.as_ref().map(|e| e.binary));
        let meant = self.meant(statement);
        let valid = meant.error().is_none();
        let (outcome, answer) = self.run(statement);
        report.pseudonyms = self.renaming.len();
        let told = match &outcome {
            Outcome::Accepted => Ok(()),
            Outcome::Inconclusive => Err("inconclusive"),
            Outcome::Different(_) => Err("DIFFERENT"),
            Outcome::Failed(shape) => Err(shape.as_str()),
        };
        if let (true, Err(why)) = (valid, told) {
            report.example(why, &statement.sql);
        }
        report.note(statement.source, facts.constructs.iter().copied(), valid, told);
        match outcome {
            Outcome::Inconclusive => report.inconclusive += 1,
            Outcome::Failed(shape) if !valid => *report.errors.entry(shape).or_default() += 1,
            Outcome::Failed(_) if REFUSALS.contains(&answer.sqlstate()) => {}
            Outcome::Accepted | Outcome::Failed(_) => match self.verdict(statement, &facts, &answer, &meant) {
                Verdict::Right => report.right += 1,
                Verdict::Open => report.open += 1,
                Verdict::Eager => report.eager += 1,
                Verdict::Wrong(what) => report.wrong.push(self.account(statement, &what, &mut |pair, smaller| pair.wrong(smaller))),
            },
            Outcome::Different(what) => {
                let account = self.account(statement, &what, &mut |pair, smaller| match pair.run(smaller).0 {
                    Outcome::Different(what) => Some(what),
                    _ => None,
                });
                report.differences.push(account);
            }
        }
    }

    /// What is wrong with the answer, if anything is.
    fn wrong(&mut self, statement: &Statement) -> Option<String> {
        let facts = Facts::of(&statement.sql, None);
        let meant = self.meant(statement);
        if meant.error().is_some() {
            return None;
        }
        let (outcome, answer) = self.run(statement);
        if !matches!(outcome, Outcome::Accepted | Outcome::Failed(_)) || REFUSALS.contains(&answer.sqlstate()) {
            return None;
        }
        match self.verdict(statement, &facts, &answer, &meant) {
            Verdict::Wrong(what) => Some(what),
            Verdict::Right | Verdict::Open | Verdict::Eager => None,
        }
    }

    /// The statement, what is the matter, and the smallest one that was found with which something is.
    fn account(&mut self, statement: &Statement, what: &str, fails: &mut dyn FnMut(&mut Pair, &Statement) -> Option<String>) -> String {
        let small = shrink::shrink(statement, &mut |smaller| fails(self, smaller).is_some());
        let mut account = format!("{}\n  {what}", show(statement));
        if small.sql != statement.sql
            && let Some(what) = fails(self, &small)
        {
            let _ = write!(account, "\n  shrunk: {}\n  {what}", show(&small));
        }
        let _ = write!(account, "\n  sent: {}", Stage::small().sent(&self.logins[0].user, &small.sql));
        account
    }
}

/// A statement as it can be repeated.
pub fn show(statement: &Statement) -> String {
    match &statement.extended {
        None => format!("simple: {}", statement.sql),
        Some(Extended { values, binary }) => format!("extended, binary {binary}, {values:?}: {}", statement.sql),
    }
}

/// Sends it as it says, and reads the answer.
pub fn ask(session: &mut Client, statement: &Statement) -> Answer {
    put(session, statement);
    session.answer()
}

fn put(session: &mut Client, statement: &Statement) {
    match &statement.extended {
        None => session.put_query(&statement.sql),
        Some(Extended { values, binary }) => session.put_call(&Call {
            sql: statement.sql.clone(),
            values: values.iter().map(|v| v.clone().map(String::into_bytes)).collect(),
            results: vec![i16::from(*binary)],
            ..Call::default()
        }),
    }
}

/// Rows of catalogs come in an order that is each database's own.
fn sort(statement: &Statement, answer: &mut Answer) {
    if statement.source == CATALOGS {
        let rows = answer.messages.chunk_by_mut(|a, b| matches!((a, b), (Message::DataRow(_), Message::DataRow(_))));
        rows.for_each(|rows| {
            rows.sort_by_key(|message| match message {
                Message::DataRow(cells) => cells.clone(),
                _ => vec![],
            })
        });
    }
}

fn judge(renaming: &mut Renaming, sql: &str, [a, b]: &[Answer; 2]) -> Outcome {
    // 57014 query_canceled, class 53 insufficient resources.
    if [a, b].iter().any(|x| x.sqlstate() == "57014" || x.sqlstate().starts_with("53")) {
        return Outcome::Inconclusive;
    }
    // The shape of a plan is a declared exception (docs/threat-model.md): it goes by the table's statistics, hidden rows' too.
    let explains = sql.trim_start().get(..7).is_some_and(|word| word.eq_ignore_ascii_case("explain"));
    if explains && a.error().is_none() && b.error().is_none() && a.columns() == b.columns() {
        return Outcome::Accepted;
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
