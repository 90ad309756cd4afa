//! CREATE VIEW: what stands around its query, printed anew around the judged text.

use pg_query::NodeEnum;
use pg_query::protobuf::{ViewCheckOption, ViewStmt};

use super::keep::{NewName, quote, storage_options, unknown};
use super::postgres::{Raw, Tree};
use super::{Body, Reading, agree, control, postgres};
use crate::{Refusal, SqlState};

/// A view, and its query.
#[derive(Debug, Clone)]
pub struct View {
    /// Its name.
    pub name: NewName,
    replace: bool,
    /// Names of its columns, of the first ones, where they are written.
    pub columns: Vec<String>,
    options: Vec<String>,
    check: &'static str,
    /// Its rows.
    pub query: Reading,
}

/// What pgveil sets on a view, whatever the client says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guarded {
    /// `security_invoker`: whoever reads it needs their own rights on what it reads.
    pub invoker: bool,
    /// `security_barrier`: no function of the reader's sees rows that the view leaves out.
    pub barrier: bool,
}

/// Reads a CREATE VIEW.
pub(super) fn create(raw: &Raw, statement: &ViewStmt) -> Result<Body, Refusal> {
    let ViewStmt { view, aliases, query, replace, options, with_check_option } = statement;
    let Some(name) = view else { return Err(unknown("this view")) };
    let Some(node @ NodeEnum::SelectStmt(select)) = query.as_deref().and_then(|q| q.node.as_ref()) else {
        return Err(unknown("this view"));
    };
    if super::keep::has_into(select) {
        return Err(unknown("INTO in a view"));
    }
    let columns: Result<Vec<String>, Refusal> =
        aliases.iter().map(|name| control::word(Some(name)).ok_or_else(|| unknown("these column names"))).collect();
    Ok(Body::View(View {
        name: NewName::of(name),
        replace: *replace,
        columns: columns?,
        options: storage_options(options)?,
        check: match ViewCheckOption::try_from(*with_check_option) {
            Ok(ViewCheckOption::NoCheckOption | ViewCheckOption::Undefined) => "",
            Ok(ViewCheckOption::LocalCheckOption) => " WITH LOCAL CHECK OPTION",
            Ok(ViewCheckOption::CascadedCheckOption) => " WITH CASCADED CHECK OPTION",
            Err(_) => return Err(unknown("this CHECK OPTION")),
        },
        query: agree::reading(raw, node)?,
    }))
}

impl View {
    /// The whole statement, around the judged text of its query. `schema`: where it is made; `None` for the session's temporary one.
    ///
    /// # Errors
    /// `read.reprint` where Postgres' grammar reads the text otherwise.
    pub fn print(&self, schema: Option<&str>, guarded: Guarded, query: &str) -> Result<String, Refusal> {
        let replace = if self.replace { "OR REPLACE " } else { "" };
        let temporary = if schema.is_none() { "TEMPORARY " } else { "" };
        let mut text = format!("CREATE {replace}{temporary}VIEW {}.{}", quote(schema.unwrap_or("pg_temp")), quote(&self.name.name));
        if !self.columns.is_empty() {
            let columns: Vec<String> = self.columns.iter().map(|c| quote(c)).collect();
            text.push_str(&format!(" ({})", columns.join(", ")));
        }
        let ours = [("\"security_invoker\"", guarded.invoker), ("\"security_barrier\"", guarded.barrier)];
        let overruled = |option: &String| ours.iter().any(|(name, set)| *set && option.split(" = ").next() == Some(*name));
        let mut options: Vec<String> = self.options.iter().filter(|o| !overruled(o)).cloned().collect();
        options.extend(ours.iter().filter(|(_, set)| *set).map(|(name, _)| format!("{name} = 'true'")));
        if !options.is_empty() {
            text.push_str(&format!(" WITH ({})", options.join(", ")));
        }
        text.push_str(&format!(" AS {query}{}", self.check));
        let reprint = || {
            Refusal::new(SqlState::UNSUPPORTED, "read.reprint", "pgveil's rewritten statement does not read back as it was meant")
                .with_hint("Please report it, with the statement.")
        };
        let NodeEnum::ViewStmt(read) = postgres::one(&text)?.ok_or_else(reprint)? else { return Err(reprint()) };
        let inner = read.query.as_ref().and_then(|q| q.node.as_ref()).ok_or_else(reprint)?;
        let meant = postgres::one(query)?.ok_or_else(reprint)?;
        if Tree::of(inner)? == Tree::of(&meant)? { Ok(text) } else { Err(reprint()) }
    }
}
