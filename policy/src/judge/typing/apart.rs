//! Functions in FROM whose columns are not all known (PostgreSQL documentation, 7.2.1.4).
//!
//! Of a composite type a function's result comes apart there into its fields, and only the function's resolved type says whether it is of
//! one: that of `unnest($1)` comes with the parameter. Where the type is not known, Postgres may find more columns than are known here,
//! behind the first and under names that whoever sends the parameter chooses. None of them can be named, since names that are not known are
//! refused; what else would find them is refused below.

use super::Ty;
use crate::Refusal;
use crate::judge::barrier::{self, Behind};
use crate::judge::from::alone;
use crate::judge::scope::{Col, Item, Level, Scope};
use crate::judge::{Judge, refuse};

/// How the columns of a function in FROM become known.
const TYPED: &str = "Give the function arguments of known types: CAST($1 AS text[]).";

impl Judge<'_> {
    /// The type of the only column that a function of that type has in FROM; `None` where it may come apart into several, or is not
    /// certain.
    pub(crate) fn one_column(&self, ty: Option<Ty>) -> Option<Ty> {
        let forms = &self.facts.catalog.forms;
        ty.filter(|ty| forms.types.get(&forms.bottom(ty.oid)).is_some_and(|facts| !matches!(facts.kind, 'c' | 'p')))
    }

    /// The level of a function in FROM: its arguments, which may be put in its columns' place, can name all that stands before it. Behind a
    /// column that may come apart, the others are not where they seem to be.
    pub(crate) fn function_item(&self, level: Level, scope: &Scope) -> Result<Level, Refusal> {
        let cols = level.items.first().map(|item| item.cols.as_slice()).unwrap_or_default();
        let moved = cols.iter().skip_while(|col| !may_come_apart(col)).skip(1).find_map(|col| col.label.sealed());
        if let Some(s) = moved.filter(|_| self.facts.protects()) {
            let usage = "FROM behind a function whose columns are not all known";
            return Err(refuse::sealed_use(self.role, s, usage).with_hint(TYPED));
        }
        Ok(alone(level, |item| {
            item.behind = Behind { own: None, reached: barrier::around(Some(scope)) };
            for col in item.cols.iter_mut().skip_while(|col| !may_come_apart(col)).skip(1) {
                (col.ty, col.holds) = (None, None);
            }
        }))
    }

    /// Refuses what goes by all columns of a level, where a function is in it of which Postgres may know more than are known here.
    pub(crate) fn no_more(&self, functions: bool, level: &Level, what: &str) -> Result<(), Refusal> {
        if !functions || !self.facts.protects() || !level.items.iter().any(|item| may_show_more(item)) {
            return Ok(());
        }
        let what = format!("{what}, of a function in FROM whose columns are not all known,");
        Err(refuse::not_yet("form.from", &what).with_hint(TYPED))
    }
}

/// Whether Postgres may know more columns of an item than are known here. A subquery of which a column's type is not known counts too.
pub(crate) fn may_show_more(item: &Item) -> bool {
    item.oid.is_none() && item.cols.iter().any(may_come_apart)
}

/// What is pseudonymised is of no composite type.
fn may_come_apart(col: &Col) -> bool {
    col.ty.is_none() && col.label.sealed().is_none()
}
