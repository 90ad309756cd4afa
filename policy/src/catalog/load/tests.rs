use super::*;
use crate::catalog::Index;

fn rows(lines: &[&str]) -> Vec<Vec<Option<String>>> {
    lines.iter().map(|line| line.split('|').map(|cell| (cell != "-").then(|| cell.to_owned())).collect()).collect()
}

/// A partitioned table `t` with a partition `t1` whose columns stand in another order and that has one more.
fn given() -> Vec<(&'static str, Vec<Vec<Option<String>>>)> {
    vec![
        ("version", rows(&["150018"])),
        ("database", rows(&["shopdb"])),
        ("horizon", rows(&["700"])),
        ("code", rows(&["1 2 3"])),
        ("index oids", rows(&["210|200"])),
        ("schemas", rows(&["s", "pg_catalog"])),
        (
            "types",
            rows(&[
                "23|pg_catalog|int4|b|0|0|0|-|-|-|1007|N|f|f|-",
                "25|pg_catalog|text|b|0|0|0|-|-|-|1009|S|t|t|f",
                "101|s|t|c|0|100|0|-|-|-|0|C|f|f|-",
            ]),
        ),
        ("relations", rows(&["100|s|t|p|f|-", "200|s|t1|r|f|-", "300|s|v|v|f| SELECT 1;"])),
        (
            "columns",
            rows(&[
                "100|1|id|23|-1|-|-|t|-|-|-",
                "100|3|email|25|-1|-|-|f|pg_catalog|C|f",
                "200|1|email|25|-1|-|-|f|-|-|f",
                "200|2|id|23|-1|-|-|t|-|-|-",
                "200|4|extra|25|-1|-|-|f|-|-|t",
            ]),
        ),
        ("generated", rows(&["200|4|1"])),
        ("parents", rows(&["200|100", "900|800"])),
        ("partition keys", rows(&["100|1", "100|0"])),
        ("sequences", rows(&["700|5|f|200|2", "701|-1|t|0|0"])),
        ("indexes", rows(&["200|2 1|1|t|t|-|f|i1", "200|0|1|f|t|1 4|f|i2", "200|2|1|f|f|-|t|i3"])),
        ("reads", rows(&["300|100", "300|999"])),
        ("functions", rows(&["s|f|i|f|1|2|f|t|f|[\"a\",\"b\"]|23|23 25|23 25|0|f"])),
        ("operators", rows(&["s|@@@|-|23|23|16|f|f|i"])),
        ("casts", rows(&["23|25|a|f"])),
        ("collations", rows(&["s|ci"])),
    ]
}

fn build(given: Vec<(&str, Vec<Vec<Option<String>>>)>) -> Result<Catalog, LoadError> {
    let mut builder = Builder::new();
    for (name, rows) in given {
        builder.rows(name, rows)?;
    }
    builder.finish()
}

#[test]
fn a_parent_sees_its_childrens_indexes_in_its_own_numbers() {
    let catalog = build(given()).unwrap();
    let (parent, child) = (catalog.relation("s", "t").unwrap(), catalog.relation("s", "t1").unwrap());
    assert_eq!(child.parents, [100]);
    assert_eq!(catalog.ancestors(200), [100]);
    assert_eq!(catalog.partition_keys.get(&100), Some(&vec![1, 0]));
    assert_eq!(child.primary_key, [2]);
    assert_eq!(catalog.sequences[&700], Sequence { start: 5, descends: false, owner: Some((200, 2)) });
    assert_eq!(catalog.sequences[&701], Sequence { start: -1, descends: true, owner: None });
    assert_eq!(parent.primary_key, [] as [i16; 0]);
    let mentions = |r: &Relation| r.indexes.iter().map(|i| i.mentions.clone()).collect::<Vec<_>>();
    assert_eq!(mentions(child), [vec![1, 2], vec![1, 4], vec![1, 2, 4]]);
    assert_eq!(mentions(parent), [vec![1, 3], vec![Index::OF_A_CHILD, 3], vec![Index::OF_A_CHILD, 1, 3]]);
    assert_eq!(parent.indexes[1].returns, [] as [i16; 0]);
}

#[test]
fn columns_types_views_and_functions() {
    let catalog = build(given()).unwrap();
    let parent = catalog.relation("s", "t").unwrap();
    let email = &parent.column("email").unwrap().data_type;
    assert_eq!(email.collation.as_deref(), Some("\"pg_catalog\".\"C\""));
    assert_eq!((email.sql.as_str(), email.is_domain, email.nondeterministic), ("pg_catalog.text", false, false));
    let extra = catalog.relation("s", "t1").unwrap().column("extra").unwrap().clone();
    assert!(extra.data_type.nondeterministic);
    assert_eq!(extra.generated_from, [1]);
    assert_eq!(catalog.types["s"]["t"].fields, ["id", "email"]);
    let view = catalog.relation("s", "v").unwrap();
    assert_eq!((view.definition.as_deref(), view.reads.as_slice()), (Some("SELECT 1"), [100].as_slice()));
    let function = &catalog.functions["f"][0];
    assert_eq!((function.arguments, function.returns_set, function.output_names.len()), ((1, 2), true, 2));
}

#[test]
fn what_does_not_read_is_an_error() {
    let replaced =
        |name: &str, line: &str| build(given().into_iter().map(|(n, r)| if n == name { (n, rows(&[line])) } else { (n, r) }).collect());
    assert!(matches!(replaced("relations", "100|s|t|z|f|-"), Err(LoadError::Cell { cell: 3, .. })));
    assert!(matches!(replaced("version", "-"), Err(LoadError::Cell { cell: 0, .. })));
    assert!(matches!(replaced("reads", "1|2|3"), Err(LoadError::Cell { cell: 2, .. })));
    assert!(matches!(replaced("columns", "100|1|id|77|-1|-|-|t|-|-|-"), Err(LoadError::UnknownType { oid: 77 })));
    assert!(matches!(build(given().split_off(1)), Err(LoadError::Missing { query: "version" })));
    let mut twice = given();
    twice.push(("version", rows(&["150018"])));
    assert!(matches!(build(twice), Err(LoadError::Unexpected { .. })));
}
