//! `pgveil lock`, and what `pgveil check` and `explain` say of a lock file.

use std::fs;
use std::path::PathBuf;

use pgveil_tests::world::World;

use super::{PASSWORD, Run, pgveil, url};

const POLICY: &str = "version = 1\n[class.email]\ncolumns = [\"shop.people.email\"]\n[class.open]\ncolumns = [\"shop.late.*\"]\n\
    [role.r]\ndefault = \"clear\"\n[role.r.mask]\nemail = \"null\"\n\
    [role.w]\nread_only = true\nwritable_schemas = [\"adhoc\"]\n";

const SCHEMA: &str = "CREATE SCHEMA shop; CREATE SCHEMA adhoc; CREATE TABLE shop.people (id int, email text, city text, old int)";

/// A policy file in a folder of its own, and a database.
struct Stage {
    folder: PathBuf,
    database: String,
}

impl Stage {
    fn new(name: &str) -> Stage {
        let folder = std::env::temp_dir().join(format!("pgveil-lock-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("policy.toml"), POLICY).unwrap();
        Stage { folder, database: World::get().database(SCHEMA) }
    }

    /// A command on both; what it prints, with their names settled.
    fn run(&self, command: &[&str]) -> Run {
        let (policy, url) = (self.folder.join("policy.toml").display().to_string(), url(&self.database));
        let arguments = [&command[..1], &["--policy", &policy, "--database-url", &url], &command[1..]].concat();
        let run = pgveil(&arguments, &PASSWORD, "");
        let settled = |text: &str| text.replace(&format!("{}/", self.folder.display()), "").replace(&self.database, "DB");
        Run { code: run.code, out: settled(&run.out), err: settled(&run.err) }
    }

    fn alter(&self, sql: &str) {
        World::get().cluster().execute(&self.database, sql).unwrap();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _left = fs::remove_dir_all(&self.folder);
    }
}

#[track_caller]
fn assert_run(run: &Run, code: i32, out: &str) {
    assert_eq!((run.code, run.out.as_str()), (code, out), "{}", run.err);
}

#[test]
fn a_database_is_accepted_and_its_changes_are_told() {
    let stage = Stage::new("told");
    assert_run(&stage.run(&["lock"]), 1, "DB: not in the lock file yet: 4 columns, 1 of them with a class\n");
    assert!(!stage.folder.join("policy.lock").exists());
    assert_run(
        &stage.run(&["lock", "--accept"]),
        0,
        "DB: not in the lock file yet: 4 columns, 1 of them with a class\npolicy.lock is written\n",
    );
    assert_run(&stage.run(&["lock"]), 0, "");
    assert_run(&stage.run(&["check", "--names-only", "--allow", "class.unmatched", "--allow", "class.default"]), 0, "");
    stage.alter(
        "ALTER TABLE shop.people RENAME email TO mail; ALTER TABLE shop.people ALTER city TYPE varchar(9); ALTER TABLE shop.people DROP old; \
         ALTER TABLE shop.people ADD more text; CREATE TABLE shop.late (x text); CREATE TABLE adhoc.scratch (x text)",
    );
    let changes = "DB: shop.late.x is new; class open\nDB: shop.people.city was of type pg_catalog.text; no class\n\
        DB: shop.people.mail was shop.people.email; class email\nDB: shop.people.more is new; no class\nDB: shop.people.old is gone\n";
    assert_run(&stage.run(&["lock"]), 1, changes);
    let json = stage.run(&["lock", "--json"]).out;
    let lines: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines[2],
        serde_json::json!({"database": "DB", "column": ["shop", "people", "mail"], "change": "renamed", "before": "shop.people.email", "class": "email"})
    );
    let check = stage.run(&["check", "--names-only", "--github", "--allow", "class.unmatched", "--allow", "class.default"]);
    assert_run(
        &check,
        1,
        "::warning file=policy.lock,title=column.new::shop.people.more is new; no class (it is redacted until a class names it (\"shop.people.more\") or somebody accepts it: pgveil lock --accept)\n\
         ::warning file=policy.lock,title=column.renamed::shop.people.mail was shop.people.email; class email (add \"shop.people.mail\" to the columns of class email, or of another one; then pgveil lock --accept)\n\
         ::notice file=policy.lock,title=column.new::shop.late.x is new; class open (pgveil lock --accept, once it is as it should be)\n\
         ::notice file=policy.lock,title=column.retyped::shop.people.city was of type pg_catalog.text; no class (pgveil lock --accept, once it is as it should be)\n\
         ::notice file=policy.lock,title=column.vanished::shop.people.old is gone (pgveil lock --accept, once it is as it should be)\n",
    );
    assert_run(&stage.run(&["lock", "--accept"]), 0, &format!("{changes}policy.lock is written\n"));
    assert_run(&stage.run(&["lock"]), 0, "");
    assert_run(&stage.run(&["lock", "--accept"]), 0, "");
}

#[test]
fn programs_are_told_as_people_are() {
    let stage = Stage::new("json");
    let check = |more: &[&str]| {
        let run = stage.run(&[&["check", "--names-only", "--allow", "class.unmatched", "--allow", "class.default"], more].concat());
        (run.code, serde_json::from_str::<serde_json::Value>(&run.out).unwrap_or_else(|e| panic!("{e}: {}", run.out)))
    };
    stage.run(&["lock", "--accept"]);
    let (code, document) = check(&["--json"]);
    assert_eq!((code, &document["findings"], &document["warnings"]), (0, &serde_json::json!([]), &serde_json::json!(0)));
    stage.alter(
        "ALTER TABLE shop.people RENAME email TO mail; ALTER TABLE shop.people ALTER city TYPE varchar(9); ALTER TABLE shop.people DROP old; \
         ALTER TABLE shop.people ADD more text; CREATE TABLE shop.late (x text)",
    );
    let finding = |severity: &str, id: &str, message: &str, help: &str| {
        serde_json::json!({
            "severity": severity, "id": id, "file": "policy.lock", "line": 0, "column": 0, "message": message, "help": help,
        })
    };
    let accept = "pgveil lock --accept, once it is as it should be";
    let expected = serde_json::json!([
        finding(
            "warning",
            "column.new",
            "shop.people.more is new; no class",
            "it is redacted until a class names it (\"shop.people.more\") or somebody accepts it: pgveil lock --accept",
        ),
        finding(
            "warning",
            "column.renamed",
            "shop.people.mail was shop.people.email; class email",
            "add \"shop.people.mail\" to the columns of class email, or of another one; then pgveil lock --accept",
        ),
        finding("note", "column.new", "shop.late.x is new; class open", accept),
        finding("note", "column.retyped", "shop.people.city was of type pg_catalog.text; no class", accept),
        finding("note", "column.vanished", "shop.people.old is gone", accept),
    ]);
    let (code, document) = check(&["--json"]);
    assert_eq!((code, &document["findings"]), (1, &expected));
    let counts = ["errors", "warnings", "notes"].map(|key| document[key].as_u64().unwrap());
    assert_eq!((counts, &document["database"]), ([0, 2, 3], &serde_json::json!("DB")));
    let (_, document) = check(&["--json", "--allow", "column.new", "--deny", "column.renamed"]);
    let ids: Vec<(&str, &str)> =
        document["findings"].as_array().unwrap().iter().map(|f| (f["severity"].as_str().unwrap(), f["id"].as_str().unwrap())).collect();
    assert_eq!(ids, [("error", "column.renamed"), ("note", "column.retyped"), ("note", "column.vanished")]);
}

#[test]
fn explain_says_what_the_proxy_does() {
    let stage = Stage::new("explain");
    stage.run(&["lock", "--accept"]);
    stage.alter("ALTER TABLE shop.people RENAME email TO mail; ALTER TABLE shop.people ADD more text");
    let run = stage.run(&["explain", "--role", "r", "SELECT mail, more, city FROM shop.people"]);
    let columns: Vec<String> = run
        .out
        .lines()
        .filter(|l| l.contains("shop.people."))
        .map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "))
        .take(3)
        .collect();
    assert_eq!(
        columns,
        [
            "mail shop.people.mail email \"null\" policy.toml:9 (role r, class email)",
            "more shop.people.more — redact policy.toml (role r, unclassified_new: not in the lock file)",
            "city shop.people.city — clear no class names it",
        ],
        "{}",
        run.out
    );
}

#[test]
fn what_is_wrong_with_a_lock_file_is_said() {
    let stage = Stage::new("wrong");
    let policy = stage.folder.join("policy.toml");
    fs::write(&policy, POLICY.replacen("\n", "\nunclassified_new = \"refuse\"\n", 1)).unwrap();
    let run = stage.run(&["check", "--names-only"]);
    assert!(run.out.contains("warning[lock.missing]: `unclassified_new` means nothing without a lock file"), "{}", run.out);
    fs::write(stage.folder.join("policy.lock"), "version = 1\n").unwrap();
    let run = stage.run(&["check", "--names-only"]);
    assert!(run.out.contains("warning[lock.database]: the lock file does not have the database DB"), "{}", run.out);
    fs::write(stage.folder.join("policy.lock"), "version = 1\nx = 2\n").unwrap();
    for command in [vec!["check"], vec!["lock"], vec!["lock", "--accept"]] {
        let run = stage.run(&command);
        assert_eq!(run.code, 78);
        assert!(run.err.contains("policy.lock:2:5") && run.err.contains("make it anew"), "{}", run.err);
    }
    let run = pgveil(&["lock", "--policy", &policy.display().to_string()], &[], "");
    assert_eq!((run.code, run.err.contains("policy.lock")), (78, true), "{}", run.err);
    fs::remove_file(stage.folder.join("policy.lock")).unwrap();
    let run = pgveil(&["lock", "--policy", &policy.display().to_string()], &[], "");
    assert_eq!((run.code, run.err.contains("has no database yet")), (2, true), "{}", run.err);
}

#[test]
fn an_account_that_may_not_ask_for_the_server_is_enough() {
    let stage = Stage::new("denied");
    stage.alter("REVOKE EXECUTE ON FUNCTION pg_catalog.pg_control_system() FROM PUBLIC");
    assert_eq!(stage.run(&["lock", "--accept"]).code, 0);
    assert!(fs::read_to_string(stage.folder.join("policy.lock")).unwrap().contains("identity = \"any."));
    stage.alter("ALTER TABLE shop.people RENAME email TO mail");
    assert_run(&stage.run(&["lock"]), 1, "DB: shop.people.mail was shop.people.email; class email\n");
}
