//! Parameters of type void, which Postgres takes out of a function's arguments (`ParseFuncOrColumn` in its parse_func.c): JDBC's
//! `{? = call f(?)}` is sent as `f($1,$2)`, with void for what comes out.

use pg_query::protobuf::{KeywordKind, ScanToken, Token};

use super::postgres::tokens;

/// The text with blanks in place of these parameters (from 1) where they are a function's arguments, so that every other place in it
/// stays; `None` where there are none.
///
/// What comes back is read as a text that the client might as well have sent.
pub fn without_void(sql: &str, void: &[u32]) -> Option<String> {
    let tokens = tokens(sql)?;
    let mut blanks: Vec<(usize, usize)> = Vec::new();
    // For each open bracket: whether it holds a function's arguments, and whether one of these is left of the place.
    let mut open: Vec<(bool, bool)> = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        let (before, after) = (place.checked_sub(1).and_then(|p| tokens.get(p)), tokens.get(place + 1));
        match token.token() {
            Token::Ascii40 | Token::Ascii91 => {
                if let Some((_, left)) = open.last_mut() {
                    *left = true;
                }
                open.push((token.token() == Token::Ascii40 && before.is_some_and(names_a_function), false));
            }
            Token::Ascii41 | Token::Ascii93 => {
                open.pop();
            }
            Token::Param => {
                let number = span(token).and_then(|(start, end)| sql.get(start..end)?.strip_prefix('$')?.parse().ok());
                let ends = |token: Option<&ScanToken>, mark| token.is_some_and(|t| t.token() == mark || t.token() == Token::Ascii44);
                let whole = ends(before, Token::Ascii40) && ends(after, Token::Ascii41);
                match open.last_mut() {
                    Some((true, left)) if whole && number.is_some_and(|n| void.contains(&n)) => {
                        // With the comma before it; with the one behind it where nothing is left before it.
                        let from = before.filter(|_| *left).unwrap_or(token);
                        let to = after.filter(|t| !*left && t.token() == Token::Ascii44).unwrap_or(token);
                        blanks.push((span(from)?.0, span(to)?.1));
                    }
                    Some((_, left)) => *left = true,
                    None => {}
                }
            }
            Token::Ascii44 | Token::SqlComment | Token::CComment => {}
            _ => {
                if let Some((_, left)) = open.last_mut() {
                    *left = true;
                }
            }
        }
    }
    if blanks.is_empty() {
        return None;
    }
    let (mut out, mut done) = (String::with_capacity(sql.len()), 0);
    for (start, end) in blanks {
        out.push_str(sql.get(done..start)?);
        out.extend(std::iter::repeat_n(' ', end - start));
        done = end;
    }
    out.push_str(sql.get(done..)?);
    Some(out)
}

fn names_a_function(token: &ScanToken) -> bool {
    let keyword = matches!(token.keyword_kind(), KeywordKind::UnreservedKeyword | KeywordKind::TypeFuncNameKeyword);
    keyword || matches!(token.token(), Token::Ident | Token::Uident)
}

fn span(token: &ScanToken) -> Option<(usize, usize)> {
    Some((usize::try_from(token.start).ok()?, usize::try_from(token.end).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_go_and_places_stay() {
        for (sql, void, left) in [
            ("select * from upper($1,$2)  as result", &[1][..], "select * from upper(   $2)  as result"),
            ("select f($1, $2, $3)", &[2], "select f($1    , $3)"),
            ("select f($1, $2, $3)", &[1, 2], "select f(        $3)"),
            ("select f($1, $2, $3)", &[3], "select f($1, $2    )"),
            ("select \"F\"($1)", &[1], "select \"F\"(  )"),
            ("select s.f(g($1), 'ä', $2, ARRAY[$3])", &[1, 2], "select s.f(g(  ), 'ä'    , ARRAY[$3])"),
        ] {
            assert_eq!(without_void(sql, void).as_deref(), Some(left), "{sql}");
        }
    }

    #[test]
    fn nothing_else_goes() {
        for sql in [
            "select $1",
            "select f($1 + 1)",
            "select f(1 + $1)",
            "select f(($1))",
            "select 1 in ($1, 2)",
            "select row($1, 2)",
            "values ($1)",
            "select array[$1, 2]",
            "select f('($1)', \"$1\" /* f($1) */)",
            "insert into t (a) values ($1)",
            "select f($2)",
            "select coalesce($1, 2)",
        ] {
            assert_eq!(without_void(sql, &[1]), None, "{sql}");
        }
    }
}
