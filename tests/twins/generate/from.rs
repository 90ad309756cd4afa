//! FROM: tables, views, CTEs, subqueries, functions and the joins between them.

use super::Generator;
use super::scope::{Col, Scope, Source, TABLES, Table, Ty};

impl Generator<'_> {
    /// What follows FROM, and what it makes visible.
    pub(super) fn from(&mut self, outer: &[Col], depth: usize) -> (String, Scope) {
        let mut scope = Scope { outer: outer.to_vec(), ..Scope::default() };
        let (mut sql, first) = self.item(&scope, depth);
        scope.sources.push(first);
        let joins = match self.rng.below(100) {
            0..=44 => 0,
            45..=79 => 1,
            80..=94 => 2,
            _ => 3,
        };
        for _ in 0..joins {
            if self.rng.chance(12) {
                if let Some((text, source)) = self.lateral(&scope, depth) {
                    sql = format!("{sql}{text}");
                    scope.sources.push(source);
                }
                continue;
            }
            let (item, source) = self.item(&scope, depth);
            sql = self.join(sql, item, source, &mut scope);
        }
        (sql, scope)
    }

    fn item(&mut self, scope: &Scope, depth: usize) -> (String, Source) {
        if !self.ctes.is_empty() && self.rng.chance(45) {
            return self.cte_item();
        }
        match self.rng.below(100) {
            0..=13 if depth > 0 => self.subquery_item(scope, depth),
            14..=16 => self.values_item(),
            17..=18 => self.series_item(),
            19..=21 => self.natural_item(),
            _ => self.table_item(scope),
        }
    }

    fn table_item(&mut self, scope: &Scope) -> (String, Source) {
        let table = match self.rng.below(100) {
            0..=29 => &TABLES[0],
            30..=46 => &TABLES[1],
            _ => self.rng.pick(TABLES),
        };
        if table.large && self.rng.chance(35) {
            let alias = self.alias();
            let limit = self.rng.range(5, 90);
            let source = source(table, &alias, false);
            return (format!("(SELECT * FROM shop.{} WHERE {} <= {limit}) AS {alias}", table.name, table.key), source);
        }
        let qualified = if self.rng.chance(50) { format!("shop.{}", table.name) } else { table.name.to_owned() };
        let only = if table.name == "contacts" && self.rng.chance(30) { "ONLY " } else { "" };
        let taken = scope.sources.iter().any(|s| s.alias == table.name);
        match self.rng.below(10) {
            0 | 1 if !taken => (format!("{only}{qualified}"), source(table, table.name, table.large)),
            // Columns by their schema's name too.
            2 if !taken => {
                let mut source = source(table, table.name, table.large);
                for col in &mut source.cols {
                    col.sql = format!("shop.{}.{}", table.name, col.name);
                }
                (format!("{only}shop.{}", table.name), source)
            }
            3 if only.is_empty() => {
                let alias = self.alias();
                let mut source = source(table, &alias, table.large);
                let names: Vec<String> = (0..source.cols.len().min(3)).map(|n| format!("n{n}")).collect();
                for (col, name) in source.cols.iter_mut().zip(&names) {
                    col.name.clone_from(name);
                    col.sql = format!("{alias}.{name}");
                }
                source.key = None;
                source.large = table.large;
                (format!("{qualified} AS {alias} ({})", names.join(", ")), source)
            }
            n => {
                let alias = self.alias();
                let source = source(table, &alias, table.large);
                (format!("{only}{qualified} {}{alias}", if n < 8 { "AS " } else { "" }), source)
            }
        }
    }

    fn cte_item(&mut self) -> (String, Source) {
        let cte = self.rng.pick(&self.ctes).clone();
        let alias = self.alias();
        let cols = cte.cols.iter().map(|(name, ty, seal)| col(&alias, name, *ty, *seal, "")).collect();
        (format!("{} AS {alias}", cte.name), Source { alias, cols, large: false, key: None })
    }

    fn subquery_item(&mut self, scope: &Scope, depth: usize) -> (String, Source) {
        let _ = scope;
        let query = self.query(&[], depth - 1, None, true);
        let alias = self.alias();
        let cols = query.cols.iter().map(|(name, (ty, seal))| col(&alias, name, *ty, *seal, "")).collect();
        (format!("({}) AS {alias}", query.sql), Source { alias, cols, large: false, key: None })
    }

    fn values_item(&mut self) -> (String, Source) {
        let alias = self.alias();
        let rows: Vec<String> = (0..=self.rng.below(4))
            .map(|_| {
                let (number, text) = (self.rng.range(0, 60), *self.rng.pick(&["DE", "AT", "web", "paid", "lou"]));
                format!("({number}, '{text}')")
            })
            .collect();
        let cols = vec![col(&alias, "k", Ty::Int, None, "customer"), col(&alias, "v", Ty::Text, None, "country")];
        (format!("(VALUES {}) AS {alias} (k, v)", rows.join(", ")), Source { alias, cols, large: false, key: None })
    }

    fn series_item(&mut self) -> (String, Source) {
        let alias = self.alias();
        let (low, high) = (self.rng.range(0, 4), self.rng.range(5, 40));
        let mut column = col(&alias, "n", Ty::Int, None, "customer");
        column.sql = format!("{alias}.n");
        (format!("generate_series({low}, {high}) AS {alias} (n)"), Source { alias, cols: vec![column], large: false, key: None })
    }

    /// Two small subqueries that have one column's name in common.
    fn natural_item(&mut self) -> (String, Source) {
        let alias = self.alias();
        let kind = *self.rng.pick(&["NATURAL JOIN", "NATURAL LEFT JOIN", "NATURAL FULL JOIN"]);
        let (left, right, mut cols) = match self.rng.below(3) {
            0 => (
                "SELECT id, email FROM shop.customers WHERE id <= 80",
                "SELECT email, score, owner FROM shop.leads",
                vec![
                    ("email", Ty::Text, Some(crate::twins::data::Pool::Email)),
                    ("id", Ty::Int, None),
                    ("score", Ty::Int, None),
                    ("owner", Ty::Int, None),
                ],
            ),
            1 => (
                "SELECT country AS code, id, salary FROM shop.customers WHERE id < 50",
                "SELECT code, eu FROM shop.countries",
                vec![("code", Ty::Text, None), ("id", Ty::Int, None), ("salary", Ty::Num, None), ("eu", Ty::Bool, None)],
            ),
            _ => (
                "SELECT device, full_name FROM shop.customers WHERE score > 40",
                "SELECT device, source FROM shop.leads",
                vec![
                    ("device", Ty::Uuid, Some(crate::twins::data::Pool::Device)),
                    ("full_name", Ty::Text, None),
                    ("source", Ty::Text, None),
                ],
            ),
        };
        let cols = cols.drain(..).map(|(name, ty, seal)| col(&alias, name, ty, seal, "")).collect();
        let names = (self.alias(), self.alias());
        let sql = format!("(SELECT * FROM ({left}) AS {} {kind} ({right}) AS {}) AS {alias}", names.0, names.1);
        (sql, Source { alias, cols, large: false, key: None })
    }

    fn lateral(&mut self, scope: &Scope, depth: usize) -> Option<(String, Source)> {
        let links: Vec<Col> = scope.cols().into_iter().filter(|c| !c.link.is_empty()).cloned().collect();
        if links.is_empty() {
            return None;
        }
        let link = self.rng.pick(&links).clone();
        let tables: Vec<&Table> = TABLES.iter().filter(|t| t.cols.iter().any(|c| c.3 == link.link)).collect();
        let table = *self.rng.pick(&tables);
        let inner = self.alias();
        let other = table.cols.iter().find(|c| c.3 == link.link)?.0;
        let here = Scope { sources: vec![source(table, &inner, table.large)], outer: scope.as_outer(), keys: None };
        let mut outputs = Vec::new();
        let mut cols = Vec::new();
        let alias = self.alias();
        for n in 0..1 + self.rng.below(2) {
            let (sql, ty, seal) = self.output(&here, None, depth.min(1));
            outputs.push(format!("{sql} AS l{n}"));
            cols.push(col(&alias, &format!("l{n}"), ty, seal, ""));
        }
        let order = if table.key.is_empty() { String::new() } else { format!(" ORDER BY {inner}.{}", table.key) };
        let limit = if self.rng.chance(60) { format!("{order} LIMIT {}", self.rng.range(1, 3)) } else { String::new() };
        let query =
            format!("SELECT {} FROM shop.{} AS {inner} WHERE {inner}.{other} = {}{limit}", outputs.join(", "), table.name, link.sql);
        let text = match self.rng.below(3) {
            0 => format!(", LATERAL ({query}) AS {alias}"),
            1 => format!(" CROSS JOIN LATERAL ({query}) AS {alias}"),
            _ => format!(" LEFT JOIN LATERAL ({query}) AS {alias} ON true"),
        };
        // A comma binds weaker than JOIN: what follows could not see what is before it.
        let text = if text.starts_with(',') { format!(" CROSS JOIN LATERAL ({query}) AS {alias}") } else { text };
        Some((text, Source { alias, cols, large: false, key: None }))
    }

    fn join(&mut self, sql: String, item: String, source: Source, scope: &mut Scope) -> String {
        let pairs: Vec<(Col, Col)> = scope
            .sources
            .iter()
            .flat_map(|s| &s.cols)
            .flat_map(|a| source.cols.iter().filter(|b| !a.link.is_empty() && a.link == b.link).map(|b| (a.clone(), b.clone())))
            .collect();
        let kind = *self.rng.pick(&["JOIN", "INNER JOIN", "LEFT JOIN", "LEFT OUTER JOIN", "RIGHT JOIN", "FULL JOIN"]);
        let small = !source.large && scope.sources.iter().filter(|s| s.large).count() == 0;
        let text = if let Some((a, b)) = (!pairs.is_empty()).then(|| self.rng.pick(&pairs).clone()) {
            let count = |name: &str| scope.sources.iter().flat_map(|s| &s.cols).filter(|c| c.name == name).count();
            if a.name == b.name && count(&a.name) == 1 && !a.name.contains(' ') && self.rng.chance(35) {
                format!("{sql} {kind} {item} USING ({})", a.name)
            } else if kind != "FULL JOIN" && self.rng.chance(25) {
                scope.sources.push(source);
                let more = self.boolean(scope, 1);
                return format!("{sql} {kind} {item} ON {} = {} AND {more}", a.sql, b.sql);
            } else {
                let operator = if small && kind != "FULL JOIN" && self.rng.chance(10) { "IS NOT DISTINCT FROM" } else { "=" };
                format!("{sql} {kind} {item} ON {} {operator} {}", a.sql, b.sql)
            }
        } else if small {
            match self.rng.below(3) {
                0 => format!("{sql} CROSS JOIN {item}"),
                1 => format!("{sql} JOIN {item} ON true"),
                _ => {
                    scope.sources.push(source);
                    let on = self.boolean(scope, 1);
                    return format!("{sql} LEFT JOIN {item} ON {on}");
                }
            }
        } else {
            // Nothing to join on, and one of them is large: the join is left out.
            return sql;
        };
        scope.sources.push(source);
        text
    }
}

fn col(alias: &str, name: &str, ty: Ty, seal: Option<crate::twins::data::Pool>, link: &'static str) -> Col {
    Col { sql: format!("{alias}.{name}"), name: name.to_owned(), ty, seal, link }
}

fn source(table: &Table, alias: &str, large: bool) -> Source {
    let cols = table.cols.iter().map(|(name, ty, seal, link)| col(alias, name, *ty, *seal, link)).collect();
    let key = (!table.key.is_empty()).then(|| format!("{alias}.{}", table.key));
    Source { alias: alias.to_owned(), cols, large, key }
}
