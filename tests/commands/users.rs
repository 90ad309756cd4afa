//! Row filters that ask who asks: tests of a policy as somebody, `--user` and `--attribute`.

use std::fs;
use std::path::PathBuf;

use pgveil_tests::world::World;
use serde_json::{Value, json};

use super::{PASSWORD, Run, pgveil, url};

const POLICY: &str = r#"
version = 1
unclassified = "clear"
[role.own]
default = "clear"
[role.own.rows]
"s.notes" = "owner = {user}"
[role.region]
default = "clear"
[role.region.rows]
"s.notes" = "region = ANY ({attr.regions}) AND tenant = {attr.tenant}"
[role.like]
inherits = "region"
[role.like.rows]
"s.notes" = "owner LIKE {user} || '%' AND region LIKE {attr.region}"
"#;

const SCHEMA: &str = "CREATE SCHEMA s; CREATE TABLE s.notes (id int PRIMARY KEY, owner text, region text, tenant int);
    INSERT INTO s.notes VALUES (1, 'ana', 'eu', 7), (2, 'o''brien', 'u''s', 7), (3, 'bo', 'eu', 8)";

const ALL: &str = "SELECT id FROM s.notes ORDER BY id";

/// A policy with tests, and a database.
struct Stage {
    policy: PathBuf,
    url: String,
}

impl Stage {
    fn new(name: &str, tests: &str) -> Stage {
        let policy = std::env::temp_dir().join(format!("pgveil-users-{name}-{}.toml", std::process::id()));
        fs::write(&policy, format!("{POLICY}{tests}")).unwrap();
        Stage { policy, url: url(World::get().database(SCHEMA).as_str()) }
    }

    fn run(&self, command: &[&str]) -> Run {
        let place = ["--policy", self.policy.to_str().unwrap(), "--database-url", &self.url];
        pgveil(&[&command[..1], &place, &command[1..]].concat(), &PASSWORD, "")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _left = fs::remove_file(&self.policy);
    }
}

fn test(role: &str, who: &str, expect: &str) -> String {
    format!("[[test]]\nrole = \"{role}\"\n{who}\nsql = \"{ALL}\"\nexpect = {expect}\n")
}

#[test]
fn tests_ask_as_somebody() {
    let passing = [
        test("own", "user = \"ana\"", "{ rows = [[1]] }"),
        test("own", "user = \"o'brien\"", "{ rows = [[2]] }"),
        // The same name in other roles, and with other attributes.
        test("region", "user = \"ana\"\nattributes = { regions = [\"eu\", \"u's\"], tenant = 7 }", "{ rows = [[1], [2]] }"),
        test("region", "user = \"ana\"\nattributes = { regions = [\"eu\"], tenant = \"8\" }", "{ rows = [[3]] }"),
        test("region", "attributes = { regions = [], tenant = 7 }", "{ rows = [] }"),
        test("own", "", "{ rows = [] }"),
        test("own", "user = \"' OR true --\"", "{ rows = [] }"),
        test("own", "user = \"%\"", "{ rows = [] }"),
        // Nobody in particular: the policy's judgement of all of them.
        test("region", "", "\"answered\""),
        test("region", "user = \"ana\"", "{ refused = \"rows.attribute\" }"),
        test("region", "attributes = { regions = [] }", "{ refused = \"rows.attribute\" }"),
        test("region", "attributes = { regions = [], tenant = 1 }", "{ columns = { id = \"clear\" } }"),
    ];
    let failing = [
        test("region", "", "{ rows = [[1]] }"),
        test("region", "attributes = { tenant = 7 }", "\"answered\""),
        test("own", "user = \"o'brien\"", "{ rows = [[1]] }"),
        test("region", "attributes = { regions = [\"x y\"], tenant = 7 }", "{ rows = [[1]] }"),
    ];
    let stage = Stage::new("tests", &[&passing[..], &failing[..]].concat().concat());
    let run = stage.run(&["check", "--json", "--names-only", "--allow", "rows.pattern"]);
    let document: Value = serde_json::from_str(&run.out).unwrap_or_else(|e| panic!("{e}: {}{}", run.out, run.err));
    let tests = document["tests"].as_array().unwrap();
    for (n, test) in tests.iter().enumerate() {
        assert_eq!(test["passed"], json!(n < passing.len()), "{test:#}");
    }
    let missing = |attribute: &str| {
        format!(
            "it is refused: a row filter of role region asks for {{attr.{attribute}}}, which user \"pgveil_test\" does not have (rows.attribute); \
             `attributes = {{ NAME = VALUE }}` in the test gives it"
        )
    };
    let why: Vec<&Value> = tests[passing.len()..].iter().map(|test| &test["why"]).collect();
    let expected = [&missing("regions"), &missing("regions"), "row 1 is (2), not (1)", "row 1 is nothing, not (1)"];
    assert_eq!(why, expected);
    assert_eq!((&tests[2]["user"], &tests[2]["attributes"]), (&json!("ana"), &json!({"regions": "{\"eu\",\"u's\"}", "tenant": "7"})));
    assert_eq!((&tests[5]["user"], &tests[5]["attributes"]), (&Value::Null, &Value::Null));
    let help: Vec<&str> = document["findings"].as_array().unwrap().iter().map(|f| f["help"].as_str().unwrap()).collect();
    let shows = |who: &str| format!("pgveil explain --role {who} shows what becomes of the statement");
    assert_eq!(
        help,
        [
            shows("region"),
            shows("region --user pgveil_test --attribute tenant=7"),
            shows("own --user 'o'\\''brien'"),
            shows("region --user pgveil_test --attribute 'regions={\"x y\"}' --attribute tenant=7"),
        ]
    );
}

