use super::*;
use crate::mask::spec::{Constant, JsonMask, Keep, Unit, Width};

/// The policy of docs/policy.md and the design.
pub(super) const EXAMPLE: &str = include_str!("../../tests/example.toml");

fn errors(text: &str) -> Vec<PolicyError> {
    Policy::parse("policy.toml", text).unwrap_err()
}

/// The only error of a text below `version = 1`, as "line:column message | help".
fn error(text: &str) -> String {
    let errors = errors(&format!("version = 1\n{text}"));
    assert_eq!(errors.len(), 1, "{errors:#?}");
    let e = &errors[0];
    format!("{}:{} {} | {}", e.line, e.column, e.message, e.help.as_deref().unwrap_or(""))
}

/// The only error of a mask of a role.
fn mask_error(mask: &str) -> String {
    error(&format!("class.c.columns = []\nrole.r.mask.c = {mask}"))
}

#[test]
fn channels() {
    let policy = Policy::parse("policy.toml", "version = 1\n[role.r]\nchannels = [\"jobs\", \"dbt_*\", '\"a.b\"']").unwrap();
    let hears = |channel: &str| policy.roles["r"].channels.iter().any(|p| p.matches([channel]));
    let heard = ["jobs", "dbt_", "dbt_run", "a.b", "Jobs", "job", "xdbt_run", ""].map(hears);
    assert_eq!(heard, [true, true, true, true, false, false, false, false]);
    assert_eq!(
        error("[role.r]\nchannels = \"jobs\""),
        "3:12 `channels` of role r must be an array of strings, not a string | write `[\"…\", \"…\"]`"
    );
    assert_eq!(error("[role.r]\nchannels = [\"a\", \"a\"]"), "3:18 channel a is named twice | keep one of the two");
    assert!(error("[role.r]\nchannels = [\"a.b\"]").starts_with("3:13 `a.b` has 2 parts where 1 are needed"));
}

#[test]
fn the_example_says_what_the_design_says() {
    let policy = Policy::parse("policy.toml", EXAMPLE).unwrap();
    assert_eq!(policy.unclassified, Unclassified::Clear);
    assert_eq!(policy.classes.len(), 9);
    assert_eq!(
        policy.classes[0].columns.iter().map(|(p, _)| p.to_string()).collect::<Vec<_>>(),
        ["shop.customers.email", "shop.orders.ship_email", "*.leads.email"]
    );
    assert_eq!(policy.roles.keys().collect::<Vec<_>>(), ["admin", "analyst", "engineer"]);
    let analyst = &policy.roles["analyst"];
    assert_eq!((analyst.default, analyst.read_only, analyst.trusted_code), (DefaultMask::Redact, true, false));
    assert_eq!(analyst.writable_schemas, ["adhoc"]);
    assert_eq!(analyst.functions, [("shop".to_owned(), "fmt_money".to_owned())]);
    let masks: Vec<_> = analyst.masks.iter().map(|(class, mask)| (class.as_str(), mask.spec.clone())).collect();
    let zip = JsonMask::Keep(Keep { first: 2, last: 0, fill: '*', separators: false });
    assert_eq!(
        masks,
        [
            ("address", MaskSpec::Json([("street".to_owned(), JsonMask::Null), ("zip".to_owned(), zip)].into())),
            ("birth_date", MaskSpec::Truncate(Unit::Year)),
            ("email", MaskSpec::Hash { prefix: "u_".into(), length: 32 }),
            ("free_text", MaskSpec::Redact(None)),
            ("ip", MaskSpec::Network { v4: 24, v6: 48 }),
            ("national_id", MaskSpec::Null),
            ("person_name", MaskSpec::Redact(Some(Constant::Text("[name]".into())))),
            ("phone", MaskSpec::Keep(Keep { first: 0, last: 2, fill: '*', separators: false })),
            ("salary", MaskSpec::Bucket(Width { decimal: "10000".into(), whole: Some(10000) })),
        ]
    );
    assert_eq!(analyst.rows[0].sql, "country = 'DE'");
    assert_eq!(analyst.rows[1].relation.to_string(), "shop.orders");
    let line = EXAMPLE.lines().position(|l| l.starts_with("email")).unwrap() + 1;
    assert_eq!((analyst.masks["email"].line, analyst.masks["email"].column), (line, 1));
    assert!(policy.roles["admin"].sees_everything(policy.unclassified));
    assert!(!policy.roles["engineer"].sees_everything(policy.unclassified));
}

