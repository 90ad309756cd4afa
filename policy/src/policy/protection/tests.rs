use super::*;
use crate::catalog::{BaseType, Relation, RelationKind};
use crate::mask::veil::tests::column_type;

/// A relation with text columns.
pub(in crate::policy) fn relation(oid: Oid, name: &str, columns: &[&str]) -> Relation {
    relation_of(oid, name, &columns.iter().map(|name| (*name, BaseType::Text)).collect::<Vec<_>>())
}

/// A relation with columns of these types, printed as text.
pub(crate) fn relation_of(oid: Oid, name: &str, columns: &[(&str, BaseType)]) -> Relation {
    let (schema, name) = name.split_once('.').unwrap();
    let columns = columns.iter().zip(1..).map(|((name, base), number)| Column {
        number,
        name: (*name).into(),
        data_type: column_type(*base, "pg_catalog.text"),
        not_null: false,
        generated_from: Vec::new(),
    });
    Relation {
        oid,
        schema: schema.into(),
        name: name.into(),
        kind: RelationKind::Table,
        columns: columns.collect(),
        parents: Vec::new(),
        primary_key: Vec::new(),
        unique: Vec::new(),
        indexes: Vec::new(),
        definition: None,
        reads: Vec::new(),
        row_security: false,
    }
}

pub(in crate::policy) fn catalog(relations: impl IntoIterator<Item = Relation>) -> Catalog {
    let mut catalog = Catalog::default();
    relations.into_iter().for_each(|r| catalog.insert(r));
    catalog
}

fn derive(policy: &str, relations: impl IntoIterator<Item = Relation>) -> Result<Protection, Vec<PolicyError>> {
    let policy = Policy::parse("policy.toml", &format!("version = 1\n{policy}")).unwrap();
    Protection::derive(&policy, &catalog(relations), "r")
}

/// The treatments of a relation as (attribute number, class, rule).
fn rules(protection: &Protection, relation: Oid) -> Vec<(i16, Option<&str>, &str)> {
    let columns = protection.guard(relation).into_iter().flat_map(|guard| &guard.columns);
    columns.map(|(number, t)| (*number, t.class.as_deref(), t.rule.as_str())).collect()
}

pub(in crate::policy) fn people() -> Relation {
    relation(1, "shop.people", &["id", "email", "name"])
}

const EMAIL: &str = "[class.email]\ncolumns = [\"shop.people.email\"]\n";

#[test]
fn a_class_is_what_the_role_says() {
    let policy = format!("{EMAIL}[role.r]\ndefault = \"clear\"\n[role.r.mask]\nemail = \"null\"");
    let protection = derive(&policy, [people()]).unwrap();
    assert!(!protection.is_empty());
    assert_eq!(rules(&protection, 1), [(2, Some("email"), "policy.toml:7 (role r, class email)")]);
    let treatment = &protection.guard(1).unwrap().columns[&2];
    assert_eq!(treatment.action, Action::Veil("CAST(NULL AS pg_catalog.text)".into()));

    let hashed = derive(&format!("{EMAIL}[role.r.mask]\nemail = \"hash\""), [people()]).unwrap();
    assert!(matches!(&hashed.guard(1).unwrap().columns[&2].action, Action::Seal(spec) if spec.class == "email"));
    let refused = derive(&format!("{EMAIL}[role.r.mask]\nemail = \"refuse\""), [people()]).unwrap();
    assert_eq!(refused.guard(1).unwrap().columns[&2].action, Action::Refuse);
}

#[test]
fn a_class_that_the_role_does_not_name_is_redacted_unless_the_role_says_clear() {
    let redacted = derive(&format!("{EMAIL}[role.r]\nread_only = true"), [people()]).unwrap();
    assert_eq!(rules(&redacted, 1), [(2, Some("email"), "policy.toml:4 (role r, class email, default)")]);
    let clear = derive(&format!("{EMAIL}[role.r]\ndefault = \"clear\""), [people()]).unwrap();
    assert!(clear.is_empty() && clear.guard(1).is_none());
}

