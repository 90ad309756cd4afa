//! A role in spite of its conditions: asked for, taken by another name, kept after its hours, by another policy, by an exemption.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use pgveil_tests::client::{Client, Fields};
use pgveil_tests::world::{Proxy, World};

const RAW: &str = "ana@example.org";
const LOOK: &str = "SELECT email FROM s.people";
const HERE: &str = "networks = [\"127.0.0.0/8\"]";
const ELSEWHERE: &str = "networks = [\"10.0.0.0/8\", \"::/0\"]";

fn database() -> &'static str {
    static DATABASE: OnceLock<String> = OnceLock::new();
    let sql = "CREATE SCHEMA s; CREATE TABLE s.people AS SELECT 'ana@example.org'::text AS email";
    DATABASE.get_or_init(|| World::get().database(sql))
}

/// Office sees what is stored, under these conditions; remote sees masks.
fn policy(when: &str) -> String {
    format!(
        "version = 1\n[class.email]\ncolumns = [\"s.people.email\"]\n[role.office]\nread_only = true\ndefault = \"clear\"\n\
         [role.office.when]\n{when}\n[role.heir]\ninherits = \"office\"\n[role.other]\ndefault = \"clear\"\nread_only = true\n\
         [role.both]\ninherits = [\"other\", \"office\"]\n[role.remote]\nread_only = true\n"
    )
}

const USERS: &[(&str, &str)] =
    &[("ana", "roles = [\"office\", \"heir\", \"both\", \"remote\"]"), ("lone", "roles = [\"office\", \"heir\"]")];

fn proxy(policy: &str) -> Proxy {
    World::get().proxy_of(policy, USERS)
}

fn begin(proxy: &Proxy, user: &str, settings: &[(&str, &str)]) -> Result<Client, Fields> {
    let mut login = proxy.login(user, database());
    login.settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Client::connect(&login)
}

fn role(client: &mut Client) -> String {
    client.query("SHOW pgveil.role").table()
}

/// Hours of every day, by UTC, that end in so many seconds; they began half a day before.
fn hours(left: u64) -> String {
    let end = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + left;
    let clock = |second: u64| format!("{:02}:{:02}:{:02}", second / 3600 % 24, second / 60 % 60, second % 60);
    format!("hours = {{ from = \"{}\", to = \"{}\" }}", clock(end + 43_200), clock(end))
}

/// Closed for the next hour.
fn closed() -> String {
    hours(46_800)
}

#[test]
fn the_first_role_whose_conditions_hold_is_active() {
    for (when, is) in [
        (HERE.to_owned(), "office"),
        (ELSEWHERE.to_owned(), "remote"),
        (hours(3600), "office"),
        (closed(), "remote"),
        (format!("{HERE}\n{}", closed()), "remote"),
        ("applications = [\"Tab*\"]".to_owned(), "remote"),
        ("networks = [\"127.0.0.1\"]\napplications = [\"*\"]".to_owned(), "office"),
    ] {
        let proxy = proxy(&policy(&when));
        let mut client = begin(&proxy, "ana", &[]).unwrap();
        assert_eq!(role(&mut client), is, "{when}");
        assert_eq!(client.query(LOOK).table(), if is == "office" { RAW } else { "[redacted]" }, "{when}");
    }
    let proxy = proxy(&policy("applications = [\"Tab*\", \"psql\"]"));
    for (settings, is) in [
        (&[("application_name", "Tableau 9")][..], "office"),
        (&[("APPLICATION_NAME", "psql")], "office"),
        (&[("options", "-c application_name=psql")], "office"),
        (&[("options", "-c application_name=psql"), ("application_name", "pgAdmin")], "remote"),
        (&[("application_name", "psql"), ("Application_Name", "pgAdmin")], "remote"),
        (&[("application_name", "PSQL")], "remote"),
        (&[("application_name", "")], "remote"),
    ] {
        assert_eq!(role(&mut begin(&proxy, "ana", settings).unwrap()), is, "{settings:?}");
    }
}

