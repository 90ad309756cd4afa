//! Windows: PARTITION BY may be sealed, the order must not depend on what is protected.

use sqlparser::ast::{WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType};

use super::determined::Sorted;
use super::expr::InScope;
use super::scope::Col;
use super::{Judge, build, refuse};
use crate::builtin::functions;
use crate::{Refusal, SqlState};

impl Judge<'_> {
    /// A window call. What depends on the order of rows that are equal in the window's order is given a total one, where that
    /// changes nothing else.
    pub(crate) fn window(
        &mut self,
        short: &str,
        sensitive: bool,
        aggregate: bool,
        window: &mut WindowType,
        scope: InScope,
    ) -> Result<(), Refusal> {
        if let Some(level) = self.levels.last_mut() {
            level.windows = true;
        }
        let WindowType::WindowSpec(spec) = window else {
            return Err(Refusal::new(
                SqlState::UNDEFINED_OBJECT,
                "name.window",
                "the window of that name does not exist, or cannot be used so",
            ));
        };
        if spec.window_name.is_some() {
            return Err(refuse::not_yet("order.window_name", "this window that builds on a named one"));
        }
        let given = self.window_spec(spec, scope)?;
        if !self.tainted() || functions::peer_safe_window(short) {
            return Ok(());
        }
        let frame = Frame::of(spec);
        let keys = self.row_identity(&given, false, scope);
        // What is equal in the order it has is the same row, or alike in all that matters.
        if keys.is_empty() {
            return Ok(());
        }
        if super::coded::excludes_peers(spec) {
            return Err(refuse::not_yet("form.window", "EXCLUDE GROUP or TIES in this window, over protected relations,"));
        }
        let by_row = matches!(short, "row_number" | "ntile" | "lag" | "lead");
        let first = short == "first_value" && matches!(frame, Frame::Whole | Frame::UpToPeers);
        if by_row || first || frame == Frame::Rows {
            spec.order_by.extend(keys.into_iter().map(build::ascending));
            return Ok(());
        }
        if aggregate && !sensitive {
            return Ok(());
        }
        if matches!(short, "first_value" | "last_value" | "nth_value") || sensitive {
            match frame {
                Frame::Whole => {}
                // The last of the rows that are equal in the order is the last of a partition of these rows.
                Frame::UpToPeers if short == "last_value" => {
                    let order = std::mem::take(&mut spec.order_by);
                    spec.partition_by.extend(order.into_iter().map(|item| item.expr));
                }
                Frame::Rows | Frame::UpToPeers | Frame::Other => return Err(depends_on_order(short)),
            }
            spec.order_by.extend(keys.into_iter().map(build::ascending));
            spec.window_frame = Some(WindowFrame {
                units: WindowFrameUnits::Rows,
                start_bound: WindowFrameBound::Preceding(None),
                end_bound: Some(WindowFrameBound::Following(None)),
            });
            return Ok(());
        }
        Err(depends_on_order(short))
    }

    /// A window's own clauses. Says what its rows are sorted by within all.
    pub(crate) fn window_spec(&mut self, spec: &mut WindowSpec, scope: InScope) -> Result<Vec<Sorted>, Refusal> {
        let mut given = Vec::new();
        for e in &mut spec.partition_by {
            let label = self.expr(e, scope)?;
            self.note(e, scope);
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
                        self.note(e, scope);
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

/// Which rows of its partition a call sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// All of them.
    Whole,
    /// From the first to the last that is equal to the present one in the window's order.
    UpToPeers,
    /// Counted in rows.
    Rows,
    /// Anything else.
    Other,
}

impl Frame {
    fn of(spec: &WindowSpec) -> Frame {
        let Some(frame) = &spec.window_frame else {
            return if spec.order_by.is_empty() { Frame::Whole } else { Frame::UpToPeers };
        };
        let from_the_first = matches!(frame.start_bound, WindowFrameBound::Preceding(None));
        match (frame.units, from_the_first, &frame.end_bound) {
            (WindowFrameUnits::Rows, _, _) => Frame::Rows,
            (_, true, Some(WindowFrameBound::Following(None))) => Frame::Whole,
            (WindowFrameUnits::Range, true, None | Some(WindowFrameBound::CurrentRow)) if spec.order_by.is_empty() => Frame::Whole,
            (WindowFrameUnits::Range, true, None | Some(WindowFrameBound::CurrentRow)) => Frame::UpToPeers,
            _ => Frame::Other,
        }
    }
}

fn depends_on_order(short: &str) -> Refusal {
    let message = format!("{short}() over this window depends on the order of rows that are equal in it");
    Refusal::new(SqlState::UNSUPPORTED, "order.window", message)
        .with_hint("Give the window a frame in ROWS, or one of all rows (BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), or order it by the primary key.")
}
