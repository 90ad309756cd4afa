//! What a statement means: what the masked database answers. Twins cannot see a statement that is rewritten into another one.
//!
//! Where SQL leaves an answer open, the masked databases, whose rows lie in other orders and whose pseudonyms sort in other
//! orders, answer differently under one plan or another. What they agree on under all plans, SQL determines.

use pgveil_tests::client::{Answer, Client, Field, Login, Message};

use super::compare::Renaming;
use super::constructs::Facts;
use super::generate::Statement;
use super::masked::Masked;
use super::perturb;
use super::run::ask;
use super::stage::Stage;

/// What was found out about an accepted statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The answer is that of the masked database.
    Right,
    /// SQL leaves the answer open.
    Open,
    /// It fails where it need not: an expression of masks is evaluated that no row asks for.
    Eager,
    /// It is not; in words.
    Wrong(String),
}

/// Sessions on both masked databases.
pub struct Meaning {
    masked: Masked,
    sessions: Option<[Client; 2]>,
}

/// As the two sessions start: other plans in each.
const USUAL: [&str; 2] = ["-c enable_hashagg=off -c enable_mergejoin=off", "-c enable_sort=off -c enable_nestloop=off"];

/// Other plans, tried where an answer seems wrong.
const PLANS: &[&str] = &[
    "SET enable_hashagg = on; SET enable_hashjoin = off; SET enable_seqscan = off; SET enable_sort = on",
    "SET enable_sort = off; SET enable_mergejoin = off; SET enable_hashagg = on; SET enable_material = off; SET enable_memoize = off",
    "SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off; SET enable_hashjoin = off; SET enable_nestloop = on",
    "SET enable_hashjoin = on; SET enable_mergejoin = on; SET enable_nestloop = off; SET enable_hashagg = off; SET enable_sort = on",
    "SET join_collapse_limit = 1; SET from_collapse_limit = 1; SET enable_nestloop = on; SET enable_incremental_sort = off; SET work_mem = '64kB'",
];

/// How often an answer that seems wrong is asked for with chance in the order of rows.
const TRIES: usize = 8;

/// OIDs of types.
const RECORD: u32 = 2249;
const RECORDS: u32 = 2287;

/// The answers to each statement of a text.
pub(super) type Results = Vec<Rows>;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Rows {
    /// Names and types.
    columns: Vec<(String, u32)>,
    rows: Vec<Vec<Option<Vec<u8>>>>,
}

impl Meaning {
    pub fn new(masked: &Masked) -> Meaning {
        Meaning { masked: masked.clone(), sessions: None }
    }

    /// Between the twins.
    pub fn renaming(&self) -> &Renaming {
        &self.masked.renamings[1]
    }

    fn login(&self, n: usize) -> Login {
        Login { settings: vec![("options".to_owned(), USUAL[n % 2].to_owned())], ..Stage::small().plain(&self.masked.databases[n]) }
    }

    fn sessions(&mut self) -> &mut [Client; 2] {
        let logins = [self.login(0), self.login(1)];
        self.sessions.get_or_insert_with(|| logins.map(|l| Client::connect(&l).unwrap()))
    }

    /// What the masked database of twin A answers.
    pub fn answer(&mut self, statement: &Statement) -> Answer {
        let answer = self.ask(0, statement);
        if answer.broken.is_some() {
            self.sessions = None;
        }
        answer
    }

    fn ask(&mut self, n: usize, statement: &Statement) -> Answer {
        let session = &mut self.sessions()[n];
        let answer = ask(session, statement);
        if answer.broken.is_none() && answer.status() != Some('I') {
            session.query("ROLLBACK");
        }
        answer
    }

