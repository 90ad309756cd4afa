//! Exemptions: who sees more for some time, and that it ends when it ends.

use super::*;

/// So many seconds from now, as a policy writes it.
fn moment(seconds: i64) -> String {
    let sql = format!("SELECT to_char((now() + interval '{seconds} s') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')");
    World::get().cluster().execute("postgres", &sql).unwrap().trim().to_owned()
}

/// Ana sees `sec` as it is stored until then; anna does not.
fn exempt(until: &str) -> String {
    format!(
        "{}[[exemption]]\nuser = \"ana\"\nrole = \"analyst\"\nclasses = [\"secret\"]\nuntil = {until}\nreason = \"ticket 7\"\n",
        policy(A)
    )
}

const BOTH: &[(&str, &str)] = &[("ana", "analyst"), ("anna", "analyst")];

fn begin(policy: &str) -> (Proxy, String) {
    (World::get().proxy_with(policy, BOTH, |_| ()), World::get().database(SCHEMA))
}

const OVER: &str = "the exemption of user \"ana\" in role \"analyst\" has ended";

#[test]
fn one_user_sees_more_and_nobody_else() {
    let (proxy, database) = begin(&exempt(&moment(3600)));
    assert_eq!(ana(&proxy, &database).query(SEC).value().unwrap(), "rawvalue7");
    assert_eq!(session(&proxy, &database, "anna").query(SEC).value().unwrap(), "[a]");
    // The role that it makes is nobody's to have.
    let users = &[("eve", "analyst (exemption of ana)")];
    let forged = World::get().proxy_with(&exempt(&moment(3600)), users, |_| ());
    assert!(Client::connect(&login(&forged, &database, "eve")).is_err());
    // One that has ended means nothing.
    let (proxy, database) = begin(&exempt(&moment(-1)));
    assert_eq!(ana(&proxy, &database).query(SEC).value().unwrap(), "[a]");
}

#[test]
fn what_is_seen_is_not_left_where_others_read_it() {
    let (proxy, database) = begin(&exempt(&moment(3600)));
    World::get().cluster().execute(&database, "GRANT ALL ON ALL TABLES IN SCHEMA shop TO pgveil").unwrap();
    let mut session = ana(&proxy, &database);
    for sql in [
        "CREATE TABLE adhoc.kept AS SELECT sec FROM shop.people",
        "CREATE TEMP TABLE kept AS SELECT sec FROM shop.people",
        "CREATE VIEW adhoc.kept AS SELECT sec FROM shop.people",
        "UPDATE shop.people SET name = sec",
        "INSERT INTO shop.people SELECT id + 1000, sec, sec FROM shop.people",
        "BEGIN READ WRITE; UPDATE shop.people SET name = sec",
        "SET default_transaction_read_only = off",
        "NOTIFY everybody, 'rawvalue7'",
        "SELECT pg_notify('everybody', sec) FROM shop.people",
        "COMMENT ON TABLE shop.people IS 'rawvalue7'",
        "PREPARE TRANSACTION 'rawvalue7'",
        "DO 'BEGIN END'",
    ] {
        let answer = session.query(sql);
        assert!(answer.error().is_some(), "{sql}: {answer:?}");
        session.query("ROLLBACK");
    }
    assert_eq!(World::get().cluster().execute(&database, "SELECT count(*) FROM shop.people WHERE name LIKE 'raw%'").unwrap(), "0\n");
}

#[test]
fn it_ends_when_it_ends_whatever_is_open() {
    let (proxy, database) = begin(&exempt(&moment(15)));
    let [mut idle, mut prepared, mut cursor, mut reads] = std::array::from_fn(|_| ana(&proxy, &database));
    assert_eq!(idle.query(SEC).value().unwrap(), "rawvalue7");
    prepare(&mut prepared, "p", SEC).ok();
    prepared.query(&format!("PREPARE q AS {SEC}")).ok();
    assert_eq!(cells(&run(&mut prepared, "p")), ["rawvalue7"]);
    cursor.query("BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT sec FROM shop.people; FETCH 1 FROM c; COMMIT").ok();
    // Far more than all buffers on the way hold: it is not read to its end.
    reads.put_query("SELECT repeat(sec, 1000) FROM shop.people, generate_series(1, 1000)");
    let mut masked = session(&proxy, &database, "anna");
    assert_ended(&mut idle, OVER);
    assert_ended(&mut prepared, OVER);
    assert_ended(&mut cursor, OVER);
    assert_ended(&mut reads, OVER);
    // Nothing of it is there for the next session, and those without it go on.
    let mut again = ana(&proxy, &database);
    assert_eq!(again.query(SEC).value().unwrap(), "[a]");
    for sql in ["FETCH ALL FROM c", "EXECUTE q"] {
        assert!(again.query(sql).error().is_some(), "{sql}");
    }
    assert_eq!(masked.query(SEC).value().unwrap(), "[a]");
}

#[test]
fn a_policy_ends_it_earlier_or_later() {
    let (proxy, database) = begin(&exempt(&moment(3600)));
    let mut session = ana(&proxy, &database);
    assert_eq!(session.query(SEC).value().unwrap(), "rawvalue7");
    assert!(proxy.change_policy(&exempt(&moment(7200))));
    assert_eq!(session.query(SEC).value().unwrap(), "rawvalue7");
    // Its other masks are the role's.
    assert!(
        proxy.change_policy(
            &with_names_hidden(&policy(A))
                .replace("name = \"null\"\n", &format!("name = \"null\"\n{}", &exempt(&moment(7200))[policy(A).len()..]))
        )
    );
    assert_eq!(session.query("SELECT sec, name FROM shop.people WHERE id = 7").table(), "rawvalue7|∅");
    assert!(proxy.change_policy(&policy(A)));
    assert_ended(&mut session, OVER);
    assert_eq!(ana(&proxy, &database).query(SEC).value().unwrap(), "[a]");
    // One that begins is for the next session.
    let mut before = ana(&proxy, &database);
    assert!(proxy.change_policy(&exempt(&moment(3600))));
    assert_eq!(before.query(SEC).value().unwrap(), "[a]");
    assert_eq!(ana(&proxy, &database).query(SEC).value().unwrap(), "rawvalue7");
}

#[test]
fn the_audit_log_says_why() {
    let file = World::get().cluster().folder().join("audit-exempt.log");
    let database = World::get().database(SCHEMA);
    let proxy = World::get().proxy_with(&exempt(&moment(3600)), BOTH, |config| config.audit = Some(file.clone()));
    for user in ["ana", "anna"] {
        session(&proxy, &database, user).query(SEC).ok();
    }
    proxy.stop();
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (user, reason) in [("ana", Some("ticket 7")), ("anna", None)] {
        let own: Vec<_> = lines.iter().filter(|line| line["user"] == user).collect();
        assert!(own.len() >= 3 && own.iter().any(|line| line["event"] == "statement"), "{own:?}");
        assert!(own.iter().all(|line| line["role"] == "analyst" && line.get("exemption").and_then(|e| e.as_str()) == reason), "{own:?}");
    }
}
