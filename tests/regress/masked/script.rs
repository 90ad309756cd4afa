//! A file of the regression tests, taken apart as psql does: statements, data of COPY, and the few of psql's own commands that matter.

use std::collections::BTreeMap;

/// Something that a file wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A text for the server, and what COPY FROM STDIN in it is to read.
    Query { sql: String, data: Option<String>, then: Then },
    /// `\c`
    Reconnect,
    /// `\set`, `\getenv`: a variable and the words of its value.
    Set(String, Vec<String>),
}

/// What psql does with the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// Shows it.
    Show,
    /// Puts it into variables of that prefix.
    Keep(String),
    /// Runs it, or only describes it: such a statement is left out.
    Other,
}

/// psql's variables.
pub type Variables = BTreeMap<String, String>;

/// The steps of a file.
pub fn steps(text: &str) -> Vec<Step> {
    let mut cursor = Cursor { rest: text, steps: Vec::new() };
    while cursor.step() {}
    cursor.steps
}

/// The text with psql's variables in place: `:name`, `:'name'`, `:"name"`. `None` where one of the quoted forms is not known.
pub fn fill(sql: &str, variables: &Variables) -> Option<String> {
    let mut out = String::new();
    let mut rest = sql;
    while let Some(at) = rest.find(':') {
        let (before, here) = rest.split_at(at);
        out.push_str(before);
        let after = &here[1..];
        if let Some(cast) = after.strip_prefix(':') {
            out.push_str("::");
            rest = cast;
            continue;
        }
        let quote = after.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let inner = quote.map_or(after, |_| &after[1..]);
        let length = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
        let closed = quote.is_none_or(|quote| inner[length..].starts_with(quote));
        match (variables.get(&inner[..length]), quote) {
            (Some(value), Some(quote)) if closed => {
                let doubled = format!("{quote}{quote}");
                out.push_str(&format!("{quote}{}{quote}", value.replace(quote, &doubled)));
                rest = &inner[length + 1..];
            }
            (Some(value), None) => {
                out.push_str(value);
                rest = &inner[length..];
            }
            (None, Some(_)) if closed && length > 0 => return None,
            _ => {
                out.push(':');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Some(out)
}

struct Cursor<'a> {
    rest: &'a str,
    steps: Vec<Step>,
}

impl Cursor<'_> {
    fn line(&mut self) -> String {
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        line.to_owned()
    }

    fn step(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        if self.rest.is_empty() {
            return false;
        }
        if self.rest.starts_with("--") {
            self.line();
        } else if self.rest.starts_with('\\') {
            let line = self.line();
            self.command(&line);
        } else {
            self.statement();
        }
        true
    }

    fn command(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("\\c" | "\\connect") => self.steps.push(Step::Reconnect),
            Some("\\set") => {
                if let Some(name) = words.next() {
                    self.steps.push(Step::Set(name.to_owned(), words.map(str::to_owned).collect()));
                }
            }
            Some("\\getenv") => {
                if let (Some(name), Some(of)) = (words.next(), words.next()) {
                    self.steps.push(Step::Set(name.to_owned(), vec![format!("${of}")]));
                }
            }
            _ => {}
        }
    }

    fn statement(&mut self) {
        let text = self.rest;
        let (end, then, next) = end(text);
        let sql = text[..end].trim().replace("\\;", ";");
        self.rest = &text[next..];
        let upper = sql.to_ascii_uppercase();
        let data = (upper.contains("COPY") && upper.contains("FROM STDIN")).then(|| {
            self.line();
            let mut data = String::new();
            while !self.rest.is_empty() {
                let line = self.line();
                if line == "\\." {
                    break;
                }
                data.push_str(&line);
                data.push('\n');
            }
            data
        });
        if !sql.is_empty() {
            self.steps.push(Step::Query { sql, data, then });
        }
    }
}

