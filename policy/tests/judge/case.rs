//! Cases as files: a statement, then what becomes of it.
//!
//! ```text
//! # Why the case is there.
//! @role engineer                       (analyst where it is not said; lasts to the end of the case)
//! @path pg_catalog, crm                (pg_catalog, shop where it is not said)
//! SELECT email FROM customers          (may take several lines)
//! => SELECT "customers"."email" …      (what is sent; one line for each statement)
//!    email <- shop.customers.email, hash email
//! ```
//!
//! A refusal stands as `!! id SQLSTATE at "word": message`, `word` being what the position points to, with `detail:` and `hint:`
//! lines below. Cases are separated by empty lines. With `PGVEIL_BLESS=1` in the environment the files are written anew
//! from what is judged: read the difference before you keep it.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::PathBuf;

use pgveil_policy::judge::gate::STALE;
use pgveil_policy::mask::Mask;
use pgveil_policy::{Catalog, Engine, Origin, Output, Plan, Refusal, Subject};

use sqlparser::ast::{BinaryOperator, Expr, OnConflict, OnConflictAction, OnInsert, Select, Statement, TableFactor, VisitMut, VisitorMut};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserOptions};

use crate::fixture;

/// The file whose cases show gates too; in all others they, and the pins that go with them, are left out of what is sent.
const GATES: &str = "gate";

const COPY: &str = "COPY (";
const TO_STDOUT: &str = ") TO STDOUT (";
const EXPLAIN: &str = "EXPLAIN (COSTS FALSE, FORMAT TEXT) ";

/// One case of a file.
pub struct Case {
    comments: String,
    directives: String,
    /// Who asks.
    pub who: Subject,
    /// What is asked.
    pub sql: String,
    expected: String,
}

impl Case {
    /// As it stands in the file, with another outcome.
    fn with(&self, outcome: &str) -> String {
        format!("{}{}{}\n{outcome}", self.comments, self.directives, self.sql)
    }
}

/// All cases of `cases/<name>.txt`.
pub fn read(name: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(path(name)).unwrap();
    text.split("\n\n").filter(|block| block.lines().any(|l| !l.starts_with('#') && !l.trim().is_empty())).map(case).collect()
}

/// Judges all cases of a file and compares.
pub fn check(name: &str) {
    let engine = fixture::engine();
    let mut wrong = String::new();
    let mut blessed = String::new();
    for case in read(name) {
        let outcome = outcome(&engine, &case, name == GATES);
        if outcome != case.expected {
            write!(wrong, "\n{}--- but it is now\n{outcome}", case.with(&case.expected)).unwrap();
        }
        blessed.push_str(&case.with(&outcome));
        blessed.push('\n');
    }
    if std::env::var_os("PGVEIL_BLESS").is_some() {
        std::fs::write(path(name), blessed.trim_end().to_owned() + "\n").unwrap();
    } else {
        assert!(wrong.is_empty(), "{}:\n{wrong}", path(name).display());
    }
}

/// The word that a position points to.
pub fn word_at(sql: &str, position: usize) -> String {
    let rest: String = sql.chars().skip(position - 1).collect();
    rest.split([' ', ',', ')', '\n', ';']).next().unwrap_or_default().to_owned()
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/judge/cases").join(format!("{name}.txt"))
}

fn case(block: &str) -> Case {
    let mut case = Case {
        comments: String::new(),
        directives: String::new(),
        who: fixture::subject("analyst"),
        sql: String::new(),
        expected: String::new(),
    };
    for line in block.lines() {
        if !case.expected.is_empty() || line.starts_with("=> ") || line.starts_with("!! ") {
            case.expected.push_str(line);
            case.expected.push('\n');
        } else if line.starts_with('#') {
            case.comments.push_str(line);
            case.comments.push('\n');
        } else if let Some(directive) = line.strip_prefix('@') {
            case.directives.push_str(line);
            case.directives.push('\n');
            match directive.split_once(' ').unwrap() {
                ("role", role) => role.clone_into(&mut case.who.role),
                ("path", path) => case.who.search_path = path.split(", ").map(str::to_owned).collect(),
                (other, _) => panic!("no such directive: {other}"),
            }
        } else {
            if !case.sql.is_empty() {
                case.sql.push('\n');
            }
            case.sql.push_str(line);
        }
    }
    case
}

fn outcome(engine: &Engine, case: &Case, gated: bool) -> String {
    match engine.judge(&case.who, &case.sql) {
        Ok(plan) => sent(engine.catalog(), &plan, gated),
        Err(refusal) => refused(&case.sql, &refusal),
    }
}

