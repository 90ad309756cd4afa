//! One session on both twins, and on the masked database: the same answers, and right ones.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pgveil_tests::client::{Answer, Client, Login, Message};

use super::step::{Session, Step};
use super::{copied, kept};
use crate::twins::compare::Renaming;
use crate::twins::constructs::Facts;
use crate::twins::masked::Masked;
use crate::twins::meaning::{self, is_limit};
use crate::twins::perturb;
use crate::twins::run::shape;
use crate::twins::stage::Stage;
use crate::twins::tally::Report;

/// Connections for all sessions of one worker.
pub struct Runner {
    logins: [Login; 2],
    twins: Option<[Client; 2]>,
    /// As the superuser, on both twins.
    superusers: [Client; 2],
    masked: Option<Masked>,
    /// For validity and meaning: on each masked database as it is needed, or on a plain one.
    judges: Vec<(Login, Option<Client>)>,
    renaming: Renaming,
    /// How often the twins' connections were used.
    used: usize,
    /// The highest OID of what was there before any session.
    shared: u32,
    /// Text is protected from the role: none may be stored for it.
    protected: bool,
}

/// What came of a session.
#[derive(Default)]
pub struct Played {
    /// Twin A's; `None` for a step that was left out or not come to.
    answers: Vec<Option<Answer>>,
    /// How the twins differ, or what is stored that must not be.
    pub difference: Option<String>,
    inconclusive: bool,
}

/// Sessions for which the same connections are used.
const REUSED: usize = 40;

/// As the step that pgveil refused: it fails, and with it the transaction.
const REFUSED: &str = "SELECT refused_here";

impl Runner {
    /// As a role through pgveil.
    pub fn new(ground: &Stage, role: &str, masked: &Masked) -> Runner {
        let logins = [&ground.both.a, &ground.both.b].map(|database| ground.login(role, database));
        let judges = (0..masked.databases.len()).map(|n| (judge(ground, masked, n), None)).collect();
        let protected = logins[0].canary;
        Runner { protected, renaming: masked.renamings[1].clone(), masked: Some(masked.clone()), ..Runner::between(ground, logins, judges) }
    }

    /// Without pgveil between: `plain` says what is valid.
    pub fn plain(ground: &Stage) -> Runner {
        let logins = [&ground.both.a, &ground.both.b].map(|database| ground.plain(database));
        Runner::between(ground, logins.clone(), vec![(logins[0].clone(), None)])
    }

    /// Through pgveil, of which only the twins are compared.
    pub fn through(ground: &Stage, logins: [Login; 2]) -> Runner {
        let plain = ground.plain(&ground.both.a);
        Runner::between(ground, logins, vec![(plain, None)])
    }

    /// What Postgres itself answers.
    pub fn valid(&mut self, session: &Session) -> Vec<Option<Answer>> {
        self.judged(0, session, &[], false)
    }

    fn between(ground: &Stage, logins: [Login; 2], judges: Vec<(Login, Option<Client>)>) -> Runner {
        let mut superusers = [&ground.both.a, &ground.both.b].map(|database| Client::connect(&ground.plain(database)).unwrap());
        let highest = "SELECT max(oid) FROM (SELECT oid::int8 FROM pg_class UNION ALL SELECT oid::int8 FROM pg_type) AS all_of_them";
        let shared = superusers.each_mut().map(|s| s.query(highest).value().unwrap().parse().unwrap()).into_iter().max().unwrap();
        Runner { logins, twins: None, superusers, masked: None, judges, renaming: Renaming::default(), used: 0, shared, protected: true }
    }

    /// Connections that are made from now on find the settings of the database as they are then.
    pub fn reconnect(&mut self) {
        self.twins = None;
        self.judges.iter_mut().for_each(|(_, session)| *session = None);
    }

