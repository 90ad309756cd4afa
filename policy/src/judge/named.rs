//! Statements about names: PREPARE, EXECUTE, DEALLOCATE, DECLARE, FETCH, MOVE, CLOSE, DISCARD ALL; and SET pgveil.role, with which they all go.
//!
//! What a name means when it is used is the conversation's to know. Here what it is given is judged, and the shell around it printed.

use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast::{DataType, Expr, Query, SetExpr, UnaryOperator, Value, Visit, Visitor};

use super::engine::{RoleEngine, Subject};
use super::statement::{self, Gate, check_path, outputs};
use super::token::{fits_parameter, type_name_of};
use super::{Judge, build};
use crate::plan::{Act, Argument, Kind, Planned, SqlText};
use crate::read::{Body, Cursor, Named, Reading};
use crate::{Refusal, SqlState};

/// Judges one. `text`: the client's, from where it begins.
pub(super) fn plan(role: &RoleEngine, who: &Subject, named: Named, text: &str) -> Result<Planned, Refusal> {
    let sent = |kind: Kind, text: String, act: Act| Ok(Planned { act, ..Planned::plain(kind, text) });
    match named {
        Named::Prepare { name, client, types, statement } => prepare(role, who, Prepare { name, client, types, body: *statement }, text),
        Named::Execute { name, arguments } => execute(role, who, name, arguments, text),
        Named::Declare(cursor) => declare(role, who, cursor, text),
        Named::Fetch { name, moves, text } => sent(Kind::Named, text, Act::Fetch { name, moves }),
        Named::Deallocate(None) => sent(Kind::Utility, "DEALLOCATE ALL".to_owned(), Act::Deallocate(None)),
        Named::Deallocate(Some(name)) => sent(Kind::Utility, format!("DEALLOCATE {}", build::ident(&name)), Act::Deallocate(Some(name))),
        Named::Close(None) => sent(Kind::Utility, "CLOSE ALL".to_owned(), Act::Close(None)),
        Named::Close(Some(name)) => sent(Kind::Utility, format!("CLOSE {}", build::ident(&name)), Act::Close(Some(name))),
        Named::Discard => {
            let discard = Planned { act: Act::Discard, moves_search_path: true, ..Planned::plain(Kind::Utility, "DISCARD ALL") };
            Ok(discard)
        }
        // What goes with DISCARD ALL goes with the session, too; and it fails wherever a transaction is open.
        Named::TakeRole(asked) => {
            Ok(Planned { act: Act::TakeRole(asked), moves_search_path: true, ..Planned::plain(Kind::Utility, "DISCARD ALL") })
        }
    }
}

struct Prepare {
    name: String,
    client: String,
    types: Option<Reading>,
    body: Body,
}

fn prepare(role: &RoleEngine, who: &Subject, prepare: Prepare, text: &str) -> Result<Planned, Refusal> {
    let Prepare { name, client, types, body } = prepare;
    let statement = statement::plan(role, who, body, text)?;
    if !statement.kind.is_preparable() {
        return Err(Refusal::new(SqlState::UNSUPPORTED, "prepare.kind", "this statement cannot be prepared by PREPARE through pgveil")
            .with_hint("Send it by itself, or prepare it as drivers do, by the protocol's Parse.")
            .at(Some(1)));
    }
    let (mut shown, mut declared) = (Vec::new(), Vec::new());
    if let Some(reading) = types {
        let (values, printed) = row(role, who, &reading, text)?;
        for (value, printed) in values.iter().zip(&printed) {
            let of = |printed: &str| Some(printed.strip_prefix("CAST(NULL AS ")?.strip_suffix(')')?.to_owned());
            match (value, of(printed)) {
                (Expr::Cast { data_type, .. }, Some(text)) => {
                    shown.push(text);
                    declared.push(data_type.clone());
                }
                _ => return Err(super::refuse::unsupported("this type of a parameter")),
            }
        }
    }
    for parameter in statement.tokens.iter() {
        let fits = |t: &DataType| fits_parameter(t, &parameter.spec, parameter.array);
        if declared.get(parameter.index).is_some_and(|t| !fits(t)) {
            let number = parameter.index.saturating_add(1);
            let class = &parameter.spec.class;
            let message =
                format!("parameter ${number} holds tokens (class {class}) and must have the type of the column that it is compared with");
            return Err(Refusal::new(SqlState::DENIED, "prepare.type", message)
                .with_detail("Under another type it would not be compared by the column's own equality.")
                .with_hint(format!("Declare it as {}, or leave the types out.", type_name_of(&parameter.spec)))
                .at(Some(1)));
        }
    }
    let types = if shown.is_empty() { String::new() } else { format!(" ({})", shown.join(", ")) };
    let head = format!("PREPARE {}{types} AS ", build::ident(&name));
    Ok(Planned {
        text: statement.text.after(&head),
        order_is_data: statement.order_is_data,
        filtered: statement.filtered.clone(),
        act: Act::Prepare { name, statement: Arc::new(statement), client },
        ..Planned::plain(Kind::Name, "")
    })
}