#[test]
fn only_a_role_without_any_rule_is_empty() {
    let empty = |policy: &str| derive(policy, []).unwrap().is_empty();
    assert!(empty("[role.r]\ndefault = \"clear\""));
    assert!(!empty("[role.r]\n"), "redacts each class to come");
    assert!(!empty("[role.r]\ndefault = \"clear\"\nread_only = true"), "someone must hold it to that");
    assert!(!empty(&format!("{EMAIL}[role.r]\ndefault = \"clear\"\nmask.email = \"null\"")), "though no column matches yet");
    assert!(empty(&format!("{EMAIL}[role.r]\ndefault = \"clear\"\nmask.email = \"clear\"")));
    assert!(!empty("[role.r]\ndefault = \"clear\"\nrows.\"a.b\" = \"true\""));
}

#[test]
fn unclassified_columns_of_user_relations() {
    let policy = |role: &str| format!("unclassified = \"refuse\"\n{EMAIL}[role.r]\ndefault = \"clear\"\n{role}");
    let system = || relation(9, "pg_catalog.pg_class", &["relname"]);
    let masked = derive(&policy("mask.email = \"clear\""), [people(), system()]).unwrap();
    let rule = "policy.toml:2 (role r, unclassified)";
    assert_eq!(rules(&masked, 1), [(1, None, rule), (3, None, rule)]);
    assert_eq!(masked.guard(1).unwrap().columns[&1].action, Action::Refuse);
    assert!(masked.guard(9).is_none());
    assert!(derive(&policy(""), [people(), system()]).unwrap().is_empty());
}

#[test]
fn two_classes_are_an_error_with_both_lines() {
    let policy = format!("{EMAIL}[class.contact]\ncolumns = [\"shop.*.email\"]\n[role.r]\n");
    let errors = derive(&policy, [people()]).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(
        (errors[0].line, errors[0].message.as_str()),
        (5, "the column shop.people.email has two classes: contact by this line, and email by line 3")
    );
    let same = format!("{EMAIL}[role.r]\n").replace("[\"shop.people.email\"]", "[\"shop.people.email\", \"*.*.email\"]");
    assert!(derive(&same, [people()]).is_ok(), "twice the same class");
}

/// log ← log_1 ← log_1a, log ← log_2; numbers differ.
pub(in crate::policy) fn family() -> [Relation; 4] {
    let child = |oid, name, parent, columns: &[&str]| Relation { parents: vec![parent], ..relation(oid, name, columns) };
    [
        relation(10, "shop.log", &["id", "who"]),
        child(11, "shop.log_1", 10, &["who", "id", "extra"]),
        child(12, "shop.log_1a", 11, &["extra", "who"]),
        child(13, "shop.log_2", 10, &["x", "y", "who", "extra"]),
    ]
}

#[test]
fn classes_go_down_and_up_along_inheritance() {
    let numbers = |pattern: &str| {
        let policy = format!("[class.c]\ncolumns = [\"{pattern}\"]\n[role.r]\n");
        let protection = derive(&policy, family()).unwrap();
        [10, 11, 12, 13].map(|oid| rules(&protection, oid).iter().map(|r| r.0).collect::<Vec<_>>())
    };
    assert_eq!(numbers("shop.log.who"), [vec![2], vec![1], vec![2], vec![3]]);
    assert_eq!(numbers("shop.log_1a.who"), [vec![2], vec![1], vec![2], vec![3]]);
    assert_eq!(numbers("shop.log_1a.extra"), [vec![], vec![3], vec![1], vec![]]);
    let policy = "[class.c]\ncolumns = [\"shop.log.who\"]\n[class.d]\ncolumns = [\"shop.log_1a.who\"]\n[role.r]\n";
    let errors = derive(policy, family()).unwrap_err();
    assert!(errors[0].message.ends_with("through shop.log, to which it belongs by partitioning or inheritance"), "{errors:?}");
}

#[test]
fn a_mask_that_does_not_fit_is_said_once_for_a_family() {
    let policy = "[class.c]\ncolumns = [\"shop.log*.who\"]\n[role.r.mask]\nc = { truncate = \"year\" }";
    let errors = derive(policy, family()).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!((errors[0].line, errors[0].column), (5, 1));
    assert_eq!(
        errors[0].message,
        "mask truncate (role r, class c) does not fit shop.log.who of type pg_catalog.text: it takes date, timestamp and timestamp with time zone"
    );
}