    /// Plays a session on both twins, and leaves nothing of it.
    pub fn play(&mut self, session: &Session) -> Played {
        let mut played = Played::default();
        // A canary panics where the bytes are read.
        let done = catch_unwind(AssertUnwindSafe(|| self.steps(session, &mut played)));
        if let Err(why) = done {
            let why = why.downcast_ref::<String>().map_or("a panic", String::as_str);
            played.difference = Some(why.chars().take(2000).collect());
        }
        let clean = self.twins.as_mut().is_some_and(|twins| twins.iter_mut().all(|twin| twin.query("ROLLBACK").broken.is_none()));
        if clean && played.difference.is_none() {
            played.difference = self.stored(session);
        }
        self.used += 1;
        let discarded = clean
            && played.difference.is_none()
            && !self.used.is_multiple_of(REUSED)
            && self.twins.as_mut().is_some_and(|twins| twins.iter_mut().all(|t| t.query("DISCARD ALL").error().is_none()));
        if !discarded {
            self.twins = None;
        }
        if session.steps.iter().any(|s| s.sql().contains("adhoc.")) {
            self.superusers.iter_mut().for_each(kept::clear);
        }
        played
    }

    fn steps(&mut self, session: &Session, played: &mut Played) {
        let (logins, shared) = (&self.logins, self.shared);
        let twins =
            self.twins.get_or_insert_with(|| logins.each_ref().map(|l| Client::connect(l).unwrap_or_else(|e| panic!("login: {e:?}"))));
        let mut status = 'I';
        for (n, step) in session.steps.iter().enumerate() {
            if step.inside && status != 'T' {
                played.answers.push(None);
                continue;
            }
            twins.iter_mut().for_each(|twin| step.put(twin));
            let [a, b] = twins.each_mut().map(|twin| copied::normal(step.answer(twin), shared));
            status = a.status().unwrap_or('I');
            if [&a, &b].iter().any(|x| is_limit(x) && x.sqlstate() != "54000") {
                played.inconclusive = true;
                return;
            }
            let same = same(&mut self.renaming, step, &a, &b);
            let broken = a.broken.is_some();
            played.answers.push(Some(a));
            if let Err(what) = same {
                played.difference = Some(format!("step {n}: {what}"));
            }
            if played.difference.is_some() || broken {
                return;
            }
        }
    }

    /// What lies in tables of the session's own: the same on both twins, and nothing protected.
    fn stored(&mut self, session: &Session) -> Option<String> {
        if !session.steps.iter().any(|s| s.sql().contains("adhoc.")) {
            return None;
        }
        let said: Vec<u8> = session.steps.iter().flat_map(|s| s.sql().bytes()).collect();
        let shared = self.shared;
        let [a, b] = self.superusers.each_mut().map(|superuser| kept::read(superuser, shared));
        if let Some(leak) = kept::leak(&said, &a).or_else(|| kept::leak(&said, &b)).filter(|_| self.protected) {
            return Some(leak);
        }
        let names = |kept: &[(String, Answer)]| kept.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        if names(&a) != names(&b) {
            return Some(format!("tables {:?} on A, {:?} on B", names(&a), names(&b)));
        }
        let step = Step::simple("kept", "").unordered();
        a.iter()
            .zip(&b)
            .find_map(|((name, a), (_, b))| same(&mut self.renaming, &step, a, b).err().map(|what| format!("adhoc.{name}: {what}")))
    }

    /// The same session on the n-th masked database. `refused`: steps that fail in it as they did for the role.
    fn judged(&mut self, n: usize, session: &Session, refused: &[bool], perturb: bool) -> Vec<Option<Answer>> {
        let shared = self.shared;
        let (login, client) = &mut self.judges[n];
        let client = client.get_or_insert_with(|| Client::connect(login).unwrap());
        let mut out = Vec::new();
        let mut status = 'I';
        for (at, step) in session.steps.iter().enumerate() {
            if step.inside && status != 'T' {
                out.push(None);
                continue;
            }
            let answer = if refused.get(at).copied().unwrap_or(false) {
                client.query(REFUSED)
            } else {
                let other = perturb.then(|| perturb::perturbed(step.sql())).flatten().filter(|_| step.kind.ends_with("query"));
                other.map_or_else(|| step.clone(), |text| step.with_sql(text)).ask(client)
            };
            status = answer.status().unwrap_or('I');
            let broken = answer.broken.is_some();
            out.push(Some(copied::normal(answer, shared)));
            if broken {
                break;
            }
        }
        client.query("ROLLBACK");
        if session.steps.iter().any(|s| s.sql().contains("adhoc.")) {
            kept::clear(client);
        }
        if client.query("DISCARD ALL").broken.is_some() {
            self.judges[n].1 = None;
        }
        out
    }

