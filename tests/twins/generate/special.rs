//! Statements that the grammar does not make by itself.

use super::Generator;
use super::scope::{TABLES, Ty};

impl Generator<'_> {
    pub(super) fn special(&mut self) -> String {
        let table = self.rng.pick(TABLES).name;
        let alias = self.alias();
        match self.rng.below(12) {
            0 => "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n, (SELECT count(*) FROM shop.customers WHERE score = n) FROM r".to_owned(),
            1 => format!(
                "WITH RECURSIVE chain AS (SELECT id, boss, name, 0 AS level FROM shop.employees WHERE boss IS NULL UNION ALL SELECT e.id, e.boss, e.name, chain.level + 1 FROM shop.employees e JOIN chain ON e.boss = chain.id) SELECT * FROM chain ORDER BY {}",
                self.rng.pick(&["level", "id", "level, id", "name, id", "3"])
            ),
            2 => format!("VALUES ({}, {}), ({}, {})", self.literal(Ty::Int), self.literal(Ty::Text), self.literal(Ty::Int), self.literal(Ty::Text)),
            3 => format!("TABLE shop.{table}"),
            4 => format!("SELECT {alias} FROM shop.{table} AS {alias}"),
            5 => format!("SELECT row_to_json({alias}) FROM shop.{table} AS {alias} LIMIT {}", self.rng.range(1, 9)),
            6 => format!("SELECT json_agg({alias}) FROM (SELECT * FROM shop.{table} LIMIT 5) AS {alias}"),
            7 => format!("SELECT count({alias}), count(DISTINCT {alias}) FROM shop.{table} AS {alias}"),
            8 => format!("SELECT * FROM ONLY shop.{table} LIMIT {}", self.rng.range(1, 30)),
            9 => format!("SELECT ARRAY(SELECT email FROM shop.leads {}) AS mails", self.rng.pick(&["", "ORDER BY owner", "ORDER BY email", "WHERE score > 2"])),
            10 => "SELECT unnest(array_agg(email)) AS m FROM shop.employees GROUP BY dept".to_owned(),
            _ => format!("SELECT ctid, * FROM shop.{table} LIMIT 3"),
        }
    }
}