#[test]
fn all_faults_are_found_in_one_go_and_in_order() {
    let text = "\
unclasified = \"clear\"
[class.email]
colums = [\"a.b.c\"]
[class.phone]
columns = [\"a.b\", 3, \"a.b.d\"]
[role.analyst]
defualt = \"clear\"
read_only = \"yes\"
[role.analyst.mask]
emial = \"null\"
phone = \"redcat\"
[role.analyst.rows]
customers = \"true\"
";
    let found: Vec<String> =
        errors(text).iter().map(|e| format!("{}:{} {} | {}", e.line, e.column, e.message, e.help.as_deref().unwrap())).collect();
    assert_eq!(
        found,
        [
            "1:1 unknown key `unclasified` in a policy | did you mean `unclassified`?",
            "1:1 the policy has no version | write `version = 1` at the top: this pgveil reads version 1 only",
            "2:8 class email names no columns | write `columns = [\"schema.table.column\"]`",
            "3:1 unknown key `colums` in class email | did you mean `columns`?",
            "5:12 `a.b` has 2 parts where 3 are needed | write `schema.table.column`; a part with a dot, star, blank or quote in it \
             stands in double quotes, such as `'shop.\"my.table\".x'`",
            "5:19 `columns` of class phone must hold strings, not an integer | write it in quotes",
            "7:1 unknown key `defualt` in role analyst | did you mean `default`?",
            "8:13 `read_only` of role analyst must be true or false, not a string | write `read_only = true` or `read_only = false`",
            "10:1 role analyst masks the class `emial`, which is not defined | did you mean `email`?",
            "11:9 unknown mask `redcat` | did you mean `redact`?",
            "13:1 `customers` has 1 parts where 2 are needed | write `schema.table`; a part with a dot, star, blank or quote in it \
             stands in double quotes, such as `'shop.\"my.table\".x'`",
        ]
    );
}

#[test]
fn faults_of_the_file_as_a_whole() {
    let first = |text: &str| errors(text)[0].to_string();
    assert!(first("version = 1\n[class.a\n").starts_with("policy.toml:2:9: this is not TOML: "), "{}", first("version = 1\n[class.a\n"));
    assert!(first("version = 1\nversion = 1").starts_with("policy.toml:2:1: this is not TOML: duplicate key"));
    assert!(first("version = 2").starts_with("policy.toml:1:11: version 2 is not known"));
    assert!(first("version = \"1\"").contains("version string is not known"));
    assert!(error("class = 1").starts_with("2:1 `class` must be a table, not an integer"));
    assert!(error("role.r = 1").contains("role r must be a table"));
    assert!(error("unclassified = \"Redact\"").ends_with("did you mean `redact`?"));
    assert!(error("role.r.default = \"null\"").contains("`default` of role r cannot be `null`"));
}

#[test]
fn duplicate_things() {
    let twice = error("[class.a]\ncolumns = [\"s.t.c\"]\n[class.b]\ncolumns = [\"x.y.z\", \"s.t.c\"]");
    assert!(twice.starts_with("5:21 the columns `s.t.c` of class b are named in class a already, on line 3"), "{twice}");
    assert!(error("role.r.functions = [\"s.f\", \"s.f\"]").contains("2:28 function s.f is named twice"));
    assert!(error("role.r.writable_schemas = [\"s\", \"s\"]").contains("schema s is named twice"));
}

#[test]
fn exact_names_take_no_star_and_no_arguments() {
    assert!(error("role.r.functions = [\"s.*\"]").contains("`s.*` holds a `*`, where one exact name is needed"));
    assert!(error("role.r.functions = [\"s.f(int)\"]").contains("has an argument list"));
    assert!(error("role.r.writable_schemas = [\"a*\"]").contains("one exact name"));
}

#[test]
fn row_filters_are_read_by_postgres_grammar() {
    let fault = |sql: &str| error(&format!("[role.r.rows]\n\"s.t\" = {sql:?}"));
    assert!(fault("country = ").contains("3:9 the row filter of s.t is no SQL condition: syntax error"), "{}", fault("country = "));
    assert!(fault("a = 1; DROP TABLE s.t").contains("is no SQL condition"));
    assert!(fault("a = 1) OR (true").contains("is no SQL condition"));
    assert!(fault("").contains("is no SQL condition"));
    assert!(error("[role.r.rows]\ns.t = \"true\"").contains("a key with a dot must be quoted"));
    assert!(Policy::parse("p", "version = 1\n[role.r.rows]\n's.\"T.x\"' = \"a = 1 -- note\"").is_ok());
}

#[test]
fn masks_with_a_key_explain_themselves() {
    let shift =
        |arguments: &str| error(&format!("class.c.columns = []\nrole.r.read_only = true\nrole.r.mask.c = {{ shift = {{ {arguments} }} }}"));
    assert!(shift("days = 30").contains("`shift` without `by` | write `{ shift = { by = \"customer_id\", days = 180 } }`"));
    assert!(shift("by = \"id\", days = 3").contains("`days` must be a whole number from 7 to 36500, not 3"));
    assert!(shift("by = 3").contains("`by` names no column"));
    assert!(shift("by = []").contains("`by` names no column"));
    assert!(shift("by = {}").contains("`by` names no table"));
    assert!(shift("by = { orders = \"id\" }").contains("`orders` has 1 parts where 2 are needed"));
    assert!(shift("by = \"id\", dyas = 30").contains("unknown key `dyas` in mask `shift` | did you mean `days`?"));
    assert!(mask_error("\"shift\"").contains("the mask `shift` needs an argument | write `{ shift = { by = "));
    let noise =
        |arguments: &str| error(&format!("class.c.columns = []\nrole.r.read_only = true\nrole.r.mask.c = {{ noise = {{ {arguments} }} }}"));
    assert!(noise("").contains("`noise` without an `amount` or a `fraction`"));
    assert!(noise("amount = 5, fraction = 0.1").contains("keep one of them"));
    assert!(noise("fraction = 1.5").contains("the fraction of `noise` must be a number from 0.001 to 0.9"));
    assert!(noise("amount = 0").contains("the amount of `noise` must be a number from 0.000001"));
}

#[test]
fn masks_with_a_key_are_for_roles_that_may_not_write() {
    let writer = mask_error("{ noise = { amount = 5 } }");
    assert!(writer.contains("the mask `noise` is for roles that may not write: role r could put a value of its own there"), "{writer}");
    assert!(writer.contains("write `read_only = true` in [role.r]"), "{writer}");
    let both = error("class.c.columns = []\nrole.r.read_only = true\nrole.r.mask.c = { shift = { by = \"id\" }, write = true }");
    assert!(both.contains("the mask `shift` is for roles that may not write"), "{both}");
    let fine = "version = 1\nclass.c.columns = []\nrole.r.read_only = true\nrole.r.mask.c = { shift = { by = [\"a\", \"b\"] } }";
    let policy = Policy::parse("policy.toml", fine).unwrap();
    let by = vec![(None, vec!["a".to_owned(), "b".to_owned()])];
    assert_eq!(policy.roles["r"].masks["c"].spec, MaskSpec::Shift(crate::mask::spec::Shift { by, days: 365 }));
}

#[test]
fn conditions_explain_themselves() {
    let read_only = |mask: &str| error(&format!("class.c.columns = []\nrole.r.read_only = true\nrole.r.mask.c = {mask}"));
    assert!(read_only("{ when = \"a = 1\" }").contains("`when` without `then`"));
    assert!(read_only("{ then = \"null\" }").contains("`then` without `when`"));
    assert!(read_only("{ when = \"a = \", then = \"null\" }").contains("the condition `when` cannot be used: it cannot be read"));
    assert!(read_only("{ when = 3, then = \"null\" }").contains("`when` must be a string"));
    let sealed = read_only("{ when = \"a = 1\", then = \"hash\" }");
    assert!(sealed.contains("the pseudonym `hash` cannot hang on a condition | "), "{sealed}");
    assert!(read_only("{ when = \"a = 1\", then = \"clear\", else = \"refuse\" }").contains("`refuse` cannot hang on a condition"));
    let open = read_only("{ when = \"a = 1\", then = \"redact\", else = \"clear\" }");
    assert!(open.contains("`else` shows more than `then`") && open.contains("`when = \"NOT (a = 1)\"`"), "{open}");
    assert!(read_only("{ when = \"a = 1\", then = \"clear\", unless = \"null\" }").contains("unknown key `unless`"));
    assert!(read_only("\"when\"").contains("the mask `when` needs an argument | write `{ when = "));
    let writer = mask_error("{ when = \"a = 1\", then = \"clear\" }");
    assert!(writer.contains("the mask `when` is for roles that may not write: role r could write what the condition reads"), "{writer}");
    let fine =
        "version = 1\nclass.c.columns = []\nrole.r.read_only = true\nrole.r.mask.c = { when = \"a = 1\", then = { keep = { last = 2 } } }";
    let policy = Policy::parse("policy.toml", fine).unwrap();
    let mask = &policy.roles["r"].masks["c"];
    let MaskSpec::When(when) = &mask.spec else { panic!("{mask:?}") };
    assert!(when.otherwise == MaskSpec::Redact(None) && when.condition.text() == "a = 1");
}

#[test]
fn fields_explain_themselves() {
    assert!(mask_error("\"fields\"").contains("the mask `fields` needs an argument | write `{ fields = { street"));
    assert!(mask_error("{ fields = {} }").contains("`fields` takes a table with a mask for each field"));
    let sealed = mask_error("{ fields = { a = \"hash\" } }");
    assert!(sealed.contains("the mask `hash` cannot stand under a key of a JSON object or a field | known there: `clear`"), "{sealed}");
    assert!(mask_error("{ fields = { a = \"nul\" } }").contains("unknown mask `nul` | did you mean `null`?"));
}

#[test]
fn masks_explain_themselves() {
    assert!(mask_error("{ token = { bucket = 8 } }").contains("from 16 to 1024"));
    assert!(mask_error("{ token = { prefix = \"ä\" } }").contains("visible ASCII"));
    assert!(mask_error("\"fake\"").contains("the mask `fake` needs an argument | write `{ fake = \"name\" }`"));
    assert!(mask_error("{ fake = \"emial\" }").contains("unknown kind `emial` | did you mean `email`? Known: `first_name`, "));
    assert!(mask_error("{ fake = { kind = \"name\", locale = \"it\" } }").contains("unknown locale `it` | known here: `en`, `de`, `fr`"));
    assert!(mask_error("{ fake = { locale = \"de\" } }").contains("`fake` without a `kind`"));
    assert!(mask_error("{ fake = 3 }").contains("`fake` takes a table, not an integer"));
    assert!(mask_error("{ email = { length = 8 } }").contains("`length` must be a whole number from 16 to 64, not 8"));
    assert!(mask_error("{ email = { first = 8 } }").contains("unknown key `first`"));
    assert!(mask_error("{ token = { digits = 3 } }").contains("`digits` must be true or false"));
    for (text, why) in [
        ("upper(name)", "it does not name `{column}`"),
        ("{column}", "it shows the value as it is"),
        ("({column})", "it shows the value as it is"),
        ("upper({column}", "it cannot be read: "),
        ("{column} || other", "it names other, which is not open to it"),
        ("{column} || t.other", "a form of expression stands in it"),
        ("{column} || (SELECT x FROM t)", "a form of expression stands in it"),
        ("{column} || '{column}'", "stands in a string or comment"),
        ("{column} || $1", "may not stand in it"),
        ("shop.f({column})", "shop.f() is no function of Postgres' own"),
        ("pg_sleep({column})", "pg_sleep() is not on the list"),
        ("to_char({column}, 'x')", "to_char() is not on the list"),
        ("concat({column}, now())", "concat() is not on the list"),
        ("coalesce({column}, now())", "now() is not on the list"),
        ("coalesce({column}, current_date)", "current_date() is not on the list"),
        ("count({column})", "count() is not on the list"),
        ("{column}::regclass", "a cast to regclass may not stand in it"),
        ("{column} < 'x'::int", "'x' is no constant of type "),
        ("{column}, 1", "it cannot be read"),
        ("{column}) FROM t --", "it cannot be read"),
        ("U&{column}", "it "),
    ] {
        let found = mask_error(&format!("{{ sql = \"{text}\" }}"));
        assert!(found.contains("the expression of `sql` cannot be a mask: ") && found.contains(why), "{text}: {found}");
    }
    assert!(mask_error("\"sql\"").contains("the mask `sql` needs an argument"));
    assert!(mask_error("{ redact = [1] }").contains("must be a text, a number, a date, true or false, not an array"));
    assert!(mask_error("{ keep = { last = 2, separators = 1 } }").contains("`separators` must be true or false"));
    assert!(mask_error("{ hash = {}, otherwise = \"null\" }").contains("`otherwise` must be \"redact\""));
    assert!(mask_error("{ bucket = 1, otherwise = \"redact\" }").contains("no meaning beside the mask `bucket`"));
    assert!(mask_error("{ null = 1 }").contains("`null` takes no argument"));
    assert!(mask_error("\"bucket\"").ends_with("write `{ bucket = 10000 }`"));
    assert!(mask_error("7").contains("a mask must be a string or a table, not an integer"));
    assert!(mask_error("{}").contains("without a name"));
    assert!(mask_error("{ bucket = 1, network = 2 }").contains("more than one mask"));
}

#[test]
fn arguments_of_masks_are_checked() {
    assert!(
        mask_error("{ hash = { length = 15 } }").contains("`length` must be a whole number from 16 to 64, not 15 | a digit holds 5 bits")
    );
    assert!(mask_error("{ hash = { length = 65 } }").contains("from 16 to 64"));
    assert!(mask_error("{ hash = { lenght = 32 } }").ends_with("did you mean `length`?"));
    assert!(mask_error("{ hash = { prefix = \"ü\" } }").contains("visible ASCII"));
    assert!(mask_error("{ keep = { first = -1 } }").contains("from 0 to 1000, not -1"));
    assert!(mask_error("{ keep = { fill = \"**\" } }").contains("one character"));
    assert!(mask_error("{ keep = { last = \"2\" } }").contains("not a string"));
    assert!(mask_error("{ truncate = \"years\" }").ends_with("did you mean `year`?"));
    assert!(mask_error("{ truncate = 1 }").contains("must be a string"));
    for width in ["0", "-5", "1e16", "nan", "\"10\"", "1e-9"] {
        assert!(mask_error(&format!("{{ bucket = {width} }}")).contains("the width of `bucket`"), "{width}");
    }
    assert!(mask_error("{ network = 32 }").contains("from 0 to 31"));
    assert!(mask_error("{ network = { v6 = 128 } }").contains("from 0 to 127"));
    assert!(mask_error("{ json = {} }").contains("masks no key"));
    assert!(mask_error("{ json = { a = \"hash\" } }").contains("`hash` cannot stand under a key of a JSON object"));
    assert!(
        mask_error("{ json = { a = { json = { b = { json = { c = { json = { d = { json = { e = \"null\" } } } } } } } } } }")
            .contains("nested")
    );
}

#[test]
fn an_error_is_rendered_with_its_line() {
    let text = "version = 1\n[class.email]\ncolumns = []\n[role.\"ä\".mask]\n\temial = \"null\"\n";
    assert_eq!(
        errors(text)[0].render(text),
        "error: role ä masks the class `emial`, which is not defined\n --> policy.toml:5:2\n  |\n5 | \temial = \"null\"\n  | \t^\n  \
         = help: did you mean `email`?\n"
    );
    let whole = PolicyError { id: "policy.file", file: "p".into(), line: 0, column: 0, message: "m".into(), help: None };
    assert_eq!((whole.render(""), whole.to_string()), ("error: m\n --> p\n".to_owned(), "p: m".to_owned()));
}
