//! Rows that are kept with their pseudonyms: what of the raw ones can be had on the way.

use pgveil_tests::client::{Call, bind};
use postgres_protocol::message::frontend;

use crate::cases::carry::Place;

/// The rows of a new table lie in an order that is nobody's secret, whatever the order of those they come from.
#[test]
fn the_order_of_stored_rows() {
    let place = Place::new();
    place.plain("CREATE TABLE shop.sorted AS SELECT * FROM shop.customers");
    place.plain("TRUNCATE shop.customers");
    place.plain("INSERT INTO shop.customers SELECT * FROM shop.sorted ORDER BY email DESC, id DESC");
    place.plain("CREATE INDEX ON shop.customers (email, id)");
    let mut session = place.session("analyst");
    session.query("CREATE TABLE adhoc.x AS SELECT id, email FROM shop.customers WHERE id > 0").ok();
    let out_of_order = "SELECT count(*) FROM (SELECT id, lag(id) OVER (ORDER BY ctid) AS before FROM adhoc.x) AS t WHERE id < before";
    assert_eq!(place.plain(out_of_order), "0");
    // Grouped by the pseudonym: not in the order of what it stands for.
    session.query("CREATE TABLE adhoc.y AS SELECT email, min(id) AS id FROM shop.customers WHERE id > 0 GROUP BY email").ok();
    let like_the_raw = "SELECT count(*) FROM (SELECT c.email, lag(c.email) OVER (ORDER BY y.ctid) AS before \
                        FROM adhoc.y AS y JOIN shop.sorted AS c USING (id)) AS t WHERE email < before";
    let descents: usize = place.plain(like_the_raw).parse().unwrap();
    assert!((150..350).contains(&descents), "{descents} of 499");
}

/// The query's own statement and portal hold raw rows: their names are nobody else's.
#[test]
fn the_names_of_the_steps() {
    let place = Place::new();
    let mut session = place.session("analyst");
    for portal in ["pgveil_carry", "pgveil_keep"] {
        session.query("BEGIN").ok();
        session.query("CREATE TABLE adhoc.x AS SELECT id, email FROM shop.customers").ok();
        session.pipeline(|out| {
            frontend::execute(portal, 0, out).unwrap();
            frontend::sync(out);
        });
        let answer = session.answer();
        assert_eq!((answer.sqlstate(), answer.raw_rows().count()), ("34000", 0), "{answer:?}");
        session.query("ROLLBACK").ok();
        // One that has failed in the middle leaves its statement on the server.
        assert!(session.query("CREATE TABLE adhoc.x AS SELECT email, 1 / (id - 15000) FROM shop.customers").error().is_some());
        session.pipeline(|out| {
            bind("p", portal, &Call::default(), out);
            frontend::execute("p", 0, out).unwrap();
            frontend::sync(out);
        });
        let answer = session.answer();
        assert_eq!((answer.sqlstate(), answer.raw_rows().count()), ("26000", 0), "{answer:?}");
        session.pipeline(|out| {
            frontend::parse(portal, "SELECT 1", [], out).unwrap();
            frontend::sync(out);
        });
        assert_eq!(session.answer().sqlstate(), "42939");
        let executed = session.query(&format!("EXECUTE {portal}"));
        assert!(executed.error().is_some() && executed.raw_rows().count() == 0, "{executed:?}");
    }
}

/// Errors at any of the steps hold neither a raw value nor the place in a text that is not the client's.
#[test]
fn errors_of_the_steps() {
    let place = Place::new();
    let mut session = place.session("analyst");
    for sql in [
        "CREATE TABLE adhoc.x AS SELECT email, 1 / (id - 15000) FROM shop.customers",
        "CREATE TABLE adhoc.x AS SELECT email, extra::text::int FROM shop.customers",
        "CREATE TABLE adhoc.x (a) AS SELECT email, id FROM shop.customers WHERE (extra->>'n')::boolean",
        "CREATE TABLE adhoc.x AS SELECT email, email FROM shop.customers",
        "CREATE TABLE adhoc.x AS SELECT email, ROW(1, 2) AS r FROM shop.customers",
    ] {
        let failed = session.query(sql);
        let told = format!("{:?}", failed.error());
        assert!(failed.error().is_some() && failed.raw_rows().count() == 0, "{sql}");
        for secret in ["canary", "15000", "pgveil_", "COPY"] {
            assert!(!told.contains(secret), "{sql}: {told}");
        }
        assert!(!place.is_there("adhoc.x"));
    }
}

/// Others cannot put another table in the place of the one that is filled: it is locked, and they do not see it.
#[test]
fn nothing_is_seen_before_it_is_whole() {
    let place = Place::new();
    let (mut session, mut other) = (place.session("analyst"), place.session("analyst"));
    session.query("BEGIN").ok();
    session.query("CREATE TABLE adhoc.x AS SELECT id, email FROM shop.customers").ok();
    assert_eq!(other.query("SELECT count(*) FROM adhoc.x").sqlstate(), "42P01");
    session.query("COMMIT").ok();
    assert_eq!(other.query("SELECT count(*) FROM adhoc.x").ok().table(), "20001");
}
