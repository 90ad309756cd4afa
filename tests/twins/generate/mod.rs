//! Random SQL over the sample schema: valid for the most part, and unaware of what pgveil does.
//!
//! A share of the statements keeps to what docs/design.md allows on pseudonymised columns, so that the share refused means
//! something; the others use them anywhere.

mod expr;
mod from;
pub mod scope;
mod select;
mod special;

use pgveil_tests::rng::Rng;

use super::data::{Pool, Twin, Values};
use scope::Ty;

/// Source of what is made from nothing.
const GRAMMAR: &str = "grammar";

/// One thing to run.
#[derive(Debug, Clone)]
pub struct Statement {
    pub sql: String,
    /// Where it comes from: the grammar, or which file.
    pub source: &'static str,
    /// `None`: simple query.
    pub extended: Option<Extended>,
}

/// How it runs in the extended protocol.
#[derive(Debug, Clone)]
pub struct Extended {
    /// Values of the parameters, in text format.
    pub values: Vec<Option<String>>,
    /// All results in binary format.
    pub binary: bool,
}

/// A common table expression that can be named.
#[derive(Debug, Clone)]
struct Cte {
    name: String,
    cols: Vec<(String, Ty, Option<Pool>)>,
}

pub struct Generator<'a> {
    rng: Rng,
    values: &'a Values,
    /// Percent of the places where a pseudonymised column is used without regard to the rules.
    risk: u64,
    /// In the extended protocol: the parameters so far.
    parameters: Option<Vec<Option<String>>>,
    aliases: usize,
    ctes: Vec<Cte>,
}

impl<'a> Generator<'a> {
    pub fn new(seed: u64, values: &'a Values) -> Self {
        Generator { rng: Rng::new(seed), values, risk: 0, parameters: None, aliases: 0, ctes: Vec::new() }
    }

    /// The next statement.
    pub fn statement(&mut self) -> Statement {
        self.aliases = 0;
        self.ctes.clear();
        self.risk = if self.rng.chance(65) { 0 } else { 12 };
        self.parameters = self.rng.chance(30).then(Vec::new);
        let mut sql = match self.rng.below(100) {
            0..=3 => self.special(),
            _ => self.top_query(),
        };
        let Some(drawn) = self.parameters.take() else {
            if self.rng.chance(3) {
                sql = format!("{sql}; {}", self.top_query());
            } else if self.rng.chance(2) {
                sql = format!("BEGIN; {sql}; COMMIT");
            } else if self.rng.chance(3) {
                sql = format!("{sql};");
            }
            return Statement { sql, source: GRAMMAR, extended: None };
        };
        let (sql, values) = number(&sql, &drawn);
        let binary = self.rng.chance(50);
        Statement { sql, source: GRAMMAR, extended: Some(Extended { values, binary }) }
    }

    fn alias(&mut self) -> String {
        self.aliases += 1;
        let letter = *self.rng.pick(&["a", "b", "c", "t", "x"]);
        match self.rng.below(12) {
            0 => format!("\"{} {}\"", letter.to_uppercase(), self.aliases),
            1 => format!("{}{}", letter.to_uppercase(), self.aliases),
            _ => format!("{letter}{}", self.aliases),
        }
    }

    /// Now and then without regard to the rules.
    fn risky(&mut self) -> bool {
        let risk = self.risk;
        self.rng.chance(risk)
    }

    /// A value that one of the twins has, or neither.
    fn real(&mut self, pool: Pool) -> String {
        let twin = if self.rng.chance(50) { Twin::A } else { Twin::B };
        let person = if self.rng.chance(50) { self.rng.below(80) } else { self.rng.below(1400) };
        self.values.of(pool, person, twin).to_owned()
    }
}

/// Stands before and after a parameter's number until the whole text is there: some pieces are thrown away.
const PARAMETER: char = '\u{1}';

/// Writes the parameters that are still in the text as `$1`, `$2`, …
fn number(sql: &str, drawn: &[Option<String>]) -> (String, Vec<Option<String>>) {
    let mut text = String::new();
    let mut values = Vec::new();
    let mut places = Vec::new();
    for (n, piece) in sql.split(PARAMETER).enumerate() {
        if n % 2 == 0 {
            text.push_str(piece);
            continue;
        }
        // A piece that is written twice names the same parameter.
        let place = places.iter().position(|p| *p == piece).unwrap_or_else(|| {
            places.push(piece);
            values.push(drawn[piece.parse::<usize>().unwrap() - 1].clone());
            places.len() - 1
        });
        text.push_str(&format!("${}", place + 1));
    }
    (text, values)
}
