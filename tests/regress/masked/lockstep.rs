//! A file's statements, one by one: through pgveil as a role with masks, and directly at two other servers. What pgveil refuses nobody runs
//! in that session, so that all three stay the same.

use std::collections::BTreeMap;

use bytes::BytesMut;
use pgveil::demo::cluster::SUPERUSER;
use pgveil_tests::client::{Answer, Client, Login, Message};
use pgveil_tests::world::{Proxy, World};
use postgres_protocol::message::frontend;

use super::script::{self, Step, Then, Variables};
use super::tally::{Tally, Verdict};

/// As pg_regress has psql log in.
const SETTINGS: &[(&str, &str)] = &[
    ("TimeZone", "America/Los_Angeles"),
    ("DateStyle", "Postgres, MDY"),
    ("client_encoding", "UTF8"),
    ("options", "-c intervalstyle=postgres_verbose"),
];
/// Fails, and does nothing else: it brings a transaction where a refusal has brought the other one.
const FAILS: &str = "SELECT pg_catalog.int4div(1, 0)";
/// A refusal's hint ends with it and its id.
const MARK: &str = "(refusals.md: ";
/// Statements that change what later ones are about. Where they are refused, somebody else does it.
const DEFINE: &[&str] =
    &["create", "alter", "drop", "insert", "update", "delete", "copy", "grant", "revoke", "truncate", "comment", "analyze", "vacuum", "do"];

/// The three servers. The last is behind a proxy.
pub struct Three<'a> {
    pub direct: [&'a World; 2],
    pub through: (&'a World, &'a Proxy),
    pub user: &'a str,
    pub database: &'a str,
}

/// A session at each of them, and a superuser's beside it.
struct Sessions {
    direct: [Client; 2],
    through: Client,
    aside: [Client; 3],
}

impl Three<'_> {
    fn sessions(&self) -> Sessions {
        let direct = |world: &World| connect(world.cluster().port(), self.database, SUPERUSER, world.cluster().password());
        let (world, proxy) = self.through;
        let mut aside = [direct(self.direct[0]), direct(self.direct[1]), direct(world)];
        for client in &mut aside {
            client.query("SET statement_timeout = '20s'").ok();
        }
        Sessions {
            direct: self.direct.map(direct),
            through: connect(proxy.addr().port(), self.database, self.user, &proxy.password(self.user)),
            aside,
        }
    }

    /// Runs a file.
    pub fn run(&self, text: &str, variables: &[(&str, &str)]) -> Tally {
        let mut tally = Tally::default();
        let environment: BTreeMap<&str, &str> = variables.iter().copied().collect();
        let mut known = Variables::new();
        let mut sessions = self.sessions();
        for step in script::steps(text) {
            match step {
                Step::Reconnect => sessions = self.sessions(),
                Step::Set(name, words) => {
                    let word = |word: &String| match word.strip_prefix('$') {
                        Some(of) => environment.get(of).map(|v| (*v).to_owned()).unwrap_or_default(),
                        None => script::fill(word, &known).unwrap_or_default().trim_matches('\'').to_owned(),
                    };
                    let value = words.iter().map(word).collect();
                    known.insert(name, value);
                }
                Step::Query { sql, data, then } => {
                    let Some(sql) = script::fill(&sql, &known).filter(|_| then != Then::Other) else { continue };
                    let verdict = sessions.step(&sql, data.as_deref(), &then, &mut known);
                    let ended = matches!(verdict, Verdict::Ended(_));
                    tally.add(&sql, verdict);
                    if ended {
                        sessions = self.sessions();
                    }
                }
            }
        }
        tally
    }
}

impl Sessions {
    fn step(&mut self, sql: &str, data: Option<&str>, then: &Then, known: &mut Variables) -> Verdict {
        let before = self.through.status();
        let proxied = ask(&mut self.through, sql, data);
        if let Some(why) = &proxied.broken {
            return Verdict::Ended(why.clone());
        }
        if let Some(id) = refusal(&proxied) {
            self.refused(sql, data, before == 'T', proxied.status());
            return Verdict::Refused(id);
        }
        let [a, b] = self.direct.each_mut().map(|client| ask(client, sql, data));
        if let Then::Keep(prefix) = then {
            keep(&a, prefix, known);
        }
        let verdict = super::tally::compare(sql, &a, &b, &proxied);
        if a.status() != proxied.status() {
            // Whatever it was: the next statements are about something again.
            for client in self.direct.iter_mut().chain([&mut self.through]) {
                client.query("ROLLBACK");
            }
        }
        verdict
    }

    fn refused(&mut self, sql: &str, data: Option<&str>, in_transaction: bool, status: Option<char>) {
        if in_transaction || status != Some('I') {
            for client in &mut self.direct {
                client.query(FAILS);
            }
            return;
        }
        let word = sql.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default().to_ascii_lowercase();
        let temporary = sql.split_whitespace().take(4).any(|w| w.to_ascii_lowercase().starts_with("temp"));
        if DEFINE.contains(&word.as_str()) && !temporary {
            for client in &mut self.aside {
                ask(client, sql, data);
            }
        }
    }
}

fn connect(port: u16, database: &str, user: &str, password: &str) -> Client {
    let mut login = Login::local(port, database, user, password);
    login.settings = SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Client::connect(&login).unwrap_or_else(|e| panic!("{user}: {e:?}"))
}

/// A simple query; COPY FROM STDIN in it is given the data.
fn ask(client: &mut Client, sql: &str, data: Option<&str>) -> Answer {
    client.put_query(sql);
    let mut answer = Answer::default();
    loop {
        match client.receive() {
            Ok(Message::Other('G', _)) => client.pipeline(|out| {
                let data = BytesMut::from(data.unwrap_or_default().as_bytes());
                frontend::CopyData::new(data).unwrap().write(out);
                frontend::copy_done(out);
            }),
            Ok(message) => {
                let last = matches!(message, Message::ReadyForQuery(_));
                answer.messages.push(message);
                if last {
                    return answer;
                }
            }
            Err(why) => {
                answer.broken = Some(format!("{why}: {:?}", answer.error()));
                return answer;
            }
        }
    }
}

/// The id of pgveil's refusal.
fn refusal(answer: &Answer) -> Option<String> {
    let hint = answer.error()?.get(&'H')?;
    let (_, rest) = hint.split_once(MARK)?;
    Some(rest.trim_end_matches(')').to_owned())
}

fn keep(answer: &Answer, prefix: &str, known: &mut Variables) {
    let Some(row) = answer.raw_rows().next() else { return };
    for (field, cell) in answer.columns().iter().zip(row) {
        if let Some(cell) = cell {
            known.insert(format!("{prefix}{}", field.name), String::from_utf8_lossy(cell).into_owned());
        }
    }
}
