//! Real SQL, changed: pieces are exchanged, left out and added, statements are put into each other.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::OnceLock;

use pgveil_tests::rng::Rng;
use sqlparser::ast::{Distinct, Expr, OrderBy, OrderByKind, Query, SetExpr, Statement as Ast, Value, VisitMut, VisitorMut};

use super::generate::{Extended, Statement};
use super::perturb::parse;

/// Statements to begin with.
#[derive(Debug)]
pub struct Seed {
    source: &'static str,
    pub sql: String,
}

/// What analysts ask.
const ANALYST: &str = "analyst.sql";
/// TPC-H over the sample.
const TPCH: &str = "TPC-H";
/// What clients ask of the catalogs. Their rows lie, and are joined, in an order of each database's own.
pub const CATALOGS: &str = "catalogs";

/// Says which database, which server or which moment it is: another in each of two twins.
const OF_THE_MOMENT: &[&str] = &[
    "pg_database",
    "current_database",
    "datname",
    "pg_stat",
    "pg_locks",
    "frozenxid",
    "minmxid",
    "xmin",
    "pg_tablespace",
    "pg_backend",
    "txid",
    "pg_shdescription",
    "pg_subscription",
    "inet_",
    "relfilenode",
    "pg_settings",
    "catalog_name",
    "_catalog",
    "pg_roles",
    "pg_authid",
    "pg_export",
    "pg_is_in_recovery",
];

/// All of them, each once.
pub fn seeds() -> &'static [Seed] {
    static SEEDS: OnceLock<Vec<Seed>> = OnceLock::new();
    SEEDS.get_or_init(|| {
        let mut out = Vec::new();
        let lines = include_str!("sql/analyst.sql").lines().filter(|line| !line.starts_with("--") && !line.is_empty());
        out.extend(lines.map(|line| Seed { source: ANALYST, sql: line.trim_end_matches(';').to_owned() }));
        out.extend(corpus("tpch").iter().map(|sql| Seed { source: TPCH, sql: over_the_sample(sql) }));
        for name in ["psql_backslash", "client_sqlalchemy", "client_pgcli", "client_asyncpg", "client_psycopg"] {
            let mut asked = corpus(name);
            asked.retain(|sql| {
                let text = sql.to_ascii_lowercase();
                (text.trim_start().starts_with("select") || text.trim_start().starts_with("with"))
                    && text.contains("pg_")
                    && !text.contains('$')
                    && !text.contains("%s")
                    && !OF_THE_MOMENT.iter().any(|word| text.contains(word))
            });
            asked.sort();
            asked.dedup();
            out.extend(asked.into_iter().map(|sql| Seed { source: CATALOGS, sql }));
        }
        out
    })
}

fn corpus(name: &str) -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpora").join(name).with_extension("jsonl");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["sql"].as_str().unwrap().to_owned()).collect()
}

/// The standard's tables are views in the schema `tpch`.
fn over_the_sample(sql: &str) -> String {
    const TABLES: [&str; 8] = ["region", "nation", "part", "supplier", "partsupp", "customer", "orders", "lineitem"];
    let mut out = String::new();
    let mut word = String::new();
    for c in sql.chars().chain([' ']) {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        if TABLES.contains(&word.as_str()) && !out.ends_with('\'') && !out.ends_with('.') && !out.ends_with("AS ") {
            out.push_str("tpch.");
        }
        out.push_str(&word);
        word.clear();
        out.push(c);
    }
    out.trim_end().to_owned()
}

/// A statement as it was found.
pub fn original(number: usize) -> Option<Statement> {
    let Seed { source, sql } = seeds().get(number)?;
    Some(Statement { sql: sql.clone(), source, extended: None })
}

