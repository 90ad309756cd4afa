//! A smaller statement that shows the same: pieces are cut out as long as it still does.

use super::generate::{Extended, Statement};

/// Trials before it is left as it is.
const TRIALS: usize = 250;

/// Cuts pieces of balanced parentheses out of the text while `fails` says that it still fails.
pub fn shrink(statement: &Statement, fails: &mut dyn FnMut(&Statement) -> bool) -> Statement {
    let mut best = statement.clone();
    let mut trials = 0;
    let mut size = tokens(&best.sql).len() / 2;
    while size > 0 && trials < TRIALS {
        let mut start = 0;
        let mut cut = false;
        while trials < TRIALS {
            let all = tokens(&best.sql);
            if start + size > all.len() {
                break;
            }
            let piece = &all[start..start + size];
            if balanced(piece) {
                let text = [&all[..start], &all[start + size..]].concat().join(" ");
                let smaller = with_text(&best, text);
                trials += 1;
                if fails(&smaller) {
                    best = smaller;
                    cut = true;
                    continue;
                }
            }
            start += 1;
        }
        if !cut || size > 4 {
            size /= 2;
        }
    }
    best
}

/// The parameters stay as many as the text names.
fn with_text(statement: &Statement, sql: String) -> Statement {
    let extended = statement.extended.as_ref().map(|e| {
        let named = (1..=e.values.len()).rev().find(|n| sql.contains(&format!("${n}"))).unwrap_or(0);
        Extended { values: e.values[..named].to_vec(), binary: e.binary }
    });
    Statement { sql, source: statement.source, extended }
}

fn balanced(piece: &[String]) -> bool {
    let mut depth = 0_i32;
    for token in piece {
        match token.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

/// Words, quoted pieces and signs; all that are joined again by single blanks without another meaning.
fn tokens(sql: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\n' => {}
            '(' | ')' | ',' | ';' => out.push(c.to_string()),
            '\'' | '"' => {
                let mut text = c.to_string();
                for d in chars.by_ref() {
                    text.push(d);
                    if d == c {
                        break;
                    }
                }
                // Doubled quotes, and what sticks to the word before or after (`a."b c"`, `'x'::int`).
                match out.last_mut() {
                    Some(last) if last.ends_with(['\'', '"', '.']) => last.push_str(&text),
                    _ => out.push(text),
                }
            }
            c => {
                let mut text = c.to_string();
                while let Some(d) = chars.next_if(|d| !" \n(),;'\"".contains(*d)) {
                    text.push(d);
                }
                match out.last_mut() {
                    Some(last) if text.starts_with("::") || (text.starts_with('.') && last.ends_with('"')) => last.push_str(&text),
                    _ => out.push(text),
                }
            }
        }
    }
    out
}