    /// Plays a session and notes what happened; how the twins differ, or what is wrong.
    pub fn note(&mut self, session: &Session, report: &mut Report) -> Option<Fault> {
        let valid = self.judged(0, session, &[], false);
        let played = self.play(session);
        if played.inconclusive {
            report.inconclusive += 1;
            return None;
        }
        if let Some(what) = played.difference {
            return Some(Fault::Different(what));
        }
        let mut refused = Vec::new();
        for (n, step) in session.steps.iter().enumerate() {
            let fine = valid.get(n).and_then(Option::as_ref).is_some_and(|a| a.error().is_none() && a.broken.is_none());
            let Some(answer) = played.answers.get(n).and_then(Option::as_ref) else {
                refused.push(false);
                continue;
            };
            let id = refusal(answer);
            let told = match (answer.error(), &id) {
                (None, _) => Ok(()),
                (Some(_), Some(id)) => Err(id.clone()),
                (Some(_), None) => Err(format!("{} {}", answer.sqlstate(), shape(answer.message()))),
            };
            match &told {
                Err(why) if id.is_none() && refused.contains(&true) && fine => {
                    // What it needs was refused before.
                    *report.errors.entry(format!("after a refusal: {}", why.get(..5).unwrap_or_default())).or_default() += 1;
                }
                Err(why) if !fine => *report.errors.entry(why.clone()).or_default() += 1,
                _ => {
                    if let Err(why) = &told {
                        report.example(why, step.sql());
                    }
                    report.note("session", [step.kind].into_iter(), fine, told.as_ref().copied().map_err(String::as_str));
                }
            }
            refused.push(id.is_some());
        }
        report.pseudonyms = self.renaming.len();
        self.masked.as_ref()?;
        let meant = if refused.contains(&true) { self.judged(0, session, &refused, false) } else { valid };
        match self.compared(session, &played.answers, &meant, &refused) {
            Verdict::Right => report.right += 1,
            Verdict::Open => report.open += 1,
            Verdict::Eager => report.eager += 1,
            Verdict::Wrong(what) => return Some(Fault::Wrong(what)),
        }
        None
    }

    fn compared(&mut self, session: &Session, seen: &[Option<Answer>], meant: &[Option<Answer>], refused: &[bool]) -> Verdict {
        let covers = |masked: &Masked| session.steps.iter().all(|s| masked.covers(s.sql()));
        let Some(masked) = self.masked.clone().filter(covers) else { return Verdict::Open };
        let written = session.steps.iter().position(|s| writes_protected(s.sql())).unwrap_or(usize::MAX);
        let Some((at, what, eager)) = session.steps.iter().enumerate().take_while(|(n, _)| *n < written).find_map(|(n, step)| {
            let (seen, meant) = (seen.get(n)?.as_ref(), meant.get(n)?.as_ref());
            if refused.get(n).copied().unwrap_or(false) {
                return None;
            }
            match (seen, meant) {
                (Some(seen), Some(meant)) => {
                    let what = differ(&masked, 0, step, seen, meant)?;
                    Some((n, what, seen.error().is_some() && meant.error().is_none() && seen.sqlstate().starts_with("22")))
                }
                (None, None) => None,
                _ => Some((n, "it was in a transaction on one side only".to_owned(), false)),
            }
        }) else {
            return Verdict::Right;
        };
        // Where the others do not agree, SQL leaves it open; what comes after may hang on it.
        for perturb in [false, true] {
            for n in 1..self.judges.len() {
                let other = self.judged(n, session, refused, perturb);
                let (Some(Some(other)), Some(Some(first))) = (other.get(at), meant.get(at)) else { return Verdict::Open };
                if differ_between(&masked, n, &session.steps[at], other, first) {
                    return Verdict::Open;
                }
            }
        }
        if eager { Verdict::Eager } else { Verdict::Wrong(format!("step {at}: {what}")) }
    }

    /// What is wrong with a session, whatever it is.
    pub fn fault(&mut self, session: &Session) -> Option<Fault> {
        self.note(session, &mut Report::default())
    }
}