fn execute(role: &RoleEngine, who: &Subject, name: String, arguments: Option<Reading>, text: &str) -> Result<Planned, Refusal> {
    let mut given = Vec::new();
    if let Some(reading) = arguments {
        let (values, printed) = row(role, who, &reading, text)?;
        for (value, text) in values.iter().zip(printed) {
            let null = matches!(build::bare(value), Expr::Value(v) if v.value == Value::Null);
            given.push(Argument { text, literal: literal(value), null });
        }
    }
    let texts: Vec<String> = given.iter().map(|a| a.text.clone()).collect();
    let text = Act::execute(&name, &texts);
    Ok(Planned { act: Act::Execute { name, arguments: Arc::from(given), explain: String::new() }, ..Planned::plain(Kind::Named, text) })
}

/// A constant as a client writes a token.
fn literal(e: &Expr) -> Option<String> {
    match build::bare(e) {
        Expr::Value(v) => match &v.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            Value::Number(digits, false) => Some(digits.clone()),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match build::bare(expr) {
            Expr::Value(v) => match &v.value {
                Value::Number(digits, false) => Some(format!("-{digits}")),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn declare(role: &RoleEngine, who: &Subject, cursor: Cursor, text: &str) -> Result<Planned, Refusal> {
    let Cursor { name, head, binary, hold, query } = cursor;
    let judged = statement::query(role, who, &query, text, Gate::Inserted)?;
    let query = Planned {
        text: SqlText::with_holes(&judged.sql, role.facts.marker(), judged.tokens.literals()),
        outputs: outputs(&judged.cols, &role.facts.catalog.forms),
        moves_search_path: judged.moves,
        order_is_data: judged.order_is_data,
        filtered: judged.filtered,
        tokens: judged.tokens.parameters(),
        ..Planned::plain(Kind::Query, "")
    };
    Ok(Planned {
        text: query.text.after(&head),
        // A cursor that is held runs when its transaction commits.
        moves_search_path: query.moves_search_path,
        order_is_data: query.order_is_data,
        filtered: query.filtered.clone(),
        tokens: Arc::clone(&query.tokens),
        act: Act::Declare { name, query: Arc::new(query), binary, hold },
        ..Planned::plain(Kind::Name, "")
    })
}

/// Judges a row of expressions that stand outside of any query, and prints each. They see no relation, and hold nothing but clear values.
pub(super) fn row(role: &RoleEngine, who: &Subject, reading: &Reading, text: &str) -> Result<(Vec<Expr>, Vec<String>), Refusal> {
    check_path(role.facts.catalog.as_ref(), &who.search_path)?;
    let mut ast = (*reading.ast).clone();
    let mut judge = Judge::new(&role.facts, &who.search_path, &who.role, text);
    let cols = judge.statement(&mut ast, false)?;
    let plain = judge.reads == 0 && judge.tokens.literals().is_empty() && cols.iter().all(|c| c.label.sealed().is_none());
    let steady = !judge.moves_search_path;
    if !plain || !steady || has_query(&ast) {
        return Err(Refusal::new(SqlState::UNSUPPORTED, "argument.query", "an argument of EXECUTE or CALL cannot hold a query")
            .with_detail("Postgres evaluates it by itself, before the statement runs; set_config of search_path is refused there too.")
            .with_hint("Ask for the value first, and write it as a constant.")
            .at(Some(1)));
    }
    if reading.parameters() > 0 {
        let message = "there is no parameter $1";
        return Err(Refusal::new(SqlState("42P02"), "argument.parameter", message)
            .with_detail("Arguments of EXECUTE and CALL are evaluated by themselves: parameters of the protocol do not reach them.")
            .with_hint("Write the value as a constant, or bind the prepared statement itself.")
            .at(Some(1)));
    }
    let printed = reading.print_values(&ast)?;
    let SetExpr::Values(values) = *ast.body else { return Err(super::refuse::unsupported("this argument")) };
    let row = values.rows.into_iter().next().map(|row| row.content).unwrap_or_default();
    Ok((row, printed))
}

/// A subquery stands in it.
fn has_query(query: &Query) -> bool {
    struct Count(usize);
    impl Visitor for Count {
        type Break = ();

        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.0 = self.0.saturating_add(1);
            ControlFlow::Continue(())
        }
    }
    let mut count = Count(0);
    let _ = Visit::visit(query, &mut count);
    count.0 > 1
}
