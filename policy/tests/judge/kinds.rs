//! Every refusal is of a kind that is on the list, every example is refused so, and the page is made from the list.
//!
//! `PGVEIL_BLESS=1 cargo test -p pgveil-policy --test judge` writes `docs/refusals.md`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use pgveil_policy::refusal::kinds::{Kind, kind, kinds};

use crate::fixture;

/// Words about the session or said by a reader that gives no place.
const WITHOUT_PLACE: &[&str] = &["setting.set", "setting.role", "setting.show", "read.control", "read.explain"];

#[test]
fn each_example_is_refused_so_and_says_where() {
    let engine = fixture::engine();
    let mut faults = Vec::new();
    for kind in sorted() {
        let Some(example) = kind.example else { continue };
        match engine.judge(&fixture::subject("analyst"), example) {
            Ok(_) => faults.push(format!("{}: {example} is accepted", kind.id)),
            Err(refusal) if refusal.id != kind.id => faults.push(format!("{}: {example} is refused with {}", kind.id, refusal.id)),
            Err(refusal) if refusal.position.is_none() && !WITHOUT_PLACE.contains(&kind.id) => {
                faults.push(format!("{}: {example} has no place", kind.id));
            }
            Err(_) => {}
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn ids_are_listed_once() {
    assert!(sorted().windows(2).all(|pair| pair[0].id < pair[1].id));
}

fn sorted() -> Vec<&'static Kind> {
    let mut all: Vec<_> = kinds().collect();
    all.sort_by_key(|kind| kind.id);
    all
}

/// In the sources, an id is the first string of the form `word.word` behind `Refusal::new(` or `not_yet(`, or a constant whose name ends in ID.
#[test]
fn every_id_in_the_code_is_listed_and_every_listed_one_is_in_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut used = BTreeSet::new();
    for file in ["policy/src", "proxy/src"].iter().flat_map(|folder| sources(&root.join(folder))) {
        let text = fs::read_to_string(&file).unwrap();
        for call in text.split("Refusal::new(").skip(1).chain(text.split("not_yet(").skip(1)).chain(text.split("ID: &str = ").skip(1)) {
            let strings = call.chars().take(400).collect::<String>();
            used.extend(strings.split('"').skip(1).step_by(2).find(|s| is_id(s)).map(str::to_owned));
        }
    }
    assert!(used.len() > 50, "{used:?}");
    let unlisted: Vec<_> = used.iter().filter(|id| kind(id).is_none()).collect();
    assert!(unlisted.is_empty(), "not in policy/src/refusal/kinds: {unlisted:?}");
    let unused: Vec<_> = kinds().filter(|k| !used.contains(k.id)).map(|k| k.id).collect();
    assert!(unused.is_empty(), "not in the code: {unused:?}");
}

fn is_id(text: &str) -> bool {
    let word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    text == "unsupported" || text.split_once('.').is_some_and(|(area, name)| word(area) && word(name))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|e| e == "rs") && !path.components().any(|part| part.as_os_str() == "kinds")).collect()
}

#[test]
fn the_page_is_made_from_the_list() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/refusals.md");
    let page = page();
    if std::env::var_os("PGVEIL_BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap_or_default() == page, "docs/refusals.md is not what the list says: bless");
}

fn page() -> String {
    let engine = fixture::engine();
    let mut page = String::from(
        "# Refusals\n\nWhy a statement was not run. The id stands at the end of the error's hint, and in its routine field (`\\errverbose` in psql). \
         Ids are stable: one is never given to something else. Examples are of a role `analyst` on the database of \
         `policy/tests/judge/fixture.rs`, with the policy `policy/tests/example.toml`.\n\nThis page is made from \
         `policy/src/refusal/kinds/`.\n",
    );
    for kind in sorted() {
        write!(page, "\n## {}\n\n{}\n\n*Why:* {}\n*Instead:* {}\n", kind.id, kind.meaning, kind.why, kind.instead).unwrap();
        if let Some(example) = kind.example
            && let Err(refusal) = engine.judge(&fixture::subject("analyst"), example)
        {
            write!(page, "\n    {example}\n    ERROR:  {} ({})\n", refusal.message, refusal.code.0).unwrap();
        }
    }
    page
}
