//! Queries as people write them every day. Where an order is asked for it is total, so that SQL determines their answers.

use pgveil_tests::rng::Rng;

use crate::twins::generate::scope::{TABLES, Table, Ty};

/// A query, and what it gives.
#[derive(Debug, Clone)]
pub struct Query {
    pub sql: String,
    pub cols: Vec<Col>,
}

/// A column of a result or of a table of one's own.
#[derive(Debug, Clone)]
pub struct Col {
    pub name: String,
    pub ty: Ty,
    /// It holds pseudonyms.
    pub sealed: bool,
}

/// Tables with a primary key.
const KEYED: &[&str] = &["customers", "orders", "employees", "profiles", "products"];

pub fn table(name: &str) -> &'static Table {
    TABLES.iter().find(|t| t.name == name).unwrap()
}

/// One query. `clear`: it gives no pseudonyms. `keyed`: its first column is a key and orders it.
pub fn query(rng: &mut Rng, clear: bool, keyed: bool) -> Query {
    match if keyed { 0 } else { rng.below(10) } {
        0..=3 => rows(rng, clear),
        4 | 5 => joined(rng, clear),
        6 | 7 => grouped(rng),
        8 if !clear => by_pseudonym(rng),
        _ => rows(rng, clear),
    }
}

/// A query that gives pseudonyms.
pub fn sealed(rng: &mut Rng) -> Query {
    loop {
        let query = query(rng, false, false);
        if query.cols.iter().any(|c| c.sealed) {
            return query;
        }
    }
}

/// A condition on columns of that table, `a` before each.
pub fn condition(rng: &mut Rng, name: &str, a: &str) -> String {
    let n = rng.range(2, 90);
    let own: &[&str] = match name {
        "customers" => {
            &["score > 10", "city = 'Graz'", "full_name = '[name]'", "salary > 40000", "dob < '1980-01-01'", "country = 'DE'", "active"]
        }
        "orders" => &["amount < 800", "status = 'paid'", "quantity = 3", "card_number IS NULL", "placed < '2024-05-01'"],
        "employees" => &["dept = 3", "salary >= 50000", "hired > '2012-01-01'", "boss IS NULL", "name LIKE '[%'"],
        "profiles" => &["level > 2", "salary < 60000", "'red' = ANY (tags)", "nick IS NOT NULL"],
        "products" => &["price < 400", "name > 'Product 4'", "'new' = ANY (tags)"],
        "leads" => &["score > 1", "source = 'web'", "owner < 30"],
        _ => &[],
    };
    let dotted = |text: &str| {
        // The column is the first word, or what ANY reads.
        match text.split_once("ANY (") {
            Some((before, after)) => format!("{before}ANY ({a}{after}"),
            None => format!("{a}{text}"),
        }
    };
    let mut all: Vec<String> = own.iter().map(|text| dotted(text)).collect();
    if KEYED.contains(&name) {
        all.extend([format!("{a}id < {n}"), format!("{a}id IN ({n}, 4, 8)"), format!("{a}id BETWEEN 3 AND {n}"), format!("{a}id % 4 = 2")]);
    }
    if all.is_empty() {
        return "true".to_owned();
    }
    let first = rng.pick(&all).clone();
    match rng.below(4) {
        0 => format!("{first} AND {}", rng.pick(&all)),
        1 => format!("({first} OR {})", rng.pick(&all)),
        _ => first,
    }
}

/// Some columns of it: the key first where it has one.
fn some(rng: &mut Rng, table: &Table, clear: bool, least: usize) -> Vec<Col> {
    let fit: Vec<Col> = table
        .cols
        .iter()
        .filter(|(name, _, seal, _)| *name != "id" && !(clear && seal.is_some()) && *name != "email_key" && *name != "yearly")
        .map(|(name, ty, seal, _)| Col { name: (*name).to_owned(), ty: *ty, sealed: seal.is_some() })
        .collect();
    let mut out = Vec::new();
    for _ in 0..least + rng.below(4) {
        let col = rng.pick(&fit).clone();
        if !out.iter().any(|c: &Col| c.name == col.name) {
            out.push(col);
        }
    }
    out
}