/// What must not be, in words.
pub enum Fault {
    /// The twins differ.
    Different(String),
    /// They agree on something else than the masked database.
    Wrong(String),
}

impl Fault {
    pub fn words(&self) -> &str {
        match self {
            Fault::Different(what) | Fault::Wrong(what) => what,
        }
    }
}

enum Verdict {
    Right,
    Open,
    Eager,
    Wrong(String),
}

fn judge(ground: &Stage, masked: &Masked, n: usize) -> Login {
    let plans = [
        "-c enable_hashagg=off -c enable_mergejoin=off",
        "-c enable_sort=off -c enable_nestloop=off",
        "-c enable_hashjoin=off -c enable_seqscan=off",
    ];
    let options = plans[n % plans.len()].to_owned();
    Login { settings: vec![("options".to_owned(), options)], ..ground.plain(&masked.databases[n]) }
}

/// The id of a refusal, from its hint.
fn refusal(answer: &Answer) -> Option<String> {
    let hint = answer.error()?.get(&'H')?;
    let (_, id) = hint.split_once("(refusals.md: ")?;
    Some(id.trim_end_matches(')').to_owned())
}

fn same(renaming: &mut Renaming, step: &Step, a: &Answer, b: &Answer) -> Result<(), String> {
    if step.explains() && a.error().is_none() && b.error().is_none() && a.columns() == b.columns() {
        return Ok(());
    }
    if !step.unordered {
        return renaming.same(a, b);
    }
    let (a, b) = (sorted(a, &Renaming::default()), sorted(b, renaming));
    renaming.same(&a, &b)
}

/// With the rows in the order of their canonical form, run by run.
fn sorted(answer: &Answer, renaming: &Renaming) -> Answer {
    let mut messages: Vec<Message> = Vec::new();
    let mut run: Vec<(Vec<Option<Vec<u8>>>, Message)> = Vec::new();
    let mut fields = Vec::new();
    for message in &answer.messages {
        if let Message::DataRow(cells) = message {
            let key = cells.iter().enumerate().map(|(n, c)| c.as_deref().map(|c| renaming.canonical(c, fields.get(n)))).collect();
            run.push((key, message.clone()));
            continue;
        }
        if let Message::RowDescription(new) = message {
            fields.clone_from(new);
        }
        run.sort_by(|a, b| a.0.cmp(&b.0));
        messages.extend(run.drain(..).map(|(_, row)| row));
        messages.push(message.clone());
    }
    Answer { messages, broken: answer.broken.clone() }
}

/// Writes to a table with protected columns or hidden rows. The masks of a new row, and which rows a filter that reads such a table
/// hides then, no database of masked values knows.
fn writes_protected(sql: &str) -> bool {
    let words = sql.to_ascii_uppercase().replace("ONLY ", "");
    let tables = ["CUSTOMERS", "ORDERS", "EMPLOYEES", "PROFILES", "LEADS", "CONTACTS", "PARTNERS"];
    let verbs = ["INSERT INTO", "UPDATE", "DELETE FROM", "MERGE INTO"];
    let written = |table: &str| verbs.iter().any(|verb| words.contains(&format!("{verb} SHOP.{table}")));
    tables.into_iter().any(written) || words.starts_with("COPY SHOP.") && words.contains("FROM STDIN")
}

fn differ(masked: &Masked, n: usize, step: &Step, seen: &Answer, meant: &Answer) -> Option<String> {
    match (seen.error(), meant.error()) {
        (Some(_), Some(_)) => return None,
        (Some(_), None) => return Some(format!("fails with {} {}", seen.sqlstate(), seen.message())),
        (None, Some(_)) => return Some(format!("the masked database says {} {}", meant.sqlstate(), meant.message())),
        (None, None) => {}
    }
    if step.explains() {
        return None;
    }
    if seen.tags() != meant.tags() {
        return Some(format!("tags {:?} for {:?}", seen.tags(), meant.tags()));
    }
    let read = |n: usize, answer: &Answer| meaning::results(&masked.renamings[n], answer);
    meaning::differ(&read(0, seen), &read(n, meant), &Facts::default())
}

fn differ_between(masked: &Masked, n: usize, step: &Step, other: &Answer, first: &Answer) -> bool {
    is_limit(other) || differ(masked, n, step, first, other).is_some()
}
