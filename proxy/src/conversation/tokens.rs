//! Texts made ready for the server: the session's order key put in, and tokens turned back.

use pgveil_policy::mask::token::NO_VALUE;
use pgveil_policy::{Plan, Planned, Refusal, SqlText, read};

use super::refusals::no_such_token;
use super::{Conversation, Judge};
use crate::rows::open::Opening;

/// OID of the type void.
const VOID: u32 = 2278;

impl<J: Judge> Conversation<J> {
    // What is compared with a column may be any text, what is written to one may not.
    pub(super) fn real_tokens(&self, plan: &Plan) -> Result<(), Refusal> {
        let mut written = plan.statements.iter().filter(|s| s.writes_tokens).flat_map(|s| s.text.tokens());
        let absent = written.find(|token| {
            let mut value = Vec::new();
            let opened = self.judge.pseudonym(&token.spec).open_text(token.text.as_bytes(), &mut value);
            opened.is_err() || value.starts_with(NO_VALUE)
        });
        absent.map_or(Ok(()), |token| Err(no_such_token(&token.spec.class)))
    }

    pub(super) fn render(&self, planned: &Planned) -> String {
        self.render_text(&planned.text)
    }

    pub(super) fn render_text(&self, text: &SqlText) -> String {
        let open = |token: &pgveil_policy::Token| {
            let mut value = Vec::new();
            let opened = self.judge.pseudonym(&token.spec).open_text(token.text.as_bytes(), &mut value);
            match (opened, String::from_utf8(value)) {
                (Ok(()), Ok(value)) => value,
                // The judgement has let only such literals through as can be opened.
                (Err(_), _) | (_, Err(_)) => String::new(),
            }
        };
        text.render(&self.order_key, open, |domain| self.judge.veil_key(domain))
    }
}

/// The text of a Parse as Postgres takes it where parameters are declared as void; `None` where none is.
pub(super) fn without_void(text: &[u8], types: &[u8]) -> Option<String> {
    let void: Vec<u32> = (1..).zip(types.chunks_exact(4)).filter(|(_, oid)| **oid == VOID.to_be_bytes()).map(|(n, _)| n).collect();
    if void.is_empty() || text.len() > super::TEXT_LIMIT {
        return None;
    }
    read::without_void(std::str::from_utf8(text).ok()?, &void)
}

/// The first parameter of tokens for which the client declares a type under which it would be compared otherwise.
pub(super) fn declared_otherwise(openings: &[Opening], types: &[u8]) -> Option<usize> {
    let declared = |index: usize| {
        let at = index.checked_mul(4)?;
        let bytes = types.get(at..at.checked_add(4)?)?.first_chunk::<4>()?;
        Some(u32::from_be_bytes(*bytes))
    };
    openings.iter().find(|o| declared(o.index).zip(o.types).is_some_and(|(oid, types)| !types.contains(&oid))).map(|o| o.index)
}
