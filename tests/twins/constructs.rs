//! What a statement is made of, by PostgreSQL's own grammar: so that each run can say how often each construct was accepted.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// What is known of a text before it runs.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Constructs that are in it.
    pub constructs: BTreeSet<&'static str>,
    /// Its meaning can be compared: it asks for nothing but the tables' contents.
    pub comparable: bool,
    /// By statement: ORDER BY stands at its top.
    pub ordered: Vec<bool>,
}

impl Facts {
    /// `extended`: the parameters' and results' format, where it is sent so.
    pub fn of(sql: &str, extended: Option<bool>) -> Facts {
        let mut facts = Facts { comparable: true, ..Facts::default() };
        facts.constructs.insert(match extended {
            None => "protocol: simple",
            Some(false) => "protocol: extended, text",
            Some(true) => "protocol: extended, binary",
        });
        let Ok(read) = pg_query::parse(sql, pg_query::ParserOptions::default()) else { return facts };
        for raw in &read.protobuf.stmts {
            let Ok(tree) = serde_json::to_value(&raw.stmt) else { continue };
            let select = tree.pointer("/node/SelectStmt");
            facts.comparable &= select.is_some() || tree.pointer("/node/TransactionStmt").is_some();
            facts.ordered.push(select.is_some_and(|s| has(s, "sort_clause")));
            facts.walk("", &tree);
        }
        facts
    }

    fn walk(&mut self, name: &str, value: &Value) {
        match value {
            Value::Object(map) => {
                if !name.is_empty() {
                    self.node(name, map);
                }
                for (key, inner) in map {
                    // Boxed nodes are `{"node": {"Kind": {…}}}`; fields of one kind are the message itself.
                    let kind = match key.as_str() {
                        "node" => "",
                        "with_clause" => "WithClause",
                        "over" => "WindowDef",
                        "larg" | "rarg" if name == "SelectStmt" => "SelectStmt",
                        "search_clause" => "CteSearchClause",
                        "cycle_clause" => "CteCycleClause",
                        "alias" => "Alias",
                        key if key.starts_with(|c: char| c.is_ascii_uppercase()) => key,
                        _ => "",
                    };
                    self.walk(kind, inner);
                }
            }
            Value::Array(all) => all.iter().for_each(|inner| self.walk("", inner)),
            _ => {}
        }
    }

