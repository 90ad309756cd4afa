//! How large and how deep a text may be. Decided from Postgres' own tokens, before anything recursive sees the text.

use std::cell::Cell;

use pg_query::protobuf::{ScanToken, Token};

use super::postgres;
use crate::{Refusal, SqlState};

/// Longest text, in bytes.
const BYTES: usize = 16 << 20;
/// Most tokens; commas are not counted. A text then takes 3 to 6 kB of memory for each while it is judged, and one of a list of
/// 65,535 parameters, which is as many as the protocol has, can be read.
const TOKENS: usize = 100_000;
/// Deepest nesting of brackets and CASE.
const NESTING: usize = 300;
/// Deepest tree: brackets, CASE, and every operator, join and set operation that could stand in one chain.
const DEPTH: usize = 2_000;
/// What [`deep`] makes sure is left of the stack: about twice of what [`DEPTH`] levels take in a debug build.
const NEEDED: usize = 224 << 20;
/// See [`super::THREAD_STACK`].
pub(super) const STACK: usize = 256 << 20;

/// Runs `f` on a stack that trees of [`DEPTH`] cannot overflow.
pub(super) fn deep<T>(f: impl FnOnce() -> T) -> T {
    thread_local!(static PRIMED: Cell<bool> = const { Cell::new(false) });
    // libpg_query sizes its own depth check by the thread's stack, and only sees that outside of a grown one.
    if !PRIMED.replace(true) {
        let _ = postgres::tokens("SELECT");
    }
    stacker::maybe_grow(NEEDED, STACK, f)
}

/// Refuses a text that is too large or nested too deeply to be read.
pub(super) fn check(sql: &str) -> Result<(), Refusal> {
    if sql.len() > BYTES {
        return Err(too_large(format!("the statement has {} bytes; pgveil reads at most {BYTES}", sql.len())));
    }
    if let Some(at) = sql.find('\0') {
        let position = sql.get(..at).map(|before| before.chars().count() + 1);
        return Err(Refusal::new(SqlState::SYNTAX, "read.nul", "a statement cannot hold a NUL byte").at(position));
    }
    if sql.len() > 1 << 20 && at_least_tokens(sql) > TOKENS {
        return Err(too_many_tokens());
    }
    // Each bracket and each CASE takes at least so many bytes.
    let brackets = sql.bytes().filter(|byte| matches!(byte, b'(' | b'[')).count();
    if sql.len() <= 1000 && brackets <= NESTING - 1000 / 5 {
        return Ok(());
    }
    // What cannot be cut into tokens, the grammar refuses with its own words; it has no tree that could be deep.
    let Some(tokens) = postgres::tokens(sql) else { return Ok(()) };
    if tokens.iter().filter(|token| token.token != Token::Ascii44 as i32).count() > TOKENS {
        return Err(too_many_tokens());
    }
    let depth = Depth::of(&tokens);
    if depth.nesting > NESTING || depth.total > DEPTH {
        let message = if depth.nesting > NESTING {
            format!("the statement nests {} brackets or CASEs; pgveil reads at most {NESTING}", depth.nesting)
        } else {
            format!("the statement chains about {} operators; pgveil reads at most {DEPTH}", depth.total)
        };
        return Err(Refusal::new(SqlState::TOO_COMPLEX, "read.depth", message)
            .with_hint("Use IN (…), = ANY (ARRAY[…]) or a join with VALUES in place of a long chain."));
    }
    Ok(())
}

fn too_large(message: String) -> Refusal {
    Refusal::new(SqlState::TOO_LARGE, "read.size", message).with_hint("Split the statement, or send the values as parameters.")
}

fn too_many_tokens() -> Refusal {
    too_large(format!("the statement has more than {TOKENS} words and signs, commas aside, which is as many as pgveil reads"))
}

/// About how many tokens a text has, in constant memory. Only guards the memory of the real count.
fn at_least_tokens(sql: &str) -> usize {
    let mut tokens = 0;
    let mut in_word = false;
    let mut quote = None;
    for byte in sql.bytes() {
        match quote {
            Some(end) if byte == end => quote = None,
            Some(_) => {}
            None if byte == b'\'' || byte == b'"' => {
                quote = Some(byte);
                tokens += 1;
                in_word = false;
            }
            None if byte.is_ascii_whitespace() => in_word = false,
            None if byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80 => {
                tokens += usize::from(!in_word);
                in_word = true;
            }
            None => {
                in_word = false;
                tokens += usize::from(matches!(byte, b'(' | b')' | b'[' | b']' | b';'));
            }
        }
    }
    tokens
}

/// Upper bounds of the depth of a text's trees.
struct Depth {
    nesting: usize,
    total: usize,
}

