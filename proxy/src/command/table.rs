//! Tables for people, aligned as psql's are.

use unicode_width::UnicodeWidthStr as _;

/// Rows of cells below a header; `right`: columns that are aligned to the right.
pub(super) fn table(header: &[String], rows: &[Vec<String>], right: &[bool]) -> String {
    let lines = |cell: &str| cell.split('\n').map(printable).collect::<Vec<_>>();
    let widest = |n: usize, name: &String| {
        let cells = rows.iter().filter_map(|row| row.get(n)).flat_map(|cell| lines(cell));
        cells.map(|line| line.width()).max().unwrap_or(0).max(name.width())
    };
    let widths: Vec<usize> = header.iter().enumerate().map(|(n, name)| widest(n, name)).collect();
    let mut out = String::new();
    let head: Vec<String> = header.iter().zip(&widths).map(|(name, width)| centred(&printable(name), *width)).collect();
    push(&mut out, &head.iter().map(|cell| format!(" {cell} ")).collect::<Vec<_>>().join("|"));
    push(&mut out, &widths.iter().map(|width| "-".repeat(width.saturating_add(2))).collect::<Vec<_>>().join("+"));
    for row in rows {
        let cells: Vec<Vec<String>> = row.iter().map(|cell| lines(cell)).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(1);
        for n in 0..height {
            let one = |(place, (cell, width)): (usize, (&Vec<String>, &usize))| {
                let text = cell.get(n).map_or("", String::as_str);
                let blank = " ".repeat(width.saturating_sub(text.width()));
                // As psql marks that a cell goes on.
                let more = if n.saturating_add(1) < cell.len() { "+" } else { " " };
                match right.get(place) {
                    Some(true) => format!(" {blank}{text}{more}"),
                    _ => format!(" {text}{blank}{more}"),
                }
            };
            push(&mut out, &cells.iter().zip(&widths).enumerate().map(one).collect::<Vec<_>>().join("|"));
        }
    }
    out
}

/// Columns with two blanks between them and no lines: for lists of names.
pub(super) fn columns(rows: &[Vec<String>], indent: &str) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |n: usize| rows.iter().filter_map(|row| row.get(n)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width()))));
        push(&mut out, &format!("{indent}{}", cells.collect::<Vec<_>>().join("  ")));
    }
    out
}

/// Control characters as escapes: a stored value must not move the cursor of whoever looks at it.
fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

fn centred(text: &str, width: usize) -> String {
    let blank = width.saturating_sub(text.width());
    let before = blank.checked_div(2).unwrap_or(0);
    format!("{}{text}{}", " ".repeat(before), " ".repeat(blank.saturating_sub(before)))
}

fn push(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligned_as_psql_does() {
        let text = |cells: &[&str]| cells.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
        let shown = table(&text(&["id", "name"]), &[text(&["1", "Müller\nx\u{1b}[2J"]), text(&["10", ""])], &[true, false]);
        assert_eq!(shown, " id |    name\n----+------------\n  1 | Müller    +\n    | x\\u{1b}[2J\n 10 |\n");
    }
}