/// A statement of any of the files, changed in one to three ways.
pub fn mutant(rng: &mut Rng) -> Statement {
    let wanted = match rng.below(10) {
        0..=6 => ANALYST,
        7 | 8 => TPCH,
        _ => CATALOGS,
    };
    let (seed, sql) = loop {
        let seed = pick(rng, wanted);
        let mut sql = seed.sql.clone();
        for _ in 0..1 + rng.below(3) {
            sql = if rng.chance(70) { inside(rng, &sql) } else { around(rng, &sql, wanted) };
        }
        // Which of their rows would be left is nobody's secret.
        if wanted != CATALOGS || !sql.contains("LIMIT") {
            break (seed, sql);
        }
    };
    let extended = rng.chance(35).then(|| Extended { values: Vec::new(), binary: rng.chance(50) });
    Statement { sql, source: seed.source, extended }
}

fn pick(rng: &mut Rng, source: &str) -> &'static Seed {
    loop {
        let seed = rng.pick(seeds());
        if seed.source == source {
            return seed;
        }
    }
}

/// The whole statement becomes a part of another.
fn around(rng: &mut Rng, sql: &str, source: &str) -> String {
    let other = pick(rng, source).sql.clone();
    match rng.below(16) {
        0 => format!("SELECT * FROM ({sql}) AS w"),
        1 => format!("WITH w AS ({sql}) SELECT * FROM w"),
        2 => format!("WITH w AS MATERIALIZED ({sql}) SELECT count(*) FROM w"),
        3 => format!("SELECT w FROM ({sql}) AS w"),
        4 => format!("SELECT row_to_json(w) FROM ({sql}) AS w"),
        5 => format!("({sql}) UNION ({sql})"),
        6 => format!("({sql}) UNION ALL ({sql}) LIMIT {}", rng.range(1, 20)),
        7 => format!("({sql}) EXCEPT ({sql} LIMIT 3)"),
        8 => format!("({sql}) INTERSECT ({other})"),
        9 => format!("SELECT * FROM ({sql}) AS v CROSS JOIN ({other}) AS w LIMIT {}", rng.range(1, 30)),
        10 => format!("SELECT count(*) FROM ({sql}) AS v LEFT JOIN ({other}) AS w ON true"),
        11 => format!("SELECT * FROM ({sql}) AS v WHERE EXISTS ({other})"),
        12 => format!("SELECT DISTINCT * FROM ({sql}) AS w"),
        13 => format!("SELECT w.*, row_number() OVER () FROM ({sql}) AS w"),
        14 => format!("SELECT c.id, w.* FROM shop.customers c CROSS JOIN LATERAL ({sql}) AS w WHERE c.id < 7"),
        _ => format!("SELECT * FROM ({sql}) AS v NATURAL JOIN ({other}) AS w"),
    }
}

/// Something in the statement becomes something else.
fn inside(rng: &mut Rng, sql: &str) -> String {
    let Some(mut statements) = parse(sql) else { return sql.to_owned() };
    let mut found = Found::default();
    let _ = statements.visit(&mut found);
    if found.all.is_empty() {
        return sql.to_owned();
    }
    match rng.below(10) {
        0..=5 => {
            let at = rng.below(found.all.len());
            let Some(new) = replacement(rng, &found, at) else { return sql.to_owned() };
            let _ = statements.visit(&mut Put { left: at, new: Some(new) });
        }
        _ => {
            let at = rng.below(found.queries);
            let mut change = Change { left: at, rng: Rng::new(rng.next()) };
            let _ = statements.visit(&mut change);
        }
    }
    statements.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[derive(Default)]
struct Found {
    all: Vec<Expr>,
    queries: usize,
}

impl VisitorMut for Found {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.all.push(expr.clone());
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.queries += 1;
        ControlFlow::Continue(())
    }
}

