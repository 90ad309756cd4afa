//! MOVE tells how many rows there are: those of the masked result.

use super::*;

attacks![
    attack(
        "rows behind a row filter are not counted",
        &["BEGIN", "DECLARE c CURSOR FOR SELECT id FROM shop.customers WHERE country NOT IN ('DE', 'AT')", "MOVE ALL IN c"],
        Harmless
    ),
    attack(
        "a guess counted",
        &["BEGIN", "DECLARE c CURSOR FOR SELECT id FROM shop.customers WHERE ssn = '{ssn}'", "MOVE ALL IN c"],
        Harmless
    ),
    attack("a sealed guess counted", &["BEGIN", "DECLARE c CURSOR FOR SELECT id FROM shop.customers WHERE email = '{email}'"], Refused),
    attack(
        "how far until it fails",
        &["BEGIN", "DECLARE c CURSOR FOR SELECT 1 / (id - {id}) FROM shop.customers ORDER BY salary", "MOVE 1 IN c", "MOVE ALL IN c"],
        Harmless
    ),
];

#[test]
fn the_count_is_that_of_the_masked_rows() {
    let mut session = Stage::get().session("analyst");
    let count = session.query("SELECT count(*) FROM shop.customers").value().unwrap();
    session.query("BEGIN").ok();
    session.query("DECLARE c SCROLL CURSOR FOR SELECT id FROM shop.customers").ok();
    let moved = session.query("MOVE ALL IN c").ok();
    assert_eq!(moved.tags(), [format!("MOVE {count}")]);
    assert_eq!(session.query("MOVE BACKWARD ALL IN c").ok().tags(), moved.tags());
}
