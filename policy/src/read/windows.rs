//! Named windows written out: `OVER w` means what the WINDOW clause says of `w` (PostgreSQL documentation, SELECT, WINDOW clause).
//!
//! Done to both readers' trees, each in its own way; they must agree afterwards as before.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, Expr, NamedWindowDefinition, NamedWindowExpr, Query, Select, SetExpr, VisitMut, VisitorMut, WindowSpec, WindowType,
};

use super::postgres::Tree;

/// `FRAMEOPTION_NONDEFAULT` of `parsenodes.h`: the window has a frame of its own.
const NONDEFAULT: i64 = 1;

/// The AST without WINDOW clauses; `None` where there is none, or where one is not as Postgres takes it.
pub(super) fn written_out(query: &Query) -> Option<Box<Query>> {
    let mut out = WriteOut { found: false, fault: false };
    let mut query = Box::new(query.clone());
    let _ = VisitMut::visit(&mut query, &mut out);
    (out.found && !out.fault).then_some(query)
}

/// The same of libpg_query's tree.
pub(super) fn tree_written_out(tree: &Tree) -> Option<Tree> {
    match tree {
        Tree::Node("SelectStmt", fields) => {
            let inner = fields.iter().map(|(name, value)| Some((*name, tree_written_out(value)?))).collect::<Option<Vec<_>>>()?;
            let select = Tree::Node("SelectStmt", inner);
            let mut windows: Vec<(String, Tree)> = Vec::new();
            for window in select.list("window_clause") {
                let name = window.text("name").to_owned();
                let spec = merged_tree(window, &windows)?;
                if windows.iter().any(|(known, _)| *known == name) {
                    return None;
                }
                windows.push((name, spec));
            }
            let Tree::Node(kind, fields) = select else { return None };
            let rest = fields.into_iter().filter(|(name, _)| *name != "window_clause");
            let fields = rest
                .map(|(name, value)| match name {
                    "target_list" | "sort_clause" | "distinct_clause" if !windows.is_empty() => Some((name, over_tree(value, &windows)?)),
                    _ => Some((name, value)),
                })
                .collect::<Option<Vec<_>>>()?;
            Some(Tree::Node(kind, fields))
        }
        Tree::Node(kind, fields) => {
            let fields = fields.iter().map(|(name, value)| Some((*name, tree_written_out(value)?))).collect::<Option<Vec<_>>>()?;
            Some(Tree::Node(kind, fields))
        }
        Tree::List(items) => items.iter().map(tree_written_out).collect::<Option<Vec<_>>>().map(Tree::List),
        Tree::Nothing | Tree::Bool(_) | Tree::Int(_) | Tree::Text(_) => Some(tree.clone()),
    }
}

/// Calls over the windows of one SELECT, not those of SELECTs inside.
fn over_tree(tree: Tree, windows: &[(String, Tree)]) -> Option<Tree> {
    match tree {
        Tree::Node("SelectStmt", _) => Some(tree),
        Tree::Node(kind, fields) => {
            let fields = fields
                .into_iter()
                .map(|(name, value)| match (name, &value) {
                    ("over", Tree::Node("WindowDef", _)) if !value.text("name").is_empty() => {
                        let named = windows.iter().find(|(known, _)| *known == value.text("name"))?;
                        Some((name, named.1.clone()))
                    }
                    ("over", Tree::Node("WindowDef", _)) => Some((name, merged_tree(&value, windows)?)),
                    _ => Some((name, over_tree(value, windows)?)),
                })
                .collect::<Option<Vec<_>>>()?;
            Some(Tree::Node(kind, fields))
        }
        Tree::List(items) => items.into_iter().map(|item| over_tree(item, windows)).collect::<Option<Vec<_>>>().map(Tree::List),
        other => Some(other),
    }
}

/// A window without its own name, and with what it takes from the one that it builds on.
fn merged_tree(window: &Tree, windows: &[(String, Tree)]) -> Option<Tree> {
    let Tree::Node(kind, fields) = window else { return None };
    let own = fields.iter().filter(|(name, _)| *name != "name");
    let base = window.text("refname");
    if base.is_empty() {
        return Some(Tree::Node(kind, own.cloned().collect()));
    }
    let base = &windows.iter().find(|(known, _)| known == base)?.1;
    let framed = matches!(base.field("frame_options"), Some(Tree::Int(options)) if options & NONDEFAULT != 0);
    let sorts_twice = base.field("order_clause").is_some() && window.field("order_clause").is_some();
    if framed || sorts_twice || window.field("partition_clause").is_some() {
        return None;
    }
    let taken = ["partition_clause", "order_clause"].into_iter().filter_map(|name| Some((name, base.field(name)?.clone())));
    let mut fields: Vec<(&'static str, Tree)> = taken.collect();
    for (name, value) in own.filter(|(name, _)| *name != "refname") {
        fields.push((name, value.clone()));
    }
    // In the order in which libpg_query gives them.
    let place =
        |name: &str| ["partition_clause", "order_clause", "frame_options", "start_offset", "end_offset"].iter().position(|n| *n == name);
    fields.sort_by_key(|(name, _)| place(name));
    Some(Tree::Node(kind, fields))
}

struct WriteOut {
    found: bool,
    fault: bool,
}

impl VisitorMut for WriteOut {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let Query { body, order_by, .. } = query;
        match &mut **body {
            SetExpr::Select(select) => {
                if let Some(mut over) = self.select(select)
                    && let Some(order_by) = order_by
                {
                    let _ = VisitMut::visit(order_by, &mut over);
                    self.fault |= over.fault;
                }
            }
            other => self.arms(other),
        }
        ControlFlow::Continue(())
    }
}

