//! Which relations of pg_catalog and information_schema are safe for a role with masks.
//!
//! Schema text (names, types, defaults, checks, definitions, comments, code of functions) is public: clients introspect it.
//! Statistics, sizes, other sessions' statements, credentials and option lists that often hold them are not. Decided for all
//! relations of Postgres 14 to 18; what no list names is refused.

mod clear;
mod refused;
mod veiled;

use clear::{CLEAR, INFORMATION_SCHEMA};
use refused::{INFORMATION_SCHEMA_REFUSED, REFUSED};
use veiled::{INFORMATION_SCHEMA_VEILED, VEILED};

/// What a role with masks sees of a system catalog or view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogRule {
    /// As it is.
    Clear,
    /// Some of its columns, some of its rows.
    Veil(&'static Veil),
    /// It is not read; why not.
    Refuse(&'static str),
}

/// How a system catalog or view is veiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Veil {
    /// What is withheld, in words for people.
    pub why: &'static str,
    /// Which columns.
    pub columns: Columns,
    /// A condition for the rows that are shown, over the relation's own columns, in which every type and function is qualified.
    pub rows: Option<&'static str>,
}

/// Which columns of a system catalog are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// These; the others are NULL, those of later versions included.
    Keep(&'static [&'static str]),
    /// All but these, which are NULL.
    Null(&'static [&'static str]),
    /// All but these, each computed by an SQL expression over the relation's own columns in which every type and function is
    /// qualified.
    Computed(&'static [(&'static str, &'static str)]),
}

/// What is shown of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Its value.
    AsItIs,
    /// NULL of its type.
    Null,
    /// This expression.
    Computed(&'static str),
}

impl Veil {
    /// What is shown of a column.
    pub fn column(&self, name: &str) -> Shown {
        match self.columns {
            Columns::Keep(kept) if kept.contains(&name) => Shown::AsItIs,
            Columns::Keep(_) => Shown::Null,
            Columns::Null(veiled) if veiled.contains(&name) => Shown::Null,
            Columns::Null(_) => Shown::AsItIs,
            Columns::Computed(computed) => computed.iter().find(|(n, _)| *n == name).map_or(Shown::AsItIs, |(_, sql)| Shown::Computed(sql)),
        }
    }
}

/// The rule for a relation of `pg_catalog` or `information_schema`; anything not known is refused.
pub fn rule(schema: &str, relation: &str) -> CatalogRule {
    let (clear, veiled, refused) = match schema {
        "pg_catalog" => (CLEAR, VEILED, REFUSED),
        "information_schema" => (INFORMATION_SCHEMA, INFORMATION_SCHEMA_VEILED, INFORMATION_SCHEMA_REFUSED),
        _ => return CatalogRule::Refuse("it is not one of Postgres' own catalogs"),
    };
    if clear.binary_search(&relation).is_ok() {
        return CatalogRule::Clear;
    }
    if let Some((_, veil)) = veiled.iter().find(|(name, _)| *name == relation) {
        return CatalogRule::Veil(veil);
    }
    CatalogRule::Refuse(refused.iter().find(|(name, _)| *name == relation).map_or(UNKNOWN, |(_, why)| why))
}

/// Whether a list names the relation.
pub fn decided(schema: &str, relation: &str) -> bool {
    !matches!(rule(schema, relation), CatalogRule::Refuse(UNKNOWN))
}

const UNKNOWN: &str = "pgveil does not know what it holds";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_samples_and_statements_are_never_shown() {
        for (relation, column) in [
            ("pg_attribute", "attmissingval"),
            ("pg_authid", "rolpassword"),
            ("pg_class", "reltuples"),
            ("pg_class", "relallfrozen"),
            ("pg_cursors", "statement"),
            ("pg_locks", "tuple"),
            ("pg_prepared_statements", "statement"),
            ("pg_prepared_statements", "generic_plans"),
            ("pg_shadow", "passwd"),
            ("pg_stat_activity", "query"),
            ("pg_stat_database", "tup_returned"),
            ("pg_stat_user_tables", "n_live_tup"),
            ("pg_statio_all_tables", "heap_blks_read"),
            ("pg_statistic", "stavalues1"),
            ("pg_statistic_ext_data", "stxdmcv"),
            ("pg_stats", "most_common_vals"),
            ("pg_stats", "range_bounds_histogram"),
            ("pg_subscription", "subconninfo"),
            ("pg_user_mapping", "umoptions"),
        ] {
            let CatalogRule::Veil(veil) = rule("pg_catalog", relation) else { panic!("{relation}") };
            assert_ne!(veil.column(column), Shown::AsItIs, "{relation}.{column}");
        }
        for name in
            ["pg_largeobject", "pg_file_settings", "pg_hba_file_rules", "pg_config", "pg_stat_statements", "pg_backend_memory_contexts"]
        {
            assert!(matches!(rule("pg_catalog", name), CatalogRule::Refuse(_)), "{name}");
        }
        assert!(matches!(rule("information_schema", "_pg_user_mappings"), CatalogRule::Refuse(_)));
        assert!(matches!(rule("public", "pg_class"), CatalogRule::Refuse(_)));
        assert_eq!(rule("pg_catalog", "pg_namespace"), CatalogRule::Clear);
        assert_eq!(rule("information_schema", "columns"), CatalogRule::Clear);
    }

    #[test]
    fn the_lists_are_sorted() {
        assert!(CLEAR.is_sorted() && INFORMATION_SCHEMA.is_sorted());
    }

    #[test]
    fn every_expression_is_read() {
        for (relation, veil) in VEILED.iter().chain(INFORMATION_SCHEMA_VEILED) {
            let computed = match veil.columns {
                Columns::Computed(computed) => computed.iter().map(|(_, sql)| *sql).collect(),
                Columns::Keep(_) | Columns::Null(_) => vec![],
            };
            for expression in computed.into_iter().chain(veil.rows) {
                assert!(crate::read::expression(expression).is_ok(), "{relation}: {expression}");
            }
        }
    }

    #[test]
    fn no_relation_is_in_two_lists() {
        let names = |veiled: &[(&'static str, Veil)], refused: &[(&'static str, &'static str)], clear: &[&'static str]| {
            let mut all: Vec<&str> =
                veiled.iter().map(|(n, _)| *n).chain(refused.iter().map(|(n, _)| *n)).chain(clear.iter().copied()).collect();
            all.sort_unstable();
            all.windows(2).filter(|w| w[0] == w[1]).map(|w| w[0].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(VEILED, REFUSED, CLEAR), Vec::<String>::new());
        assert_eq!(names(INFORMATION_SCHEMA_VEILED, INFORMATION_SCHEMA_REFUSED, INFORMATION_SCHEMA), Vec::<String>::new());
    }
}
