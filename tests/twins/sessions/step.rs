//! Sessions as they are made, run and shown: steps, each answered by one ReadyForQuery.

use std::fmt::Write as _;

use pgveil_tests::client::{Answer, Call, Client, Message, bind};
use postgres_protocol::message::frontend;

/// What one connection is asked, in order.
#[derive(Debug, Clone, Default)]
pub struct Session {
    pub steps: Vec<Step>,
}

/// One request and all that belongs to it.
#[derive(Debug, Clone)]
pub struct Step {
    pub act: Act,
    /// Under which it is counted.
    pub kind: &'static str,
    /// It is sent only inside a transaction: it writes to what other sessions read.
    pub inside: bool,
    /// SQL, or where pseudonyms sort, leaves the order of its rows open.
    pub unordered: bool,
}

/// What is sent.
#[derive(Debug, Clone)]
pub enum Act {
    /// A simple query.
    Simple(String),
    /// Parse, Bind, Describe, Execute, all unnamed.
    Call { sql: String, values: Vec<Option<String>>, binary: bool },
    /// Parse and Describe under a name.
    Parse { name: String, sql: String },
    /// Bind, Describe and Execute of a named statement; at most `rows` rows (0: all), and as many once more.
    Run { name: String, values: Vec<Option<String>>, binary: bool, rows: i32 },
    /// Close of a named statement.
    Close { name: String },
    /// A simple query, and what is copied in where the server asks for it.
    CopyIn { sql: String, data: Vec<u8> },
}

impl Step {
    pub fn simple(kind: &'static str, sql: impl Into<String>) -> Step {
        Step { act: Act::Simple(sql.into()), kind, inside: false, unordered: false }
    }

    pub fn new(kind: &'static str, act: Act) -> Step {
        Step { act, kind, inside: false, unordered: false }
    }

    /// Only inside a transaction.
    pub fn inside(self) -> Step {
        Step { inside: true, ..self }
    }

    /// Its rows come in any order.
    pub fn unordered(self) -> Step {
        Step { unordered: true, ..self }
    }

    /// Its text; nothing for a step without one.
    pub fn sql(&self) -> &str {
        match &self.act {
            Act::Simple(sql) | Act::Call { sql, .. } | Act::Parse { sql, .. } | Act::CopyIn { sql, .. } => sql,
            Act::Run { .. } | Act::Close { .. } => "",
        }
    }

    /// The same with another text.
    pub fn with_sql(&self, text: String) -> Step {
        let mut step = self.clone();
        match &mut step.act {
            Act::Simple(sql) | Act::Call { sql, .. } | Act::Parse { sql, .. } | Act::CopyIn { sql, .. } => *sql = text,
            Act::Run { .. } | Act::Close { .. } => {}
        }
        step
    }

    /// Only the shape of its columns is the same on twins: the shape of a plan is a declared exception (docs/threat-model.md).
    pub fn explains(&self) -> bool {
        self.kind.starts_with("EXPLAIN")
    }

    /// Sends it.
    pub fn put(&self, session: &mut Client) {
        match &self.act {
            Act::Simple(sql) | Act::CopyIn { sql, .. } => session.put_query(sql),
            Act::Call { sql, values, binary } => {
                session.put_call(&Call { sql: sql.clone(), values: bytes(values), results: vec![i16::from(*binary)], ..Call::default() });
            }
            Act::Parse { name, sql } => session.pipeline(|out| {
                frontend::parse(name, sql, [], out).unwrap();
                frontend::describe(b'S', name, out).unwrap();
                frontend::sync(out);
            }),
            Act::Run { name, values, binary, rows } => session.pipeline(|out| {
                let call = Call { values: bytes(values), results: vec![i16::from(*binary)], ..Call::default() };
                bind("", name, &call, out);
                frontend::describe(b'P', "", out).unwrap();
                frontend::execute("", *rows, out).unwrap();
                if *rows > 0 {
                    frontend::execute("", *rows, out).unwrap();
                }
                frontend::sync(out);
            }),
            Act::Close { name } => session.pipeline(|out| {
                frontend::close(b'S', name, out).unwrap();
                frontend::sync(out);
            }),
        }
    }

    /// Reads its answer; sends what is copied in where it is asked for.
    pub fn answer(&self, session: &mut Client) -> Answer {
        let Act::CopyIn { data, .. } = &self.act else { return session.answer() };
        let mut answer = Answer::default();
        loop {
            match session.receive() {
                Ok(message @ Message::Other('G', _)) => {
                    answer.messages.push(message);
                    session.pipeline(|out| {
                        frontend::CopyData::new(&data[..]).unwrap().write(out);
                        frontend::copy_done(out);
                    });
                }
                Ok(message @ Message::ReadyForQuery(_)) => {
                    answer.messages.push(message);
                    return answer;
                }
                Ok(message) => answer.messages.push(message),
                Err(why) => {
                    answer.broken = Some(why);
                    return answer;
                }
            }
        }
    }

    /// Both.
    pub fn ask(&self, session: &mut Client) -> Answer {
        self.put(session);
        self.answer(session)
    }
}

fn bytes(values: &[Option<String>]) -> Vec<Option<Vec<u8>>> {
    values.iter().map(|v| v.clone().map(String::into_bytes)).collect()
}

/// A script for psql; what psql does not send is told in comments.
pub fn show(session: &Session) -> String {
    let mut out = String::new();
    let values =
        |values: &[Option<String>]| values.iter().map(|v| v.as_deref().unwrap_or("NULL").to_owned()).collect::<Vec<_>>().join(", ");
    for step in &session.steps {
        let _ = match &step.act {
            Act::Simple(sql) => writeln!(out, "{sql};"),
            Act::Call { sql, values: v, binary } => writeln!(out, "{sql}; -- extended, binary {binary}, parameters: {}", values(v)),
            Act::Parse { name, sql } => writeln!(out, "-- Parse {name}:\n{sql};"),
            Act::Run { name, values: v, binary, rows } => {
                writeln!(out, "-- Bind {name}, binary {binary}, parameters: {}; Execute, {rows} rows", values(v))
            }
            Act::Close { name } => writeln!(out, "-- Close {name}"),
            Act::CopyIn { sql, data } => writeln!(out, "{sql};\n{}\\.", data.escape_ascii()),
        };
    }
    out
}
