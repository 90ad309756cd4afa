//! Named windows: which of them may be given a total order of rows.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Function, OrderBy, SelectItem, Visit, Visitor, WindowFrameUnits, WindowSpec, WindowType};

use crate::builtin::functions;

/// Whether all that uses the window of that name gives each row a result of its own, so that a longer ORDER BY in it changes
/// nothing but the order of rows that are equal in it.
pub(crate) fn only_by_row(projection: &[SelectItem], order_by: Option<&OrderBy>, name: &str, spec: &WindowSpec) -> bool {
    let rows = spec.window_frame.as_ref().is_some_and(|f| f.units == WindowFrameUnits::Rows);
    let framed = spec.window_frame.is_some() && !rows;
    let mut uses = Uses { name, rows, framed };
    projection.iter().all(|item| item.visit(&mut uses).is_continue()) && order_by.is_none_or(|o| o.visit(&mut uses).is_continue())
}

struct Uses<'n> {
    name: &'n str,
    rows: bool,
    framed: bool,
}

impl Visitor for Uses<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, e: &Expr) -> ControlFlow<()> {
        let Expr::Function(Function { name: function, over: Some(over), .. }) = e else { return ControlFlow::Continue(()) };
        let built_on = match over {
            WindowType::NamedWindow(name) => {
                let short = function.0.last().and_then(|p| p.as_ident()).map(|i| i.value.as_str()).unwrap_or_default();
                let by_row = matches!(short, "row_number" | "ntile" | "lag" | "lead") || short == "first_value" && !self.framed;
                name.value == self.name && !(self.rows && !functions::peer_safe_window(short) || by_row)
            }
            WindowType::WindowSpec(spec) => spec.window_name.as_ref().is_some_and(|n| n.value == self.name),
        };
        if built_on { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