impl WriteOut {
    fn arms(&mut self, body: &mut SetExpr) {
        match body {
            SetExpr::Select(select) => {
                self.select(select);
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.arms(left);
                self.arms(right);
            }
            SetExpr::Query(_)
            | SetExpr::Values(_)
            | SetExpr::Table(_)
            | SetExpr::Insert(_)
            | SetExpr::Update(_)
            | SetExpr::Delete(_)
            | SetExpr::Merge(_) => {}
        }
    }

    fn select(&mut self, select: &mut Select) -> Option<Over> {
        if select.named_window.is_empty() {
            return None;
        }
        self.found = true;
        let mut over = Over { windows: Vec::new(), depth: 0, fault: false };
        for NamedWindowDefinition(name, window) in std::mem::take(&mut select.named_window) {
            let twice = over.windows.iter().any(|(known, _)| *known == name.value);
            match window {
                NamedWindowExpr::WindowSpec(spec) if !twice => match over.merged(&spec) {
                    Some(spec) => over.windows.push((name.value, spec)),
                    None => over.fault = true,
                },
                NamedWindowExpr::WindowSpec(_) | NamedWindowExpr::NamedWindow(_) => over.fault = true,
            }
        }
        let _ = VisitMut::visit(&mut select.projection, &mut over);
        if let Some(Distinct::On(keys)) = &mut select.distinct {
            let _ = VisitMut::visit(keys, &mut over);
        }
        self.fault |= over.fault;
        Some(over)
    }
}

/// Calls over the windows of one SELECT, not those of queries inside.
struct Over {
    windows: Vec<(String, WindowSpec)>,
    depth: usize,
    fault: bool,
}

impl Over {
    fn named(&self, name: &str) -> Option<&WindowSpec> {
        self.windows.iter().find(|(known, _)| known == name).map(|(_, spec)| spec)
    }

    fn merged(&self, spec: &WindowSpec) -> Option<WindowSpec> {
        let Some(base) = &spec.window_name else { return Some(spec.clone()) };
        let base = self.named(&base.value)?;
        let sorts_twice = !base.order_by.is_empty() && !spec.order_by.is_empty();
        if base.window_frame.is_some() || sorts_twice || !spec.partition_by.is_empty() {
            return None;
        }
        let order_by = if base.order_by.is_empty() { spec.order_by.clone() } else { base.order_by.clone() };
        Some(WindowSpec { window_name: None, partition_by: base.partition_by.clone(), order_by, window_frame: spec.window_frame.clone() })
    }
}

impl VisitorMut for Over {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth = self.depth.saturating_add(1);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth = self.depth.saturating_sub(1);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Function(f) = expr
            && let Some(window) = &f.over
        {
            let written = match window {
                WindowType::NamedWindow(name) => self.named(&name.value).cloned(),
                WindowType::WindowSpec(spec) => self.merged(spec),
            };
            match written {
                Some(spec) => f.over = Some(WindowType::WindowSpec(spec)),
                None => self.fault = true,
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use crate::read;

    #[test]
    fn named_windows_are_written_out() {
        for (named, written) in [
            ("select rank() over w from t window w as (order by a)", "select rank() over (order by a) from t"),
            (
                "select a, sum(b) over (w rows 1 preceding) from t window w as (partition by a order by b desc) order by rank() over w",
                "select a, sum(b) over (partition by a order by b desc rows 1 preceding) from t order by rank() over (partition by a order by b desc)",
            ),
            (
                "select rank() over x from t window w as (partition by a), x as (w order by b)",
                "select rank() over (partition by a order by b) from t",
            ),
            (
                "select rank() over w, (select max(rank) from (select rank() over w from u window w as (order by c)) v) from t window w as (order by a)",
                "select rank() over (order by a), (select max(rank) from (select rank() over (order by c) from u) v) from t",
            ),
            ("select a from t window w as (order by a)", "select a from t"),
            (
                "select rank() over w from t window w as (order by a) union all select rank() over w from u window w as (order by b)",
                "select rank() over (order by a) from t union all select rank() over (order by b) from u",
            ),
        ] {
            let (named, written) = (read::query(named).unwrap(), read::query(written).unwrap());
            assert_eq!(named.ast.to_string(), written.ast.to_string());
            assert_eq!(named.tree, written.tree);
        }
    }

    #[test]
    fn what_postgres_refuses_stays() {
        for sql in [
            "select rank() over v from t window w as (order by a)",
            "select rank() over (w order by b) from t window w as (order by a)",
            "select rank() over (w partition by b) from t window w as (order by a)",
            "select rank() over (w) from t window w as (order by a rows 1 preceding)",
            "select (select rank() over w) from t window w as (order by a)",
            "select rank() over x from t window x as (w order by b), w as (partition by a)",
        ] {
            let read = read::query(sql).unwrap().ast.to_string();
            assert!(read.contains("WINDOW") || read.contains("OVER \"w\""), "{sql} became {read}");
        }
    }
}
