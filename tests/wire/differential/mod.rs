//! The same conversation goes to Postgres directly and through pgveil; the answers are equal, but for what `compare` declares.

mod compare;
mod ground;
mod make;
mod speak;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pgveil_tests::rng::Rng;

use compare::{Verdict, Whose, compare};
use ground::Ground;
use make::{Maker, Mood};
use speak::{End, Line, Split};

/// Until when, and whether for good: the first run of a fixed seed is short.
fn minutes(short: Duration) -> (Instant, bool) {
    let long = std::env::var_os("PGVEIL_FUZZ").is_some();
    (Instant::now() + if long { Duration::from_secs(3600 * 24) } else { short }, long)
}

fn differ(role: &str, whose: Whose, mood: Mood, count: u64, short: Duration) {
    let ground = Ground::new();
    let (mut direct, mut veiled) = (Line::new(ground.direct(role)), Line::new(ground.veiled(role)));
    let (until, long) = minutes(short);
    let first: u64 = std::env::var("PGVEIL_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let mut done = 0_u64;
    let mut partly: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in first.. {
        if Instant::now() > until || !long && seed >= first + count {
            break;
        }
        let script = Maker::new(seed, mood).conversation();
        let mut rng = Rng::new(seed ^ 0x5eed);
        let split = *rng.pick(&[Split::Whole, Split::Whole, Split::Bytes, Split::Random(seed)]);
        let end = if rng.chance(20) { End::HangUp } else { End::Reset };
        let theirs = direct.run(&script, end, Split::Whole);
        let ours = veiled.run(&script, end, split);
        match compare(whose, &theirs, &ours) {
            Verdict::Equal => {}
            Verdict::UpTo(id) => *partly.entry(id).or_default() += 1,
            Verdict::Different(theirs, ours, same) => {
                let text = report(seed, end, &script, &theirs, &ours, same);
                if std::env::var_os("PGVEIL_ALL").is_none() {
                    panic!("{text}");
                }
                println!("{text}");
            }
        }
        done += 1;
    }
    println!("{done} conversations as {role}, from seed {first}; compared up to a refusal: {partly:?}");
    assert!(done > 20, "{done}");
    assert!(partly.values().sum::<u64>() * 4 < done, "most are compared to their end");
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
