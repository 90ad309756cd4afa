//! What may differ between the client's tree and the tree of what is sent.
use super::postgres::Tree;
use crate::Refusal;
pub(super) fn compare(_client: &Tree, _ours: &Tree) -> Result<(), Refusal> {
    Err(Refusal::new(crate::SqlState::UNSUPPORTED, "read.lockstep", "not compared yet"))
}
