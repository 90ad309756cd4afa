//! Writing to what others read: in a transaction that is rolled back.

use super::Maker;
use super::daily;
use crate::twins::sessions::step::Step;

impl Maker<'_> {
    pub(super) fn writing(&mut self) {
        self.say("BEGIN", "BEGIN");
        for n in 0..1 + self.rng.below(4) {
            if self.rng.chance(25) {
                self.say("SAVEPOINT", format!("SAVEPOINT w{n}"));
                let step = self.write();
                self.push(step);
                if self.rng.chance(40) {
                    let error = self.error();
                    self.push(error.inside());
                }
                self.say("SAVEPOINT", format!("ROLLBACK TO w{n}"));
            } else {
                let step = self.write();
                self.push(step);
            }
            if self.rng.chance(40) {
                let query = daily::query(&mut self.rng, false, false).sql;
                let step = self.sent("query", query);
                self.push(step);
            }
        }
        self.say("COMMIT", "ROLLBACK");
    }

    fn returning(&mut self, of: &[&'static str]) -> String {
        if self.rng.chance(50) { String::new() } else { format!(" RETURNING {}", *self.rng.pick(of)) }
    }

    fn write(&mut self) -> Step {
        let (kind, sql) = match self.rng.below(16) {
            0 | 1 => {
                let filter = daily::condition(&mut self.rng, "customers", "");
                let set = *self.rng.pick(&[
                    "score = score + 1",
                    "city = 'Ulm', active = NOT active",
                    "mood = 'high'",
                    "score = length(full_name)",
                    "country = 'AT'",
                ]);
                let back = self.returning(&["id, score, full_name", "*", "id, email, city", "salary"]);
                ("UPDATE", format!("UPDATE shop.customers SET {set} WHERE {filter}{back}"))
            }
            2 => {
                let filter = daily::condition(&mut self.rng, "orders", "");
                let back = self.returning(&["id, amount", "id, ship_email, card_number", "*"]);
                ("UPDATE", format!("UPDATE shop.orders AS o SET amount = amount * 2, quantity = quantity + 1 WHERE {filter}{back}"))
            }
            3 => {
                let filter = daily::condition(&mut self.rng, "employees", "");
                let back = self.returning(&["id", "name, email, salary", "*"]);
                ("UPDATE", format!("UPDATE shop.employees SET title = 'Title ' || dept, dept = dept + 1 WHERE {filter}{back}"))
            }
            4 => {
                let filter = daily::condition(&mut self.rng, "customers", "c.");
                let back = self.returning(&["o.id, c.full_name", "o.*", "c.email"]);
                (
                    "UPDATE FROM",
                    format!("UPDATE shop.orders o SET status = 'new' FROM shop.customers c WHERE c.id = o.customer_id AND {filter}{back}"),
                )
            }
            5 | 6 => {
                let table = *self.rng.pick(&["customers", "orders", "employees", "profiles", "leads", "products"]);
                let filter = daily::condition(&mut self.rng, table, "");
                let back = self.returning(&["*"]);
                ("DELETE", format!("DELETE FROM shop.{table} WHERE {filter}{back}"))
            }
            7 => {
                let filter = daily::condition(&mut self.rng, "customers", "c.");
                let back = self.returning(&["o.id", "o.id, c.city"]);
                ("DELETE USING", format!("DELETE FROM shop.orders o USING shop.customers c WHERE c.id = o.customer_id AND {filter}{back}"))
            }
            8 => {
                let n = self.rng.range(100, 999);
                let back = self.returning(&["*", "id"]);
                (
                    "INSERT",
                    format!(
                        "INSERT INTO shop.products (id, name, price, tags) VALUES ({n}, 'New', 1.5, '{{a}}'), ({}, DEFAULT, 2, NULL){back}",
                        n + 1
                    ),
                )
            }
            9 => {
                let back = self.returning(&["id, score", "id, email, full_name"]);
                let n = 1_000_000 + self.rng.range(0, 99);
                (
                    "INSERT",
                    format!(
                        "INSERT INTO shop.customers (id, country, city, score, created) VALUES ({n}, 'DE', 'Bonn', 5, '2024-02-02Z'){back}"
                    ),
                )
            }
            10 => {
                let filter = daily::condition(&mut self.rng, "customers", "");
                (
                    "INSERT SELECT",
                    format!("INSERT INTO shop.leads (source, score, owner) SELECT city, score, id FROM shop.customers WHERE {filter}"),
                )
            }
            11 => {
                let action = *self.rng.pick(&[
                    "NOTHING",
                    "UPDATE SET price = excluded.price + shop.products.price",
                    "UPDATE SET name = 'again' WHERE shop.products.price > 100",
                ]);
                let back = self.returning(&["id, price"]);
                let n = self.rng.range(1, 40);
                (
                    "ON CONFLICT",
                    format!(
                        "INSERT INTO shop.products (id, name, price) VALUES ({n}, 'p', 3), (7, 'q', 4) ON CONFLICT (id) DO {action}{back}"
                    ),
                )
            }
            12 => {
                let n = 2 * self.rng.range(1, 60);
                let back = self.returning(&["id, score"]);
                (
                    "ON CONFLICT, row filter",
                    format!(
                        "INSERT INTO shop.customers (id, country, created) VALUES ({n}, 'DE', '2024-02-02Z') ON CONFLICT (id) DO UPDATE SET score = 77{back}"
                    ),
                )
            }
            13 => {
                let matched = *self.rng.pick(&["UPDATE SET price = s.n", "DELETE", "DO NOTHING"]);
                (
                    "MERGE",
                    format!(
                        "MERGE INTO shop.products p USING (SELECT score AS k, count(*) AS n FROM shop.customers WHERE score > 0 GROUP BY score) s \
                         ON p.id = s.k WHEN MATCHED THEN {matched} WHEN NOT MATCHED THEN INSERT (id, name, price) VALUES (s.k, 'm', s.n)"
                    ),
                )
            }
            14 => {
                let filter = daily::condition(&mut self.rng, "employees", "");
                let inner = *self.rng.pick(&["UPDATE shop.employees SET dept = 9", "UPDATE shop.employees SET boss = NULL"]);
                (
                    "data-modifying CTE",
                    format!("WITH changed AS ({inner} WHERE {filter} RETURNING id, name, dept) SELECT * FROM changed ORDER BY id"),
                )
            }
            _ => {
                let (table, set) = *self.rng.pick(&[
                    ("customers", "full_name = 'Ana'"),
                    ("customers", "salary = salary + 1"),
                    ("customers", "city = email"),
                    ("employees", "title = name"),
                    ("leads", "source = email"),
                    ("customers", "email = 'x@y'"),
                ]);
                ("UPDATE, protected", format!("UPDATE shop.{table} SET {set} WHERE score > 5"))
            }
        };
        let step = self.sent(kind, sql).inside();
        let rows = step.sql().contains("RETURNING");
        if rows { step.unordered() } else { step }
    }
}
