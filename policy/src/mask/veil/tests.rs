//! The texts, and that both readers read them. That they are total and immutable is shown on a server.

#![expect(clippy::string_slice, reason = "a test may panic")]

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserOptions};

use super::*;
use crate::mask::fit::{Action, fit};
use crate::mask::spec::{Constant, JsonMask, Keep, MaskSpec, Noise, Unit, Width};

pub(crate) fn column_type(base: BaseType, sql: &str) -> ColumnType {
    ColumnType {
        oid: 0,
        typmod: -1,
        sql: sql.into(),
        base_sql: sql.into(),
        base,
        collation: None,
        nondeterministic: false,
        is_domain: false,
    }
}

fn types() -> Vec<ColumnType> {
    [
        (BaseType::Text, "pg_catalog.text"),
        (BaseType::Varchar, "character varying(80)"),
        (BaseType::Bpchar, "character(11)"),
        (BaseType::Citext, "\"public\".\"citext\""),
        (BaseType::Uuid, "pg_catalog.uuid"),
        (BaseType::Int2, "pg_catalog.int2"),
        (BaseType::Int4, "pg_catalog.int4"),
        (BaseType::Int8, "pg_catalog.int8"),
        (BaseType::Numeric, "numeric(10,2)"),
        (BaseType::Numeric, "pg_catalog.\"numeric\""),
        (BaseType::Float4, "pg_catalog.float4"),
        (BaseType::Float8, "double precision"),
        (BaseType::Bool, "pg_catalog.bool"),
        (BaseType::Date, "pg_catalog.date"),
        (BaseType::Timestamp, "timestamp(3) without time zone"),
        (BaseType::Timestamptz, "timestamp with time zone"),
        (BaseType::Inet, "pg_catalog.inet"),
        (BaseType::Cidr, "pg_catalog.cidr"),
        (BaseType::Json, "pg_catalog.json"),
        (BaseType::Jsonb, "pg_catalog.jsonb"),
        (BaseType::Bytea, "pg_catalog.bytea"),
        (BaseType::Array, "pg_catalog.text[]"),
        (BaseType::Enum, "\"shop\".\"mood\""),
        (BaseType::Composite, "\"shop\".\"pair\""),
        (BaseType::Other, "interval(3)"),
    ]
    .into_iter()
    .map(|(base, sql)| column_type(base, sql))
    .collect()
}

fn keep_ends() -> Keep {
    Keep { first: 1, last: 2, fill: '\'', separators: false }
}

fn width(decimal: &str) -> Width {
    Width { decimal: decimal.into(), whole: decimal.parse().ok() }
}

fn masks() -> Vec<MaskSpec> {
    let inner = [("lat".to_owned(), JsonMask::Bucket(width("0.5")))].into();
    let json = [
        ("zip".to_owned(), JsonMask::Keep(keep_ends())),
        ("it's \\ \"odd\"".to_owned(), JsonMask::Redact(None)),
        ("geo".to_owned(), JsonMask::Object(inner)),
        ("street".to_owned(), JsonMask::Null),
    ];
    let wild = [("*".to_owned(), JsonMask::Object([("*".to_owned(), JsonMask::Null), ("a".to_owned(), JsonMask::Clear)].into()))];
    let mut masks = vec![
        MaskSpec::Json(wild.into()),
        MaskSpec::Keep(Keep { first: 1, last: 0, fill: '\\', separators: true }),
        MaskSpec::Null,
        MaskSpec::Redact(None),
        MaskSpec::Redact(Some(Constant::Text("it's \\".into()))),
        MaskSpec::Keep(keep_ends()),
        MaskSpec::Keep(Keep { first: 0, last: 0, fill: '*', separators: false }),
        MaskSpec::Bucket(width("10000")),
        MaskSpec::Bucket(width("0.5")),
        MaskSpec::Network { v4: 24, v6: 48 },
        MaskSpec::Json(json.into()),
        MaskSpec::Noise(Noise::Amount(width("500"))),
        MaskSpec::Noise(Noise::Fraction(width("0.1"))),
    ];
    masks.extend(Unit::ALL.map(MaskSpec::Truncate));
    masks
}

fn veiled(mask: &MaskSpec, column: &str, ty: &ColumnType) -> Option<String> {
    match fit(mask, "c", column, ty) {
        Ok(Some(Action::Veil(sql))) => Some(sql),
        _ => None,
    }
}

