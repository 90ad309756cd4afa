//! Where sessions run: twins that the service account may write in, and a proxy whose roles keep what they make in `adhoc`.

use std::sync::OnceLock;

use pgveil_tests::world::{Proxy, World};

use crate::twins::data::{Differ, Size};
use crate::twins::stage::{self, POLICY, Stage};

/// What the service account may do besides reading.
const GRANTS: &str = "GRANT CREATE ON SCHEMA adhoc TO pgveil; GRANT ALL ON ALL TABLES IN SCHEMA shop, adhoc TO pgveil;";

/// The policy of the twins, for roles that write.
fn policy() -> String {
    // Of the shop alone: what a role keeps is masked already, and would be so again.
    let mut text = POLICY.replace("\"*.*.", "\"shop.*.");
    for role in ["analyst", "filtered", "veiled", "tokens", "admin"] {
        let head = format!("[role.{role}]\n");
        assert!(text.contains(&head), "tests/policy.toml has no role {role}");
        text = text.replace(&head, &format!("{head}writable_schemas = [\"adhoc\"]\n"));
    }
    text
}

fn proxy() -> &'static Proxy {
    static PROXY: OnceLock<Proxy> = OnceLock::new();
    PROXY.get_or_init(|| World::get().proxy(&policy(), &stage::USERS.map(|user| (user, user))))
}

/// Twins for that role that nobody else uses.
pub fn ground(role: &str) -> Stage {
    let (values, rows) = (role != "filtered", role != "veiled");
    let ground = Stage::small().apart(proxy(), Size::SMALL, Differ { values, rows });
    for database in [&ground.both.a, &ground.both.b] {
        World::get().cluster().execute(database, GRANTS).unwrap();
    }
    ground
}
