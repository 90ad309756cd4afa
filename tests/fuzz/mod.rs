//! The fuzzer of the judgement: whatever the text, it is judged or refused, twice alike, and what is printed reads back as it was meant.
//!
//! `PGVEIL_SEED` repeats a run, `PGVEIL_TEXTS` says how many texts, `PGVEIL_FUZZ` runs on until Ctrl-C. Should the process die, as
//! of a stack that overflows, the text is in the file that was named at the start.

mod client;
mod decoders;
mod frames;
mod middle;
mod texts;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::{env, fs};

use pgveil_policy::read::{self, Body};
use pgveil_policy::{Engine, Kind, Plan, Refusal, SqlState, Subject};

use crate::twins::seed;
use crate::twins::stage::{self, MARKER, Stage};
use texts::Texts;

#[derive(Default)]
struct Figures {
    accepted: usize,
    refused: BTreeMap<&'static str, usize>,
}

#[test]
fn every_text_is_judged_or_refused() {
    let count = env::var("PGVEIL_TEXTS").map_or(2000, |n| n.parse().expect("PGVEIL_TEXTS is a number"));
    let stage = Stage::small();
    // Two engines: nothing may depend on the order in which a map is walked, nor on what was judged before.
    let engines = [&stage.both.a, &stage.both.b].map(|database| stage::engine(database));
    let last = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz.sql");
    let mut seed = seed();
    loop {
        println!("fuzz: seed {seed}; the text that is judged is kept in {}", last.display());
        let mut figures = Figures::default();
        let mut texts = Texts::new(seed);
        for number in 0..count {
            let text = texts.next();
            fs::write(&last, &text).unwrap();
            let result = catch_unwind(AssertUnwindSafe(|| check(&engines, &text, &mut figures)));
            let short = |text: &str| text.chars().take(4000).collect::<String>();
            match result {
                Ok(Ok(())) => {}
                Ok(Err(what)) => panic!("PGVEIL_SEED={seed}, text {number}: {}\n{}", short(&what), short(&text)),
                Err(_) => panic!("PGVEIL_SEED={seed}, text {number}: it panicked\n{}", short(&text)),
            }
        }
        println!("fuzz: {count} texts, {} accepted", figures.accepted);
        let mut refused: Vec<_> = figures.refused.iter().collect();
        refused.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
        refused.iter().for_each(|(id, n)| println!("  {n:6} refused: {id}"));
        assert!(figures.accepted * 20 > count, "too few texts are accepted for the test to say much");
        if env::var_os("PGVEIL_FUZZ").is_none() {
            return;
        }
        seed += 1;
    }
}

fn subject(role: &str) -> Subject {
    Subject { role: role.to_owned(), search_path: ["pg_catalog", "shop", "public"].map(str::to_owned).to_vec().into(), user: None }
}

fn check(engines: &[Engine; 2], text: &str, figures: &mut Figures) -> Result<(), String> {
    for role in ["analyst", "filtered"] {
        let who = subject(role);
        let judged = engines[0].judge(&who, text);
        let again = engines[1].judge(&who, text);
        if judged != again {
            return Err(format!("as {role} it is judged differently the second time:\n{judged:?}\n{again:?}"));
        }
        match judged {
            Ok(plan) => {
                figures.accepted += usize::from(role == "analyst" && !plan.statements.is_empty());
                printed(&plan)?;
            }
            Err(refusal) => {
                complete(&refusal, text)?;
                *figures.refused.entry(refusal.id).or_default() += 1;
            }
        }
    }
    Ok(())
}

/// What is sent is in normal form: both readers read it, and print it as it is.
fn printed(plan: &Plan) -> Result<(), String> {
    for statement in &plan.statements {
        if statement.kind != Kind::Query {
            continue;
        }
        let text = statement.text.render(MARKER, |token| token.text.clone(), str::to_owned);
        let again = read::deep(|| {
            let mut statements = match read::read(&text) {
                Ok(statements) => statements,
                // It is longer than what the client sent, and may be too long.
                Err(refusal) if [SqlState::TOO_LARGE, SqlState::TOO_COMPLEX].contains(&refusal.code) => return Ok(text.clone()),
                Err(refusal) => return Err(format!("what is sent is not read: {refusal}\n{text}")),
            };
            match (statements.pop(), statements.is_empty()) {
                (Some(read::Statement { body: Body::Query(reading), .. }), true) => {
                    reading.print(&reading.ast).map_err(|refusal| format!("what is sent is not printed: {refusal}\n{text}"))
                }
                _ => Err(format!("what is sent is not one query\n{text}")),
            }
        })?;
        if again != text {
            return Err(format!("what is sent is printed otherwise when it is read again:\n{text}\n{again}"));
        }
    }
    Ok(())
}

/// A refusal says what and where, within the text.
fn complete(refusal: &Refusal, text: &str) -> Result<(), String> {
    let within = refusal.position.is_none_or(|p| p >= 1 && p <= text.chars().count() + 1);
    if refusal.message.is_empty() || refusal.id.is_empty() || !within {
        return Err(format!("the refusal is not complete: {refusal:?}"));
    }
    Ok(())
}
