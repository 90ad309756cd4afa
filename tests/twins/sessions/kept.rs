//! What a session left behind in the tables of its own, read as the superuser: no protected value may be stored there.

use pgveil_tests::canary;
use pgveil_tests::client::{Answer, Client};

use super::copied;
use super::make::OWN;

/// Names of the tables and views that sessions left, in order.
fn left(superuser: &mut Client) -> Vec<(String, String)> {
    let sql = format!(
        "SELECT relkind, relname FROM pg_class WHERE relnamespace = 'adhoc'::regnamespace AND relname ~ '^{OWN}' AND relkind IN ('r', 'v', 'm', 'S') \
         ORDER BY relname"
    );
    superuser.query(&sql).rows().into_iter().map(|row| (row[0].clone().unwrap(), row[1].clone().unwrap())).collect()
}

/// The contents of all that is left, by name.
pub fn read(superuser: &mut Client, shared: u32) -> Vec<(String, Answer)> {
    let tables = left(superuser).into_iter().filter(|(kind, _)| kind == "r" || kind == "m");
    let rows = |name: &str, superuser: &mut Client| copied::normal(superuser.query(&format!("SELECT * FROM adhoc.\"{name}\"")), shared);
    tables.map(|(_, name)| (name.clone(), rows(&name, superuser))).collect()
}

/// A protected value among what is stored. `said`: what the session itself wrote.
pub fn leak(said: &[u8], kept: &[(String, Answer)]) -> Option<String> {
    kept.iter().find_map(|(name, answer)| {
        let mut cells = answer.raw_rows().flatten().flatten();
        cells.find_map(|cell| canary::find(said, cell)).map(|leak| format!("a protected value is stored in adhoc.{name}: {leak}"))
    })
}

/// Drops all that is left.
pub fn clear(superuser: &mut Client) {
    for (kind, name) in left(superuser) {
        let what = match kind.as_str() {
            "r" => "TABLE",
            "v" => "VIEW",
            "m" => "MATERIALIZED VIEW",
            _ => "SEQUENCE",
        };
        superuser.query(&format!("DROP {what} IF EXISTS adhoc.\"{name}\" CASCADE")).ok();
    }
}
