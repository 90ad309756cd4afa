//! What came of the statements.

use std::collections::BTreeMap;

use pgveil_tests::client::{Answer, Field, Message};

/// OIDs from here on are given as objects are made (FirstNormalObjectId).
const FIRST_OF_USERS: u32 = 16384;

/// How a statement went through pgveil, beside Postgres itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The same answer.
    Same,
    /// The same error.
    SameError,
    /// Another error, or another place in the text.
    OtherError,
    /// NULL where built-in rules withhold statistics and the like.
    Withheld,
    /// Two servers of the same history do not agree either, or the rows come in another order where there is no ORDER BY.
    Open,
    /// Refused; the refusal's id.
    Refused(String),
    /// Another answer: a fault.
    Different(String),
    /// The session ended: a fault.
    Ended(String),
}

/// The verdicts of a file.
#[derive(Debug, Default)]
pub struct Tally {
    pub same: usize,
    pub errors: usize,
    pub other_errors: usize,
    pub withheld: usize,
    pub open: usize,
    pub refused: BTreeMap<String, Vec<String>>,
    pub faults: Vec<(String, String)>,
}

impl Tally {
    pub fn add(&mut self, sql: &str, verdict: Verdict) {
        match verdict {
            Verdict::Same => self.same += 1,
            Verdict::SameError => self.errors += 1,
            Verdict::OtherError => self.other_errors += 1,
            Verdict::Withheld => self.withheld += 1,
            Verdict::Open => self.open += 1,
            Verdict::Refused(id) => self.refused.entry(id).or_default().push(sql.to_owned()),
            Verdict::Different(how) | Verdict::Ended(how) => self.faults.push((sql.to_owned(), how)),
        }
    }

    pub fn refusals(&self) -> usize {
        self.refused.values().map(Vec::len).sum()
    }

    pub fn statements(&self) -> usize {
        self.same + self.errors + self.other_errors + self.withheld + self.open + self.refusals() + self.faults.len()
    }

    /// Adds another's.
    pub fn append(&mut self, mut other: Tally) {
        self.same += other.same;
        self.errors += other.errors;
        self.other_errors += other.other_errors;
        self.withheld += other.withheld;
        self.open += other.open;
        self.faults.append(&mut other.faults);
        for (id, mut texts) in other.refused {
            self.refused.entry(id).or_default().append(&mut texts);
        }
    }
}

/// Holds pgveil's answer against that of two servers with the same history.
pub fn compare(sql: &str, a: &Answer, b: &Answer, proxied: &Answer) -> Verdict {
    let [a, b, proxied] = [a, b, proxied].map(told);
    if proxied == a || proxied == b {
        return if a.iter().any(|t| t.is_error) { Verdict::SameError } else { Verdict::Same };
    }
    if a != b {
        return Verdict::Open;
    }
    // What is shown of a plan, and what it is like with gates, is a matter of its own (tests/attacks/explain.rs).
    if is_explain(sql) && a.first() == proxied.first() {
        return Verdict::Withheld;
    }
    let fails = |told: &[Told]| told.iter().any(|t| t.is_error);
    if fails(&a) && fails(&proxied) {
        return Verdict::OtherError;
    }
    let first = a.iter().zip(&proxied).find(|(a, p)| a != p);
    if a.len() == proxied.len() && a.iter().zip(&proxied).all(|(a, p)| a == p || a.is_withheld_in(p)) {
        return Verdict::Withheld;
    }
    // Where SQL leaves the order open.
    if !sql.to_ascii_lowercase().contains("order by") && sorted(&a) == sorted(&proxied) {
        return Verdict::Open;
    }
    let shown = |told: Option<&Told>| told.map_or("nothing more".to_owned(), |t| t.text());
    let (expected, found) = match first {
        Some((Told { message: Message::RowDescription(a), .. }, Told { message: Message::RowDescription(p), .. })) => {
            let field = a.iter().zip(p).find(|(a, p)| a != p);
            (format!("{:?} of {}", field.map(|f| f.0), a.len()), format!("{:?} of {}", field.map(|f| f.1), p.len()))
        }
        Some((Told { message: Message::DataRow(_), .. }, _)) => (rows(&a), rows(&proxied)),
        Some((expected, found)) => (shown(Some(expected)), shown(Some(found))),
        None => (shown(a.get(proxied.len())), shown(proxied.get(a.len()))),
    };
    let cut = |text: String| text.chars().take(300).collect::<String>();
    Verdict::Different(format!("expected {}\n  got      {}", cut(expected), cut(found)))
}

fn sorted(told: &[Told]) -> Vec<String> {
    let mut texts: Vec<String> = told.iter().map(Told::text).collect();
    texts.sort();
    texts
}

fn rows(told: &[Told]) -> String {
    let rows = || told.iter().filter(|t| matches!(t.message, Message::DataRow(_)));
    format!("{} rows: {}", rows().count(), rows().map(Told::text).collect::<Vec<_>>().join(" "))
}

fn is_explain(sql: &str) -> bool {
    let code = sql.lines().find(|line| !line.trim_start().starts_with("--") && !line.trim().is_empty());
    code.is_some_and(|line| line.trim_start().to_ascii_lowercase().starts_with("explain"))
}

/// What counts of a message.
#[derive(Debug, PartialEq)]
struct Told {
    message: Message,
    is_error: bool,
}

impl Told {
    fn is_withheld_in(&self, other: &Told) -> bool {
        let (Message::DataRow(mine), Message::DataRow(theirs)) = (&self.message, &other.message) else { return false };
        mine.len() == theirs.len() && mine.iter().zip(theirs).all(|(m, t)| m == t || t.is_none())
    }

    fn text(&self) -> String {
        match &self.message {
            Message::DataRow(row) => {
                let cells = row.iter().map(|c| c.as_ref().map_or("∅".into(), |v| String::from_utf8_lossy(v)));
                format!("row {}", cells.collect::<Vec<_>>().join("|"))
            }
            other => format!("{other:?}"),
        }
    }
}

/// Without notices, of which pgveil drops those that it does not know, and without the free text of errors.
fn told(answer: &Answer) -> Vec<Told> {
    let mut told = Vec::new();
    for message in &answer.messages {
        match message {
            Message::Notice(_) | Message::Notification(..) => {}
            Message::Error(fields) => {
                let kept = fields.iter().filter(|(letter, _)| matches!(letter, 'S' | 'V' | 'C' | 'P'));
                told.push(Told { message: Message::Error(kept.map(|(l, v)| (*l, v.clone())).collect()), is_error: true });
            }
            Message::RowDescription(fields) => {
                // Servers number relations and types as they are made: a statement that one of them never saw shifts them.
                let number = |field: &Field| Field {
                    table: field.table.min(FIRST_OF_USERS),
                    type_oid: field.type_oid.min(FIRST_OF_USERS),
                    ..field.clone()
                };
                let fields = fields.iter().map(number).collect();
                told.push(Told { message: Message::RowDescription(fields), is_error: false });
            }
            other => told.push(Told { message: other.clone(), is_error: false }),
        }
    }
    told
}