fn replacement(rng: &mut Rng, found: &Found, at: usize) -> Option<Expr> {
    let is_column = |e: &Expr| matches!(e, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    let old = &found.all[at];
    let text = match old {
        Expr::Value(value) => match &value.value {
            Value::Number(..) => (*rng.pick(&["0", "1", "2", "7", "-1", "100000", "3.5", "NULL"])).to_owned(),
            Value::SingleQuotedString(_) => {
                (*rng.pick(&["''", "'DE'", "'paid'", "'%'", "'x'", "NULL", "'2024-03-01'", "'Berlin'", "'[name]'"])).to_owned()
            }
            Value::Boolean(b) => (!b).to_string(),
            _ => return None,
        },
        old if is_column(old) && rng.chance(60) => {
            let columns: Vec<&Expr> = found.all.iter().filter(|e| is_column(e)).collect();
            rng.pick(&columns).to_string()
        }
        old => {
            let other = rng.pick(&found.all).to_string();
            match rng.below(12) {
                0 => format!("COALESCE({old}, {old})"),
                1 => format!("CASE WHEN {other} IS NOT NULL THEN {old} END"),
                2 => format!("({old})::text"),
                3 => format!("(SELECT {old})"),
                4 => format!("NULLIF({old}, NULL)"),
                5 => format!("({old} IS NOT NULL)"),
                6 => format!("({old} = {other})"),
                7 => format!("({old} IN ({other}, {old}))"),
                8 => format!("NOT ({old})"),
                9 => format!("max({old})"),
                _ => other,
            }
        }
    };
    match parse(&format!("SELECT {text}"))?.pop()? {
        Ast::Query(query) => match *query.body {
            SetExpr::Select(select) => match select.projection.into_iter().next()? {
                sqlparser::ast::SelectItem::UnnamedExpr(expr) => Some(expr),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// Puts an expression into the place of another.
struct Put {
    left: usize,
    new: Option<Expr>,
}

impl VisitorMut for Put {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.left == 0 {
            if let Some(new) = self.new.take() {
                *expr = new;
            }
            return ControlFlow::Break(());
        }
        self.left -= 1;
        ControlFlow::Continue(())
    }
}

/// Changes the clauses of one query.
struct Change {
    left: usize,
    rng: Rng,
}

impl VisitorMut for Change {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if self.left > 0 {
            self.left -= 1;
            return ControlFlow::Continue(());
        }
        let other = |sql: &str| match parse(sql).and_then(|mut all| all.pop()) {
            Some(Ast::Query(query)) => Some(*query),
            _ => None,
        };
        let kind = self.rng.below(12);
        match (kind, query.body.as_mut()) {
            (0, SetExpr::Select(select)) => select.selection = None,
            (1, SetExpr::Select(select)) => {
                select.selection = select
                    .selection
                    .take()
                    .map(|e| Expr::UnaryOp { op: sqlparser::ast::UnaryOperator::Not, expr: Box::new(Expr::Nested(Box::new(e))) });
            }
            (2, SetExpr::Select(select)) => select.distinct = Some(Distinct::Distinct),
            (3, SetExpr::Select(select)) => select.having = None,
            (4, SetExpr::Select(select)) if select.projection.len() > 1 => {
                let at = self.rng.below(select.projection.len());
                select.projection.remove(at);
            }
            (5, SetExpr::Select(select)) if !select.projection.is_empty() => {
                let copy = self.rng.pick(&select.projection).clone();
                select.projection.push(copy);
            }
            (6, _) => query.order_by = None,
            (7 | 8, _) => {
                let sql = format!("SELECT 1 LIMIT {} OFFSET {}", self.rng.range(0, 12), self.rng.range(0, 4));
                query.limit_clause = other(&sql).and_then(|q| q.limit_clause);
                query.fetch = None;
            }
            (9, _) => query.limit_clause = None,
            _ => {
                let sql = format!(
                    "SELECT 1 ORDER BY {} {}",
                    self.rng.range(1, 3),
                    self.rng.pick(&["", "DESC", "NULLS FIRST", "DESC NULLS LAST"])
                );
                let keys = other(&sql).and_then(|q| q.order_by);
                match (&mut query.order_by, keys) {
                    (
                        Some(OrderBy { kind: OrderByKind::Expressions(old), .. }),
                        Some(OrderBy { kind: OrderByKind::Expressions(mut new), .. }),
                    ) => {
                        new.append(old);
                        *old = new;
                    }
                    (order, keys) => *order = keys,
                }
            }
        }
        ControlFlow::Break(())
    }
}
