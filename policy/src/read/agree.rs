//! Proofs that a text means what is judged of it.

use pg_query::NodeEnum;
use pg_query::protobuf::Token as Kind;
use sqlparser::ast::Query;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError, ParserOptions};
use sqlparser::tokenizer::Token;

use super::postgres::{Raw, Tree};
use super::{Reading, convert, decode, dress, normal, postgres, windows};
use crate::{Refusal, SqlState};

/// sqlparser's own limit of recursion; [`super::limits`] refuses earlier.
const RECURSION: usize = 20_000;

/// The AST of a query, and a proof that it means what `node`, libpg_query's tree of the text, means: printed with brackets and
/// quotes everywhere, it has the same tree.
pub(super) fn reading(raw: &Raw, node: &NodeEnum) -> Result<Reading, Refusal> {
    let NodeEnum::SelectStmt(select) = node else { return Err(not_one()) };
    if let Some(number) = newer_number(raw.text) {
        let message = format!("the number {number} is written in a form that not every supported Postgres reads alike");
        return Err(Refusal::new(SqlState::SYNTAX, "read.number", message).with_hint("Write it in decimal digits without underscores."));
    }
    let tree = Tree::of(node)?;
    let ast = convert::query(raw, select)?;
    let disagree = |detail: String| {
        Refusal::new(SqlState::UNSUPPORTED, "read.disagree", "pgveil does not print this statement as Postgres reads it, so it is not run")
            .with_detail(detail)
            .with_hint("Write it in another way; standard forms are read best.")
    };
    let printed = decode::decode(dress::text(&ast)).ok_or_else(|| disagree("A form of it cannot be written.".to_owned()))?;
    let of_printed = tree_of(&printed).map_err(|refusal| disagree(refusal.message))?;
    if tree != of_printed {
        return Err(disagree(format!("They part at {}.", tree.parting(&of_printed).unwrap_or_default())));
    }
    let parameters = tree.parameters();
    if let (Some(written), Some(also)) = (windows::written_out(&ast), windows::tree_written_out(&tree))
        && decode::decode(dress::text(&written)).and_then(|text| tree_of(&text).ok()).is_some_and(|printed| printed == also)
    {
        return Ok(Reading { ast: written, tree: also, parameters });
    }
    Ok(Reading { ast, tree, parameters })
}

/// Prints an AST, and proves that sqlparser reads the text as that AST. Returns libpg_query's tree of the text too.
pub(super) fn print(ast: &Query) -> Result<(String, Tree), Refusal> {
    let mut meant = Box::new(ast.clone());
    normal::after_rewriting(&mut meant);
    let coded = dress::text(&meant);
    let reprint = |why: &str| {
        let message = format!("pgveil's rewritten statement does not read back as it was meant ({why})");
        Refusal::new(SqlState::UNSUPPORTED, "read.reprint", message).with_hint("Please report it, with the statement.")
    };
    let mut read = parse(&coded).map_err(|error| reprint(&format!("sqlparser does not read it: {error}")))?;
    normal::after_reading(&mut read);
    if read != meant {
        return Err(reprint("sqlparser reads it otherwise"));
    }
    let text = decode::decode(coded).ok_or_else(|| reprint("a form of it cannot be written"))?;
    let tree = tree_of(&text).map_err(|_| reprint("Postgres' grammar does not read it"))?;
    Ok((text, tree))
}

/// One query and nothing after it but semicolons.
fn parse(text: &str) -> Result<Box<Query>, ParserError> {
    let dialect = PostgreSqlDialect {};
    let options = ParserOptions::new().with_unescape(false);
    let mut parser = Parser::new(&dialect).with_recursion_limit(RECURSION).with_options(options).try_with_sql(text)?;
    let query = parser.parse_query()?;
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
        _ => Err(not_one()),
    }
}

fn not_one() -> Refusal {
    Refusal::new(SqlState::UNSUPPORTED, "read.query", "the text is not one query")
}

/// A number with a radix or underscores: Postgres 16 reads `1_000` as 1000, Postgres 15 as `1 AS _000`.
fn newer_number(text: &str) -> Option<&str> {
    // Only a digit behind which a letter stands can begin one.
    let bytes = text.as_bytes();
    let follows = |pair: &[u8]| matches!(pair, [b'0'..=b'9', b'_' | b'x' | b'X' | b'o' | b'O' | b'b' | b'B']);
    if !bytes.windows(2).any(follows) {
        return None;
    }
    let tokens = postgres::tokens(text)?;
    tokens.iter().find_map(|token| {
        let number = matches!(Kind::try_from(token.token), Ok(Kind::Iconst | Kind::Fconst));
        let digits = text.get(usize::try_from(token.start).ok()?..usize::try_from(token.end).ok()?)?;
        let plain = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
        (number && !plain).then_some(digits)
    })
}
