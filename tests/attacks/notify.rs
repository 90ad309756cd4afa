//! NOTIFY and LISTEN as a letter box between sessions.

use super::*;

attacks![
    attack("a value as the payload", &["SELECT pg_notify('jobs', ssn) FROM shop.customers WHERE id = {id}"], Refused),
    attack("a pseudonym as the payload", &["SELECT pg_notify('jobs', email) FROM shop.customers WHERE id = {id}"], Refused),
    attack(
        "one notification for each row, in raw order",
        &["SELECT pg_notify('jobs', id::text) FROM shop.customers ORDER BY salary"],
        Refused
    ),
    attack("a channel that is not open", &["NOTIFY audit, 'x'"], Refused),
    attack("listening in", &["LISTEN audit"], Refused),
    attack("a channel's name made up", &["SELECT pg_notify('aud' || 'it', 'x')"], Refused),
    attack("a channel's name as a parameter of PREPARE", &["PREPARE p AS SELECT pg_notify($1, $2)", "EXECUTE p ('audit', 'x')"], Refused),
    attack("a channel's name in a column", &["SELECT pg_notify(c, 'x') FROM (VALUES ('audit'), ('jobs')) AS v (c)"], Refused),
    attack(
        "a channel's name that is another each time",
        &["SELECT pg_notify(CASE WHEN random() < 0.5 THEN 'jobs' ELSE 'audit' END, 'x')"],
        Refused
    ),
    attack("a channel's name in small and capital letters", &["PREPARE p AS SELECT pg_notify($1, $2)", "EXECUTE p ('JOBS', 'x')"], Refused),
    attack("beside what is protected", &["PREPARE p AS SELECT pg_notify($1, city) FROM shop.customers"], Refused),
    attack("one's own words, by a parameter", &["PREPARE p AS SELECT pg_notify($1, $2)", "EXECUTE p ('jobs', 'x')"], Rows("")),
    attack("by another way to call", &["SELECT * FROM pg_notify('audit', 'x')"], Refused),
    attack("one's own words", &["NOTIFY jobs, 'it''s mine'"], Harmless),
    attack("one's own words, by a function", &["SELECT pg_notify('jobs', 'x')"], Rows("")),
    attack("the channels of others", &["LISTEN jobs", "SELECT count(*) FROM pg_listening_channels()"], Harmless),
];

#[test]
fn what_is_sent_on_an_open_channel_arrives_and_nothing_else() {
    let stage = Stage::get();
    let mut hears = stage.session("analyst");
    hears.query("LISTEN jobs").ok();
    // Notifications come before ReadyForQuery.
    hears.query("NOTIFY jobs, 'it''s done'").ok();
    let answer = hears.query("SELECT pg_notify('jobs', 'again')");
    let notified = answer.messages.iter().filter(|m| matches!(m, pgveil_tests::client::Message::Notification(..))).count();
    assert_eq!(notified, 1, "{answer:?}");
    assert_eq!(hears.query("UNLISTEN *").ok().tags(), ["UNLISTEN"]);
    let answer = hears.query("NOTIFY jobs");
    assert!(!answer.messages.iter().any(|m| matches!(m, pgveil_tests::client::Message::Notification(..))), "{answer:?}");
}