#[test]
fn row_filters_go_down_and_must_not_start_below() {
    let policy = |relations: &str| {
        let rows: String = relations.split(' ').map(|r| format!("\"{r}\" = \"id > 0\"\n")).collect();
        format!("[role.r]\ndefault = \"clear\"\n[role.r.rows]\n{rows}")
    };
    let protection = derive(&policy("shop.log"), family()).unwrap();
    for oid in 10..=13 {
        let filters = &protection.guard(oid).unwrap().filters;
        assert_eq!(
            filters,
            &[Filter { sql: "id > 0".into(), rule: "policy.toml:5 (role r, rows of shop.log)".into(), relation: "shop.log".into() }]
        );
    }
    assert_eq!(derive(&policy("shop.log*"), family()).unwrap().guard(12).unwrap().filters.len(), 1);
    let errors = derive(&policy("shop.log_1"), family()).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!((errors[0].line, errors[0].column), (5, 1));
    assert_eq!(errors[0].message, "the row filter on shop.log_1 would not hold for who reads its parent shop.log");
    assert!(errors[0].help.as_ref().unwrap().contains("put it on the parent"));
    assert!(derive(&policy("shop.log shop.log_1"), family()).is_err(), "the parent has another filter, not this one");
}

#[test]
fn generated_columns_inherit_and_a_class_of_their_own_wins() {
    let generated = || {
        let mut people = relation(1, "shop.people", &["id", "email", "domain", "label", "plain", "free"]);
        people.columns[2].generated_from = vec![2];
        people.columns[3].generated_from = vec![1, 3];
        people.columns[4].generated_from = vec![1];
        people.columns[5].generated_from = vec![2];
        let child = Relation { parents: vec![1], ..relation(2, "shop.people_1", &["label", "email"]) };
        [people, child]
    };
    let policy = format!("{EMAIL}[class.free]\ncolumns = [\"shop.people.free\"]\n[role.r]\ndefault = \"clear\"\nmask.email = \"hash\"");
    let protection = derive(&policy, generated()).unwrap();
    let derived = "derived from shop.people.email; policy.toml:8 (role r, class email)";
    assert_eq!(rules(&protection, 1), [(2, Some("email"), "policy.toml:8 (role r, class email)"), (3, None, derived), (4, None, derived)]);
    assert_eq!(protection.guard(1).unwrap().columns[&3].action, Action::Veil("CAST('[redacted]' AS pg_catalog.text)".into()));
    assert_eq!(rules(&protection, 2)[0], (1, None, derived));
}

#[test]
fn an_unknown_role_is_an_error() {
    let policy = Policy::parse("policy.toml", "version = 1\n[role.analyst]").unwrap();
    let errors = Protection::derive(&policy, &catalog([]), "analist").unwrap_err();
    assert_eq!(errors[0].to_string(), "policy.toml: the policy has no role `analist`; did you mean `analyst`?");
}

/// Derives on a first catalog, then on a later one.
fn renewed(policy: &str, first: impl IntoIterator<Item = Relation>, later: impl IntoIterator<Item = Relation>) -> Protection {
    let policy = Policy::parse("policy.toml", &format!("version = 1\n{policy}")).unwrap();
    let (first, later) = (catalog(first), catalog(later));
    let protection = Protection::derive(&policy, &first, "r").unwrap();
    let known = Known::default().and(&policy, &first, std::iter::once(("r", &protection)));
    let second = Protection::derive_on(&policy, &later, "r", &known).unwrap();
    let known = known.and(&policy, &later, std::iter::once(("r", &second)));
    let third = Protection::derive_on(&policy, &later, "r", &known).unwrap();
    assert_eq!((second.guards().count(), third.guards().count()), (third.guards().count(), second.guards().count()));
    third
}

pub(in crate::policy) fn classes_of(protection: &Protection, relation: Oid) -> Vec<(i16, Option<&str>)> {
    rules(protection, relation).into_iter().map(|(n, class, _)| (n, class)).collect()
}

