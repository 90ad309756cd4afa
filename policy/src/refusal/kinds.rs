//! All kinds of refusals: what each means, why, and what to do instead. `docs/refusals.md` is made from this list.
//!
//! An id is stable: it is never given to something else, and one that goes is not used again.

mod copy;
mod form;
mod names;
mod read;
mod seal;
mod session;
mod write;

/// One kind of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Its stable name, such as `seal.use`.
    pub id: &'static str,
    /// What is refused.
    pub meaning: &'static str,
    /// Why it is.
    pub why: &'static str,
    /// What to do instead.
    pub instead: &'static str,
    /// A statement that is refused so, on the database of `policy/tests/judge` for its role `analyst`.
    pub example: Option<&'static str>,
    /// The statement is at fault, and Postgres would say so too; nothing was decided by a policy.
    pub of_postgres: bool,
}

/// The kind of that id.
pub fn kind(id: &str) -> Option<&'static Kind> {
    kinds().find(|kind| kind.id == id)
}

/// All kinds.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    [copy::KINDS, form::KINDS, names::KINDS, read::KINDS, seal::KINDS, session::KINDS, write::KINDS].into_iter().flatten()
}
