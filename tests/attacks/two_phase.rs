//! Two-phase commit; and the end of a text of several statements, of which one fails.

use super::*;

attacks![
    attack("PREPARE TRANSACTION", &["BEGIN", "PREPARE TRANSACTION 'x'"], Refused),
    attack("COMMIT PREPARED", &["COMMIT PREPARED 'x'"], Refused),
    attack("ROLLBACK PREPARED", &["ROLLBACK PREPARED 'x'"], Refused),
    attack("others' transactions", &["SELECT gid FROM pg_prepared_xacts WHERE gid IS NOT NULL"], Rows("")),
    attack("by its function", &["SELECT * FROM pg_prepared_xact()"], Refused),
    attack("in a text", &["BEGIN; SELECT 1; PREPARE TRANSACTION 'x'"], Refused),
];

/// PostgreSQL documentation, 55.2.2.1: a text is one transaction, unless it says otherwise.
#[test]
fn a_text_that_fails_leaves_nothing() {
    for (text, then, want) in [
        ("SET application_name = 'changed'; SELECT 1/0", "SHOW application_name", ""),
        ("SET application_name = 'changed'; SELECT upper(email) FROM shop.customers", "SHOW application_name", ""),
        ("SET application_name = 'changed'; SELECT nothing FROM shop.customers", "SHOW application_name", ""),
        ("SET application_name = 'kept'; COMMIT; SELECT 1/0", "SHOW application_name", "kept"),
    ] {
        let answers = both("analyst", |session| vec![session.query(text), session.query(then)]).unwrap();
        for answer in answers {
            assert_eq!(answer.table(), want, "{text}");
        }
    }
}