fn sent(catalog: &Catalog, plan: &Plan, gated: bool) -> String {
    let mut out = String::new();
    for statement in &plan.statements {
        let moves = if statement.moves_search_path { " (moves search_path)" } else { "" };
        let text = statement.text.render("KEY", |token| format!("raw({})", token.text), str::to_owned);
        let shown = if gated { text } else { gateless(&text) };
        writeln!(out, "=> {shown}").unwrap();
        let kind = format!("{:?}", statement.kind);
        if kind != "Query" || !moves.is_empty() {
            writeln!(out, "   kind {kind}{moves}").unwrap();
        }
        let copied = statement.copy.iter().flat_map(|copy| copy.columns.iter());
        for o in statement.outputs.iter().chain(copied) {
            writeln!(out, "   {}", output(catalog, o)).unwrap();
        }
        if let Some(copy) = statement.copy.as_ref().filter(|copy| copy.is_sealed()) {
            writeln!(out, "   written on the way as {:?}", copy.form).unwrap();
        }
    }
    out
}

/// The text as it would be without gates.
pub fn gateless(text: &str) -> String {
    if !text.contains(STALE) && !text.starts_with(EXPLAIN) {
        return text.to_owned();
    }
    // EXPLAIN and COPY have options that are printed otherwise.
    let (before, text, after) = match (text.strip_prefix(EXPLAIN), text.strip_prefix(COPY)) {
        (Some(rest), _) => (EXPLAIN, rest, ""),
        (None, Some(rest)) => match rest.rfind(TO_STDOUT).and_then(|at| rest.split_at_checked(at)) {
            Some((query, after)) => (COPY, query, after),
            None => ("", text, ""),
        },
        (None, None) => ("", text, ""),
    };
    let options = ParserOptions::new().with_unescape(false);
    let parser = Parser::new(&PostgreSqlDialect {}).with_options(options).try_with_sql(text);
    let Ok(mut statements) = parser.and_then(|mut p| p.parse_statements()) else { return before.to_owned() + text + after };
    let _ = statements.visit(&mut Ungate);
    before.to_owned() + &statements.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ") + after
}

struct Ungate;

impl VisitorMut for Ungate {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        select.selection = select.selection.take().and_then(ungated);
        ControlFlow::Continue(())
    }

    fn post_visit_statement(&mut self, statement: &mut Statement) -> ControlFlow<()> {
        match statement {
            Statement::Update(update) => update.selection = update.selection.take().and_then(ungated),
            Statement::Delete(delete) => delete.selection = delete.selection.take().and_then(ungated),
            Statement::Insert(insert) => {
                if let Some(OnInsert::OnConflict(OnConflict { action: OnConflictAction::DoUpdate(update), .. })) = &mut insert.on {
                    update.selection = update.selection.take().and_then(ungated);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, args: None, .. } = factor
            && let [_, own] = name.0.as_slice()
            && alias.as_ref().is_some_and(|a| own.as_ident().is_some_and(|i| i.value == a.name.value) && a.explicit)
        {
            *alias = None;
        }
        ControlFlow::Continue(())
    }
}

fn ungated(condition: Expr) -> Option<Expr> {
    let is_gate = |e: &Expr| matches!(e, Expr::Case { else_result: Some(raise), .. } if raise.to_string().contains(STALE));
    match condition {
        gate if is_gate(&gate) => None,
        Expr::Nested(inner) => match *inner {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } if is_gate(&right) => match *left {
                chain @ Expr::BinaryOp { .. } => ungated(Expr::Nested(Box::new(chain))),
                only => ungated(only),
            },
            other => Some(Expr::Nested(Box::new(other))),
        },
        other => Some(other),
    }
}

fn output(catalog: &Catalog, output: &Output) -> String {
    let column = |relation, attribute| {
        let relation = &catalog.relations[relation];
        format!("{}.{}.{}", relation.schema, relation.name, relation.attribute(attribute).unwrap().name)
    };
    let origin = match &output.origin {
        Origin::Computed => "computed".to_owned(),
        Origin::Column { relation, attribute } => column(relation, *attribute),
        Origin::Veiled { relation, attribute } => format!("veil of {}", column(relation, *attribute)),
    };
    let mask = match &output.mask {
        Mask::Clear => String::new(),
        Mask::Seal(spec) => format!(", hash {}{}", spec.class, kept(spec)),
        Mask::SealElements(spec) => format!(", hash of each {}{}", spec.class, kept(spec)),
    };
    format!("{} <- {origin}{mask}", output.name)
}

fn refused(sql: &str, refusal: &Refusal) -> String {
    let at = refusal.position.map(|p| format!(" at \"{}\"", word_at(sql, p))).unwrap_or_default();
    let mut out = format!("!! {} {}{at}: {}\n", refusal.id, refusal.code.0, refusal.message);
    if let Some(detail) = &refusal.detail {
        writeln!(out, "   detail: {detail}").unwrap();
    }
    if let Some(hint) = &refusal.hint {
        writeln!(out, "   hint: {hint}").unwrap();
    }
    out
}

fn kept(spec: &pgveil_policy::mask::seal::SealSpec) -> String {
    spec.kept_by.as_ref().map_or_else(String::new, |role| format!(" kept by {role}"))
}
