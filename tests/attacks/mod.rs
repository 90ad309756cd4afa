//! Attacks: one file for each channel. Each is run as the analyst on both twins, in a session of its own.
//!
//! Whatever is expected of an attack, both twins must give the same answers to all its statements, up to a renaming of
//! pseudonyms, and the canary must be silent.

mod alias;
mod carry;
mod cast_error;
mod catalog;
mod chosen;
mod code;
mod code_bodies;
mod combined;
mod conditions;
mod copy;
mod data_modifying_ctes;
mod ddl_columns;
mod ddl_names;
mod distinct_aggregates;
mod errors;
mod evaluation_order;
mod executed;
mod explain;
mod expression;
mod fakes;
mod field_notation;
mod files;
mod forms;
mod function_call;
mod functional_notation;
mod guess;
mod held;
mod identity;
mod inference;
mod later_forms;
mod launder_settings;
mod laundering;
mod limit_rows;
mod limits;
mod lock;
mod long_names;
mod matview;
mod meet;
mod merge;
mod move_counts;
mod multi_statement;
mod notify;
mod on_conflict;
mod only;
mod open_functions;
mod outer_aggregate;
mod parameters;
mod physical;
mod precedence;
mod prepared;
mod quotes;
mod races;
mod readers_of_tables;
mod redeclared;
mod returning;
mod roles;
mod row_filter;
mod row_order;
mod row_order_plans;
mod scoping;
mod seal_types;
mod sealed_arrays;
mod search_path;
mod settings;
mod shadows;
mod shifted;
mod sql_masks;
mod stored_views;
mod temporary;
mod tokens;
mod two_phase;
mod typed_nulls;
mod unaccepted;
mod users;
mod versions;
mod view;
mod whole_row;
mod window;
mod write_oracles;
mod writes;

use std::sync::OnceLock;

use pgveil_tests::client::{Answer, Client, Message};

use crate::twins::compare::Renaming;
use crate::twins::stage::Stage;

/// One attack.
struct Attack {
    /// What the attacker hopes to see.
    hope: &'static str,
    /// The statements, in one session; see [`Victim`] for the names in braces.
    sql: &'static [&'static str],
    /// What is seen in answer to the last of them.
    expect: Expect,
}

