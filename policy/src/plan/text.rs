//! Judged text: SQL with holes for what only a session has, or may show.

use std::sync::Arc;

use crate::mask::seal::SealSpec;
use crate::mask::veil::keyed;
use crate::policy::user::{User, UserValue};

/// SQL for the server, with holes for the session's order key, for keys of veils, for what tokens stand for and for who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlText {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    OrderKey,
    VeilKey(String),
    Token(Token),
    User(UserValue),
}

/// A literal that is compared with a column of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Of the column.
    pub spec: Arc<SealSpec>,
    /// As the client wrote it.
    pub text: String,
}

impl SqlText {
    /// Text without a hole.
    pub fn plain(text: impl Into<String>) -> Self {
        SqlText { pieces: vec![Piece::Text(text.into())] }
    }

    /// The same behind a text without a hole.
    #[must_use]
    pub fn after(&self, before: &str) -> Self {
        SqlText { pieces: std::iter::once(Piece::Text(before.to_owned())).chain(self.pieces.iter().cloned()).collect() }
    }

    /// Text in which each occurrence of `marker` is a hole: for a token where [`SqlText::token_hole`] wrote it, for the key of a veil
    /// where [`SqlText::key_hole`] did, for what is known of who asks where a row filter has it, else for the session's order key.
    pub fn with_holes(text: &str, marker: &str, tokens: &[Token]) -> Self {
        let mut parts = text.split(marker);
        let mut pieces: Vec<Piece> = parts.next().map(|first| Piece::Text(first.to_owned())).into_iter().collect();
        for part in parts {
            let token = part.strip_prefix('#').and_then(|rest| rest.split_once('.')).and_then(|(number, rest)| {
                let token = tokens.get(number.parse::<usize>().ok()?)?;
                Some((token.clone(), rest))
            });
            let domain = part.strip_prefix('@').and_then(|rest| rest.split_once('.'));
            let domain = domain.and_then(|(digits, rest)| Some((keyed::domain_of(digits)?, rest)));
            let (piece, rest) = match (token, UserValue::of_hole(part), domain) {
                (Some((token, rest)), ..) => (Piece::Token(token), rest),
                (None, Some((value, rest)), _) => (Piece::User(value), rest),
                (None, None, Some((domain, rest))) => (Piece::VeilKey(domain), rest),
                (None, None, None) => (Piece::OrderKey, part),
            };
            pieces.extend([piece, Piece::Text(rest.to_owned())]);
        }
        SqlText { pieces }
    }

    /// The literals in it that are tokens.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Token(token) => Some(token),
            Piece::Text(_) | Piece::OrderKey | Piece::VeilKey(_) | Piece::User(_) => None,
        })
    }

    /// The same for one user: nothing of it hangs on who asks any more.
    ///
    /// # Errors
    /// What the user does not have.
    pub fn of_user(&self, user: &User) -> Result<Self, UserValue> {
        let filled = |piece: &Piece| match piece {
            Piece::User(value) => Ok(Piece::Text(value.of(user).ok_or_else(|| value.clone())?.replace('\'', "''"))),
            Piece::Text(_) | Piece::OrderKey | Piece::VeilKey(_) | Piece::Token(_) => Ok(piece.clone()),
        };
        Ok(SqlText { pieces: self.pieces.iter().map(filled).collect::<Result<_, _>>()? })
    }

    /// Whether it hangs on who asks.
    pub(crate) fn asks(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::User(_)))
    }

    /// Whether a text stands in it, outside of holes.
    pub(crate) fn holds(&self, text: &str) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Text(piece) if piece.contains(text)))
    }

    /// The content of the string constant that is printed for a token: a hole that nothing of a client's can make.
    pub fn token_hole(marker: &str, number: usize) -> String {
        format!("{marker}#{number}.")
    }

    /// What the place of a veil's key begins with.
    pub fn key_hole(marker: &str) -> String {
        format!("{marker}@")
    }

    /// The text to send. `order_key`: letters and digits only, secret, one per session. `open`: the value that a token stands
    /// for, in text format; it is written as the content of a string constant (with standard_conforming_strings). `veil_key`: the key of
    /// the veils of a domain, letters and digits only ([`crate::mask::seal::veil_key`]). What was not filled by [`SqlText::of_user`] is
    /// written as the policy does.
    pub fn render(&self, order_key: &str, mut open: impl FnMut(&Token) -> String, veil_key: impl Fn(&str) -> String) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::OrderKey => out.push_str(order_key),
                Piece::VeilKey(domain) => out.push_str(&veil_key(domain)),
                Piece::Token(token) => out.push_str(&open(token).replace('\'', "''")),
                Piece::User(value) => out.push_str(&value.written()),
            }
        }
        out
    }
}
