//! Every refusal of the cases says what a person needs: what, for whom, by which rule, where, and what to do instead.

use pgveil_policy::{Refusal, SqlState};

use crate::{FILES, case, fixture};

fn refusals() -> Vec<(String, String, Refusal)> {
    let engine = fixture::engine();
    let all = FILES.iter().flat_map(|name| case::read(name));
    all.filter_map(|case| engine.judge(&case.who, &case.sql).err().map(|r| (case.who.role, case.sql, r))).collect()
}

#[test]
fn a_refused_column_is_named_with_class_role_and_rule() {
    let mut seen = 0;
    for (role, sql, refusal) in refusals() {
        if refusal.id.starts_with("seal.") || refusal.id == "column.refused" {
            seen += 1;
            assert!(refusal.message.contains("(class "), "{sql}: {refusal:?}");
            assert!(refusal.message.contains(&format!("role {role}")), "{sql}: {refusal:?}");
            let detail = refusal.detail.clone().unwrap_or_default();
            assert!(detail.contains("policy.toml:"), "{sql}: {refusal:?}");
            assert!(refusal.hint.is_some(), "{sql}: {refusal:?}");
        }
    }
    assert!(seen > 40, "only {seen}");
}

#[test]
fn a_refusal_has_a_place_in_the_text() {
    for (_, sql, refusal) in refusals() {
        // About the session, or said by a reader that gives no place.
        if matches!(
            refusal.id,
            "role.unknown" | "path.hostile" | "setting.set" | "setting.role" | "setting.show" | "read.unread" | "read.control"
        ) {
            continue;
        }
        let Some(position) = refusal.position else { panic!("{sql}: {refusal:?}") };
        assert!((1..=sql.chars().count() + 1).contains(&position), "{sql}: {refusal:?}");
    }
}

#[test]
fn what_the_policy_decides_and_what_is_not_built_have_different_codes() {
    for (_, sql, refusal) in refusals() {
        assert!(!refusal.id.starts_with("form.") || refusal.code == SqlState::UNSUPPORTED, "{sql}");
        assert!(!refusal.message.is_empty() && !refusal.message.ends_with('.'), "{sql}: {}", refusal.message);
        if refusal.id.starts_with("read.") {
            continue;
        }
        for sentence in [&refusal.detail, &refusal.hint].into_iter().flatten() {
            assert!(sentence.ends_with('.'), "{sql}: {sentence}");
        }
    }
}
