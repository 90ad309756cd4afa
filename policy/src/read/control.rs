//! Statements without a query.
use super::Body;
use crate::Refusal;
use pg_query::NodeEnum;
use pg_query::protobuf::Node;
pub(super) fn word(_node: Option<&Node>) -> Option<String> { None }
pub(super) fn statement(_node: &NodeEnum) -> Result<Body, Refusal> { Ok(Body::Other { what: "statement" }) }
