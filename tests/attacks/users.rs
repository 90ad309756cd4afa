//! Rows of other users, by what row filters know of who asks: names that look like SQL, and what one session leaves for another.

use std::sync::OnceLock;

use pgveil_tests::client::{Answer, Call, Client, bind};
use pgveil_tests::world::{Proxy, World};
use postgres_protocol::message::frontend;

use super::copied;

/// What a user may be called.
const NAMES: &[&str] = &[
    "ana",
    "o'brien",
    "x' OR 'a' = 'a",
    "') OR true --",
    "'; DROP TABLE s.notes; --",
    "''",
    "\\",
    "\\' OR true --",
    "E'\\x27'",
    "$1",
    "$$x$$",
    "$a$ OR true $a$",
    "{user}",
    "{attr.region}",
    "@user\\",
    "current_user",
    "NULL",
    "Zoë \"Q\"",
    "ʼ OR ＇1＇=＇1＇",
    "%",
    "/* */",
];

const POLICY: &str = r#"
version = 1
[class.secret]
columns = ["s.people.email"]
[role.own]
default = "clear"
[role.own.rows]
"s.notes" = "owner = {user}"
[role.region]
default = "clear"
[role.region.rows]
"s.notes" = "region = {attr.region} AND tenant = {attr.tenant}"
[role.regions]
default = "clear"
[role.regions.rows]
"s.notes" = "region = ANY ({attr.regions})"
[role.like]
default = "clear"
[role.like.rows]
"s.notes" = "region LIKE {attr.region}"
[role.through]
default = "clear"
[role.through.rows]
"s.notes" = "id IN (SELECT p.note FROM s.people p WHERE p.email = {user})"
"#;

struct Stage {
    database: String,
    proxy: Proxy,
}

impl Stage {
    fn get() -> &'static Stage {
        static STAGE: OnceLock<Stage> = OnceLock::new();
        STAGE.get_or_init(|| {
            let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
            let rows: Vec<String> = NAMES.iter().enumerate().map(|(n, name)| format!("({n}, {}, 'eu', 7, 'of {n}')", text(name))).collect();
            let people: Vec<String> = NAMES.iter().enumerate().map(|(n, name)| format!("({n}, {})", text(name))).collect();
            let database = World::get().database(&format!(
                "CREATE SCHEMA s; CREATE TABLE s.notes (id int PRIMARY KEY, owner text, region text, tenant int, body text);
                 INSERT INTO s.notes VALUES {}, (100, 'nobody', 'us', 7, 'us'), (101, 'nobody', 'u''s', 8, 'u''s');
                 CREATE TABLE s.people (note int, email text); INSERT INTO s.people VALUES {}",
                rows.join(", "),
                people.join(", ")
            ));
            let mut users: Vec<(&str, &str)> = NAMES.iter().map(|name| (*name, "roles = [\"own\"]")).collect();
            users.extend([
                ("eu", "roles = [\"region\"]\nattributes = { region = \"eu\", tenant = 7 }"),
                ("us", "roles = [\"region\"]\nattributes = { region = \"u's\", tenant = \"8\" }"),
                ("no tenant", "roles = [\"region\"]\nattributes = { region = \"eu\" }"),
                ("odd tenant", "roles = [\"region\"]\nattributes = { region = \"eu\", tenant = \"7 OR true\" }"),
                ("two", "roles = [\"regions\"]\nattributes = { regions = [\"us\", \"u's\"] }"),
                ("none", "roles = [\"regions\"]\nattributes = { regions = [] }"),
                ("no list", "roles = [\"regions\"]\nattributes = { regions = \"us\" }"),
                ("u%", "roles = [\"like\"]\nattributes = { region = \"u%\" }"),
                ("bad pattern", "roles = [\"like\"]\nattributes = { region = \"u\\\\\" }"),
            ]);
            Stage { database, proxy: World::get().proxy_of(POLICY, &users) }
        })
    }

    fn session(&self, user: &str) -> Client {
        Client::connect(&self.proxy.login(user, &self.database)).unwrap_or_else(|e| panic!("{user}: {e:?}"))
    }
}

fn ask(user: &str, sql: &str) -> Answer {
    Stage::get().session(user).query(sql)
}

