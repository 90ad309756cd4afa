//! Cursors that outlive what they were declared in.

use super::*;

attacks![
    attack(
        "held after COMMIT",
        &["BEGIN", "DECLARE c CURSOR WITH HOLD FOR SELECT email FROM shop.customers WHERE id = {id}", "COMMIT", "FETCH ALL FROM c"],
        Pseudonyms
    ),
    attack(
        "held outside of any transaction",
        &[
            "DECLARE c BINARY SCROLL CURSOR WITH HOLD FOR SELECT full_name FROM shop.customers WHERE id = {id}",
            "MOVE ALL IN c",
            "FETCH FIRST FROM c"
        ],
        Rows("[name]")
    ),
    attack(
        "held after ROLLBACK",
        &["BEGIN", "DECLARE c CURSOR WITH HOLD FOR SELECT email FROM shop.customers", "ROLLBACK", "FETCH ALL FROM c"],
        Error("34000")
    ),
    attack(
        "held after DISCARD ALL",
        &["DECLARE c CURSOR WITH HOLD FOR SELECT email FROM shop.customers", "DISCARD ALL", "FETCH ALL FROM c"],
        Error("34000")
    ),
    attack(
        "an error when it is filled",
        &["BEGIN", "DECLARE c CURSOR WITH HOLD FOR SELECT CAST(phone AS int) FROM shop.customers", "COMMIT"],
        Error("22000")
    ),
    attack(
        "an error when it is filled, by a text that is sent in steps",
        &[
            "BEGIN; SET LOCAL search_path = shop; DECLARE c CURSOR WITH HOLD FOR SELECT id FROM shop.employees WHERE dept = 3 AND ('x' || id)::int > 0; COMMIT"
        ],
        Error("22000")
    ),
    attack(
        "an error when it is filled, at the end of another statement",
        &["DECLARE c CURSOR WITH HOLD FOR SELECT id FROM shop.employees WHERE dept = 3 AND ('x' || id)::int > 0; SET TIME ZONE 'UTC'"],
        Error("22000")
    ),
    attack(
        "binary digits of a veiled number",
        &["DECLARE c BINARY CURSOR WITH HOLD FOR SELECT salary FROM shop.customers WHERE id = {id}", "FETCH c"],
        Harmless
    ),
    attack(
        "backwards, in the raw order",
        &[
            "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT email FROM shop.customers ORDER BY email",
            "MOVE ALL IN c",
            "FETCH BACKWARD 5 FROM c"
        ],
        Pseudonyms
    ),
    attack(
        "the order of a cursor's first rows",
        &["BEGIN", "DECLARE c CURSOR FOR SELECT email FROM shop.customers GROUP BY email", "FETCH 5 c"],
        Pseudonyms
    ),
    attack("a cursor for what is refused", &["BEGIN", "DECLARE c CURSOR FOR SELECT upper(email) FROM shop.customers"], Refused),
    attack(
        "the row under a cursor",
        &["BEGIN", "DECLARE c CURSOR FOR SELECT id FROM shop.customers", "FETCH c", "DELETE FROM shop.customers WHERE CURRENT OF c"],
        Refused
    ),
    attack("the text of other cursors", &["DECLARE c CURSOR WITH HOLD FOR SELECT 1", "SELECT statement FROM pg_cursors"], Harmless),
];

#[test]
fn a_cursor_executed_by_the_protocol() {
    use postgres_protocol::message::frontend;
    let [a, b] = both("analyst", |session| {
        let mut all = vec![session.query("BEGIN")];
        all.push(session.query("DECLARE c BINARY CURSOR FOR SELECT email FROM shop.customers WHERE email IS NOT NULL ORDER BY id"));
        session.pipeline(|out| {
            frontend::execute("c", 3, out).unwrap();
            frontend::describe(b'P', "c", out).unwrap();
            frontend::execute("c", 3, out).unwrap();
            frontend::sync(out);
        });
        all.push(session.answer());
        all
    })
    .unwrap();
    for answer in [a, b] {
        let cells: Vec<_> = answer.raw_rows().flatten().flatten().collect();
        assert!(cells.len() == 6 && cells.iter().all(|c| is_pseudonym(c)), "{answer:?}");
    }
}
