//! Proofs that both readers understand a text alike.

use pg_query::NodeEnum;
use sqlparser::ast::Query;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError, ParserOptions};
use sqlparser::tokenizer::Token;

use super::postgres::Tree;
use super::{Reading, dress, normal, postgres, windows};
use crate::{Refusal, SqlState};

/// sqlparser's own limit of recursion; [`super::limits`] refuses earlier.
const RECURSION: usize = 20_000;

/// Reads a query by sqlparser, and proves that its AST means what `node`, libpg_query's tree of the same text, means: printed
/// with brackets and quotes everywhere, it has the same tree.
pub(super) fn reading(text: &str, node: &NodeEnum) -> Result<Reading, Refusal> {
    let tree = Tree::of(node)?;
    let mut ast = parse(text).map_err(|error| unread(text, &error))?;
    normal::after_reading(&mut ast).map_err(|number| newer_number(&number))?;
    let printed = dress::text(&ast);
    let of_printed = tree_of(&printed).map_err(|_| disagree(text, &tree, None))?;
    if tree != of_printed {
        return Err(disagree(text, &tree, Some(&of_printed)));
    }
    let parameters = tree.parameters();
    if let (Some(written), Some(also)) = (windows::written_out(&ast), windows::tree_written_out(&tree))
        && tree_of(&dress::text(&written)).is_ok_and(|printed| printed == also)
    {
        return Ok(Reading { ast: written, tree: also, parameters });
    }
    Ok(Reading { ast, tree, parameters })
}

/// Prints an AST, and proves that sqlparser reads the text as that AST. Returns libpg_query's tree of the text too.
pub(super) fn print(ast: &Query) -> Result<(String, Tree), Refusal> {
    let mut meant = Box::new(ast.clone());
    normal::after_rewriting(&mut meant);
    let text = dress::text(&meant);
    let reprint = |why: &str| {
        let message = format!("pgveil's rewritten statement does not read back as it was meant ({why})");
        Refusal::new(SqlState::UNSUPPORTED, "read.reprint", message).with_hint("Please report it, with the statement.")
    };
    let mut read = parse(&text).map_err(|_| reprint("sqlparser does not read it"))?;
    normal::after_reading(&mut read).map_err(|_| reprint("a number"))?;
    if read != meant {
        return Err(reprint("sqlparser reads it otherwise"));
    }
    let tree = tree_of(&text).map_err(|_| reprint("Postgres' grammar does not read it"))?;
    Ok((text, tree))
}

/// One query and nothing after it but semicolons.
fn parse(text: &str) -> Result<Box<Query>, ParserError> {
    let dialect = PostgreSqlDialect {};
    let options = ParserOptions::new().with_unescape(false);
    let mut parser = Parser::new(&dialect).with_recursion_limit(RECURSION).with_options(options).try_with_sql(text)?;
    let query = parser.parse_query()?;
    while parser.consume_token(&Token::SemiColon) {}
    match parser.peek_token().token {
        Token::EOF => Ok(query),
        token => Err(ParserError::ParserError(format!("Expected: end of statement, found: {token}"))),
    }
}

/// libpg_query's tree of a text that is one query.
fn tree_of(text: &str) -> Result<Tree, Refusal> {
    let mut statements = postgres::statements(text)?;
    match (statements.pop(), statements.is_empty()) {
        (Some(raw), true) => Tree::of(&raw.node),
        _ => Err(Refusal::new(SqlState::UNSUPPORTED, "read.query", "the text is not one query")),
    }
}

fn newer_number(number: &str) -> Refusal {
    let message = format!("the number {number} is written in a form that not every supported Postgres reads alike");
    Refusal::new(SqlState::SYNTAX, "read.number", message).with_hint("Write it in decimal digits without underscores.")
}

fn unread(text: &str, error: &ParserError) -> Refusal {
    if matches!(error, ParserError::RecursionLimitExceeded) {
        return Refusal::new(SqlState::TOO_COMPLEX, "read.depth", "the statement is nested more deeply than pgveil reads");
    }
    let detail = match error {
        ParserError::TokenizerError(words) | ParserError::ParserError(words) => words.clone(),
        ParserError::RecursionLimitExceeded => String::new(),
    };
    Refusal::new(SqlState::UNSUPPORTED, "read.unread", "pgveil does not read this form of SQL yet, though Postgres does")
        .with_detail(detail.clone())
        .with_hint("Write it in another way; standard forms are read best.")
        .at(position_in(&detail).and_then(|location| super::position(text, location)))
}

/// sqlparser ends its messages with ` at Line: 1, Column: 8`.
fn position_in(words: &str) -> Option<sqlparser::tokenizer::Location> {
    let (line, column) = words.rsplit_once("Line: ")?.1.split_once(", Column: ")?;
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().ok();
    Some(sqlparser::tokenizer::Location { line: digits(line)?, column: digits(column)? })
}

fn disagree(text: &str, tree: &Tree, printed: Option<&Tree>) -> Refusal {
    let refusal =
        Refusal::new(SqlState::UNSUPPORTED, "read.disagree", "pgveil's two SQL parsers read this statement differently, so it is not run");
    let kind = printed.and_then(|printed| tree.parting(printed)).unwrap_or("");
    let (detail, hint) = match kind {
        _ if text.to_ascii_lowercase().contains("only") && matches!(kind, "RangeVar" | "Alias") => {
            ("FROM ONLY is not read yet.", "Leave out ONLY, or name the child tables.")
        }
        "A_Expr" | "AExpr" | "BoolExpr" | "AConst" | "FuncCall" | "CollateClause" | "NullTest" | "TypeCast" | "String" => {
            ("They differ on how an expression is grouped or written.", "Put brackets around each part of the expression.")
        }
        "ColumnRef" | "SqlvalueFunction" | "SQLValueFunction" => {
            ("They differ on whether a word is a column or a keyword.", "Write the column with its table's name, or in double quotes.")
        }
        "TypeName" => ("They differ on a type's name.", "Write the type's full name, such as timestamp with time zone."),
        _ => ("They differ on how the statement is put together.", "Write it in another way; standard forms are read best."),
    };
    refusal.with_detail(detail).with_hint(hint)
}
