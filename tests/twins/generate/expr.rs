//! Expressions of a type over a scope; predicates.

use super::scope::{Col, Scope, Ty, Want};
use super::{Generator, PARAMETER};
use crate::twins::data::{Pool, quote};

impl Generator<'_> {
    /// An output: an expression that may be a bare column, pseudonymised ones included.
    pub(super) fn output(&mut self, scope: &Scope, want: Option<Want>, depth: usize) -> (String, Ty, Option<Pool>) {
        let (ty, seal) = match want {
            Some(want) => want,
            None => {
                let cols: Vec<Col> = scope.cols().into_iter().cloned().collect();
                if !cols.is_empty() && self.rng.chance(60) {
                    let col = self.rng.pick(&cols).clone();
                    return self.sealed_form(col);
                }
                (self.any_type(), None)
            }
        };
        let Some(pool) = seal else {
            return (self.expr(scope, ty, depth), ty, None);
        };
        let cols: Vec<Col> = scope.cols().into_iter().filter(|c| c.seal == Some(pool) && c.ty == ty).cloned().collect();
        if cols.is_empty() || self.rng.chance(8) {
            let sql = if self.risky() { self.literal(ty) } else { format!("NULL::{}", type_name(ty)) };
            return (sql, ty, seal);
        }
        let col = self.rng.pick(&cols).clone();
        let other = self.rng.pick(&cols).clone();
        let sql = match self.rng.below(12) {
            0 => format!("COALESCE({}, {})", col.sql, other.sql),
            1 => format!("CASE WHEN {} THEN {} ELSE {} END", self.boolean(scope, 1), col.sql, other.sql),
            2 => format!("NULLIF({}, {})", col.sql, other.sql),
            _ => col.sql,
        };
        (sql, ty, seal)
    }

    fn sealed_form(&mut self, col: Col) -> (String, Ty, Option<Pool>) {
        if col.seal.is_some() && self.rng.chance(6) {
            return (format!("CASE WHEN {} IS NOT NULL THEN {} END", col.sql, col.sql), col.ty, col.seal);
        }
        (col.sql, col.ty, col.seal)
    }

    fn any_type(&mut self) -> Ty {
        use Ty::{Bool, Date, Inet, Int, Json, Num, Stamp, Text};
        *self.rng.pick(&[Int, Int, Int, Num, Num, Text, Text, Text, Bool, Bool, Date, Stamp, Inet, Json])
    }

    /// A column of that type; pseudonymised ones only without regard to the rules.
    fn atom(&mut self, scope: &Scope, ty: Ty) -> Option<String> {
        let risky = self.risky();
        let mut fit: Vec<&Col> = scope.cols();
        if fit.is_empty() || self.rng.chance(15) {
            fit.extend(&scope.outer);
        }
        fit.retain(|c| c.ty == ty && (risky || c.seal.is_none()));
        (!fit.is_empty()).then(|| self.rng.pick(&fit).sql.clone())
    }

    /// An expression of that type.
    pub(super) fn expr(&mut self, scope: &Scope, ty: Ty, depth: usize) -> String {
        if depth == 0 || self.rng.chance(45) {
            return match self.atom(scope, ty) {
                Some(col) if self.rng.chance(85) => col,
                _ => self.literal(ty),
            };
        }
        if scope.keys.is_some() && self.rng.chance(50) {
            return self.aggregate(scope, Some(ty)).0;
        }
        let d = depth - 1;
        match self.rng.below(10) {
            0 => return format!("COALESCE({}, {})", self.expr(scope, ty, d), self.expr(scope, ty, 0)),
            1 => {
                return format!(
                    "CASE WHEN {} THEN {} ELSE {} END",
                    self.boolean(scope, d),
                    self.expr(scope, ty, d),
                    self.expr(scope, ty, 0)
                );
            }
            2 if !matches!(ty, Ty::Json) => return format!("NULLIF({}, {})", self.expr(scope, ty, d), self.expr(scope, ty, 0)),
            _ => {}
        }
        match ty {
            Ty::Int => self.int(scope, d),
            Ty::Num => self.num(scope, d),
            Ty::Text => self.text(scope, d),
            Ty::Bool => self.boolean(scope, d),
            Ty::Date => self.date(scope, d),
            Ty::Stamp => {
                format!("date_trunc('{}', {})", self.rng.pick(&["year", "month", "day"]).to_owned(), self.expr(scope, Ty::Stamp, d))
            }
            Ty::Inet => match self.rng.below(2) {
                0 => format!("set_masklen({}, {})", self.expr(scope, Ty::Inet, d), self.rng.range(8, 32)),
                _ => format!("network({})::inet", self.expr(scope, Ty::Inet, d)),
            },
            Ty::Json => self.json(scope, d),
            Ty::Uuid | Ty::Big | Ty::Mood | Ty::Texts => self.atom(scope, ty).unwrap_or_else(|| self.literal(ty)),
        }
    }

    fn int(&mut self, scope: &Scope, d: usize) -> String {
        match self.rng.below(22) {
            0..=2 => {
                format!("({} {} {})", self.expr(scope, Ty::Int, d), self.rng.pick(&["+", "-"]).to_owned(), self.expr(scope, Ty::Int, 0))
            }
            3 => format!("({} * {})", self.expr(scope, Ty::Int, d), self.rng.range(-3, 7)),
            4 => format!("({} % {})", self.expr(scope, Ty::Int, d), self.rng.range(2, 9)),
            5 => format!("({} / {})", self.expr(scope, Ty::Int, d), self.rng.range(1, 9)),
            6 if self.rng.chance(25) => format!("(100 / {})", self.expr(scope, Ty::Int, d)),
            6 => format!("(100 / NULLIF({}, 0))", self.expr(scope, Ty::Int, d)),
            7..=9 => format!("{}({})", self.rng.pick(&["length", "octet_length", "char_length"]).to_owned(), self.expr(scope, Ty::Text, d)),
            10 => format!("position({} in {})", quote(self.rng.pick::<&str>(&["l", "ou", "@", "e", "a"])), self.expr(scope, Ty::Text, d)),
            11 => format!("ascii({})", self.expr(scope, Ty::Text, d)),
            12 => format!("extract({} FROM {})::int", self.rng.pick(&["year", "month", "doy"]).to_owned(), self.expr(scope, Ty::Date, d)),
            13 if self.rng.chance(25) => format!("({})::int", self.expr(scope, Ty::Text, d)),
            13 => format!("CASE WHEN {0} ~ '^[0-9]{{1,8}}$' THEN ({0})::int END", self.expr(scope, Ty::Text, d)),
            14 => format!("({})::int", self.boolean(scope, d)),
            15 => format!("abs({})", self.expr(scope, Ty::Int, d)),
            16 => format!("round({})::int", self.expr(scope, Ty::Num, d)),
            17 => format!("masklen({})", self.expr(scope, Ty::Inet, d)),
            18 => format!("width_bucket({}, 0, 100000, 12)", self.expr(scope, Ty::Num, d)),
            19 => self.scalar(scope, Ty::Int),
            20 => format!("strpos({}, {})", self.expr(scope, Ty::Text, d), self.literal(Ty::Text)),
            _ => format!("GREATEST({}, {})", self.expr(scope, Ty::Int, d), self.expr(scope, Ty::Int, 0)),
        }
    }

    fn num(&mut self, scope: &Scope, d: usize) -> String {
        match self.rng.below(9) {
            0..=2 => format!(
                "({} {} {})",
                self.expr(scope, Ty::Num, d),
                self.rng.pick(&["+", "-", "*"]).to_owned(),
                self.expr(scope, Ty::Num, 0)
            ),
            3 => format!("round({}, {})", self.expr(scope, Ty::Num, d), self.rng.range(0, 1)),
            4 => format!("({} / {})", self.expr(scope, Ty::Num, d), self.rng.range(2, 9)),
            5 if self.rng.chance(30) => format!("(1000 / {})", self.expr(scope, Ty::Num, d)),
            5 => format!("(1000 / NULLIF({}, 0))", self.expr(scope, Ty::Num, d)),
            6 => format!("({})::numeric", self.expr(scope, Ty::Int, d)),
            7 => format!("floor({})", self.expr(scope, Ty::Num, d)),
            _ => format!("({} % 1000)", self.expr(scope, Ty::Num, d)),
        }
    }

    fn text(&mut self, scope: &Scope, d: usize) -> String {
        match self.rng.below(24) {
            0..=3 => {
                let f = *self.rng.pick(&["upper", "lower", "initcap", "reverse", "md5", "btrim", "quote_literal"]);
                format!("{f}({})", self.expr(scope, Ty::Text, d))
            }
            4 => format!("left({}, {})", self.expr(scope, Ty::Text, d), self.rng.range(1, 4)),
            5 => format!("substr({}, {}, {})", self.expr(scope, Ty::Text, d), self.rng.range(1, 3), self.rng.range(1, 4)),
            6 => format!("substring({} from {} for {})", self.expr(scope, Ty::Text, d), self.rng.range(1, 3), self.rng.range(1, 4)),
            7 | 8 => format!("({} || {})", self.expr(scope, Ty::Text, d), self.expr(scope, Ty::Text, 0)),
            9..=12 => {
                let ty = *self.rng.pick(&[Ty::Int, Ty::Num, Ty::Date, Ty::Inet, Ty::Mood, Ty::Json, Ty::Texts, Ty::Bool]);
                if self.rng.chance(50) {
                    format!("({})::text", self.expr(scope, ty, d))
                } else {
                    format!("CAST({} AS text)", self.expr(scope, ty, d))
                }
            }
            13 => format!("replace({}, 'l', '-')", self.expr(scope, Ty::Text, d)),
            14 => format!("split_part({}, {}, 1)", self.expr(scope, Ty::Text, d), quote(self.rng.pick::<&str>(&["@", " ", "l"]))),
            15 => format!("lpad({}, {}, '*')", self.expr(scope, Ty::Text, d), self.rng.range(2, 12)),
            16 => format!("concat({}, '-', {})", self.expr(scope, Ty::Text, d), self.expr(scope, Ty::Int, 0)),
            17 => format!("format('%s/%s', {}, {})", self.expr(scope, Ty::Text, d), self.expr(scope, Ty::Num, 0)),
            18 => format!("host({})", self.expr(scope, Ty::Inet, d)),
            19 => format!("to_char({}, 'YYYY-MM')", self.expr(scope, Ty::Date, d)),
            20 => format!("({} ->> '{}')", self.expr(scope, Ty::Json, d), self.rng.pick(&["zip", "street"]).to_owned()),
            21 => format!("regexp_replace({}, '[a-m]', '.')", self.expr(scope, Ty::Text, d)),
            22 => self.scalar(scope, Ty::Text),
            _ => self.row_as(scope, "text").unwrap_or_else(|| self.literal(Ty::Text)),
        }
    }

    fn date(&mut self, scope: &Scope, d: usize) -> String {
        match self.rng.below(3) {
            0 => format!("({} + {})", self.expr(scope, Ty::Date, d), self.rng.range(-40, 400)),
            1 => format!("date_trunc('year', {})::date", self.expr(scope, Ty::Date, d)),
            _ => format!("LEAST({}, {})", self.expr(scope, Ty::Date, d), self.expr(scope, Ty::Date, 0)),
        }
    }

    fn json(&mut self, scope: &Scope, d: usize) -> String {
        match self.rng.below(5) {
            0 => format!("jsonb_build_object('k', {}, 'v', {})", self.expr(scope, Ty::Int, d), self.expr(scope, Ty::Text, 0)),
            1 => format!("to_jsonb({})", self.expr(scope, Ty::Num, d)),
            2 => self.row_as(scope, "json").unwrap_or_else(|| self.literal(Ty::Json)),
            3 => format!("({} -> 'zip')", self.expr(scope, Ty::Json, d)),
            _ => format!("jsonb_build_array({}, {})", self.expr(scope, Ty::Text, d), self.expr(scope, Ty::Date, 0)),
        }
    }

    /// A whole row as text or JSON, or a field of it.
    fn row_as(&mut self, scope: &Scope, what: &str) -> Option<String> {
        if scope.keys.is_some() {
            return None;
        }
        let risky = self.risky();
        let sources: Vec<_> = scope.sources.iter().filter(|s| !s.alias.is_empty() && (risky || !s.sealed())).cloned().collect();
        if sources.is_empty() {
            return None;
        }
        let source = self.rng.pick(&sources).clone();
        Some(match (what, self.rng.below(4)) {
            ("json", 0 | 1) => format!("to_jsonb({})", source.alias),
            ("json", _) => format!("row_to_json({})::jsonb", source.alias),
            (_, 0) => format!("{}::text", source.alias),
            (_, 1) => format!("row_to_json({})::text", source.alias),
            _ => {
                let cols: Vec<Col> = source.cols.iter().filter(|c| risky || c.seal.is_none()).cloned().collect();
                let col = self.rng.pick(&cols).clone();
                if self.rng.chance(60) {
                    format!("({}).{}::text", source.alias, col.name)
                } else {
                    format!("{}({})::text", col.name, source.alias)
                }
            }
        })
    }

    /// A scalar subquery, correlated or not.
    fn scalar(&mut self, scope: &Scope, ty: Ty) -> String {
        if scope.keys.is_some() {
            return self.literal(ty);
        }
        let (from, mut inner) = self.from(&scope.as_outer(), 0);
        // Aggregates over another level's columns belong to that level.
        let outer = std::mem::take(&mut inner.outer);
        let value = match ty {
            Ty::Int if self.rng.chance(60) => "count(*)".to_owned(),
            Ty::Int => format!("{}({})", self.rng.pick(&["min", "max"]).to_owned(), self.expr(&inner, Ty::Int, 1)),
            _ => format!("max({})", self.expr(&inner, Ty::Text, 1)),
        };
        inner.outer = outer;
        let filter = self.predicate(&inner, 1);
        format!("(SELECT {value} FROM {from} WHERE {filter})")
    }

    /// A predicate with AND, OR, NOT.
    pub(super) fn boolean(&mut self, scope: &Scope, depth: usize) -> String {
        match self.rng.below(10) {
            0 if depth > 0 => format!("({} AND {})", self.boolean(scope, depth - 1), self.boolean(scope, depth - 1)),
            1 if depth > 0 => format!("({} OR {})", self.boolean(scope, depth - 1), self.boolean(scope, depth - 1)),
            2 if depth > 0 => format!("NOT ({})", self.boolean(scope, depth - 1)),
            3 => match self.atom(scope, Ty::Bool) {
                Some(col) => col,
                None => self.predicate(scope, depth),
            },
            _ => self.predicate(scope, depth),
        }
    }

    pub(super) fn predicate(&mut self, scope: &Scope, depth: usize) -> String {
        if self.rng.chance(25)
            && let Some(sql) = self.sealed_predicate(scope)
        {
            return sql;
        }
        let d = depth.min(1);
        let compare = *self.rng.pick(&["=", "<>", "<", "<=", ">", ">=", "=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM", "!="]);
        match self.rng.below(24) {
            0..=3 => format!("{} {compare} {}", self.expr(scope, Ty::Int, d), self.expr(scope, Ty::Int, 0)),
            4..=6 => format!("{} {compare} {}", self.expr(scope, Ty::Num, d), self.literal(Ty::Num)),
            7..=9 => format!("{} {compare} {}", self.expr(scope, Ty::Text, d), self.literal(Ty::Text)),
            10 => format!("{} {compare} {}", self.expr(scope, Ty::Date, d), self.literal(Ty::Date)),
            11 | 12 => {
                let operator = *self.rng.pick(&["LIKE", "ILIKE", "NOT LIKE", "~", "~*", "SIMILAR TO"]);
                let pattern = if operator.starts_with('~') {
                    *self.rng.pick(&["^l", "o.*u", "[a-e]", "e$"])
                } else {
                    *self.rng.pick(&["l%", "%ou%", "%e%", "_a%", "%u", "[name]", "%"])
                };
                format!("{} {operator} {}", self.expr(scope, Ty::Text, d), quote(pattern))
            }
            13 | 14 => {
                let ty = *self.rng.pick(&[Ty::Int, Ty::Num, Ty::Text, Ty::Date, Ty::Inet, Ty::Json, Ty::Mood]);
                format!("{} IS {}NULL", self.expr(scope, ty, d), if self.rng.chance(50) { "NOT " } else { "" })
            }
            15 => format!("{} BETWEEN {} AND {}", self.expr(scope, Ty::Int, d), self.rng.range(0, 20), self.rng.range(20, 900)),
            16 => format!(
                "{} IN ({}, {}, {})",
                self.expr(scope, Ty::Int, d),
                self.rng.range(0, 9),
                self.rng.range(0, 40),
                self.rng.range(0, 900)
            ),
            17 => format!("{} IN ({}, {})", self.expr(scope, Ty::Text, d), self.literal(Ty::Text), self.literal(Ty::Text)),
            18 => format!("{} = ANY (ARRAY[{}, {}])", self.expr(scope, Ty::Int, d), self.rng.range(0, 9), self.rng.range(10, 400)),
            19 if scope.keys.is_none() => self.exists(scope),
            20 if scope.keys.is_none() => self.in_subquery(scope),
            21 => format!("{} {compare} {}", self.expr(scope, Ty::Inet, d), self.literal(Ty::Inet)),
            22 => format!("{} {compare} {}", self.expr(scope, Ty::Mood, 0), self.literal(Ty::Mood)),
            _ => format!("{} << '10.{}.0.0/16'", self.expr(scope, Ty::Inet, d), self.rng.range(0, 3)),
        }
    }

    /// What docs/design.md allows to ask of a pseudonymised column – or, without regard, a comparison with a value.
    fn sealed_predicate(&mut self, scope: &Scope) -> Option<String> {
        let cols: Vec<Col> = scope.cols().into_iter().filter(|c| c.seal.is_some()).cloned().collect();
        if cols.is_empty() {
            return None;
        }
        let a = self.rng.pick(&cols).clone();
        let pool = a.seal?;
        if self.risky() {
            let value = quote(&self.real(pool));
            let operator = *self.rng.pick(&["=", "<", ">", "<>", ">="]);
            return Some(match (self.rng.below(3), a.ty) {
                (0, Ty::Text) => format!("{} LIKE '{}%'", a.sql, self.rng.pick(&["l", "o", "iu"])),
                (1, _) => format!("{} IN ({value}, {value})", a.sql),
                _ => format!("{} {operator} {value}", a.sql),
            });
        }
        let same: Vec<Col> = cols.iter().filter(|c| c.seal == a.seal && c.ty == a.ty).cloned().collect();
        let b = self.rng.pick(&same).clone();
        Some(match self.rng.below(6) {
            0 => format!("{} IS NULL", a.sql),
            1 | 2 => format!("{} IS NOT NULL", a.sql),
            3 if scope.keys.is_none() => {
                let (table, column) = match pool {
                    Pool::Email => *self.rng.pick(&[("shop.leads", "email"), ("shop.employees", "email"), ("shop.orders", "ship_email")]),
                    Pool::Device => ("shop.leads", "device"),
                    Pool::Account => ("shop.customers", "account"),
                };
                format!(
                    "{} {} (SELECT {column} FROM {table} WHERE {column} IS NOT NULL)",
                    a.sql,
                    self.rng.pick(&["IN", "NOT IN", "= ANY"]).to_owned()
                )
            }
            4 => format!("{} IS {}DISTINCT FROM {}", a.sql, if self.rng.chance(50) { "NOT " } else { "" }, b.sql),
            _ => format!("{} {} {}", a.sql, self.rng.pick(&["=", "<>"]).to_owned(), b.sql),
        })
    }

    fn exists(&mut self, scope: &Scope) -> String {
        let (from, inner) = self.from(&scope.as_outer(), 0);
        let not = if self.rng.chance(30) { "NOT " } else { "" };
        let mut filter = self.predicate(&inner, 1);
        // Correlated where there is something to correlate.
        let pairs: Vec<(String, String)> = scope
            .cols()
            .iter()
            .flat_map(|a| {
                inner.cols().into_iter().filter(|b| !a.link.is_empty() && a.link == b.link).map(|b| (a.sql.clone(), b.sql.clone()))
            })
            .collect();
        if !pairs.is_empty() {
            let (a, b) = self.rng.pick(&pairs).clone();
            filter = format!("{a} = {b} AND {filter}");
        }
        format!("{not}EXISTS (SELECT {} FROM {from} WHERE {filter})", self.rng.pick(&["1", "*", "NULL"]).to_owned())
    }

    fn in_subquery(&mut self, scope: &Scope) -> String {
        let ty = *self.rng.pick(&[Ty::Int, Ty::Int, Ty::Text]);
        let left = self.expr(scope, ty, 0);
        let (from, inner) = self.from(&[], 0);
        let value = self.expr(&inner, ty, 1);
        let filter = self.predicate(&inner, 1);
        let operator = *self.rng.pick(&["IN", "NOT IN", "= ANY", "<= ALL"]);
        format!("{left} {operator} (SELECT {value} FROM {from} WHERE {filter})")
    }

    /// A constant, or a parameter.
    pub(super) fn literal(&mut self, ty: Ty) -> String {
        let value = match ty {
            Ty::Int => self.rng.range(-2, 90).to_string(),
            Ty::Big => {
                if self.rng.chance(50) {
                    self.real(Pool::Account)
                } else {
                    self.rng.range(0, 99_999).to_string()
                }
            }
            Ty::Num => format!("{}.{}", self.rng.range(0, 9) * 10_000 + self.rng.range(0, 999), self.rng.range(0, 99)),
            Ty::Text => match self.rng.below(8) {
                0 => self.real(Pool::Email),
                1 => (*self.rng.pick(&["[name]", "*", "", "a\\b", "it's", "--", "$1", "/*"])).to_owned(),
                _ => (*self.rng.pick(&["DE", "AT", "Berlin", "paid", "new", "web", "red", "Title 3", "lou", "42"])).to_owned(),
            },
            Ty::Bool => (*self.rng.pick(&["true", "false"])).to_owned(),
            Ty::Date => format!("{}-{:02}-{:02}", self.rng.range(1940, 2024), self.rng.range(1, 12), self.rng.range(1, 28)),
            Ty::Stamp => format!("2024-{:02}-{:02} 0{}:00:00+00", self.rng.range(1, 12), self.rng.range(1, 28), self.rng.range(0, 9)),
            Ty::Inet => format!("10.{}.{}.{}", self.rng.range(0, 3), self.rng.range(0, 9), self.rng.range(0, 254)),
            Ty::Json => (*self.rng.pick(&["{\"zip\": \"10115\"}", "{}", "[1, 2]", "null"])).to_owned(),
            Ty::Uuid => self.real(Pool::Device),
            Ty::Mood => (*self.rng.pick(&["low", "mid", "high"])).to_owned(),
            Ty::Texts => (*self.rng.pick(&["{red}", "{blue,t1}", "{}"])).to_owned(),
        };
        let parameter = self.rng.chance(35);
        if let Some(parameters) = &mut self.parameters
            && parameter
            && parameters.len() < 20
        {
            parameters.push(Some(value));
            return format!("{PARAMETER}{}{PARAMETER}::{}", parameters.len(), type_name(ty));
        }
        match ty {
            Ty::Int | Ty::Big | Ty::Num if !value.starts_with('-') => value,
            Ty::Int | Ty::Big | Ty::Num => format!("({value})"),
            Ty::Bool => value,
            Ty::Text if self.rng.chance(70) => quote(&value),
            Ty::Date if self.rng.chance(50) => format!("date {}", quote(&value)),
            _ => format!("{}::{}", quote(&value), type_name(ty)),
        }
    }
}

/// As it is written in a cast.
pub(super) fn type_name(ty: Ty) -> &'static str {
    match ty {
        Ty::Int => "int",
        Ty::Num => "numeric",
        Ty::Text => "text",
        Ty::Bool => "boolean",
        Ty::Date => "date",
        Ty::Stamp => "timestamptz",
        Ty::Inet => "inet",
        Ty::Json => "jsonb",
        Ty::Uuid => "uuid",
        Ty::Big => "bigint",
        Ty::Mood => "shop.mood",
        Ty::Texts => "text[]",
    }
}