#[test]
fn asking_for_the_role_does_not_help() {
    for when in [ELSEWHERE.to_owned(), closed(), "applications = [\"Tableau\"]".to_owned(), format!("{HERE}\n{}", closed())] {
        let proxy = proxy(&policy(&when));
        for settings in [
            &[("options", "-c pgveil.role=office")][..],
            &[("pgveil.role", "office")],
            &[("pgveil.role", "heir")],
            &[("pgveil.role", "both")],
            &[("options", "-c pgveil.role=remote"), ("pgveil.role", "office")],
            &[("pgveil.role", "office"), ("search_path", "10.0.0.1")],
        ] {
            let error = begin(&proxy, "ana", settings).unwrap_err();
            assert_eq!(error[&'C'], "28000", "{when} {settings:?}: {error:?}");
            assert!(error[&'M'].contains("may be used only ") && error[&'M'].contains(".policy:"), "{error:?}");
            assert!(error[&'H'].contains("-c pgveil.role=ROLE"), "{error:?}");
        }
        // None of the user's roles: the first one's condition is told.
        let error = begin(&proxy, "lone", &[]).unwrap_err();
        assert_eq!(error[&'C'], "28000");
        assert!(error[&'M'].starts_with("role \"office\" may be used only "), "{error:?}");
        // Only to who has proved to be somebody.
        let mut login = proxy.login("lone", database());
        login.password = Some("wrong".to_owned());
        let error = Client::connect(&login).unwrap_err();
        assert!(error[&'C'] == "28P01" && !format!("{error:?}").contains("office"), "{error:?}");
        // And not by what a session sets later.
        let mut client = begin(&proxy, "ana", &[]).unwrap();
        for sql in ["SET application_name = 'Tableau'", "SET pgveil.role = 'office'", "SET ROLE office", "RESET ALL", "DISCARD ALL"] {
            client.query(sql);
            assert_eq!((role(&mut client), client.query(LOOK).table()), ("remote".to_owned(), "[redacted]".to_owned()), "{sql}");
        }
    }
}

/// What ended the session: the last message's code and words.
fn end(client: &mut Client) -> (String, String) {
    let answer = client.query(LOOK);
    (answer.sqlstate().to_owned(), answer.message().to_owned())
}

#[test]
fn hours_end_whatever_is_open() {
    let proxy = proxy(&policy(&hours(6)));
    let mut open: [Client; 3] = std::array::from_fn(|_| begin(&proxy, "lone", &[("pgveil.role", "office")]).unwrap());
    let [cursor, prepared, idle] = &mut open;
    assert_eq!(cursor.query("BEGIN; DECLARE c CURSOR FOR SELECT email FROM s.people").sqlstate(), "00000");
    assert_eq!(prepared.query("PREPARE p AS SELECT email FROM s.people").sqlstate(), "00000");
    assert_eq!(idle.query(LOOK).table(), RAW);
    std::thread::sleep(Duration::from_millis(6500));
    for (client, sql) in open.iter_mut().zip(["FETCH c", "EXECUTE p", LOOK]) {
        let answer = client.query(sql);
        assert_eq!(answer.sqlstate(), "57P01", "{answer:?}");
        let words = "terminating connection because role \"office\" may be used only on all days from ";
        assert!(answer.message().starts_with(words) && !format!("{answer:?}").contains(RAW), "{answer:?}");
    }
    // The next one gets what there is.
    assert_eq!(role(&mut begin(&proxy, "ana", &[]).unwrap()), "remote");
}

#[test]
fn another_policy_asks_again() {
    let proxy = proxy(&policy(HERE));
    let psql = &[("application_name", "psql")][..];
    let mut stays = begin(&proxy, "ana", psql).unwrap();
    let mut remote = begin(&proxy, "ana", &[("pgveil.role", "remote")]).unwrap();
    for when in ["networks = [\"127.0.0.1\"]", "applications = [\"psql\"]", &hours(3600)] {
        assert!(proxy.change_policy(&policy(when)));
        assert_eq!(stays.query(LOOK).table(), RAW, "{when}");
        // What it calls itself now is not what it began with, and not asked.
        assert_eq!(stays.query("SET application_name = 'pgAdmin'").sqlstate(), "00000");
    }
    for (when, words) in [
        (ELSEWHERE, "the connection comes from 127.0.0.1"),
        ("applications = [\"Tableau\"]", "the client calls itself \"psql\""),
        (&closed(), "may be used only on all days from"),
    ] {
        assert!(proxy.change_policy(&policy(HERE)));
        let mut all = ["office", "heir", "both"].map(|role| {
            let mut client = begin(&proxy, "ana", &[("application_name", "psql"), ("pgveil.role", role)]).unwrap();
            client.query("SET application_name = 'Tableau'");
            client
        });
        assert!(proxy.change_policy(&policy(when)));
        for client in &mut all {
            let (code, message) = end(client);
            assert!(code == "57P01" && message.contains(words), "{when}: {code} {message}");
        }
    }
    assert_eq!(end(&mut stays).0, "57P01");
    assert_eq!(remote.query(LOOK).table(), "[redacted]");
}