/// What is seen.
#[derive(Debug, Clone, Copy)]
enum Expect {
    /// 42501 or 0A000, and no row.
    Refused,
    /// An error of that SQLSTATE, and no row.
    Error(&'static str),
    /// An error, and no row.
    Nothing,
    /// These rows: cells divided by `|`, rows by line ends, NULL as `∅`.
    Rows(&'static str),
    /// No row, and this data of a COPY TO STDOUT.
    Copied(&'static str),
    /// Rows in which each cell is a pseudonym of the e-mail class, or NULL.
    Pseudonyms,
    /// An answer or a refusal: that it is the same on both twins is all that counts.
    Harmless,
}
use Expect::{Copied, Error, Harmless, Nothing, Pseudonyms, Refused, Rows};

const fn attack(hope: &'static str, sql: &'static [&'static str], expect: Expect) -> Attack {
    Attack { hope, sql, expect }
}

/// Raw values of one customer in twin A: `{id}`, `{email}`, `{name}`, `{ssn}`, `{phone}`, `{salary}`, `{dob}`, `{device}`, `{account}` in an attack.
struct Victim(Vec<(&'static str, String)>);

impl Victim {
    fn get() -> &'static Victim {
        static VICTIM: OnceLock<Victim> = OnceLock::new();
        VICTIM.get_or_init(|| {
            let stage = Stage::get();
            let mut plain = Client::connect(&stage.plain(&stage.both.a)).unwrap();
            let sql = "SELECT id, email, full_name, ssn, phone, salary, dob, device, account FROM shop.customers \
                       WHERE country = 'DE' AND num_nulls(email, full_name, ssn, phone, salary, dob, device, account) = 0 \
                       AND ssn ~ '[a-z]' ORDER BY id LIMIT 1";
            let rows = plain.query(sql).rows();
            let names = ["{id}", "{email}", "{name}", "{ssn}", "{phone}", "{salary}", "{dob}", "{device}", "{account}"];
            Victim(names.into_iter().zip(rows[0].iter().map(|v| v.clone().unwrap())).collect())
        })
    }

    fn fill(&self, sql: &str) -> String {
        self.0.iter().fold(sql.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

/// Runs all of a file's attacks.
///
/// # Panics
/// With every attack that showed something else than is expected.
fn run(role: &str, attacks: &[Attack]) {
    let faults: Vec<String> = attacks.iter().filter_map(|attack| one(role, attack).err().map(|why| tell(attack, &why))).collect();
    assert!(faults.is_empty(), "{} of {} attacks:\n\n{}", faults.len(), attacks.len(), faults.join("\n\n"));
}

/// Runs attacks of roles that may write, one after another: what one leaves behind, the next finds.
fn run_writing(role: &str, attacks: &[Attack]) {
    run_on(Stage::writable(), role, attacks);
}

/// Runs attacks on another stage, one after another.
fn run_on(stage: &Stage, role: &str, attacks: &[Attack]) {
    let one = |attack: &Attack| {
        let texts: Vec<String> = attack.sql.iter().map(|sql| Victim::get().fill(sql)).collect();
        let answers = both_on(stage, role, |session| texts.iter().map(|sql| session.query(sql)).collect())?;
        seen(&answers[0], attack.expect)?;
        seen(&answers[1], attack.expect)
    };
    let faults: Vec<String> = attacks.iter().filter_map(|attack| one(attack).err().map(|why| tell(attack, &why))).collect();
    assert!(faults.is_empty(), "{} of {} attacks:\n\n{}", faults.len(), attacks.len(), faults.join("\n\n"));
}

fn tell(attack: &Attack, why: &str) -> String {
    format!("{}\n  {}\n  expected {:?}\n  {why}", attack.hope, attack.sql.join("\n  "), attack.expect)
}

fn one(role: &str, attack: &Attack) -> Result<(), String> {
    let texts: Vec<String> = attack.sql.iter().map(|sql| Victim::get().fill(sql)).collect();
    let answers = both(role, |session| texts.iter().map(|sql| session.query(sql)).collect())?;
    seen(&answers[0], attack.expect)?;
    seen(&answers[1], attack.expect)
}

/// Lets `act` happen on both twins and compares all answers; the last ones of each.
fn both(role: &str, act: impl Fn(&mut Client) -> Vec<Answer>) -> Result<[Answer; 2], String> {
    both_on(Stage::get(), role, act)
}

/// The same on another stage.
fn both_on(stage: &Stage, role: &str, act: impl Fn(&mut Client) -> Vec<Answer>) -> Result<[Answer; 2], String> {
    let mut renaming = Renaming::default();
    let twins = stage.twins_of(role);
    let [a, b] = [&twins.a, &twins.b].map(|database| {
        // A canary panics where the bytes are read: it is reported with the attack.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut session = Client::connect(&stage.login(role, database)).unwrap_or_else(|e| panic!("login: {e:?}"));
            act(&mut session)
        }))
        .map_err(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())
    });
    let (mut a, mut b) = (a?, b?);
    for (a, b) in a.iter().zip(&b) {
        renaming.same(a, b).map_err(|what| format!("the twins differ: {what}"))?;
    }
    Ok([a.pop().unwrap(), b.pop().unwrap()])
}

fn seen(answer: &Answer, expect: Expect) -> Result<(), String> {
    let rows = || answer.raw_rows().map(|row| row.iter().map(cell).collect::<Vec<_>>().join("|")).collect::<Vec<_>>().join("\n");
    let says = || format!("{} {}", answer.sqlstate(), answer.message());
    let no_rows = answer.raw_rows().next().is_none();
    let fits = match expect {
        Refused => no_rows && matches!(answer.sqlstate(), "42501" | "0A000"),
        Nothing => no_rows && answer.error().is_some(),
        Error(code) => no_rows && answer.sqlstate() == code,
        Rows(text) => answer.error().is_none() && rows() == text,
        Pseudonyms => {
            let mut cells = answer.raw_rows().flatten().flatten();
            !no_rows && answer.error().is_none() && cells.all(|cell| is_pseudonym(cell))
        }
        Copied(text) => no_rows && answer.error().is_none() && copied(answer) == text,
        Harmless => answer.broken.is_none(),
    };
    if fits { Ok(()) } else { Err(format!("seen: {}\n{}{}", says(), rows(), copied(answer))) }
}

fn copied(answer: &Answer) -> String {
    let data = answer.messages.iter().filter_map(|m| match m {
        Message::CopyData(data) => Some(data.as_slice()),
        _ => None,
    });
    String::from_utf8_lossy(&data.collect::<Vec<_>>().concat()).into_owned()
}

fn cell(cell: &Option<Vec<u8>>) -> String {
    cell.as_ref().map_or_else(|| "∅".to_owned(), |v| String::from_utf8_lossy(v).into_owned())
}

fn is_pseudonym(cell: &[u8]) -> bool {
    cell.len() == 34 && cell.starts_with(b"u_") && cell[2..].iter().all(|b| b"0123456789abcdefghjkmnpqrstvwxyz".contains(b))
}

/// A file of attacks that needs no more than its list.
macro_rules! attacks {
    ($($attack:expr),* $(,)?) => {
        const ATTACKS: &[Attack] = &[$($attack),*];

        #[test]
        fn attacks() {
            run("analyst", ATTACKS);
        }
    };
}
use attacks;