#[test]
fn a_name_is_a_value_whatever_it_looks_like() {
    for (n, name) in NAMES.iter().enumerate() {
        let mut session = Stage::get().session(name);
        for sql in [
            "SELECT id FROM s.notes",
            "SELECT n.id FROM s.notes n JOIN s.notes m ON true",
            "PREPARE p AS SELECT id FROM s.notes; EXECUTE p",
            "BEGIN; DECLARE c CURSOR FOR SELECT id FROM s.notes; FETCH ALL FROM c; COMMIT",
            "SELECT id FROM s.notes WHERE 1 / (id - 100) < 1",
            "CREATE TEMP TABLE kept AS SELECT id FROM s.notes; SELECT id FROM kept; DROP TABLE kept",
            "UPDATE s.notes SET body = body RETURNING id",
            "WITH w AS MATERIALIZED (SELECT * FROM s.notes) SELECT id FROM w",
        ] {
            let answer = session.query(sql);
            assert_eq!(answer.table(), n.to_string(), "{name}: {sql}");
        }
        let call = Call { sql: "SELECT id FROM s.notes WHERE id >= $1".to_owned(), values: vec![Some(b"0".to_vec())], ..Call::default() };
        assert_eq!(session.call(&call).table(), n.to_string(), "{name}, extended");
        let answer = session.query("COPY (SELECT id FROM s.notes) TO STDOUT").ok();
        assert_eq!(copied(&answer), format!("{n}\n"), "{name}, copied");
        assert_eq!(session.query("DELETE FROM s.notes WHERE owner <> 'x' AND false").ok().tags(), ["DELETE 0"]);
        let shown = session.query("EXPLAIN (VERBOSE) SELECT id FROM s.notes").ok().table();
        assert!(!shown.contains("owner"), "{name}: {shown}");
    }
    assert_eq!(ask("eu", "SELECT count(*) FROM s.notes").table(), NAMES.len().to_string(), "nothing was dropped");
}

#[test]
fn what_is_kept_of_a_text_is_of_no_user() {
    let stage = Stage::get();
    let (mut ana, mut brien) = (stage.session("ana"), stage.session("o'brien"));
    let parse = |client: &mut Client| {
        client.pipeline(|out| {
            frontend::parse("p", "SELECT owner FROM s.notes WHERE id < 50 ORDER BY 1", [], out).unwrap();
            frontend::sync(out);
        });
        client.answer().ok();
    };
    let run = |client: &mut Client| {
        client.pipeline(|out| {
            bind("", "p", &Call::default(), out);
            frontend::execute("", 0, out).unwrap();
            frontend::sync(out);
        });
        client.answer().ok().table()
    };
    parse(&mut ana);
    parse(&mut brien);
    for _ in 0..8 {
        // A generic plan from the sixth time on.
        assert_eq!((run(&mut ana), run(&mut brien)), ("ana".to_owned(), "o'brien".to_owned()));
    }
    // After the catalog has changed for one of them it is judged again, for each.
    ana.query("CREATE TEMP TABLE notes AS SELECT 1 AS id").ok();
    parse_again(&mut ana);
    assert_eq!(run(&mut ana), "ana");
    assert_eq!(run(&mut brien), "o'brien");
}

fn parse_again(client: &mut Client) {
    assert_eq!(client.query("SELECT owner FROM s.notes WHERE id < 50 ORDER BY 1").table(), "ana");
}

#[test]
fn attributes_decide_and_must_be_there() {
    assert_eq!(ask("us", "SELECT id FROM s.notes").table(), "101");
    assert_eq!(ask("two", "SELECT id FROM s.notes ORDER BY 1").table(), "100\n101");
    assert_eq!(ask("none", "SELECT id FROM s.notes").table(), "");
    assert_eq!(ask("u%", "SELECT id FROM s.notes ORDER BY 1").table(), "100\n101");
    let refused = ask("no tenant", "SELECT 1 FROM s.notes");
    assert_eq!(
        (refused.sqlstate(), refused.message()),
        ("42501", "a row filter of role region asks for {attr.tenant}, which user \"no tenant\" does not have")
    );
    assert!(refused.error().unwrap()[&'D'].contains("(role region, rows of s.notes)"), "{refused:?}");
    assert_eq!(ask("no tenant", "SELECT count(*) >= 0 FROM s.people").table(), "t", "all else is answered");
    for (user, code) in [("odd tenant", "22P02"), ("no list", "22P02"), ("bad pattern", "22000")] {
        let answer = ask(user, "SELECT id FROM s.notes WHERE body <> 'x'");
        assert_eq!(answer.sqlstate(), code, "{user}: {answer:?}");
    }
}

#[test]
fn what_is_stored_is_of_no_user() {
    for sql in ["CREATE TEMP VIEW v AS SELECT * FROM s.notes", "CREATE VIEW s.v AS SELECT n.id FROM s.people p JOIN s.notes n ON true"] {
        let answer = ask("ana", sql);
        assert!(matches!(answer.sqlstate(), "42501" | "0A000"), "{sql}: {answer:?}");
        assert!(!answer.message().contains("ana"), "{answer:?}");
    }
}