    /// `answer`: pgveil's on twin A; `first`: the masked database's.
    pub fn check(&mut self, statement: &Statement, facts: &Facts, answer: &Answer, first: &Answer) -> Verdict {
        if !facts.comparable || !self.masked.covers(&statement.sql) || is_limit(first) {
            return Verdict::Open;
        }
        let (seen, meant) = (self.read(0, answer), self.read(0, first));
        if answer.error().is_none() && first.error().is_none() && differ(&seen, &meant, facts).is_none() {
            return Verdict::Right;
        }
        let open = |meaning: &Self, n: usize, other: &Answer| {
            is_limit(other)
                || other.broken.is_some()
                || other.error().is_some() != first.error().is_some()
                || (other.error().is_none() && differ(&meaning.read(n, other), &meant, facts).is_some())
        };
        let second = self.ask(1, statement);
        if open(self, 1, &second) {
            return Verdict::Open;
        }
        let Some(sql) = perturb::perturbed(&statement.sql) else { return Verdict::Open };
        let perturbed = Statement { sql, ..statement.clone() };
        for n in 0..TRIES {
            let other = self.ask(n % 2, &perturbed);
            if open(self, n % 2, &other) {
                return Verdict::Open;
            }
        }
        for n in 2..self.masked.databases.len() {
            let mut session = Client::connect(&self.login(n)).unwrap();
            let (as_it_is, by_chance) = (ask(&mut session, statement), ask(&mut session, &perturbed));
            if open(self, n, &as_it_is) || open(self, n, &by_chance) {
                return Verdict::Open;
            }
        }
        for plan in PLANS {
            for n in 0..2 {
                self.sessions()[n].query(plan);
                let other = self.ask(n, statement);
                self.sessions()[n].query("RESET ALL");
                if open(self, n, &other) {
                    return Verdict::Open;
                }
            }
        }
        // A constant mask is part of a constant expression, which Postgres evaluates when it plans (`'[name]'::int`).
        if answer.sqlstate().starts_with("22") {
            return Verdict::Eager;
        }
        // `(f).n` of a function that gives one column: Postgres takes f for the value, pgveil for the row.
        if answer.error().is_none() && first.sqlstate() == "42809" {
            return Verdict::Open;
        }
        // Postgres 15 has no min and max of a uuid; of a pseudonymised one, which goes by a digest, pgveil has.
        if answer.error().is_none() && first.sqlstate() == "42883" && ["min(uuid)", "max(uuid)"].iter().any(|f| first.message().contains(f))
        {
            return Verdict::Open;
        }
        let what = match (answer.error(), first.error()) {
            (Some(error), Some(_)) | (Some(error), None) => {
                format!("fails with {} {}", error.get(&'C').map_or("", String::as_str), error.get(&'M').map_or("", String::as_str))
            }
            (None, Some(error)) => format!(
                "the masked database says {} {}",
                error.get(&'C').map_or("", String::as_str),
                error.get(&'M').map_or("", String::as_str)
            ),
            (None, None) => differ(&seen, &meant, facts).unwrap_or_default(),
        };
        Verdict::Wrong(what)
    }

    /// An answer of one of the databases, with pseudonyms as twin A's, and numbers in one spelling.
    fn read(&self, n: usize, answer: &Answer) -> Results {
        results(&self.masked.renamings[n], answer)
    }
}

/// What it gave for each statement, as twin A's pseudonyms would have it.
pub(super) fn results(renaming: &Renaming, answer: &Answer) -> Results {
    let mut out = Vec::new();
    let mut fields: &[Field] = &[];
    let mut rows = Rows::default();
    for message in &answer.messages {
        match message {
            Message::RowDescription(new) => {
                fields = new;
                rows.columns = new.iter().map(|f| (f.name.clone(), f.type_oid)).collect();
            }
            Message::DataRow(cells) => {
                let cells = cells.iter().enumerate().map(|(n, cell)| {
                    let field = fields.get(n);
                    cell.as_deref().map(|c| if field.is_some_and(is_row_in_binary) { Vec::new() } else { renaming.canonical(c, field) })
                });
                rows.rows.push(cells.collect());
            }
            Message::CommandComplete(_) => out.push(std::mem::take(&mut rows)),
            _ => {}
        }
    }
    out
}

/// 57014 query_canceled, class 53 insufficient resources, class 54 limits.
pub(super) fn is_limit(answer: &Answer) -> bool {
    let state = answer.sqlstate();
    state == "57014" || state.starts_with("53") || state.starts_with("54")
}

pub(super) fn differ(seen: &Results, meant: &Results, facts: &Facts) -> Option<String> {
    if seen.len() != meant.len() {
        return Some(format!("{} results for {}", seen.len(), meant.len()));
    }
    for (n, (seen, meant)) in seen.iter().zip(meant).enumerate() {
        if seen.columns.len() != meant.columns.len() || seen.columns.iter().zip(&meant.columns).any(|(s, m)| !same_column(s, m)) {
            return Some(format!("columns {:?} for {:?}", seen.columns, meant.columns));
        }
        let (mut left, mut right) = (seen.rows.clone(), meant.rows.clone());
        if !facts.ordered.get(n).copied().unwrap_or(false) {
            left.sort();
            right.sort();
        }
        if left != right {
            let at = left.iter().zip(&right).position(|(a, b)| a != b).unwrap_or(left.len().min(right.len()));
            return Some(format!("{} rows for {}; row {at}: {} for {}", left.len(), right.len(), show(left.get(at)), show(right.get(at))));
        }
    }
    None
}

/// A whole row of a protected relation may be a record (docs/design.md, section 8), and the masked database has text where the
/// others have the domain type shop.mail: arrays of it have another type.
fn same_column(seen: &(String, u32), meant: &(String, u32)) -> bool {
    const TEXTS: u32 = 1009;
    let of_domain = seen.1 >= 16_384 && meant.1 == TEXTS;
    seen.0 == meant.0 && (seen.1 == meant.1 || of_domain || seen.1 == RECORD || seen.1 == RECORDS)
}

/// It holds the types' OIDs, which are others for the same reason.
fn is_row_in_binary(field: &Field) -> bool {
    field.format == 1 && (field.type_oid == RECORD || field.type_oid == RECORDS || (field.type_oid >= 16_384 && field.size == -1))
}

fn show(row: Option<&Vec<Option<Vec<u8>>>>) -> String {
    let Some(row) = row else { return "none".to_owned() };
    let cell = |c: &Option<Vec<u8>>| c.as_ref().map_or("NULL".to_owned(), |v| String::from_utf8_lossy(v).into_owned());
    row.iter().map(cell).collect::<Vec<_>>().join(" | ")
}
