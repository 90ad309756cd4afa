//! CALL: the procedure's name and its arguments.

use pg_query::NodeEnum;
use pg_query::protobuf::{CallStmt, FuncCall};

use super::named::values;
use super::postgres::Raw;
use super::{Body, Reading};
use crate::{Refusal, SqlState};

/// A CALL.
#[derive(Debug, Clone)]
pub struct Call {
    /// Of the procedure: with its schema, if the client wrote one.
    pub name: Vec<String>,
    /// A row of the arguments; `None` where there are none.
    pub arguments: Option<Reading>,
    /// The name of each argument that is given by name (`name => value`).
    pub names: Vec<Option<String>>,
    /// The last argument is an array of further ones.
    pub variadic: bool,
}

pub(super) fn call(raw: &Raw, statement: &CallStmt) -> Result<Body, Refusal> {
    let unknown = || Refusal::new(SqlState::UNSUPPORTED, "read.control", "pgveil does not know this form of CALL");
    let FuncCall {
        funcname,
        args,
        agg_order,
        agg_filter: None,
        over: None,
        agg_within_group: false,
        agg_star: false,
        agg_distinct: false,
        func_variadic,
        funcformat: _,
        location: _,
    } = statement.funccall.as_deref().ok_or_else(unknown)?
    else {
        return Err(unknown());
    };
    if !agg_order.is_empty() {
        return Err(unknown());
    }
    let name = funcname.iter().map(|part| match &part.node {
        Some(NodeEnum::String(part)) => Ok(part.sval.clone()),
        _ => Err(unknown()),
    });
    let (mut names, mut values_of) = (Vec::new(), Vec::new());
    for arg in args {
        match &arg.node {
            Some(NodeEnum::NamedArgExpr(named)) => {
                names.push(Some(named.name.clone()));
                values_of.push(named.arg.as_deref().cloned().ok_or_else(unknown)?);
            }
            _ => {
                names.push(None);
                values_of.push(arg.clone());
            }
        }
    }
    let name = name.collect::<Result<_, _>>()?;
    Ok(Body::Call(Call { name, arguments: values(raw, values_of)?, names, variadic: *func_variadic }))
}