#[test]
fn an_exemption_has_the_conditions_of_its_role() {
    let exempt = |when: &str| {
        format!(
            "version = 1\n[class.email]\ncolumns = [\"s.people.email\"]\n[role.office.when]\n{when}\n[[exemption]]\nuser = \"lone\"\n\
             role = \"office\"\nclasses = [\"email\"]\nuntil = 2999-01-01T00:00:00Z\nreason = \"ticket 7\"\n[role.heir]\n[role.remote]\n[role.both]\n"
        )
    };
    let proxy = proxy(&exempt(&hours(5)));
    let mut sees = begin(&proxy, "lone", &[]).unwrap();
    assert_eq!(sees.query(LOOK).table(), RAW);
    std::thread::sleep(Duration::from_millis(5500));
    assert_eq!(end(&mut sees).0, "57P01");
    assert_eq!(begin(&proxy, "lone", &[("pgveil.role", "office")]).unwrap_err()[&'C'], "28000");
    let error = begin(&proxy, "lone", &[("pgveil.role", "office (exemption of lone)")]).unwrap_err();
    assert_eq!(error[&'C'], "28000", "{error:?}");
    assert!(proxy.change_policy(&exempt(HERE)));
    let mut sees = begin(&proxy, "lone", &[("pgveil.role", "office")]).unwrap();
    assert_eq!(sees.query(LOOK).table(), RAW);
    assert!(proxy.change_policy(&exempt(ELSEWHERE)));
    assert_eq!(end(&mut sees).0, "57P01");
}

#[test]
fn the_audit_log_says_why() {
    let file = World::get().cluster().folder().join("audit-conditions.log");
    let proxy = World::get().proxy_with(&policy(ELSEWHERE), &[("ana", "office")], |config| config.audit = Some(file.clone()));
    let mut login = proxy.login("ana", database());
    login.settings = vec![("options".to_owned(), "-c application_name=who".to_owned())];
    Client::connect(&login).unwrap_err();
    proxy.stop();
    let log = std::fs::read_to_string(&file).unwrap();
    let denied = log.lines().find(|line| line.contains("\"denied\"")).unwrap();
    for part in ["\"user\":\"ana\"", "\"role\":\"office\"", "\"application\":\"who\"", "may be used only from 10.0.0.0/8", "127.0.0.1"] {
        assert!(denied.contains(part), "{part}: {denied}");
    }
}

#[test]
fn a_role_is_not_taken_later_in_spite_of_its_conditions() {
    for when in [ELSEWHERE.to_owned(), closed(), "applications = [\"psql\"]".to_owned()] {
        let proxy = proxy(&policy(&when));
        let mut client = begin(&proxy, "ana", &[("application_name", "desk")]).unwrap();
        // What it calls itself later does not count.
        client.query("SET application_name = 'psql'").ok();
        for asked in ["office", "heir", "both"] {
            let refused = client.query(&format!("SET pgveil.role = '{asked}'"));
            assert_eq!(refused.sqlstate(), "42501", "{when} {asked}: {refused:?}");
            assert!(refused.message().contains("may be used only"), "{refused:?}");
            assert_eq!((role(&mut client).as_str(), client.query(LOOK).table().as_str()), ("remote", "[redacted]"));
        }
    }
    // It is as if it had connected again: the hours of the role that it takes end it.
    let proxy = proxy(&policy(&hours(4)));
    let mut client = begin(&proxy, "ana", &[("pgveil.role", "remote")]).unwrap();
    client.query("SET pgveil.role = 'office'").ok();
    assert_eq!(client.query(LOOK).table(), RAW);
    std::thread::sleep(Duration::from_secs(6));
    assert!(!format!("{:?}", client.query(LOOK)).contains(RAW));
}
