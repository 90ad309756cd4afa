//! Windows: PARTITION BY may be sealed, the order must not depend on what is protected.

use sqlparser::ast::{WindowFrameUnits, WindowSpec, WindowType};

use super::determined::Sorted;
use super::expr::InScope;
use super::scope::Col;
use super::{Judge, build, refuse};
use crate::builtin::functions;
use crate::{Refusal, SqlState};

impl Judge<'_> {
    /// A window call: PARTITION BY may be sealed, the order must not depend on what is protected.
    pub(crate) fn window(
        &mut self,
        short: &str,
        sensitive: bool,
        aggregate: bool,
        window: &mut WindowType,
        scope: InScope,
    ) -> Result<(), Refusal> {
        let by_row = functions::row_order_window(short);
        if let Some(level) = self.levels.last_mut() {
            level.windows = true;
        }
        match window {
            WindowType::WindowSpec(spec) => {
                let given = self.window_spec(spec, scope)?;
                if !self.tainted() {
                    return Ok(());
                }
                let rows_frame = spec.window_frame.as_ref().is_some_and(|f| f.units == WindowFrameUnits::Rows);
                let groups_frame = spec.window_frame.as_ref().is_some_and(|f| f.units != WindowFrameUnits::Rows);
                let safe_to_order = rows_frame && !functions::peer_safe_window(short)
                    || matches!(short, "row_number" | "ntile" | "lag" | "lead" | "first_value");
                if spec.window_name.is_some() && (by_row || sensitive || rows_frame) {
                    return Err(refuse::unsupported("a window that builds on a named one, over protected relations,"));
                }
                if safe_to_order && !(groups_frame && short == "first_value") {
                    let keys = self.row_identity(&given, false, scope);
                    spec.order_by.extend(keys.into_iter().map(build::ascending));
                    return Ok(());
                }
                if by_row || sensitive || !(aggregate || functions::peer_safe_window(short)) {
                    return Err(Refusal::new(
                        SqlState::UNSUPPORTED,
                        "order.window",
                        format!("{short}() over this window depends on the order of rows that are equal in it"),
                    )
                    .with_hint("Give the window a frame in ROWS, or use the function as a plain aggregate with ORDER BY."));
                }
                Ok(())
            }
            WindowType::NamedWindow(name) => {
                let ordered = self.levels.last().is_some_and(|l| l.ordered_windows.contains(&name.value));
                if self.tainted() && !ordered && (by_row || sensitive || self.levels.last().is_some_and(|l| l.named_rows_frame)) {
                    return Err(refuse::unsupported(&format!("{short}() over a named window, over protected relations,"))
                        .with_hint("Write the window out after OVER."));
                }
                Ok(())
            }
        }
    }

    /// A window's own clauses. Says what its rows are sorted by within all.
    pub(crate) fn window_spec(&mut self, spec: &mut WindowSpec, scope: InScope) -> Result<Vec<Sorted>, Refusal> {
        let mut given = Vec::new();
        for e in &mut spec.partition_by {
            let label = self.expr(e, scope)?;
            let col = Col { ty: self.type_of(e, scope), label, ..Col::clear("") };
            given.push(Sorted { expr: e.clone(), exact: self.exact(&col) });
        }
        for item in &mut spec.order_by {
            given.push(self.order_item(item, scope)?);
        }
        if let Some(frame) = &mut spec.window_frame {
            for bound in [Some(&mut frame.start_bound), frame.end_bound.as_mut()].into_iter().flatten() {
                match bound {
                    sqlparser::ast::WindowFrameBound::Preceding(Some(e)) | sqlparser::ast::WindowFrameBound::Following(Some(e)) => {
                        self.clear(e, scope, "a window frame")?;
                    }
                    sqlparser::ast::WindowFrameBound::CurrentRow
                    | sqlparser::ast::WindowFrameBound::Preceding(None)
                    | sqlparser::ast::WindowFrameBound::Following(None) => {}
                }
            }
        }
        Ok(given)
    }
}