#[test]
fn both_readers_read_every_mask_of_every_type() {
    let mut read = 0;
    for mut ty in types() {
        for collation in [None, Some("\"pg_catalog\".\"und-x-icu\"")] {
            ty.collation = collation.map(str::to_owned);
            for mask in masks() {
                let Some(sql) = veiled(&mask, "odd \"name", &ty) else { continue };
                assert!(sql.starts_with("CAST(") || sql.starts_with("(CAST("), "{sql}");
                let statement = format!("SELECT {sql} AS \"x\" FROM \"s\".\"t\"");
                pg_query::parse(&statement, pg_query::ParserOptions::default()).unwrap_or_else(|e| panic!("{e}: {sql}"));
                let printed = Parser::new(&PostgreSqlDialect {})
                    .with_options(ParserOptions::new().with_unescape(false))
                    .try_with_sql(&statement)
                    .and_then(|mut parser| parser.parse_statements())
                    .unwrap_or_else(|e| panic!("{e}: {sql}"))
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(";");
                let tree = |text: &str| {
                    let parsed = pg_query::parse(text, pg_query::ParserOptions::default()).unwrap();
                    pg_query::deparse(&parsed.protobuf, pg_query::DeparseOptions::default()).unwrap()
                };
                assert_eq!(tree(&statement), tree(&printed), "{sql}");
                read += 1;
            }
        }
    }
    assert!(read > 150, "{read}");
}

/// Every name in the expression that is not the column's is pg_catalog's or a keyword.
#[test]
fn functions_and_operators_are_those_of_pg_catalog() {
    for ty in types() {
        for mask in masks() {
            let Some(sql) = veiled(&mask, "x", &ty) else { continue };
            let calls = sql.match_indices('(').filter_map(|(at, _)| sql[..at].split([' ', '(', ',', '[']).next_back());
            for name in calls.filter(|name| !name.is_empty()) {
                let qualified = name.starts_with("pg_catalog.");
                let keyword = matches!(
                    name,
                    "CAST"
                        | "OPERATOR"
                        | "numeric"
                        | "varying"
                        | "character"
                        | "timestamp"
                        | "interval"
                        | "COALESCE"
                        | "AS"
                        | "SELECT"
                        | "BIT"
                        | "LEAST"
                        | "GREATEST"
                );
                let own = name.starts_with("veil_j");
                assert!(qualified || keyword || own, "{name} in {sql}");
            }
            let naked = [" + ", " - ", " * ", " / ", " < ", " > ", " = ", " || ", " -> ", "::"];
            assert!(!naked.iter().any(|operator| sql.contains(operator)), "{sql}");
        }
    }
}

#[test]
fn the_texts() {
    let text = column_type(BaseType::Text, "pg_catalog.text");
    let sql = |mask: MaskSpec, ty: &ColumnType| veiled(&mask, "c", ty).unwrap();
    assert_eq!(sql(MaskSpec::Null, &column_type(BaseType::Bpchar, "character(11)")), "CAST(NULL AS character(11))");
    assert_eq!(sql(MaskSpec::Redact(Some(Constant::Text("it's".into()))), &text), "CAST('it''s' AS pg_catalog.text)");
    assert_eq!(
        sql(MaskSpec::Redact(None), &column_type(BaseType::Varchar, "character varying(5)")),
        "CAST('[redacted]' AS character varying(5))"
    );
    assert_eq!(sql(MaskSpec::Redact(None), &column_type(BaseType::Date, "pg_catalog.date")), "CAST(NULL AS pg_catalog.date)");
    assert_eq!(
        sql(MaskSpec::Bucket(width("10000")), &column_type(BaseType::Int8, "pg_catalog.int8")),
        "CAST(CASE WHEN (\"c\" OPERATOR(pg_catalog.<) CAST('-9223372036854770000' AS pg_catalog.int8)) \
         THEN CAST('-9223372036854775808' AS pg_catalog.int8) \
         ELSE (\"c\" OPERATOR(pg_catalog.-) (((\"c\" OPERATOR(pg_catalog.%) CAST('10000' AS pg_catalog.int8)) OPERATOR(pg_catalog.+) \
         CAST('10000' AS pg_catalog.int8)) OPERATOR(pg_catalog.%) CAST('10000' AS pg_catalog.int8))) END AS pg_catalog.int8)"
    );
}

#[test]
fn a_column_s_own_collation_stays_and_a_domain_gives_way_to_its_base() {
    let mut ty = column_type(BaseType::Text, "\"shop\".\"mail\"");
    ty.base_sql = "pg_catalog.text".into();
    ty.is_domain = true;
    ty.collation = Some("\"pg_catalog\".\"C\"".into());
    assert_eq!(null(&ty), "(CAST(NULL AS pg_catalog.text) COLLATE \"pg_catalog\".\"C\")");
    let kept = veiled(&MaskSpec::Keep(Keep { first: 0, last: 0, fill: '*', separators: false }), "c", &ty).unwrap();
    assert!(kept.contains("pg_catalog.length(CAST(\"c\" AS pg_catalog.text))"), "{kept}");
}
