//! Where a place of the text that was sent stands in the client's own.

use pg_query::protobuf::{KeywordKind, Token};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::{fold, limits, postgres};

/// Most tokens of a text for which places are looked for.
const LIMIT: usize = 4_000;

/// The position in `client`, in characters from 1, of what stands at `position` in `sent`, the text that was made of it; `None` for
/// what is not the client's. Found by aligning the tokens of both texts, so it is a courtesy: nothing is decided by it.
pub fn client_position(client: &str, sent: &str, position: usize) -> Option<usize> {
    let at = sent.char_indices().nth(position.checked_sub(1)?)?.0;
    limits::check(client).ok()?;
    limits::check(sent).ok()?;
    let (ours, theirs) = (tokens(sent)?, tokens(client)?);
    let index = ours.iter().position(|(start, _)| *start == at)?;
    let words = |tokens: &[(usize, String)]| tokens.iter().map(|(_, word)| word.clone()).collect::<Vec<_>>();
    let found = capture_diff_slices(Algorithm::Myers, &words(&ours), &words(&theirs)).into_iter().find_map(|op| match op {
        DiffOp::Equal { old_index, new_index, len } if (old_index..old_index.saturating_add(len)).contains(&index) => {
            new_index.checked_add(index.checked_sub(old_index)?)
        }
        _ => None,
    })?;
    let (byte, _) = theirs.get(found)?;
    Some(client.get(..*byte)?.chars().count().saturating_add(1))
}

/// Where each token begins, in bytes, and what it says: names without quotes, keywords in small letters. Brackets and commas are left
/// out, of which the printed text has more.
fn tokens(text: &str) -> Option<Vec<(usize, String)>> {
    let mut out = Vec::new();
    for token in postgres::tokens(text)? {
        let start = usize::try_from(token.start).ok()?;
        let word = text.get(start..usize::try_from(token.end).ok()?)?;
        let name = token.keyword_kind != KeywordKind::NoKeyword as i32 || token.token == Token::Ident as i32;
        let said = match Token::try_from(token.token).ok()? {
            Token::Ascii40 | Token::Ascii41 | Token::Ascii44 | Token::SqlComment | Token::CComment => continue,
            _ if name => match word.strip_prefix('"').and_then(|w| w.strip_suffix('"')) {
                Some(quoted) => quoted.replace("\"\"", "\""),
                None => fold(word),
            },
            _ => word.to_owned(),
        };
        out.push((start, said));
        if out.len() > LIMIT {
            return None;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_the_clients() {
        let sent = r#"SELECT ("c"."id" + ('x')) AS "?column?" FROM (SELECT "id", CAST('[name]' AS text) AS "full_name" FROM "shop"."customers") AS "c" WHERE (lower("c"."id") = 'a')"#;
        let client = "select c.id + 'x'\nfrom shop.customers c -- é '\nwhere LOWER(c.ID) = 'a'";
        let place = |of: &str| client_position(client, sent, sent.find(of).unwrap() + 1);
        let at = |of: &str| Some(client.find(of).unwrap() + 1);
        assert_eq!(place("+ ('x'"), at("+"));
        assert_eq!(place("'x'"), at("'x'"));
        // The accent before it is one character of two bytes.
        assert_eq!(place("lower("), client.find("LOWER"));
        assert_eq!(place("'[name]'"), None);
        assert_eq!(place("CAST"), None);
        assert_eq!(client_position(client, sent, 0), None);
        assert_eq!(client_position(client, sent, 10_000), None);
        assert_eq!(client_position("", sent, 1), None);
    }
}
