//! Errors of the server's point into the text that the client wrote.

use pgveil_tests::client::Answer;

use super::*;

fn place(answer: &Answer) -> Option<usize> {
    let fields = answer.error().unwrap_or_else(|| panic!("{answer:?}"));
    fields.get(&'P').map(|p| p.parse().expect("a number"))
}

#[test]
fn of_what_the_server_finds_in_what_was_sent() {
    let stage = Stage::get();
    let mut direct = Client::connect(&stage.plain(&stage.both.a)).unwrap();
    let mut session = stage.session("analyst");
    for sql in [
        "SELECT c.id + 'x' FROM shop.customers c",
        "SELECT id, 'ü', '2024-13-45'::date FROM shop.customers WHERE full_name <> ''",
        "select id from shop.customers c where c.id = true",
        "SELECT p.id, (p.name + 1) FROM shop.products p; SELECT 1",
        "SELECT 1; SELECT id = 'no' FROM shop.products",
        "/* a */ SELECT *\nFROM shop.products p\nJOIN shop.orders o ON o.id = p.name",
    ] {
        let wanted = place(&direct.query(sql));
        assert!(wanted.is_some(), "{sql}");
        assert_eq!(place(&session.query(sql)), wanted, "{sql}");
    }
}