/// What stands between two brackets (or CASE and END), up to now.
///
/// An expression's tree is at most as deep as its ORs, plus the ANDs between two ORs, plus the operators between two ANDs,
/// plus what its brackets hold, since OR binds weakest and AND next. Operators of two items of a list never meet.
#[derive(Default)]
struct Level {
    case: bool,
    ors: usize,
    ands: usize,
    most_ands: usize,
    operators: usize,
    most_operators: usize,
    inside: usize,
    deepest: usize,
}

impl Level {
    fn new(case: bool) -> Self {
        Level { case, ..Level::default() }
    }

    fn end_and(&mut self) {
        self.most_operators = self.most_operators.max(self.operators);
        self.operators = 0;
    }

    fn end_or(&mut self) {
        self.end_and();
        self.most_ands = self.most_ands.max(self.ands);
        self.ands = 0;
    }

    /// The item is complete: a comma, or a part of a CASE.
    fn end_item(&mut self) {
        self.end_or();
        self.deepest = self.deepest.max(self.ors + self.most_ands + self.most_operators + self.inside);
        *self = Level { case: self.case, deepest: self.deepest, ..Level::default() };
    }
}

impl Depth {
    fn of(tokens: &[ScanToken]) -> Depth {
        let mut outer: Vec<Level> = Vec::new();
        let mut level = Level::default();
        let mut nesting = 0;
        // These chain across commas and clauses, so they count for the whole text.
        let mut everywhere = 0;
        let mut previous = Token::Nul;
        for token in tokens {
            let Ok(kind) = Token::try_from(token.token) else {
                level.operators += 1;
                continue;
            };
            // After a dot or AS it is a name.
            let name = matches!(previous, Token::Ascii46 | Token::As);
            match kind {
                Token::Ascii40 | Token::Ascii91 => {
                    outer.push(std::mem::replace(&mut level, Level::new(false)));
                }
                Token::Case if !name => outer.push(std::mem::replace(&mut level, Level::new(true))),
                Token::Ascii41 | Token::Ascii93 => {
                    while level.case && close(&mut outer, &mut level) {}
                    close(&mut outer, &mut level);
                }
                Token::EndP if !name && level.case => {
                    close(&mut outer, &mut level);
                }
                Token::When | Token::Then | Token::Else if !name && level.case => level.end_item(),
                Token::Ascii44 => level.end_item(),
                Token::Ascii59 => {
                    while close(&mut outer, &mut level) {}
                    level.end_item();
                }
                Token::Union | Token::Except | Token::Intersect | Token::Join => everywhere += 1,
                Token::Or => {
                    level.end_or();
                    level.ors += 1;
                }
                Token::And => {
                    level.end_and();
                    level.ands += 1;
                }
                Token::Ident | Token::Iconst | Token::Fconst | Token::Sconst | Token::Bconst | Token::Xconst | Token::Param => {}
                Token::Ascii46 | Token::SqlComment | Token::CComment => {}
                _ => level.operators += 1,
            }
            nesting = nesting.max(outer.len());
            if !matches!(kind, Token::SqlComment | Token::CComment) {
                previous = kind;
            }
        }
        while close(&mut outer, &mut level) {}
        level.end_item();
        Depth { nesting, total: everywhere + level.deepest }
    }
}

