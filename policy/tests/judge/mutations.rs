//! Policy files with mistakes in them: nothing that stands in one makes pgveil panic, and every fault has a place in the text.

use std::sync::Arc;

use pgveil_policy::{Engine, Policy, PolicyError};

use crate::fixture::{MARKER, catalog};

const FILES: [&str; 6] = [
    include_str!("../../../docs/policies/gdpr.toml"),
    include_str!("../../../docs/policies/health.toml"),
    include_str!("../../../docs/policies/hr.toml"),
    include_str!("../../../docs/policies/saas.toml"),
    include_str!("../../../docs/policies/shop.toml"),
    include_str!("../example.toml"),
];

/// What people write in the place of something else.
const WORDS: [&str; 40] = [
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    "=",
    ".",
    ",",
    "#",
    "\n",
    "*",
    "\u{0}",
    "\u{1F511}",
    "ä",
    "-1",
    "0",
    "1e400",
    "nan",
    "9999999999999999999",
    "true",
    "1979-05-27T07:32:00Z",
    "\"\"\"",
    "version",
    "class",
    "role",
    "mask",
    "rows",
    "columns",
    "default",
    "hash",
    "token",
    "fake",
    "sql",
    "json",
    "keep",
    "write",
    "otherwise",
    "{column}",
    "shop.customers.email",
];

/// splitmix64.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(n.max(1)).unwrap()).unwrap()
    }
}

/// Cut at what TOML and SQL take for words.
fn pieces(text: &str) -> Vec<&str> {
    text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_').collect()
}

fn mutated(rng: &mut Rng) -> String {
    let mut pieces = pieces(FILES[rng.below(FILES.len())]);
    let other = self::pieces(FILES[rng.below(FILES.len())]);
    for _ in 0..=rng.below(3) {
        let at = rng.below(pieces.len());
        match rng.below(6) {
            0 => drop(pieces.remove(at)),
            1 => pieces.insert(at, WORDS[rng.below(WORDS.len())]),
            2 => pieces[at] = WORDS[rng.below(WORDS.len())],
            3 => pieces[at] = other[rng.below(other.len())],
            4 => pieces.truncate(at.max(pieces.len() / 2)),
            _ => {
                let end = (at + rng.below(30)).min(pieces.len());
                let copied = pieces[at..end].to_vec();
                pieces.splice(at..at, copied);
            }
        }
        if pieces.is_empty() {
            break;
        }
    }
    pieces.concat()
}

/// It has a place in the file, and can be shown there.
fn well_placed(error: &PolicyError, text: &str) {
    assert!(error.line <= text.lines().count() + 1, "{error}");
    assert!(!error.to_string().is_empty() && error.help.as_ref().is_some_and(|h| !h.is_empty()), "{error}");
    assert!(error.render(text).contains(&error.message), "{error}");
}

#[test]
fn no_mistake_in_a_policy_is_beyond_words() {
    let catalog = Arc::new(catalog());
    let seed = std::env::var("PGVEIL_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let (mut loaded, mut fitting, mut refused) = (0, 0, 0);
    let first = Policy::parse("policy.toml", FILES[5]).unwrap();
    for number in 0..4_000 {
        let text = mutated(&mut Rng(seed + number * 7_919));
        match Policy::parse("policy.toml", &text) {
            Err(errors) => {
                assert!(!errors.is_empty(), "{text}");
                errors.iter().for_each(|e| well_placed(e, &text));
                refused += 1;
            }
            Ok(policy) => {
                loaded += 1;
                let _told = pgveil_policy::report::diff::diff(&first, &policy, None).unwrap();
                // Engines take longest.
                if loaded % 8 == 0 {
                    match Engine::new(&policy, Arc::clone(&catalog), MARKER) {
                        Ok(_) => fitting += 1,
                        Err(errors) => assert!(!errors.is_empty() && errors.iter().all(|e| !e.to_string().is_empty())),
                    }
                }
            }
        }
    }
    println!("mutations: {refused} are no policy, {loaded} are; {fitting} of every eighth fit the database");
    assert!(refused > 1_000 && loaded > 500 && fitting > 0, "{refused} {loaded} {fitting}");
}