#[test]
fn a_column_keeps_its_class_under_every_name() {
    let policy = format!(
        "{EMAIL}[class.name]\ncolumns = [\"*.*.name\"]\n[role.r]\ndefault = \"clear\"\nmask.email = \"null\"\nmask.name = \"null\""
    );
    let renamed = relation(1, "shop.people", &["id", "e_mail", "name"]);
    assert_eq!(classes_of(&renewed(&policy, [people()], [renamed]), 1), [(2, Some("email")), (3, Some("name"))]);
    let moved = relation(1, "archive.persons", &["id", "email", "n"]);
    assert_eq!(classes_of(&renewed(&policy, [people()], [moved]), 1), [(2, Some("email")), (3, Some("name"))]);
    // Swapped: both names and both numbers are protected, each number by what it was.
    let swapped = relation(1, "shop.people", &["email", "id", "name"]);
    assert_eq!(classes_of(&renewed(&policy, [people()], [swapped]), 1), [(1, Some("email")), (2, Some("email")), (3, Some("name"))]);
    // The new class counts where the old one is clear.
    let half = policy.replace("mask.email = \"null\"\n", "mask.email = \"clear\"\n");
    let other = relation(1, "shop.people", &["id", "name", "x"]);
    assert_eq!(classes_of(&renewed(&half, [people()], [other]), 1), [(2, Some("name")), (3, Some("name"))]);
}

#[test]
fn a_detached_partition_keeps_class_and_filter() {
    let policy = "[class.c]\ncolumns = [\"shop.log.who\"]\n[role.r]\ndefault = \"clear\"\nmask.c = \"null\"\n[role.r.rows]\n\"shop.log\" = \"id > 0\"";
    let detached = family().into_iter().map(|r| Relation { parents: vec![], ..r });
    let protection = renewed(policy, family(), detached);
    for relation in family() {
        let guard = protection.guard(relation.oid).unwrap();
        assert!(guard.filters.len() == 1 && !guard.columns.is_empty() && guard.unfit.is_none(), "{guard:?}");
    }
}

#[test]
fn what_no_longer_fits_is_refused_and_the_rest_goes_on() {
    let policy = format!(
        "{EMAIL}[role.r]\ndefault = \"clear\"\nmask.email = {{ keep = {{ last = 2 }} }}\n[role.r.rows]\n\"shop.people\" = \"name = 'x'\""
    );
    let mut retyped = people();
    retyped.columns[1].data_type = column_type(BaseType::Int4, "pg_catalog.int4");
    let guard = |later: Relation| renewed(&policy, [people()], [later]).guard(1).unwrap().clone();
    assert_eq!(guard(retyped).columns[&2].action, Action::Refuse);
    assert!(guard(people()).unfit.is_none());
    assert!(guard(relation(1, "shop.people", &["id", "e_mail", "name"])).unfit.is_none(), "its filter does not read that column");
    for names in [["id", "email", "n"], ["name", "email", "id"], ["id", "name", "x"]] {
        let found = guard(relation(1, "shop.people", &names));
        assert!(found.unfit.is_some_and(|why| why.contains("rows of shop.people")), "{names:?}");
    }
    let parent = relation(9, "shop.all", &["id", "email", "name"]);
    let child = Relation { parents: vec![9], ..people() };
    let protection = renewed(&policy, [people(), parent.clone()], [child, parent]);
    assert!(protection.guard(9).unwrap().unfit.is_some() && protection.guard(1).unwrap().unfit.is_none());
}

fn visits(schema: &str, oid: Oid) -> Relation {
    let mut relation = relation(oid, &format!("{schema}.visits"), &["person", "at", "when", "size"]);
    for (at, (base, sql)) in
        [(BaseType::Int4, "pg_catalog.int4"), (BaseType::Date, "pg_catalog.date"), (BaseType::Float8, "pg_catalog.float8")]
            .into_iter()
            .enumerate()
    {
        relation.columns[if at == 2 { 3 } else { at }].data_type = column_type(base, sql);
    }
    relation
}

