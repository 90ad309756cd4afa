//! What works: SQL in, answers out, for each role.
//!
//! Each case is a statement as a role sends it, and a statement that gives who sees everything the same answer, in which masks
//! and row filters are spelt out. E-mails and their pseudonyms are counted through on both sides, so that the pattern of
//! equality is what is compared.

pub(crate) mod carry;
mod copy;
mod engineer;
mod engineer_ddl;
mod masks;
mod own_tables;
mod places;
mod plans;
mod pseudonyms;
mod row_filters;
mod sessions;
mod several;
mod shapes;
mod views;
mod writing;

use pgveil_tests::client::{Answer, Client};

use crate::twins::stage::Stage;

/// Sends `masked` as that role and `plain` past pgveil, and compares.
fn same(role: &str, masked: &str, plain: &str) {
    let stage = Stage::get();
    let seen = count_through(&stage.session(role).query(masked).ok().table());
    let truth = Client::connect(&stage.plain(&stage.both.a)).unwrap().query(plain).ok().table();
    assert_eq!(seen, count_through(&truth), "\n{role}: {masked}\nplain: {plain}");
}

/// Sends a statement as that role.
fn ask(role: &str, sql: &str) -> Answer {
    Stage::get().session(role).query(sql)
}

/// Writes `#1`, `#2`, … for e-mails and their pseudonyms, and for uuids, in order of first appearance.
fn count_through(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_@.-".contains(c);
    let mut seen: Vec<&str> = Vec::new();
    let mut out = String::new();
    for piece in text.split_inclusive(|c| !is_part(c)) {
        let word = piece.trim_end_matches(|c| !is_part(c));
        let pseudonym = word.len() == 34 && word.starts_with("u_");
        let uuid = word.len() == 36 && word.matches('-').count() == 4;
        if pseudonym || uuid || word.contains('@') {
            let number = seen.iter().position(|s| *s == word).unwrap_or_else(|| {
                seen.push(word);
                seen.len() - 1
            });
            out.push_str(&format!("#{}{}", number + 1, &piece[word.len()..]));
        } else {
            out.push_str(piece);
        }
    }
    out
}

#[test]
fn equality_is_what_is_left() {
    let pseudonym = format!("u_{}", "a1".repeat(16));
    assert_eq!(count_through(&format!("1|{pseudonym}\n2|x\n3|{{{pseudonym},NULL}}")), "1|#1\n2|x\n3|{#1,NULL}");
    assert_eq!(count_through("1|i@o.il\n2|x\n3|{i@o.il,u@o.il}"), "1|#1\n2|x\n3|{#1,#2}");
}