/// Ends the innermost level; `false` where it is the outermost.
fn close(outer: &mut Vec<Level>, level: &mut Level) -> bool {
    let Some(parent) = outer.pop() else { return false };
    let mut ended = std::mem::replace(level, parent);
    ended.end_item();
    level.inside = level.inside.max(ended.deepest + 1);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;

    /// Reads on a thread with the stack that a runtime gives: what is too deep must be refused, never crash, and what is not must
    /// be read, printed and dropped.
    fn on_small_stack(sql: String) -> Result<(), Refusal> {
        let read = move || {
            let statements = read::read(&sql)?;
            deep(|| {
                for statement in &statements {
                    if let read::Body::Query(reading) = &statement.body {
                        reading.print(&reading.ast)?;
                    }
                }
                drop(statements);
                Ok(())
            })
        };
        std::thread::Builder::new().stack_size(2 << 20).spawn(read).unwrap().join().unwrap()
    }

    fn repeat(item: &str, times: usize, between: &str) -> String {
        vec![item; times].join(between)
    }

    #[test]
    fn too_many_and_too_deep_are_refused() {
        for (name, sql) in [
            ("100,000 ORs", format!("SELECT 1 WHERE {}", repeat("a = 1", 100_000, " OR "))),
            ("10,000 brackets", format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000))),
            ("10,000 subqueries", format!("SELECT {}1{}", "(SELECT ".repeat(10_000), ")".repeat(10_000))),
            ("10,000 CASEs", format!("SELECT {}1{}", "CASE WHEN true THEN ".repeat(10_000), " END".repeat(10_000))),
            ("30,000 ||", format!("SELECT {}", repeat("a", 30_000, " || "))),
            ("30,000 ANDs", format!("SELECT {}", repeat("a", 30_000, " AND "))),
            ("20,000 UNIONs", format!("SELECT {}", repeat("1", 20_000, " UNION SELECT "))),
            ("20,000 UNIONs behind labels", format!("SELECT {}", repeat("1 case", 20_000, " UNION SELECT 1 end, "))),
            ("10,000 arrays", format!("SELECT ARRAY{}1{}", "[".repeat(10_000), "]".repeat(10_000))),
            ("30,000 minus", format!("SELECT {}1", "- ".repeat(30_000))),
            ("30,000 NOT", format!("SELECT {}true", "NOT ".repeat(30_000))),
            ("30,000 casts", format!("SELECT 1{}", "::int".repeat(30_000))),
            ("30,000 IS NULL", format!("SELECT 1 {}", "IS NULL ".repeat(30_000))),
            ("20,000 joins", format!("SELECT 1 FROM a {}", "CROSS JOIN a ".repeat(20_000))),
            ("16 MiB", format!("SELECT '{}'", "x".repeat(17 << 20))),
            ("many constants", format!("SELECT 1 IN ({})", repeat("1", 200_000, ","))),
            ("a 10 MB text of signs", "- ".repeat(5 << 20)),
        ] {
            let refusal = on_small_stack(sql).expect_err(name);
            assert!(matches!(refusal.code, SqlState::TOO_LARGE | SqlState::TOO_COMPLEX), "{name}: {refusal:?}");
        }
    }

    #[test]
    fn as_much_as_is_allowed_is_read() {
        for (name, sql) in [
            ("ORs", format!("SELECT 1 WHERE {}", repeat("a = 1", DEPTH - 10, " OR "))),
            ("||", format!("SELECT {}", repeat("a", 700, " || "))),
            ("brackets", format!("SELECT {}1{}", "(".repeat(NESTING), ")".repeat(NESTING))),
            ("subqueries", format!("SELECT {}1{}", "(SELECT ".repeat(NESTING), ")".repeat(NESTING))),
            ("CASEs", format!("SELECT {}1{}", "CASE WHEN true THEN ".repeat(NESTING), " END".repeat(NESTING))),
            ("derived tables", format!("SELECT * FROM {}(SELECT 1) a{}", "(SELECT * FROM ".repeat(290), ") a".repeat(290))),
            ("one CASE of many", format!("SELECT CASE {} END", repeat("WHEN a = 1 AND b = 2 THEN 3", 3000, " "))),
            ("IN", format!("SELECT 1 IN ({})", repeat("'a'", 40_000, ","))),
            ("65,535 parameters", format!("SELECT 1 IN ({})", (1..=65_535).map(|n| format!("${n}")).collect::<Vec<_>>().join(","))),
            ("VALUES", format!("VALUES {}", repeat("(1::int, 'a' || 'b')", 5_000, ","))),
            ("10 MB of text", format!("SELECT '{}'", "x".repeat(10 << 20))),
            ("names of keywords", "SELECT 1 AS case, x.end FROM x".to_owned()),
        ] {
            assert_eq!(on_small_stack(sql).map_err(|r| (r.id, r.message)), Ok(()), "{name}");
        }
    }

    #[test]
    fn chains_of_every_kind_never_crash() {
        for times in [1_000, 1_900] {
            for sql in [
                format!("SELECT {}", repeat("a", times, " || ")),
                format!("SELECT {}", repeat("a", times, " + ")),
                format!("SELECT {}", repeat("a", times, " @@@ ")),
                format!("SELECT {}", repeat("1", times, " UNION ALL SELECT ")),
                format!("SELECT {}1", "- ".repeat(times)),
                format!("SELECT {}true", "NOT ".repeat(times)),
                format!("SELECT 1{}", "::int".repeat(times)),
                format!("SELECT 1 FROM a {}", "CROSS JOIN a ".repeat(times)),
                format!("SELECT a{}", "[1]".repeat(times)),
                format!("SELECT a {}", "COLLATE \"C\" ".repeat(times)),
            ] {
                if let Err(refusal) = on_small_stack(sql.clone()) {
                    let head: String = sql.chars().take(40).collect();
                    assert!(
                        matches!(refusal.code, SqlState::TOO_COMPLEX | SqlState::SYNTAX | SqlState::UNSUPPORTED),
                        "{times} {head}: {refusal:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn nul_is_refused() {
        assert_eq!(read::read("SELECT 'é\0'").unwrap_err().position, Some(10));
    }
}
