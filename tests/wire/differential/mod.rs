//! The same conversation goes to Postgres directly and through pgveil; the answers are equal, but for what `compare` declares.

mod compare;
mod events;
mod ground;
mod make;
mod masked;
mod recorded;
mod sizes;
mod speak;
mod stopped;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pgveil_tests::rng::Rng;

use compare::{Verdict, Whose, compare};
use ground::Ground;
use make::{Maker, Mood, PLAIN};
use speak::{End, Line, Split};

/// Until when, and whether for good: the first run of a fixed seed is short.
fn minutes(short: Duration) -> (Instant, bool) {
    let long = std::env::var_os("PGVEIL_FUZZ").is_some();
    (Instant::now() + if long { Duration::from_secs(3600 * 24) } else { short }, long)
}

fn first_seed() -> u64 {
    std::env::var("PGVEIL_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1)
}

/// How many were compared, and how far.
#[derive(Debug, Default)]
struct Tally {
    done: u64,
    partly: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn count(&mut self, seed: u64, end: End, script: &[Vec<u8>], verdict: Verdict) {
        self.done += 1;
        match verdict {
            Verdict::Equal => {}
            Verdict::UpTo(id) => *self.partly.entry(id).or_default() += 1,
            Verdict::Different(theirs, ours, same) => panic!("{}", report(seed, end, script, &theirs, &ours, same)),
        }
    }

    fn end(&self, role: &str) {
        println!("{} conversations as {role}, from seed {}; compared up to a refusal: {:?}", self.done, first_seed(), self.partly);
        assert!(self.done > 10, "{}", self.done);
        assert!(self.partly.values().sum::<u64>() * 4 < self.done, "most are compared to their end");
    }
}

fn differ(role: &str, whose: Whose, mood: Mood, count: u64, short: Duration) {
    let ground = Ground::new();
    let (mut direct, mut veiled) = (Line::new(ground.direct(role)), Line::new(ground.veiled(role)));
    let (until, long) = minutes(short);
    let mut tally = Tally::default();
    for seed in first_seed().. {
        if Instant::now() > until || !long && tally.done >= count {
            break;
        }
        let script = Maker::new(seed, mood, PLAIN).conversation();
        let mut rng = Rng::new(seed ^ 0x5eed);
        let split = *rng.pick(&[Split::Whole, Split::Whole, Split::Bytes, Split::Random(seed)]);
        let end = *rng.pick(&[End::Reset, End::Reset, End::Reset, End::Reset, End::Reset, End::Reset, End::HangUp, End::Terminate]);
        let theirs = direct.run(&script, end, Split::Whole);
        let ours = veiled.run(&script, end, split);
        tally.count(seed, end, &script, compare(whose, &theirs, &ours));
    }
    tally.end(role);
}

fn report(seed: u64, end: End, script: &[Vec<u8>], theirs: &[String], ours: &[String], same: usize) -> String {
    let sent: Vec<String> = script.iter().map(|m| format!("  {} {}", m[0].escape_ascii(), m[5.min(m.len())..].escape_ascii())).collect();
    let rest = |all: &[String]| all.iter().skip(same.saturating_sub(2)).take(8).map(|m| format!("  {m}\n")).collect::<String>();
    format!("seed {seed}, {end:?}\n{}\nafter {same} equal answers, Postgres:\n{}pgveil:\n{}", sent.join("\n"), rest(theirs), rest(ours))
}

#[test]
fn nothing_is_withheld_from_an_admin() {
    differ("admin", Whose::Admin, Mood::Anything, 400, Duration::from_secs(20));
}

#[test]
fn a_role_with_masks_where_nothing_is_protected() {
    for role in ["analyst", "tokens"] {
        differ(role, Whose::Masked, Mood::Legal, 400, Duration::from_secs(20));
    }
}
