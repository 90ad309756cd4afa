//! Seeing as another role: one that the user does not have, and one that it has but has not chosen.

use std::sync::OnceLock;

use pgveil_tests::client::{Answer, Client, Fields};
use pgveil_tests::world::{Proxy, World};

const POLICY: &str = r#"
version = 1
[class.email]
columns = ["s.people.email"]
[role.admin]
default = "clear"
[role.clear]
default = "clear"
read_only = true
[role.masked]
default = "redact"
writable_schemas = ["adhoc"]
[role.junior]
inherits = "masked"
rows."s.people" = "id > 1"
"#;
const RAW: &str = "1|ana@example.org\n2|bob@example.org";
const MASKED: &str = "1|[redacted]\n2|[redacted]";
const LOOK: &str = "SELECT id, email FROM s.people ORDER BY id";

struct Stage {
    database: String,
    proxy: Proxy,
}

impl Stage {
    fn get() -> &'static Stage {
        static STAGE: OnceLock<Stage> = OnceLock::new();
        STAGE.get_or_init(|| {
            let sql = "CREATE SCHEMA s; CREATE TABLE s.people (id int PRIMARY KEY, email text);
                       INSERT INTO s.people VALUES (1, 'ana@example.org'), (2, 'bob@example.org'); CREATE SCHEMA adhoc";
            let users = [
                ("both", "roles = [\"masked\", \"clear\", \"junior\"]"),
                ("one", "role = \"masked\""),
                ("boss", "roles = [\"admin\", \"masked\"]"),
            ];
            Stage { database: World::get().database(sql), proxy: World::get().proxy_of(POLICY, &users) }
        })
    }

    fn begin(&self, user: &str, settings: &[(&str, &str)]) -> Result<Client, Fields> {
        let mut login = self.proxy.login(user, &self.database);
        login.settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Client::connect(&login)
    }

    fn look(&self, user: &str, settings: &[(&str, &str)]) -> Result<(String, Answer), Fields> {
        let mut client = self.begin(user, settings)?;
        Ok((client.query("SHOW pgveil.role").table(), client.query(LOOK)))
    }
}

#[test]
fn a_role_is_chosen_among_ones_own() {
    let stage = Stage::get();
    for (user, settings, role, sees) in [
        ("both", &[][..], "masked", MASKED),
        ("both", &[("options", "-c pgveil.role=clear")], "clear", RAW),
        ("both", &[("pgveil.role", "clear")], "clear", RAW),
        ("both", &[("options", "-c pgveil.role=clear -c application_name=x"), ("PGVEIL.ROLE", "junior")], "junior", "2|[redacted]"),
        ("one", &[("options", "--pgveil.role=masked")], "masked", MASKED),
        ("boss", &[], "admin", RAW),
        ("boss", &[("options", "-c geqo=off -c pgveil.role=masked")], "masked", MASKED),
    ] {
        let (shown, answer) = stage.look(user, settings).unwrap_or_else(|e| panic!("{user} {settings:?}: {e:?}"));
        assert_eq!((shown.as_str(), answer.table().as_str()), (role, sees), "{user} {settings:?}");
    }
    // What else the options say stands.
    let mut client = stage.begin("boss", &[("options", "-c pgveil.role=admin -c search_path=s,\\ pg_catalog")]).unwrap();
    assert_eq!(client.query("SHOW search_path").table(), "s, pg_catalog");
    assert_eq!(client.query("SELECT current_user").table(), "postgres", "with its role's account");
    let mut client = stage.begin("boss", &[("pgveil.role", "masked")]).unwrap();
    assert_eq!(client.query("SELECT current_user").table(), "pgveil", "with its role's account");
}

#[test]
fn nobody_begins_with_anothers_role() {
    let stage = Stage::get();
    for settings in [
        &[("pgveil.role", "clear")][..],
        &[("pgveil.role", "admin")],
        &[("pgveil.role", "")],
        &[("pgveil.role", "MASKED")],
        &[("pgveil.role", "nobody's")],
        &[("options", "-c pgveil.role=clear")],
        &[("options", "-c pgveil.role=masked -c pgveil.role=clear")],
        &[("options", "-c PGVEIL.ROLE=clear"), ("application_name", "x")],
        &[("pgveil.role", "masked"), ("Pgveil.Role", "clear")],
    ] {
        let error = stage.look("one", settings).unwrap_err();
        assert_eq!(error[&'C'], "28000", "{settings:?}: {error:?}");
        assert!(error[&'H'].ends_with(": masked."), "{error:?}");
    }
    // Spelt so that only the server would take it for the setting.
    for settings in [[("options", "-c pgv\\eil.role=clear")], [("options", "-c pgveil.ro\\le=clear")], [("options", "-cpgveil.user=boss")]]
    {
        let error = stage.look("one", &settings).unwrap_err();
        assert_eq!(error[&'C'], "42501", "{settings:?}: {error:?}");
    }
    // Whoever has not proved who they are is not told which roles there are.
    let mut login = stage.proxy.login("one", &stage.database);
    (login.password, login.settings) = (Some("wrong".to_owned()), vec![("pgveil.role".to_owned(), "clear".to_owned())]);
    let error = Client::connect(&login).unwrap_err();
    assert_eq!(error[&'C'], "28P01", "{error:?}");
    assert!(!format!("{error:?}").contains("masked"), "{error:?}");
}

#[test]
fn a_session_keeps_its_role() {
    let stage = Stage::get();
    for (user, settings) in [("both", &[][..]), ("boss", &[("pgveil.role", "masked")])] {
        for sql in [
            "SET pgveil.role = 'clear'",
            "SET pgveil.role TO admin",
            "SET SESSION \"pgveil\".\"role\" = 'clear'",
            "BEGIN; SET LOCAL pgveil.role = 'clear'",
            "SELECT set_config('pgveil.role', 'clear', false)",
            "SELECT set_config('pgveil.' || 'role', 'clear', false)",
            "RESET pgveil.role",
            "RESET ALL",
            "DISCARD ALL",
            "SET ROLE clear",
        ] {
            let mut client = stage.begin(user, settings).unwrap();
            client.query(sql);
            client.query("ROLLBACK");
            assert_eq!(client.query("SHOW pgveil.role").table(), "masked", "{sql}");
            assert_eq!(client.query(LOOK).table(), MASKED, "{sql}");
        }
        let refused = stage.begin(user, settings).unwrap().query("SET pgveil.role = 'clear'");
        assert_eq!(refused.sqlstate(), "42501");
        assert!(format!("{refused:?}").contains("-c pgveil.role=ROLE"), "it says how: {refused:?}");
    }
}

#[test]
fn what_is_inherited_holds() {
    let stage = Stage::get();
    let mut junior = stage.begin("both", &[("pgveil.role", "junior")]).unwrap();
    assert_eq!(junior.query("SELECT count(*), max(email) FROM s.people").table(), "1|[redacted]");
    let described = junior.query("EXPLAIN (VEIL) SELECT email FROM s.people").ok().table();
    assert!(
        described.contains("(role junior, class email, default)") && described.contains("(role junior, rows of s.people)"),
        "{described}"
    );
    assert_eq!(junior.query("UPDATE s.people SET email = 'x'").sqlstate(), "42501");
}
