//! SELECT: outputs, grouping, windows, set operations, order, limits, CTEs.

use super::expr::type_name;
use super::scope::{Col, Scope, Ty, Want};
use super::{Cte, Generator};
use crate::twins::data::Pool;

/// A query and its columns.
pub(super) struct Query {
    pub sql: String,
    pub cols: Vec<(String, Want)>,
}

impl Generator<'_> {
    /// A whole statement, with CTEs perhaps.
    pub(super) fn top_query(&mut self) -> String {
        self.ctes.clear();
        let mut with = Vec::new();
        if self.rng.chance(22) {
            for _ in 0..1 + self.rng.below(2) {
                let query = self.query(&[], 1, None, true);
                let name = format!("cte{}", with.len());
                let keyword = *self.rng.pick(&["", "", "MATERIALIZED ", "NOT MATERIALIZED "]);
                with.push(format!("{name} AS {keyword}({})", query.sql));
                let cols = query.cols.into_iter().map(|(name, (ty, seal))| (name, ty, seal)).collect();
                self.ctes.push(Cte { name, cols });
            }
        }
        let body = self.query(&[], 2, None, false);
        self.ctes.clear();
        if with.is_empty() { body.sql } else { format!("WITH {} {}", with.join(", "), body.sql) }
    }

    /// `named`: every column needs a name of its own.
    pub(super) fn query(&mut self, outer: &[Col], depth: usize, want: Option<&[Want]>, named: bool) -> Query {
        if depth > 0 && self.rng.chance(10) {
            return self.set_operation(depth, want);
        }
        if want.is_none() && self.rng.chance(30) { self.grouped(outer, depth, named) } else { self.plain(outer, depth, want, named) }
    }

    fn set_operation(&mut self, depth: usize, want: Option<&[Want]>) -> Query {
        let left = self.plain(&[], depth - 1, want, true);
        let wants: Vec<Want> = left.cols.iter().map(|(_, want)| *want).collect();
        // jsonb and arrays compare, but a set operation over rows of them says little.
        let operator = *self.rng.pick(&["UNION", "UNION ALL", "UNION ALL", "EXCEPT", "INTERSECT", "EXCEPT ALL"]);
        let right = self.plain(&[], depth - 1, Some(&wants), true);
        let mut sql = format!("({}) {operator} ({})", left.sql, right.sql);
        if self.rng.chance(50) {
            sql = format!("{sql} ORDER BY {}", 1 + self.rng.below(left.cols.len()));
        }
        if self.rng.chance(30) {
            sql = format!("{sql} LIMIT {}", self.rng.range(1, 30));
        }
        Query { sql, cols: left.cols }
    }

    fn plain(&mut self, outer: &[Col], depth: usize, want: Option<&[Want]>, named: bool) -> Query {
        let (from, scope) = self.from(outer, depth.min(1));
        let filter = self.filter(&scope);
        let mut cols: Vec<(String, Want)> = Vec::new();
        let mut outputs: Vec<(String, Ty, Option<Pool>)> = Vec::new();
        if want.is_none() && !named && self.rng.chance(6) {
            let star =
                if scope.sources.len() == 1 || self.rng.chance(50) { "*".to_owned() } else { format!("{}.*", scope.sources[0].alias) };
            let order = self.order(&scope, &[], &[]);
            let limit = self.limit();
            return Query { sql: format!("SELECT {star} FROM {from}{filter}{order}{limit}"), cols };
        }
        let count = want.map_or_else(|| 1 + self.rng.below(4), <[Want]>::len);
        for n in 0..count {
            let wanted = want.map(|w| w[n]);
            if wanted.is_none() && self.rng.chance(10) {
                let (sql, ty, seal) = self.window(&scope);
                outputs.push((sql, ty, seal));
            } else {
                outputs.push(self.output(&scope, wanted, depth.min(2)));
            }
        }
        let mut texts = Vec::new();
        for (n, (sql, ty, seal)) in outputs.iter().enumerate() {
            // Nameless literals are of unknown type in a subquery.
            let sql =
                if named && sql.starts_with('\'') && !sql.contains("::") { format!("{sql}::{}", type_name(*ty)) } else { sql.clone() };
            let name = format!("r{n}");
            texts.push(match self.rng.below(10) {
                0 if !named => sql,
                1 if !named => format!("{sql} AS \"{name} x\""),
                2 if !named => format!("{sql} {name}"),
                _ => format!("{sql} AS {name}"),
            });
            cols.push((name, (*ty, *seal)));
        }
        let distinct = self.rng.chance(14);
        let mut head = String::new();
        let order;
        if distinct && want.is_none() && self.rng.chance(25) {
            let keys: Vec<Col> = scope.cols().into_iter().cloned().collect();
            let key = self.rng.pick(&keys).sql.clone();
            head = format!("DISTINCT ON ({key}) ");
            let more = if self.rng.chance(60) { format!(", {}", self.rng.pick(&keys).sql) } else { String::new() };
            order = if self.rng.chance(75) { format!(" ORDER BY {key}{more}") } else { String::new() };
        } else if distinct {
            head = "DISTINCT ".to_owned();
            order = if self.rng.chance(40) { format!(" ORDER BY {}", 1 + self.rng.below(count)) } else { String::new() };
        } else {
            let names: Vec<String> = texts
                .iter()
                .filter_map(|t| t.rsplit_once(" AS ").map(|(_, name)| name.to_owned()))
                .filter(|n| n.starts_with('r'))
                .collect();
            order = self.order(&scope, &names, &outputs);
        }
        let limit = self.limit();
        Query { sql: format!("SELECT {head}{} FROM {from}{filter}{order}{limit}", texts.join(", ")), cols }
    }

    fn filter(&mut self, scope: &Scope) -> String {
        let mut parts = Vec::new();
        for source in &scope.sources {
            if let Some(key) = &source.key
                && source.large
                && self.rng.chance(65)
            {
                parts.push(format!("{key} <= {}", self.rng.range(10, 200)));
            }
        }
        while self.rng.chance(if parts.is_empty() { 60 } else { 35 }) && parts.len() < 4 {
            parts.push(self.boolean(scope, 2));
        }
        if parts.is_empty() { String::new() } else { format!(" WHERE {}", parts.join(" AND ")) }
    }

    fn order(&mut self, scope: &Scope, names: &[String], outputs: &[(String, Ty, Option<Pool>)]) -> String {
        if self.rng.chance(45) {
            return String::new();
        }
        let mut keys = Vec::new();
        for _ in 0..1 + self.rng.below(2) {
            let key = match self.rng.below(4) {
                0 if !names.is_empty() => self.rng.pick(names).clone(),
                1 if !outputs.is_empty() => (1 + self.rng.below(outputs.len())).to_string(),
                2 => {
                    let ty = *self.rng.pick(&[Ty::Int, Ty::Text, Ty::Num, Ty::Date]);
                    let key = self.expr(scope, ty, 1);
                    // A constant is no key; a number alone is a position.
                    if key.chars().all(|c| c.is_ascii_digit() || "()'-.".contains(c)) || key.starts_with('\'') {
                        "1".to_owned()
                    } else {
                        key
                    }
                }
                _ => {
                    let cols: Vec<Col> = scope.cols().into_iter().cloned().collect();
                    self.rng.pick(&cols).sql.clone()
                }
            };
            let direction = *self.rng.pick(&["", "", " DESC", " ASC", " DESC NULLS LAST", " NULLS FIRST"]);
            keys.push(format!("{key}{direction}"));
        }
        format!(" ORDER BY {}", keys.join(", "))
    }

    fn limit(&mut self) -> String {
        match self.rng.below(10) {
            0..=2 => format!(" LIMIT {}", self.rng.range(1, 25)),
            3 => format!(" LIMIT {} OFFSET {}", self.rng.range(1, 25), self.rng.range(0, 9)),
            4 => format!(" FETCH FIRST {} ROWS ONLY", self.rng.range(1, 9)),
            _ => String::new(),
        }
    }

    fn grouped(&mut self, outer: &[Col], depth: usize, named: bool) -> Query {
        let (from, mut scope) = self.from(outer, depth.min(1));
        let filter = self.filter(&scope);
        let mut keys: Vec<Col> = Vec::new();
        for n in 0..self.rng.below(3) {
            let cols: Vec<Col> = scope.cols().into_iter().filter(|c| c.ty != Ty::Json).cloned().collect();
            if self.rng.chance(75) && !cols.is_empty() {
                keys.push(self.rng.pick(&cols).clone());
            } else {
                let ty = *self.rng.pick(&[Ty::Int, Ty::Text, Ty::Date]);
                let cols: Vec<Col> = cols.into_iter().filter(|c| c.ty == ty && c.seal.is_none()).collect();
                if let Some(col) = (!cols.is_empty()).then(|| self.rng.pick(&cols).clone()) {
                    let sql = match ty {
                        Ty::Int => format!("({} % 5)", col.sql),
                        Ty::Text => format!("left({}, 1)", col.sql),
                        _ => format!("date_trunc('year', {})", col.sql),
                    };
                    let ty = if ty == Ty::Date { Ty::Stamp } else { ty };
                    keys.push(Col { sql, name: format!("k{n}"), ty, seal: None, link: "" });
                }
            }
        }
        keys.dedup_by(|a, b| a.sql == b.sql);
        scope.keys = Some(keys.clone());
        let group = self.group_by(&keys);
        let mut texts = Vec::new();
        let mut cols: Vec<(String, Want)> = Vec::new();
        for key in &keys {
            if self.rng.chance(85) {
                texts.push((key.sql.clone(), key.ty, key.seal));
            }
        }
        for _ in 0..1 + self.rng.below(3) {
            let (sql, ty, seal) = self.aggregate(&scope, None);
            texts.push((sql, ty, seal));
        }
        let mut outputs = Vec::new();
        for (n, (sql, ty, seal)) in texts.iter().enumerate() {
            let name = format!("g{n}");
            outputs.push(if named || self.rng.chance(70) { format!("{sql} AS {name}") } else { sql.clone() });
            cols.push((name, (*ty, *seal)));
        }
        let having = if self.rng.chance(22) { format!(" HAVING {}", self.having(&scope)) } else { String::new() };
        let order = match self.rng.below(4) {
            0 | 1 => format!(" ORDER BY {}", 1 + self.rng.below(outputs.len())),
            2 => format!(" ORDER BY {} DESC, 1", self.aggregate(&scope, Some(Ty::Int)).0),
            _ => String::new(),
        };
        let limit = self.limit();
        Query { sql: format!("SELECT {} FROM {from}{filter}{group}{having}{order}{limit}", outputs.join(", ")), cols }
    }

    fn group_by(&mut self, keys: &[Col]) -> String {
        if keys.is_empty() {
            return String::new();
        }
        let list = keys.iter().map(|k| k.sql.clone()).collect::<Vec<_>>().join(", ");
        match self.rng.below(12) {
            0 => format!(" GROUP BY ROLLUP ({list})"),
            1 => format!(" GROUP BY CUBE ({list})"),
            2 => format!(" GROUP BY GROUPING SETS (({list}), ())"),
            _ => format!(" GROUP BY {list}"),
        }
    }

    fn having(&mut self, scope: &Scope) -> String {
        match self.rng.below(3) {
            0 => format!("count(*) > {}", self.rng.range(0, 6)),
            1 => format!("{} > {}", self.aggregate(scope, Some(Ty::Num)).0, self.literal(Ty::Num)),
            _ => format!("{} IS NOT NULL", self.aggregate(scope, Some(Ty::Text)).0),
        }
    }

    /// An aggregate over the rows below the grouping; of that type where one is asked for.
    pub(super) fn aggregate(&mut self, scope: &Scope, ty: Option<Ty>) -> (String, Ty, Option<Pool>) {
        let rows = Scope { outer: Vec::new(), ..scope.ungrouped() };
        let filter = if self.rng.chance(15) { format!(" FILTER (WHERE {})", self.boolean(&rows, 1)) } else { String::new() };
        let sealed: Vec<Col> = rows.cols().into_iter().filter(|c| c.seal.is_some()).cloned().collect();
        let order = |g: &mut Self| {
            let cols: Vec<Col> = rows.cols().into_iter().cloned().collect();
            if g.rng.chance(60) { format!(" ORDER BY {}", g.rng.pick(&cols).sql) } else { String::new() }
        };
        if ty.is_none() && !sealed.is_empty() && self.rng.chance(30) {
            let col = self.rng.pick(&sealed).clone();
            return match self.rng.below(4) {
                0 => (format!("count(DISTINCT {}){filter}", col.sql), Ty::Int, None),
                1 if col.ty != Ty::Uuid => {
                    (format!("{}({}){filter}", self.rng.pick(&["min", "max"]).to_owned(), col.sql), col.ty, col.seal)
                }
                2 => (format!("array_agg({}{}){filter}", col.sql, order(self)), Ty::Texts, col.seal),
                _ => (format!("count({}){filter}", col.sql), Ty::Int, None),
            };
        }
        let ty = ty.unwrap_or_else(|| *self.rng.pick(&[Ty::Int, Ty::Int, Ty::Num, Ty::Num, Ty::Text, Ty::Bool, Ty::Date, Ty::Json]));
        let sql = match ty {
            Ty::Int => match self.rng.below(5) {
                0 | 1 => format!("count(*){filter}"),
                2 => {
                    let ty = *self.rng.pick(&[Ty::Int, Ty::Text, Ty::Num, Ty::Date]);
                    format!("count({}{}){filter}", if self.rng.chance(40) { "DISTINCT " } else { "" }, self.expr(&rows, ty, 1))
                }
                _ => format!("{}({}){filter}", self.rng.pick(&["min", "max"]).to_owned(), self.expr(&rows, Ty::Int, 1)),
            },
            Ty::Num => {
                format!("{}({}){filter}", self.rng.pick(&["sum", "avg", "min", "max", "stddev"]).to_owned(), self.expr(&rows, Ty::Num, 1))
            }
            Ty::Text => match self.rng.below(3) {
                0 => {
                    let (value, order) = (self.expr(&rows, Ty::Text, 1), order(self));
                    format!("string_agg({value}, ','{order}){filter}")
                }
                _ => format!("{}({}){filter}", self.rng.pick(&["min", "max"]).to_owned(), self.expr(&rows, Ty::Text, 1)),
            },
            Ty::Bool => format!("{}({}){filter}", self.rng.pick(&["bool_and", "bool_or", "every"]).to_owned(), self.boolean(&rows, 1)),
            Ty::Date => format!("{}({}){filter}", self.rng.pick(&["min", "max"]).to_owned(), self.expr(&rows, Ty::Date, 1)),
            Ty::Stamp => format!("max({}){filter}", self.expr(&rows, Ty::Stamp, 0)),
            Ty::Json => {
                let ty = *self.rng.pick(&[Ty::Int, Ty::Text]);
                let (value, order) = (self.expr(&rows, ty, 1), order(self));
                format!("jsonb_agg({value}{order}){filter}")
            }
            Ty::Inet => format!("max({}){filter}", self.expr(&rows, Ty::Inet, 0)),
            Ty::Mood => format!("max({}){filter}", self.expr(&rows, Ty::Mood, 0)),
            Ty::Texts => format!("max({}){filter}", self.expr(&rows, Ty::Texts, 0)),
            Ty::Uuid | Ty::Big => return (format!("NULL::{}", type_name(ty)), ty, None),
        };
        (sql, ty, None)
    }

    fn window(&mut self, scope: &Scope) -> (String, Ty, Option<Pool>) {
        let cols: Vec<Col> = scope.cols().into_iter().cloned().collect();
        let partition = if self.rng.chance(50) { format!("PARTITION BY {}", self.rng.pick(&cols).sql) } else { String::new() };
        let order = match self.rng.below(4) {
            0 => String::new(),
            1 => match scope.sources.first().and_then(|s| s.key.clone()) {
                Some(key) => format!(" ORDER BY {key}"),
                None => String::new(),
            },
            _ => format!(" ORDER BY {}{}", self.rng.pick(&cols).sql, self.rng.pick(&["", " DESC", " NULLS FIRST"]).to_owned()),
        };
        let over = format!("OVER ({partition}{order})");
        let value = self.rng.pick(&cols).clone();
        match self.rng.below(8) {
            0 | 1 => (format!("row_number() {over}"), Ty::Int, None),
            2 => (format!("rank() {over}"), Ty::Int, None),
            3 => (format!("dense_rank() {over}"), Ty::Int, None),
            4 => (format!("lag({}) {over}", value.sql), value.ty, value.seal),
            5 => (format!("{}({}) {over}", self.rng.pick(&["first_value", "last_value"]).to_owned(), value.sql), value.ty, value.seal),
            6 => (format!("count(*) {over}"), Ty::Int, None),
            _ => (format!("sum({}) {over}", self.expr(scope, Ty::Num, 1)), Ty::Num, None),
        }
    }
}