    fn node(&mut self, name: &str, of: &Map<String, Value>) {
        let number = |key: &str| of.get(key).and_then(Value::as_i64).unwrap_or(0);
        let yes = |key: &str| of.get(key).and_then(Value::as_bool).unwrap_or(false);
        let filled = |key: &str| of.get(key).is_some_and(is_filled);
        let mut add = |construct: &'static str, there: bool| {
            if there {
                self.constructs.insert(construct);
            }
        };
        match name {
            "SelectStmt" => {
                let on = of
                    .get("distinct_clause")
                    .and_then(Value::as_array)
                    .is_some_and(|d| d.iter().any(|n| n.pointer("/node").is_some_and(|n| !n.is_null())));
                add("DISTINCT ON", on);
                add("DISTINCT", filled("distinct_clause") && !on);
                add("WHERE", filled("where_clause"));
                add("GROUP BY", filled("group_clause"));
                add("GROUP BY DISTINCT", yes("group_distinct"));
                add("HAVING", filled("having_clause"));
                add("WINDOW", filled("window_clause"));
                add("VALUES", filled("values_lists"));
                add("ORDER BY", filled("sort_clause"));
                add("LIMIT", filled("limit_count"));
                add("OFFSET", filled("limit_offset"));
                add("WITH TIES", number("limit_option") == 3);
                add("FOR UPDATE/SHARE", filled("locking_clause"));
                let all = yes("all");
                add("UNION", number("op") == 2 && !all);
                add("UNION ALL", number("op") == 2 && all);
                add("INTERSECT", number("op") == 3);
                add("EXCEPT", number("op") == 4);
                add("no columns", number("op") <= 1 && !filled("target_list") && !filled("values_lists"));
            }
            "WithClause" => {
                add("WITH", true);
                add("WITH RECURSIVE", yes("recursive"));
            }
            "CommonTableExpr" => {
                add("MATERIALIZED", number("ctematerialized") == 2);
                add("NOT MATERIALIZED", number("ctematerialized") == 3);
                add("SEARCH", filled("search_clause"));
                add("CYCLE", filled("cycle_clause"));
            }
            "JoinExpr" => {
                add("JOIN", number("jointype") == 1);
                add("LEFT JOIN", number("jointype") == 2);
                add("FULL JOIN", number("jointype") == 3);
                add("RIGHT JOIN", number("jointype") == 4);
                add("NATURAL JOIN", yes("is_natural"));
                add("USING", filled("using_clause"));
                add("FULL JOIN USING", filled("using_clause") && number("jointype") == 3);
                add("USING alias", filled("join_using_alias"));
                add("JOIN alias", filled("alias"));
            }
            "RangeSubselect" => {
                add("subquery in FROM", true);
                add("LATERAL subquery", yes("lateral"));
            }
            "RangeFunction" => {
                add("function in FROM", true);
                add("LATERAL function", yes("lateral"));
                add("WITH ORDINALITY", yes("ordinality"));
                add("ROWS FROM", yes("is_rowsfrom"));
                add("column definitions", filled("coldeflist"));
            }
            "RangeTableFunc" => add("XMLTABLE", true),
            "RangeTableSample" => add("TABLESAMPLE", true),
            "RangeVar" => {
                add("ONLY", !yes("inh"));
                let table = of.get("relname").and_then(Value::as_str).unwrap_or("");
                if let Some(kind) = relation(table) {
                    add(kind, true);
                }
                if of.get("schemaname").and_then(Value::as_str).is_some_and(|s| s == "pg_catalog" || s == "information_schema")
                    || table.starts_with("pg_")
                {
                    add("catalogs", true);
                    self.comparable = false;
                }
            }
            "Alias" => add("column aliases", filled("colnames")),
            "ColumnRef" => {
                let fields = of.get("fields").and_then(Value::as_array).map_or(0, Vec::len);
                let star =
                    of.get("fields").and_then(Value::as_array).and_then(|f| f.last()).is_some_and(|f| f.pointer("/node/AStar").is_some());
                add("*", star);
                add("schema.table.column", fields >= 3 && !star);
            }
            "AIndirection" => {
                let steps = of.get("indirection").and_then(Value::as_array).cloned().unwrap_or_default();
                add("subscript", steps.iter().any(|s| s.pointer("/node/AIndices/is_slice") == Some(&Value::Bool(false))));
                add("slice", steps.iter().any(|s| s.pointer("/node/AIndices/is_slice") == Some(&Value::Bool(true))));
                add("(row).field", steps.iter().any(|s| s.pointer("/node/String").is_some()));
            }
            "GroupingSet" => {
                add("ROLLUP", number("kind") == 3);
                add("CUBE", number("kind") == 4);
                add("GROUPING SETS", number("kind") == 5);
            }
            "GroupingFunc" => add("GROUPING()", true),
            "FuncCall" => self.call(of),
            "AExpr" => match number("kind") {
                2 => add("= ANY", true),
                3 => add("= ALL", true),
                4 | 5 => add("IS DISTINCT FROM", true),
                6 => add("NULLIF", true),
                7 => add("IN list", true),
                8 => add("LIKE", true),
                9 => add("ILIKE", true),
                10 => add("SIMILAR TO", true),
                11..=14 => add("BETWEEN", true),
                _ => {}
            },
            "SubLink" => match number("sub_link_type") {
                1 => add("EXISTS", true),
                2 => add("ALL (subquery)", true),
                3 => add("IN (subquery)", true),
                4 => add("row (subquery)", true),
                5 => add("scalar subquery", true),
                7 => add("ARRAY(subquery)", true),
                _ => {}
            },
            "AArrayExpr" => add("ARRAY[]", true),
            "RowExpr" => add("ROW()", true),
            "CaseExpr" => {
                add("CASE", true);
                add("CASE x WHEN", filled("arg"));
            }
            "CoalesceExpr" => add("COALESCE", true),
            "MinMaxExpr" => add("GREATEST/LEAST", true),
            "NullTest" => add("IS NULL", true),
            "BooleanTest" => add("IS TRUE", true),
            "CollateClause" => add("COLLATE", true),
            "TypeCast" => add("cast", true),
            "SqlvalueFunction" => add("current_date", true),
            "XmlExpr" | "XmlSerialize" => add("XML", true),
            "JsonIsPredicate" | "JsonObjectConstructor" | "JsonArrayConstructor" | "JsonFuncExpr" | "JsonTable" => add("SQL/JSON", true),
            "ParamRef" => add("parameter", true),
            "BoolExpr" => add("AND/OR/NOT", true),
            "ExplainStmt" => add("EXPLAIN", true),
            _ => {}
        }
    }

    fn call(&mut self, of: &Map<String, Value>) {
        let yes = |key: &str| of.get(key).and_then(Value::as_bool).unwrap_or(false);
        let filled = |key: &str| of.get(key).is_some_and(is_filled);
        let mut add = |construct: &'static str, there: bool| {
            if there {
                self.constructs.insert(construct);
            }
        };
        let function = of.get("funcname").and_then(Value::as_array).and_then(|n| n.last()).and_then(|n| n.pointer("/node/String/sval"));
        let function = function.and_then(Value::as_str).unwrap_or("");
        add("FILTER", filled("agg_filter"));
        add("WITHIN GROUP", yes("agg_within_group"));
        add("aggregate ORDER BY", filled("agg_order") && !yes("agg_within_group"));
        add("aggregate DISTINCT", yes("agg_distinct"));
        add("VARIADIC", yes("func_variadic"));
        if let Some(over) = of.get("over").filter(|o| !o.is_null()) {
            add("window function", true);
            add("window by name", over.get("name").and_then(Value::as_str).is_some_and(|n| !n.is_empty()));
            add("PARTITION BY", has(over, "partition_clause"));
            // FRAMEOPTION_NONDEFAULT, _RANGE, _ROWS, _GROUPS and the exclusions of nodes/parsenodes.h.
            let frame = over.get("frame_options").and_then(Value::as_i64).unwrap_or(0);
            add("frame RANGE", frame & 1 != 0 && frame & 2 != 0);
            add("frame ROWS", frame & 4 != 0);
            add("frame GROUPS", frame & 8 != 0);
            add("frame EXCLUDE", frame & 0x38000 != 0);
        }
        match function {
            "array_agg" => add("array_agg", true),
            "string_agg" => add("string_agg", true),
            "json_agg" | "jsonb_agg" | "json_object_agg" | "jsonb_object_agg" => add("json_agg", true),
            "min" | "max" => add("min/max", true),
            "row_to_json" | "to_jsonb" | "to_json" => add("row to JSON", true),
            "unnest" => add("unnest", true),
            "generate_series" => add("generate_series", true),
            f if f.starts_with("regexp_") => add("regular expression", true),
            f if f.starts_with("jsonb_path") => add("jsonpath", true),
            _ => {}
        }
    }
}

/// Relations of the sample that are no plain tables.
fn relation(name: &str) -> Option<&'static str> {
    Some(match name {
        "customer_orders" | "big_orders" | "staff" | "profile_levels" | "product_tags" => "view",
        "lead_stats" | "mails" => "materialised view",
        "orders" => "partitioned table",
        "orders_q1" | "orders_q2" | "orders_rest" => "partition",
        "contacts" | "contacts_old" => "inheritance",
        "profiles" => "generated columns",
        "partners" => "foreign table",
        "region" | "nation" | "part" | "supplier" | "partsupp" | "customer" | "lineitem" => "TPC-H",
        _ => return None,
    })
}

fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(all) => !all.is_empty(),
        _ => true,
    }
}

fn has(node: &Value, key: &str) -> bool {
    node.get(key).is_some_and(is_filled)
}