fn shifted(by: &str, relations: impl IntoIterator<Item = Relation>) -> Result<Protection, String> {
    let policy = format!(
        "class.day.columns = [\"*.visits.at\"]\nrole.r.read_only = true\nrole.r.writable_schemas = [\"own\"]\nrole.r.mask.day = {{ shift = {{ by = {by} }} }}"
    );
    derive(&policy, relations).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn what_dates_move_by_is_a_column_of_their_table() {
    let sql = |protection: Protection, oid| match &protection.guard(oid).unwrap().columns[&2].action {
        Action::Veil(sql) => sql.clone(),
        other => panic!("{other:?}"),
    };
    let one = sql(shifted("\"person\"", [visits("shop", 1)]).unwrap(), 1);
    assert!(one.contains("CAST(\"person\" AS pg_catalog.text)"), "{one}");
    let both = "{ \"shop.*\" = [\"person\", \"when\"], \"*.people\" = \"id\" }";
    let two = sql(shifted(both, [visits("shop", 1)]).unwrap(), 1);
    assert!(two.contains("pg_catalog.length(CAST(\"person\" AS pg_catalog.text))"), "{two}");
    // A partition goes by what is said of the table that it is a part of.
    let mut part = visits("parts", 2);
    part.parents = vec![1];
    assert_eq!(sql(shifted("{ \"shop.visits\" = \"person\" }", [visits("shop", 1), part]).unwrap(), 2), one);
    for (by, why) in [
        ("\"patient\"", "its `by` names patient, which shop.visits does not have"),
        ("\"size\"", "its `by` names size, of type pg_catalog.float8, of which equal values may be written in several ways"),
        ("\"at\"", "its `by` names at, of type pg_catalog.date"),
        ("{ \"shop.people\" = \"id\" }", "its `by` says nothing of shop.visits; write `by = { \"shop.visits\" = "),
        ("{ \"shop.visits\" = \"person\", \"shop.*\" = \"when\" }", "its `by` says two things of shop.visits"),
    ] {
        let found = shifted(by, [visits("shop", 1)]).unwrap_err();
        assert!(found.contains(why), "{found}");
    }
}

#[test]
fn a_key_moves_nothing_that_the_role_could_have_put_there() {
    let protection = shifted("\"person\"", [visits("own", 1), visits("shop", 2)]).unwrap();
    let own = &protection.guard(1).unwrap().columns[&2];
    assert_eq!(own.action, Action::Veil("CAST(NULL AS pg_catalog.date)".into()));
    assert_eq!(own.rule, "policy.toml:5 (role r, class day; redacted where the role may write)");
    assert!(matches!(&protection.guard(2).unwrap().columns[&2].action, Action::Veil(sql) if sql.contains("sha256")));
}

const COUNTRY: &str = "class.email.columns = [\"shop.people.email\"]\nrole.r.read_only = true\nrole.r.mask.email = { when = \"name = 'DE'\", then = \"clear\" }";

#[test]
fn a_condition_is_one_on_the_row() {
    let when = |condition: &str| {
        let policy = format!(
            "class.email.columns = [\"shop.people.email\"]\n[role.r]\nread_only = true\n[role.r.mask]\nemail = {{ when = \"\"\"{condition}\"\"\", then = {{ keep = {{ first = 1 }} }} }}"
        );
        derive(&policy, [people()]).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    let fine = when("name = 'DE' AND id IS NOT NULL -- of one's own").unwrap();
    let Action::Veil(sql) = &fine.guard(1).unwrap().columns[&2].action else { panic!() };
    assert!(sql.starts_with("CAST(CASE WHEN (\nname = 'DE' AND id IS NOT NULL -- of one's own\n) THEN CAST("), "{sql}");
    assert!(sql.ends_with("ELSE CAST('[redacted]' AS pg_catalog.text) END AS pg_catalog.text)"), "{sql}");
    for (condition, why) in [
        ("other = 1", "it names other, which is not open to it"),
        ("name = current_user", "its condition `name = current_user`"),
        ("EXISTS (SELECT 1)", "a form of expression stands in it that is not looked into"),
        ("people.name = 'DE'", "its condition"),
        ("now() > '2024-01-01'", "is not on the list of functions"),
    ] {
        let found = when(condition).unwrap_err();
        assert!(found.contains(why), "{condition}: {found}");
    }
}

#[test]
fn a_condition_whose_column_was_renamed_shows_nothing() {
    let policy = Policy::parse("policy.toml", &format!("version = 1\n{COUNTRY}")).unwrap();
    let first = catalog([people()]);
    let protection = Protection::derive(&policy, &first, "r").unwrap();
    let known = Known::default().and(&policy, &first, [("r", &protection)].into_iter());
    let mut swapped = people();
    swapped.columns[0].name = "name".into();
    swapped.columns[2].name = "id".into();
    let later = Protection::derive_on(&policy, &catalog([swapped]), "r", &known).unwrap();
    let treatment = &later.guard(1).unwrap().columns[&2];
    assert_eq!(treatment.action, Action::Refuse);
    assert!(treatment.rule.ends_with("(role r, class email), which reads a column that was renamed (id)"), "{}", treatment.rule);
    let same = Protection::derive_on(&policy, &first, "r", &known).unwrap();
    assert!(matches!(same.guard(1).unwrap().columns[&2].action, Action::Veil(_)));
}
