//! A role with `shift`, `noise`, `when` and `fields`: what the first two move is the same in both twins, what the others hide is not.

use std::sync::OnceLock;

use pgveil_tests::rng::Rng;
use pgveil_tests::world::World;
use regex_lite::Regex;

use super::data::{self, Differ, Size, Twin};
use super::generate::Statement;
use super::stage::Stage;

pub const ROLE: &str = "keyed";

/// The title of an employee is a composite.
const POST: (&str, &str) = ("title varchar(30)", "title shop.post");
const TYPE: &str = "CREATE SCHEMA shop; CREATE TYPE shop.post AS (name text, street text, floor int);";

pub fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let proxy = Box::leak(Box::new(World::get().proxy(include_str!("keyed.toml"), &[(ROLE, ROLE)])));
        let schema = data::SCHEMA.replacen("CREATE SCHEMA shop;", TYPE, 1).replacen(POST.0, POST.1, 1);
        assert!(schema.contains(POST.1) && schema.contains(TYPE));
        let differ = Differ { values: true, rows: false };
        Stage::small().altered(proxy, Size::SMALL, differ, schema.leak(), with_posts)
    })
}

fn with_posts(statement: String, twin: Twin) -> String {
    let street = match twin {
        Twin::A => "Ahornweg ",
        Twin::B => "Buchenallee, hinten links, ",
    };
    Regex::new("'Title ([0-9])'").unwrap().replace_all(&statement, format!("ROW('Title $1', '{street}$1', $1)")).into_owned()
}

/// What is said of a title, said of its fields, mostly.
fn with_fields(statement: Statement, seed: u64) -> Statement {
    let mut rng = Rng::new(seed);
    let title = Regex::new(r"\b([a-z_0-9]+\.)?title\b").unwrap();
    let field = |found: &regex_lite::Captures<'_>| {
        let field = *rng.pick(&["name", "name", "name", "name", "street", "street", "floor", ""]);
        if field.is_empty() { found[0].to_owned() } else { format!("({}).{field}", &found[0]) }
    };
    let sql = title.replace_all(&statement.sql, field).into_owned();
    Statement { sql, ..statement }
}

/// The statement of that number: of its own list, then a third of what other roles are asked, the rest random.
pub fn statement(seed: u64, number: usize) -> Statement {
    if let Some(sql) = OWN.get(number) {
        return Statement { sql: (*sql).to_owned(), source: "keyed", extended: None };
    }
    let number = number - OWN.len();
    let beyond = if number.is_multiple_of(3) { number / 3 } else { number + 1_000_000 };
    with_fields(super::statement(seed, beyond), seed ^ number as u64)
}

/// What is moved beside what it is moved by; hidden branches in every place; fields of columns, rows and subqueries.
const OWN: &[&str] = &[
    "SELECT id, phone, dob, salary, ip FROM shop.customers ORDER BY id",
    "SELECT phone, count(*), min(dob), max(salary) FROM shop.customers GROUP BY phone ORDER BY phone NULLS FIRST",
    "SELECT country, active, count(phone), count(DISTINCT dob), sum(salary) FROM shop.customers GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT id FROM shop.customers WHERE phone = '[redacted]' AND salary IS NULL ORDER BY id",
    "SELECT id, dob FROM shop.customers WHERE dob < '1970-06-01' OR dob IS NULL ORDER BY dob, id",
    "SELECT a.id, b.id FROM shop.customers a JOIN shop.customers b ON a.dob = b.dob AND a.id < b.id ORDER BY 1, 2",
    "SELECT id, rank() OVER (PARTITION BY country ORDER BY salary DESC NULLS LAST) FROM shop.customers ORDER BY id",
    "SELECT id, host(ip), masklen(ip), ip << '10.0.0.0/8' FROM shop.customers ORDER BY id",
    "SELECT row_to_json(c) FROM (SELECT id, phone, dob, salary, ip FROM shop.customers) c ORDER BY c.id",
    "SELECT max(phone) FILTER (WHERE active), min(dob) FILTER (WHERE NOT active) FROM shop.customers",
    "SELECT id, hired, extract(dow FROM hired) FROM shop.employees ORDER BY hired, id",
    "SELECT a.owner, a.seen, p.seen, p.seen - a.seen FROM shop.leads a JOIN shop.profiles p ON p.customer_id = a.owner ORDER BY 1, 2, 3, 4",
    "SELECT owner, max(seen) - min(seen) FROM shop.leads GROUP BY owner ORDER BY owner",
    "SELECT date_trunc('month', created), count(*) FROM shop.customers GROUP BY 1 ORDER BY 1",
    "SELECT o.id, o.amount, o.quantity, o.amount * o.quantity FROM shop.orders o WHERE o.quantity BETWEEN 2 AND 5 ORDER BY o.id",
    "SELECT quantity, count(*), avg(amount) FROM shop.orders GROUP BY quantity ORDER BY quantity",
    "SELECT p.id, p.price, o.quantity FROM shop.products p JOIN shop.orders o ON o.product_id = p.id AND o.amount > p.price ORDER BY 1, 2, 3, o.id",
    "SELECT level, array_agg(id ORDER BY id) FROM shop.profiles GROUP BY level ORDER BY level",
    "SELECT id, title, (title).name, (title).street, (title).floor FROM shop.employees ORDER BY id",
    "SELECT (title).street, count(*) FROM shop.employees GROUP BY 1 ORDER BY 1",
    "SELECT DISTINCT title FROM shop.employees ORDER BY title",
    "SELECT id FROM shop.employees WHERE (title).street <> '[redacted]' OR (title).floor > 3 ORDER BY id",
    "SELECT (e.title).* FROM shop.employees e ORDER BY e.id",
    "SELECT ((e).title).street FROM shop.employees e ORDER BY e.id",
    "SELECT e.title::text, to_json(e.title) FROM shop.employees e ORDER BY e.id",
    "SELECT a.id, b.id FROM shop.employees a JOIN shop.employees b ON a.title = b.title AND a.id < b.id ORDER BY 1, 2",
    "SELECT array_agg(title ORDER BY id), min(title), max(title) FROM shop.employees",
    "SELECT (array_agg(title ORDER BY id))[1] FROM shop.employees",
    "SELECT (x.t).street, x.n FROM (SELECT title AS t, count(*) AS n FROM shop.employees GROUP BY title) x ORDER BY 1, 2, (x.t).name",
    "SELECT * FROM shop.employees WHERE title = ROW('Title 3', '[redacted]', 3)::shop.post ORDER BY id",
];
