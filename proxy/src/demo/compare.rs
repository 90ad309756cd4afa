//! The same statements as two users, side by side.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::files::DemoUser;

/// Columns of the terminal that the table takes at most.
const WIDTH: usize = 120;
const GAP: &str = "  │  ";
/// Separators that no value of the sample holds.
const FIELD: char = '\u{1f}';
const RECORD: char = '\u{1e}';

/// A statement that shows something, and what.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// In words.
    pub title: &'static str,
    /// The statement.
    pub sql: &'static str,
}

/// What pgveil is about, in three statements.
pub const QUESTIONS: &[Question] = &[
    Question {
        title: "Pseudonyms join and group: the best German customers by e-mail, with their orders",
        sql: "SELECT c.email, count(*) AS orders, sum(o.total) AS spent\n\
              FROM shop.customers c JOIN shop.orders o ON o.ship_email = c.email\n\
              WHERE c.country = 'DE' GROUP BY c.email ORDER BY spent DESC LIMIT 5",
    },
    Question {
        title: "What is masked cannot be searched for: LIKE sees the mask, not the name",
        sql: "SELECT id, full_name, phone, ssn FROM shop.customers\nWHERE full_name LIKE 'Anna %' ORDER BY id LIMIT 4",
    },
    Question {
        title: "Whole rows and JSON hold masks too, and rows that a filter removes do not exist (ana: Germany only)",
        sql: "SELECT jsonb_pretty(to_jsonb(x)) AS customer\n\
              FROM (SELECT id, full_name, phone, ssn, dob, country, city, ip, address\n      FROM shop.customers ORDER BY id LIMIT 1) AS x",
    },
];

/// What one user got: rows of cells, the first of them the columns' names; or the error's words.
pub type Answer = Result<Vec<Vec<String>>, String>;

/// Asks as one user, with psql, over TLS.
pub fn ask(psql: &Path, proxy: SocketAddr, database: &str, user: &DemoUser, sql: &str) -> Answer {
    let mut command = Command::new(psql);
    command.args(["-X", "-q", "-A", "-P", "footer=off", "-P", "null=NULL", "-v", "ON_ERROR_STOP=1"]);
    command.args(["-F", &FIELD.to_string(), "-R", &RECORD.to_string(), "-c", sql, "-d", &connection(proxy, database, user)]);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("PGPASSWORD", &user.password).env("PGCLIENTENCODING", "UTF8");
    let output = command.output().map_err(|e| format!("psql: {e}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let records = text.trim_end_matches(['\n', RECORD]).split(RECORD);
    Ok(records.map(|record| record.split(FIELD).map(str::to_owned).collect()).collect())
}

/// A connection string for libpq, without the password.
pub fn connection(proxy: SocketAddr, database: &str, user: &DemoUser) -> String {
    format!("host={} port={} user={} dbname={database} sslmode=require", proxy.ip(), proxy.port(), user.name)
}

/// Two answers beside each other.
pub fn side_by_side(left: (&DemoUser, &Answer), right: (&DemoUser, &Answer)) -> String {
    let half = WIDTH.saturating_sub(GAP.width()) / 2;
    let block = |(user, answer): (&DemoUser, &Answer)| {
        let mut lines = vec![format!("{} ({})", user.name, user.role), String::new()];
        lines.extend(match answer {
            Ok(rows) => table(rows, half),
            Err(words) => words.lines().flat_map(|line| wrap(line, half)).collect(),
        });
        lines
    };
    let (left, right) = (block(left), block(right));
    let mut text = String::new();
    for n in 0..left.len().max(right.len()) {
        let cell = |lines: &[String]| lines.get(n).cloned().unwrap_or_default();
        let line = format!("{}{GAP}{}", fit(&cell(&left), half), cell(&right));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn table(rows: &[Vec<String>], width: usize) -> Vec<String> {
    let columns = rows.first().map_or(0, Vec::len);
    let widest = |n: usize| rows.iter().filter_map(|r| r.get(n)).flat_map(|c| c.lines()).map(|l| l.width()).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..columns).map(widest).collect();
    let room = width.saturating_sub(columns.saturating_sub(1).saturating_mul(2));
    while widths.iter().sum::<usize>() > room {
        match widths.iter_mut().max() {
            Some(most) => *most = most.saturating_sub(1),
            None => break,
        }
    }
    let mut lines = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        let height = row.iter().map(|cell| cell.lines().count()).max().unwrap_or(1).max(1);
        for at in 0..height {
            let cells = row.iter().zip(&widths).map(|(cell, width)| fit(cell.lines().nth(at).unwrap_or(""), *width));
            lines.push(cells.collect::<Vec<_>>().join("  ").trim_end().to_owned());
        }
        if n == 0 {
            lines.push(widths.iter().map(|w| "─".repeat(*w)).collect::<Vec<_>>().join("  "));
        }
    }
    if rows.len() <= 1 {
        lines.push("(no rows)".to_owned());
    }
    lines
}

/// Cut or filled up to exactly `width` columns of the terminal.
fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return format!("{text}{}", " ".repeat(width.saturating_sub(text.width())));
    }
    let mut cut = String::new();
    for c in text.chars() {
        if cut.width().saturating_add(c.width().unwrap_or(0)) >= width {
            break;
        }
        cut.push(c);
    }
    cut.push('…');
    format!("{cut}{}", " ".repeat(width.saturating_sub(cut.width())))
}

fn wrap(line: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        match lines.last_mut() {
            Some(last) if last.is_empty() => last.push_str(word),
            Some(last) if last.width().saturating_add(word.width()) < width => {
                last.push(' ');
                last.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_wider_than_the_terminal_and_both_sides_are_whole() {
        let user = |name| DemoUser { name, role: "r", password: String::new() };
        let row = |cells: &[&str]| cells.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
        let left: Answer = Ok(vec![row(&["id", "name"]), row(&["1", &"佐藤".repeat(40)]), row(&["2", "{\n  \"a\": 1\n}"])]);
        let right: Answer = Err(format!("ERROR: {}", "not allowed ".repeat(20)));
        let text = side_by_side((&user("ana"), &left), (&user("eng"), &right));
        assert!(text.lines().all(|line| line.width() <= WIDTH), "{text}");
        assert!(text.contains("\n2   {"), "{text}");
        assert!(text.contains("  \"a\": 1"), "{text}");
        assert_eq!(text.matches("allowed").count(), 20, "{text}");
        assert!(side_by_side((&user("ana"), &Ok(vec![row(&["id"])])), (&user("eng"), &left)).contains("(no rows)"));
    }
}
