//! Passwords in a text, for whoever writes texts down.

use std::borrow::Cow;

use super::postgres::tokens;

/// What stands in a password's place.
const WITHHELD: &str = "'[withheld]'";

/// The text without the constants that hold, or may hold, a password: behind the word PASSWORD, and those in which that word stands, such as
/// connection strings. A text with that word in it that cannot be cut into tokens is withheld as a whole.
pub fn without_passwords(sql: &str) -> Cow<'_, str> {
    if !mentions(sql) {
        return Cow::Borrowed(sql);
    }
    let whole = || Cow::Borrowed("[withheld: it cannot be read, and may hold a password]");
    let Some(tokens) = tokens(sql) else { return whole() };
    let mut out = String::with_capacity(sql.len());
    let (mut done, mut behind) = (0, false);
    for token in tokens {
        let (Ok(start), Ok(end)) = (usize::try_from(token.start), usize::try_from(token.end)) else { return whole() };
        let (Some(before), Some(text)) = (sql.get(done..start), sql.get(start..end)) else { return whole() };
        out.push_str(before);
        let constant = text.ends_with('\'') || text.starts_with('$') && text.ends_with('$') && text.len() > 1;
        let comment = text.starts_with("--") || text.starts_with("/*");
        // Constants that stand one after another are one, and a comment may say anything.
        match constant && (behind || mentions(text)) || comment && mentions(text) {
            true if comment => out.push_str("/* [withheld] */"),
            true => out.push_str(WITHHELD),
            false => out.push_str(text),
        }
        behind = mentions(text) && !comment || behind && (constant || comment || text == "=");
        done = end;
    }
    out.push_str(sql.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

fn mentions(text: &str) -> bool {
    text.as_bytes().windows(8).any(|word| word.eq_ignore_ascii_case(b"password"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_withheld_and_nothing_else() {
        for (sql, told) in [
            ("SELECT 'x'", "SELECT 'x'"),
            ("ALTER ROLE a PASSWORD 'x' VALID UNTIL 'y'", "ALTER ROLE a PASSWORD '[withheld]' VALID UNTIL 'y'"),
            ("alter user a encrypted password E'x\\'y' ; SELECT 'z'", "alter user a encrypted password '[withheld]' ; SELECT 'z'"),
            ("ALTER ROLE a PASSWORD $q$x'y$q$", "ALTER ROLE a PASSWORD '[withheld]'"),
            ("ALTER ROLE a PASSWORD 'x'\n'y'", "ALTER ROLE a PASSWORD '[withheld]'"),
            ("ALTER ROLE a PASSWORD /* 'q' */ U&'x'", "ALTER ROLE a PASSWORD /* 'q' */ '[withheld]'"),
            ("OPTIONS (user 'u', password 'x')", "OPTIONS (user 'u', password '[withheld]')"),
            ("OPTIONS (\"password\" 'x')", "OPTIONS (\"password\" '[withheld]')"),
            ("SELECT dblink_connect('host=h password=x')", "SELECT dblink_connect('[withheld]')"),
            ("SELECT password FROM t WHERE a = 'x'", "SELECT password FROM t WHERE a = 'x'"),
            ("SELECT password = 'x' FROM t", "SELECT password = '[withheld]' FROM t"),
            ("-- my password is x\nSELECT 1", "/* [withheld] */\nSELECT 1"),
            ("ALTER ROLE a PASSWORD 'x", "[withheld: it cannot be read, and may hold a password]"),
        ] {
            assert_eq!(without_passwords(sql), told, "{sql}");
        }
    }
}