/// Where a statement ends, what is to be done with its answer, and where the next begins.
fn end(text: &str) -> (usize, Then, usize) {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut blocks) = (0, 0_usize, 0_usize);
    let mut words: Vec<String> = Vec::new();
    while at < bytes.len() {
        let rest = &text[at..];
        match bytes[at] {
            b'\'' => {
                let escapes = at > 0 && bytes[at - 1].eq_ignore_ascii_case(&b'e') && !(at > 1 && bytes[at - 2].is_ascii_alphanumeric());
                at += quoted(rest, '\'', escapes);
            }
            b'"' => at += quoted(rest, '"', false),
            b'-' if rest.starts_with("--") => at += rest.find('\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with("/*") => at += comment(rest),
            b'$' => at += dollar(rest, at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_')),
            b'(' => {
                depth += 1;
                at += 1;
            }
            b')' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b';' if depth == 0 && blocks == 0 => return (at, Then::Show, at + 1),
            b'\\' if rest.starts_with("\\;") => at += 2,
            b'\\' => {
                let line = rest.lines().next().unwrap_or_default();
                let mut parts = line.split_whitespace();
                let then = match parts.next() {
                    Some("\\gset") => Then::Keep(parts.next().unwrap_or_default().to_owned()),
                    Some("\\g" | "\\gx" | "\\crosstabview") => Then::Show,
                    _ => Then::Other,
                };
                return (at, then, at + line.len());
            }
            c if c.is_ascii_alphabetic() || c == b'_' => {
                let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
                let word = rest[..length].to_ascii_lowercase();
                // As psql: the body of a function in standard SQL holds semicolons.
                let defines = words.first().is_some_and(|w| w == "create") && words.iter().any(|w| w == "function" || w == "procedure");
                match word.as_str() {
                    "begin" if defines => blocks += 1,
                    "case" if blocks > 0 => blocks += 1,
                    "end" => blocks = blocks.saturating_sub(1),
                    _ => {}
                }
                if words.len() < 4 {
                    words.push(word);
                }
                at += length;
            }
            _ => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    (text.len(), Then::Show, text.len())
}

fn quoted(rest: &str, quote: char, escapes: bool) -> usize {
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        if c == '\\' && escapes {
            characters.next();
        } else if c == quote {
            return at + 1;
        }
    }
    rest.len()
}

fn comment(rest: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

fn dollar(rest: &str, in_word: bool) -> usize {
    let tag = rest[1..].find('$').map(|end| &rest[..end + 2]);
    let tag = tag.filter(|tag| {
        let name = &tag[1..tag.len() - 1];
        !in_word && name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit())
    });
    match tag {
        Some(tag) => rest[tag.len()..].find(tag).map_or(rest.len(), |end| end + 2 * tag.len()),
        None => 1,
    }
}

#[test]
fn files_are_taken_apart_as_psql_does() {
    let text = "-- a comment;\nSELECT ';', $$;$$, E'\\';' /* ; /* ; */ */ FROM t -- ;\n ;SELECT 1 \\; SELECT 2;\n\\set x a 'b'\n\
                CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END;\n\
                CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);\nCOPY t FROM stdin;\n1\t;\n\\.\nSELECT 3 AS a \\gset p_\n\\c -\nSELECT 4";
    let found = steps(text);
    let query = |sql: &str, data: Option<&str>, then| Step::Query { sql: sql.to_owned(), data: data.map(str::to_owned), then };
    assert_eq!(found.len(), 9, "{found:#?}");
    assert_eq!(found[1], query("SELECT 1 ; SELECT 2", None, Then::Show));
    assert_eq!(found[2], Step::Set("x".to_owned(), vec!["a".to_owned(), "'b'".to_owned()]));
    assert!(matches!(&found[3], Step::Query { sql, .. } if sql.ends_with("END; END")));
    assert!(matches!(&found[4], Step::Query { sql, .. } if sql.ends_with("SELECT 2)")));
    assert_eq!(found[5], query("COPY t FROM stdin", Some("1\t;\n"), Then::Show));
    assert_eq!(found[6], query("SELECT 3 AS a", None, Then::Keep("p_".to_owned())));
    assert_eq!((&found[7], &found[8]), (&Step::Reconnect, &query("SELECT 4", None, Then::Show)));
    let variables = Variables::from([("x".to_owned(), "it's".to_owned())]);
    assert_eq!(fill("SELECT :'x', a::x, :y, :x", &variables).unwrap(), "SELECT 'it''s', a::x, :y, it's");
    assert_eq!(fill("SELECT :'y'", &variables), None);
}
