//! How a type is written so that it means the same under every search_path.

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalog::{BaseType, Oid};

/// One row of `pg_type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TypeRow {
    pub schema: String,
    pub name: String,
    /// `typtype`
    pub kind: char,
    /// `typbasetype`: of a domain, else 0.
    pub base: Oid,
    /// `typrelid`: of a composite type, else 0.
    pub relation: Oid,
    /// Of a true array, else 0.
    pub element: Oid,
    /// A domain's `typtypmod`, where it has one.
    pub domain_modifier: Option<Modified>,
    pub extension: Option<String>,
    /// `typarray`, or 0.
    pub array: Oid,
    /// `typcategory`
    pub category: char,
    /// `typispreferred`
    pub preferred: bool,
    /// `typcollation` is set.
    pub collatable: bool,
    /// `typcollation` is nondeterministic.
    pub nondeterministic: bool,
}

/// What `format_type` says with a type modifier and without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Modified {
    pub with: String,
    pub without: String,
}

/// A type's text for a CAST: a keyword form (`character varying(80)`), else qualified by its schema.
/// `None` where the type is not known, or is an array of such.
pub(super) fn type_sql(types: &HashMap<Oid, Arc<TypeRow>>, oid: Oid, modifier: Option<&Modified>) -> Option<String> {
    let row = types.get(&oid)?;
    if row.element != 0 {
        let element = modifier.map(|m| Modified {
            with: m.with.strip_suffix("[]").unwrap_or(&m.with).to_owned(),
            without: m.without.strip_suffix("[]").unwrap_or(&m.without).to_owned(),
        });
        return type_sql(types, row.element, element.as_ref()).map(|sql| sql + "[]");
    }
    if let Some(keyword) = keyword_form(oid) {
        return match (modifier, keyword) {
            (Some(modifier), _) => Some(modifier.with.clone()),
            (None, Keyword::Always(form)) => Some(form.to_owned()),
            (None, Keyword::WithModifier) => Some(format!("pg_catalog.{}", quote_where_needed(&row.name))),
        };
    }
    let suffix = modifier.map_or("", |m| m.with.strip_prefix(m.without.as_str()).unwrap_or(""));
    Some(match row.schema.as_str() {
        "pg_catalog" => format!("pg_catalog.{}{suffix}", quote_where_needed(&row.name)),
        schema => format!("{}.{}{suffix}", quote(schema), quote(&row.name)),
    })
}

/// The type at the bottom of domains and its modifier.
pub(super) fn bottom<'a>(
    types: &'a HashMap<Oid, Arc<TypeRow>>,
    mut oid: Oid,
    mut modifier: Option<&'a Modified>,
) -> (Oid, Option<&'a Modified>) {
    // Domains cannot form a circle; the bound keeps a torn snapshot from making one.
    for _ in 0..types.len() {
        match types.get(&oid) {
            Some(row) if row.kind == 'd' && row.base != 0 => {
                oid = row.base;
                modifier = row.domain_modifier.as_ref();
            }
            _ => break,
        }
    }
    (oid, modifier)
}

/// What masks go by; `oid` is at the bottom of domains.
pub(super) fn base_type(types: &HashMap<Oid, Arc<TypeRow>>, oid: Oid) -> BaseType {
    // Numbers of built-in types never change: src/include/catalog/pg_type.dat.
    match oid {
        25 => BaseType::Text,
        1043 => BaseType::Varchar,
        1042 => BaseType::Bpchar,
        2950 => BaseType::Uuid,
        21 => BaseType::Int2,
        23 => BaseType::Int4,
        20 => BaseType::Int8,
        1700 => BaseType::Numeric,
        700 => BaseType::Float4,
        701 => BaseType::Float8,
        16 => BaseType::Bool,
        1082 => BaseType::Date,
        1114 => BaseType::Timestamp,
        1184 => BaseType::Timestamptz,
        869 => BaseType::Inet,
        650 => BaseType::Cidr,
        114 => BaseType::Json,
        3802 => BaseType::Jsonb,
        17 => BaseType::Bytea,
        _ => match types.get(&oid) {
            Some(row) if row.element != 0 => BaseType::Array,
            Some(row) if row.kind == 'e' => BaseType::Enum,
            Some(row) if row.kind == 'c' => BaseType::Composite,
            Some(row) if row.name == "citext" && row.extension.as_deref() == Some("citext") => BaseType::Citext,
            Some(_) | None => BaseType::Other,
        },
    }
}

/// A quoted identifier (PostgreSQL documentation, 4.1.1).
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn quote_where_needed(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    // The names of these two are also the grammar's, and mean char(1) and bit(1) there.
    if plain && name != "char" && name != "bit" { name.to_owned() } else { quote(name) }
}

