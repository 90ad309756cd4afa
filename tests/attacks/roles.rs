//! Seeing as another role: one that the user does not have, one that it has but has not chosen, and what is left of one that it had before.

use std::io::{Read, Write};
use std::sync::OnceLock;

use bytes::BytesMut;
use pgveil_tests::client::{Answer, Call, Client, Fields, bind};
use pgveil_tests::world::{Proxy, World};
use postgres_protocol::message::frontend;

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
    for (user, settings) in [("both", &[][..]), ("boss", &[("pgveil.role", "masked")]), ("one", &[])] {
        for sql in [
            "SET pgveil.role = 'nobody''s'",
            "SET pgveil.role TO MASKED, clear",
            "SET SESSION \"pgveil\".\"role\" = ''",
            "BEGIN; SET LOCAL pgveil.role = 'clear'",
            "SET LOCAL pgveil.role = 'clear'",
            "SELECT set_config('pgveil.role', 'clear', false)",
            "SELECT set_config('pgveil.' || 'role', 'clear', false)",
            "SET pgveil.user = 'boss'",
            "RESET ALL",
            "DISCARD ALL",
            "SET ROLE clear",
            "SET pgveil.role FROM CURRENT",
            "SELECT 1; SET pgveil.role = 'clear'",
            "SET pgveil.role = 'clear'; SELECT 1",
            "SET search_path = s; SET pgveil.role = 'clear'",
            "PREPARE p AS SET pgveil.role = 'clear'",
            "SET \"PGVEIL\".role = 'CLEAR'",
        ] {
            let mut client = stage.begin(user, settings).unwrap();
            client.query(sql);
            client.query("ROLLBACK");
            assert_eq!(client.query("SHOW pgveil.role").table(), "masked", "{user} {sql}");
            assert_eq!(client.query(LOOK).table(), MASKED, "{user} {sql}");
        }
    }
    // Others than one's own; and it says which there are.
    for (user, role, theirs) in [("one", "clear", "masked"), ("both", "admin", "masked, clear, junior"), ("boss", "clear", "admin, masked")]
    {
        for by_call in [false, true] {
            let mut client = stage.begin(user, &[("pgveil.role", "masked")]).unwrap();
            let refused = take(&mut client, role, by_call);
            assert_eq!((refused.sqlstate(), client.status()), ("42501", 'I'), "{refused:?}");
            assert!(refused.error().unwrap()[&'H'].contains(&format!("Of these one can be chosen: {theirs}.")), "{refused:?}");
            assert_eq!(client.query(LOOK).table(), MASKED);
        }
    }
    let mut admin = stage.begin("boss", &[]).unwrap();
    assert_eq!(take(&mut admin, "clear", false).sqlstate(), "42501");
    assert_eq!(admin.query("SHOW pgveil.role").table(), "admin");
}

/// As a simple query, or by Parse, Bind, Describe, Execute and Sync.
fn take(client: &mut Client, role: &str, by_call: bool) -> Answer {
    let sql = format!("SET pgveil.role = '{role}'");
    if by_call { client.call(&Call { sql, ..Call::default() }) } else { client.query(&sql) }
}

#[test]
fn another_role_is_taken() {
    let stage = Stage::get();
    let sees = |client: &mut Client, role: &str| {
        let account = if role == "admin" { "postgres" } else { "pgveil" };
        assert_eq!(client.query("SHOW pgveil.role").table(), role);
        assert_eq!(client.query("SELECT current_user").table(), account);
        let seen = match role {
            "masked" => MASKED,
            "junior" => "2|[redacted]",
            _ => RAW,
        };
        assert_eq!(client.query(LOOK).table(), seen, "as {role}");
    };
    for by_call in [false, true] {
        let mut client = stage.begin("both", &[("application_name", "desk")]).unwrap();
        for role in ["clear", "junior", "junior", "masked", "clear"] {
            let answer = take(&mut client, role, by_call).ok();
            assert_eq!(answer.tags(), ["SET"]);
            sees(&mut client, role);
            assert_eq!(client.query("SHOW application_name").table(), "desk");
        }
        for back in ["RESET pgveil.role", "SET pgveil.role TO DEFAULT"] {
            take(&mut client, "clear", by_call).ok();
            client.query(back).ok();
            sees(&mut client, "masked");
        }
    }
    // From and to a role of which nobody reads what it says.
    let mut client = stage.begin("boss", &[("options", "-c statement_timeout=20s")]).unwrap();
    for role in ["masked", "admin", "masked"] {
        client.query(&format!("/* a comment */ set session PGVEIL.role to {role};")).ok();
        sees(&mut client, role);
        assert_eq!(client.query("SHOW statement_timeout").table(), "20s");
    }
    client.query("RESET pgveil.role").ok();
    sees(&mut client, "admin");
    // It cannot go on as before and believe to be somebody else.
    let refused = take(&mut client, "masked", true);
    assert_eq!(refused.sqlstate(), "42601");
    assert!(refused.message().contains("send it as a simple query"), "{refused:?}");
    sees(&mut client, "admin");
    let refused = client.query("SELECT 1; SET pgveil.role = 'masked'");
    assert_eq!((refused.sqlstate(), client.status()), ("25001", 'I'));
    sees(&mut client, "admin");
}