#[test]
fn explain_and_try_ask_as_somebody() {
    let stage = Stage::new("asked", "");
    for (role, who, ids) in [
        ("own", &["--user", "ana"][..], "1"),
        ("own", &["--user", "o'brien"], "2"),
        ("own", &[], ""),
        ("own", &["--user", "x' OR 'a' = 'a"], ""),
        // It is a key of the file of users, too.
        ("own", &["--user", "ana \"Q\"]"], ""),
        ("region", &["--attribute", "regions={eu,\"u's\"}", "--attribute", "tenant=7"], "1 2"),
        ("region", &["--attribute", "regions={eu}", "--attribute", "tenant=8", "--user", "ana"], "3"),
    ] {
        let run = stage.run(&[&["try", "--json", "--role", role], who, &[ALL]].concat());
        let answer: Value = serde_json::from_str(&run.out).unwrap_or_else(|e| panic!("{who:?} {e}: {}{}", run.out, run.err));
        let rows: Vec<&str> = answer[0]["rows"].as_array().unwrap().iter().map(|row| row[0].as_str().unwrap()).collect();
        assert_eq!(rows.join(" "), ids, "{who:?}");
    }
    let run = stage.run(&["try", "--role", "own", "--user", "ana", "SELECT current_setting('pgveil.user') AS who"]);
    assert!(run.out.contains("\n ana\n"), "{}", run.out);
    let sent = |who: &[&str]| stage.run(&[&["explain", "--role", "region"], who, &[ALL]].concat());
    for (who, words) in [
        (&[][..], "'{attr.regions}'"),
        (&["--attribute", "regions={o'x}", "--attribute", "tenant=7"], "'{o''x}'"),
        (&["--attribute", "regions={o'x}", "--attribute", "tenant=7"], "region = ANY ({attr.regions}) AND tenant = {attr.tenant}"),
    ] {
        let run = sent(who);
        assert!(run.code == 0 && run.out.contains(words), "{who:?}: {}{}", run.out, run.err);
    }
    let run = sent(&["--user", "ana"]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("asks for {attr.regions}, which user \"ana\" does not have"), "{}", run.out);
    assert!(run.out.contains("(role region, rows of s.notes)"), "{}", run.out);
    for (who, words) in [
        (["--attribute", "tenant", "--attribute", "x=1"], "write NAME=VALUE"),
        (["--attribute", "a b=1", "--attribute", "x=1"], "is no name of an attribute"),
        (["--attribute", "a=1", "--attribute", "a=1"], "--attribute a is given twice"),
        (["--user", "", "--attribute", "a=1"], "a user has a name"),
    ] {
        for command in ["explain", "try"] {
            let run = stage.run(&[&[command, "--role", "own"][..], &who, &["SELECT 1"]].concat());
            assert!(run.code == 2 && run.err.contains(words), "{who:?}: {}", run.err);
        }
    }
}

#[test]
fn a_name_that_is_a_pattern_is_told() {
    let stage = Stage::new("pattern", "");
    let found = pgveil(&["check", "--policy", stage.policy.to_str().unwrap(), "--github"], &[], "");
    let line = POLICY.lines().position(|line| line.contains("LIKE {user}")).unwrap() + 1;
    let at = format!(",line={line},col=1,title=rows.pattern::the row filter on `s.notes` takes the user's name for a pattern");
    assert!(found.code == 1 && found.out.contains(&at), "{}", found.out);
    assert_eq!(found.out.matches("rows.pattern").count(), 1, "{}", found.out);
    // It is so.
    let seen = |user: &str| {
        let more = ["--attribute", "region=%", "--attribute", "regions={eu}", "--attribute", "tenant=7", "--user", user, ALL];
        stage.run(&[&["try", "--role", "like"], &more[..]].concat()).out
    };
    assert!(seen("a").contains("(1 row)") && seen("%").contains("(3 rows)") && seen("x").contains("(0 rows)"));
}