enum Keyword {
    /// The grammar's own form, whatever the search_path.
    Always(&'static str),
    /// Without a modifier the keyword would mean a length of one: the type's name has to be used.
    WithModifier,
}

/// Types that the grammar names by keywords, as `format_type` prints them.
fn keyword_form(oid: Oid) -> Option<Keyword> {
    Some(Keyword::Always(match oid {
        16 => "boolean",
        20 => "bigint",
        21 => "smallint",
        23 => "integer",
        700 => "real",
        701 => "double precision",
        1043 => "character varying",
        1083 => "time without time zone",
        1114 => "timestamp without time zone",
        1184 => "timestamp with time zone",
        1186 => "interval",
        1266 => "time with time zone",
        1562 => "bit varying",
        1700 => "numeric",
        1042 | 1560 => return Some(Keyword::WithModifier),
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> HashMap<Oid, Arc<TypeRow>> {
        let row = |schema: &str, name: &str, kind, base, element| TypeRow {
            schema: schema.to_owned(),
            name: name.to_owned(),
            kind,
            base,
            relation: 0,
            element,
            domain_modifier: None,
            extension: None,
            array: 0,
            category: 'X',
            preferred: false,
            collatable: false,
            nondeterministic: false,
        };
        let mut short = row("shop", "short", 'd', 1043, 0);
        short.domain_modifier = modified("character varying(8)", "character varying");
        let mut citext = row("public", "citext", 'b', 0, 0);
        citext.extension = Some("citext".to_owned());
        let rows = HashMap::from([
            (18, row("pg_catalog", "char", 'b', 0, 0)),
            (20, row("pg_catalog", "int8", 'b', 0, 0)),
            (25, row("pg_catalog", "text", 'b', 0, 0)),
            (30, row("pg_catalog", "oidvector", 'b', 0, 0)),
            (1042, row("pg_catalog", "bpchar", 'b', 0, 0)),
            (1043, row("pg_catalog", "varchar", 'b', 0, 0)),
            (1009, row("pg_catalog", "_text", 'b', 0, 25)),
            (1015, row("pg_catalog", "_varchar", 'b', 0, 1043)),
            (1560, row("pg_catalog", "bit", 'b', 0, 0)),
            (20001, row("shop", "mo\"od", 'e', 0, 0)),
            (20002, row("shop", "_mood", 'b', 0, 20001)),
            (20003, short),
            (20004, row("shop", "shorter", 'd', 20003, 0)),
            (20005, row("gis", "geometry", 'b', 0, 0)),
            (20006, row("gis", "_geometry", 'b', 0, 20005)),
            (20007, citext),
            (20008, row("adhoc", "citext", 'c', 0, 0)),
        ]);
        rows.into_iter().map(|(oid, row)| (oid, Arc::new(row))).collect()
    }

    fn modified(with: &str, without: &str) -> Option<Modified> {
        Some(Modified { with: with.to_owned(), without: without.to_owned() })
    }

    #[test]
    fn no_search_path_changes_what_is_meant() {
        let types = types();
        for (oid, modifier, expected) in [
            (20, None, "bigint"),
            (25, None, "pg_catalog.text"),
            (18, None, "pg_catalog.\"char\""),
            (30, None, "pg_catalog.oidvector"),
            (1042, None, "pg_catalog.bpchar"),
            (1042, modified("character(11)", "character"), "character(11)"),
            (1043, modified("character varying(80)", "character varying"), "character varying(80)"),
            (1009, None, "pg_catalog.text[]"),
            (1015, modified("character varying(80)[]", "character varying[]"), "character varying(80)[]"),
            (1560, None, "pg_catalog.\"bit\""),
            (20001, None, "\"shop\".\"mo\"\"od\""),
            (20002, None, "\"shop\".\"mo\"\"od\"[]"),
            (20005, modified("gis.geometry(Point,4326)", "gis.geometry"), "\"gis\".\"geometry\"(Point,4326)"),
            (20006, modified("gis.geometry(Point,4326)[]", "gis.geometry[]"), "\"gis\".\"geometry\"(Point,4326)[]"),
        ] {
            assert_eq!(type_sql(&types, oid, modifier.as_ref()).as_deref(), Some(expected));
        }
        assert_eq!(type_sql(&types, 99999, None), None);
    }

    #[test]
    fn domains_resolve_to_the_bottom_with_its_modifier() {
        let types = types();
        let (oid, modifier) = bottom(&types, 20004, None);
        assert_eq!(type_sql(&types, oid, modifier).as_deref(), Some("character varying(8)"));
        assert_eq!(base_type(&types, oid), BaseType::Varchar);
    }

    #[test]
    fn only_the_extensions_citext_is_citext() {
        let types = types();
        assert_eq!(base_type(&types, 20007), BaseType::Citext);
        assert_eq!(base_type(&types, 20008), BaseType::Composite);
        assert_eq!(base_type(&types, 20002), BaseType::Array);
        assert_eq!(base_type(&types, 18), BaseType::Other);
    }
}