#[test]
fn no_role_is_taken_in_a_transaction() {
    let stage = Stage::get();
    for by_call in [false, true] {
        let mut client = stage.begin("both", &[]).unwrap();
        client.query("BEGIN").ok();
        let refused = take(&mut client, "clear", by_call);
        assert_eq!((refused.sqlstate(), client.status()), ("25001", 'E'), "{refused:?}");
        assert!(refused.message().starts_with("SET pgveil.role cannot run inside a transaction block"), "{refused:?}");
        client.query("ROLLBACK").ok();
        assert_eq!(client.query(LOOK).table(), MASKED);
        take(&mut client, "clear", by_call).ok();
        assert_eq!(client.query(LOOK).table(), RAW);
    }
    let mut admin = stage.begin("boss", &[]).unwrap();
    admin.query("BEGIN; CREATE TEMP TABLE mine AS SELECT 7 AS n").ok();
    assert_eq!((take(&mut admin, "masked", false).sqlstate(), admin.status()), ("25001", 'T'));
    assert_eq!(admin.query("COMMIT; SELECT n FROM mine").table(), "7");
}

// What a session with more rights has opened, kept or prepared is no way to the values in one with less.
#[test]
fn nothing_is_taken_along() {
    let stage = Stage::get();
    for (user, from) in [("both", "clear"), ("boss", "admin")] {
        let mut client = stage.begin(user, &[("pgveil.role", from)]).unwrap();
        client.query("PREPARE p AS SELECT email FROM s.people ORDER BY id").ok();
        client.query("BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT email FROM s.people ORDER BY id; COMMIT").ok();
        client.query("CREATE TEMP TABLE t AS SELECT email FROM s.people");
        client.query("SET search_path = pg_temp, s").ok();
        client.pipeline(|out| {
            frontend::parse("named", "SELECT email FROM s.people ORDER BY id", [], out).unwrap();
            frontend::sync(out);
        });
        client.answer().ok();
        assert_eq!(client.query("EXECUTE p").table(), "ana@example.org\nbob@example.org");
        take(&mut client, "masked", false).ok();
        for (sql, code) in
            [("EXECUTE p", "26000"), ("FETCH ALL FROM c", "34000"), ("SELECT * FROM t", "42P01"), ("SELECT * FROM pg_temp.t", "42P01")]
        {
            assert_eq!(client.query(sql).sqlstate(), code, "{user} {sql}");
        }
        client.pipeline(|out| {
            bind("", "named", &Call::default(), out);
            frontend::execute("", 0, out).unwrap();
            frontend::sync(out);
        });
        assert_eq!(client.answer().sqlstate(), "26000");
        assert!(!client.query("SHOW search_path").table().contains("pg_temp"));
        assert_eq!(client.query(LOOK).table(), MASKED);
    }
}

// What is sent behind it in one piece is answered as the new role, or not at all.
#[test]
fn what_was_sent_behind_it_waits() {
    let stage = Stage::get();
    for (user, from, to, sees) in [
        ("both", "masked", "clear", RAW),
        ("both", "clear", "masked", MASKED),
        ("boss", "admin", "masked", MASKED),
        ("boss", "masked", "admin", RAW),
    ] {
        for chunk in [1, 7, 1 << 16] {
            let mut client = stage.begin(user, &[("pgveil.role", from)]).unwrap();
            let mut out = BytesMut::new();
            frontend::query("SELECT 1", &mut out).unwrap();
            frontend::query(&format!("SET pgveil.role = '{to}'"), &mut out).unwrap();
            frontend::query(LOOK, &mut out).unwrap();
            frontend::query("SHOW pgveil.role", &mut out).unwrap();
            out.chunks(chunk).for_each(|part| client.send(part));
            assert_eq!(client.answer().table(), "1");
            client.answer().ok();
            assert_eq!(client.answer().table(), sees, "{user} from {from} to {to}");
            assert_eq!(client.answer().table(), to);
        }
    }
    // Between its Execute and the Sync.
    let mut client = stage.begin("both", &[]).unwrap();
    client.pipeline(|out| {
        for sql in ["SET pgveil.role = 'clear'", LOOK] {
            frontend::parse("", sql, [], out).unwrap();
            bind("", "", &Call::default(), out);
            frontend::execute("", 0, out).unwrap();
        }
        frontend::sync(out);
    });
    let answer = client.answer();
    assert_eq!((answer.sqlstate(), answer.tags()), ("25001", vec!["SET"]), "{answer:?}");
    assert_eq!(client.query(LOOK).table(), RAW, "the role is taken with the Sync");
}

#[test]
fn a_session_in_another_role_is_cancelled_as_the_first() {
    let stage = Stage::get();
    let mut client = stage.begin("both", &[]).unwrap();
    let (process, secret) = client.key.clone().unwrap();
    take(&mut client, "clear", false).ok();
    assert_eq!(client.key.as_ref(), Some(&(process, secret.clone())), "it is told no other key");
    client.put_query("SELECT count(*) FROM generate_series(1, 2000000000)");
    let body = [&80_877_102_u32.to_be_bytes()[..], &process.to_be_bytes(), &secret].concat();
    let packet = [&u32::try_from(body.len() + 4).unwrap().to_be_bytes()[..], &body].concat();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", stage.proxy.addr().port())).unwrap();
    stream.write_all(&packet).unwrap();
    let _reset = stream.read(&mut [0]);
    assert_eq!(client.answer().sqlstate(), "57014");
    assert_eq!(client.query(LOOK).table(), RAW);
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