fn rows(rng: &mut Rng, clear: bool) -> Query {
    let name = *rng.pick(KEYED);
    let mut cols = vec![Col { name: "id".to_owned(), ty: Ty::Int, sealed: false }];
    cols.extend(some(rng, table(name), clear, 1));
    let list: Vec<&str> = cols.iter().map(|c| c.name.as_str()).collect();
    let filter = condition(rng, name, "");
    let mut sql = format!("SELECT {} FROM shop.{name} WHERE {filter} ORDER BY id", list.join(", "));
    if rng.chance(40) {
        sql.push_str(&format!(" LIMIT {}", rng.range(1, 25)));
    }
    if rng.chance(10) {
        sql.push_str(&format!(" OFFSET {}", rng.range(1, 5)));
    }
    Query { sql, cols }
}

fn joined(rng: &mut Rng, clear: bool) -> Query {
    let (left, right, on) = *rng.pick(&[
        ("customers", "orders", "b.customer_id = a.id"),
        ("orders", "products", "b.id = a.product_id"),
        ("employees", "employees", "b.boss = a.id"),
        ("profiles", "customers", "b.id = a.customer_id"),
    ]);
    let mut cols = vec![
        Col { name: "left_id".to_owned(), ty: Ty::Int, sealed: false },
        Col { name: "right_id".to_owned(), ty: Ty::Int, sealed: false },
    ];
    let mut list = vec!["a.id AS left_id".to_owned(), "b.id AS right_id".to_owned()];
    for (a, name, prefix) in [("a", left, "l"), ("b", right, "r")] {
        for col in some(rng, table(name), clear, 1) {
            list.push(format!("{a}.{} AS {prefix}_{}", col.name, col.name));
            cols.push(Col { name: format!("{prefix}_{}", col.name), ..col });
        }
    }
    let kind = *rng.pick(&["JOIN", "JOIN", "LEFT JOIN"]);
    let filter = condition(rng, left, "a.");
    Query { sql: format!("SELECT {} FROM shop.{left} a {kind} shop.{right} b ON {on} WHERE {filter} ORDER BY 1, 2", list.join(", ")), cols }
}

fn grouped(rng: &mut Rng) -> Query {
    let (name, key, ty, number) = *rng.pick(&[
        ("customers", "country", Ty::Text, "score"),
        ("customers", "mood", Ty::Mood, "salary"),
        ("orders", "status", Ty::Text, "amount"),
        ("orders", "quantity", Ty::Int, "amount"),
        ("employees", "dept", Ty::Int, "salary"),
        ("profiles", "level", Ty::Int, "salary"),
    ]);
    let filter = condition(rng, name, "");
    let sql =
        format!("SELECT {key} AS k, count(*) AS n, sum({number}) AS total FROM shop.{name} WHERE {filter} GROUP BY {key} ORDER BY {key}");
    let col = |name: &str, ty| Col { name: name.to_owned(), ty, sealed: false };
    Query { sql, cols: vec![col("k", ty), col("n", Ty::Int), col("total", Ty::Num)] }
}

fn by_pseudonym(rng: &mut Rng) -> Query {
    let (name, key) = *rng.pick(&[("customers", "email"), ("orders", "ship_email"), ("employees", "email"), ("leads", "email")]);
    let filter = condition(rng, name, "");
    let sql = format!("SELECT {key} AS mail, count(*) AS n FROM shop.{name} WHERE {filter} GROUP BY {key}");
    let col = |name: &str, ty, sealed| Col { name: name.to_owned(), ty, sealed };
    Query { sql, cols: vec![col("mail", Ty::Text, true), col("n", Ty::Int, false)] }
}
