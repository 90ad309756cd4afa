//! Queries: WITH, set operations, VALUES, SELECT and its clauses.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    CommonTableExpr, CteCycleClause, CteMaterialize, CteSearchClause, GroupingSet, GroupingSetKind, LimitOption, LockClauseStrength,
    LockWaitPolicy, LockingClause, Node, ResTarget, SelectStmt, SetOperation, SortBy, SortByDir, SortByNulls, WindowDef, WithClause,
};
use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    Cte, CteAsMaterialized, Distinct, Expr, Fetch, GroupByExpr, Ident, LimitClause, LockClause, LockType, NamedWindowDefinition,
    NamedWindowExpr, NonBlock, Offset, OffsetRows, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, OrderBySort, Parens, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier, TableAlias, TableAliasColumnDef, Values,
    WildcardAdditionalOptions, With,
};

use super::super::coded::{self, Cycle, Form, Recursion, Search};
use super::super::normal;
use super::{Convert, Made, given, held, strings};

impl Convert<'_> {
    pub(super) fn query(&self, select: &SelectStmt) -> Made<Query> {
        let SelectStmt {
            distinct_clause: _,
            into_clause,
            target_list: _,
            from_clause: _,
            where_clause: _,
            group_clause: _,
            group_distinct: _,
            having_clause: _,
            window_clause: _,
            values_lists,
            sort_clause,
            limit_offset,
            limit_count,
            limit_option,
            locking_clause,
            with_clause,
            op,
            all,
            larg,
            rarg,
        } = select;
        if into_clause.is_some() {
            return self.unread("INTO here", -1);
        }
        let operator = match SetOperation::try_from(*op) {
            Ok(SetOperation::SetopNone) => None,
            Ok(SetOperation::SetopUnion) => Some(SetOperator::Union),
            Ok(SetOperation::SetopIntersect) => Some(SetOperator::Intersect),
            Ok(SetOperation::SetopExcept) => Some(SetOperator::Except),
            Ok(SetOperation::Undefined) | Err(_) => return self.unread("this set operation", -1),
        };
        let body = match (operator, larg, rarg) {
            (Some(op), Some(left), Some(right)) => SetExpr::SetOperation {
                op,
                set_quantifier: if *all { SetQuantifier::All } else { SetQuantifier::None },
                left: Box::new(self.operand(left)?),
                right: Box::new(self.operand(right)?),
            },
            (None, None, None) if !values_lists.is_empty() => SetExpr::Values(Values {
                explicit_row: false,
                value_keyword: false,
                rows: values_lists.iter().map(|row| self.list(held(row)?).map(Parens::with_empty_span)).collect::<Made<_>>()?,
            }),
            (None, None, None) => SetExpr::Select(Box::new(self.select(select)?)),
            _ => return self.unread("this set operation", -1),
        };
        let with_ties = matches!(LimitOption::try_from(*limit_option), Ok(LimitOption::WithTies));
        let count = limit_count.as_deref().map(|node| self.expr(held(node)?)).transpose()?;
        let offset = limit_offset.as_deref().map(|node| self.expr(held(node)?)).transpose()?;
        let (limit, fetch) = match count {
            Some(quantity) if with_ties => {
                if !matches!(quantity, Expr::Value(_)) {
                    return self.unread("WITH TIES behind an expression", -1);
                }
                (None, Some(Fetch { with_ties: true, percent: false, quantity: Some(quantity) }))
            }
            limit => (limit, None),
        };
        let limit_clause = (limit.is_some() || offset.is_some()).then(|| LimitClause::LimitOffset {
            limit,
            offset: offset.map(|value| Offset { value, rows: OffsetRows::None }),
            limit_by: Vec::new(),
        });
        let order = self.sort(sort_clause)?;
        Ok(Query {
            with: with_clause.as_ref().map(|with| self.with(with)).transpose()?,
            order_by: (!order.is_empty()).then_some(OrderBy { kind: OrderByKind::Expressions(order), interpolate: None }),
            limit_clause,
            fetch,
            locks: locking_clause.iter().map(|lock| self.lock(held(lock)?)).collect::<Made<_>>()?,
            ..normal::around(Box::new(body))
        })
    }

    /// An operand of a set operation: in brackets where it has clauses of its own.
    fn operand(&self, select: &SelectStmt) -> Made<SetExpr> {
        let query = self.query(select)?;
        Ok(if normal::only_body(&query) { *query.body } else { SetExpr::Query(Box::new(query)) })
    }

    /// A query in an expression or FROM.
    pub(super) fn subquery(&self, node: Option<&Node>) -> Made<Box<Query>> {
        match given(node)? {
            NodeEnum::SelectStmt(select) => self.query(select).map(Box::new),
            _ => self.unread("a statement that writes, inside a query,", -1),
        }
    }

    fn with(&self, with: &WithClause) -> Made<With> {
        let WithClause { ctes, recursive, location } = with;
        let with_token = normal::token(self.span(*location));
        Ok(With { with_token, recursive: *recursive, cte_tables: ctes.iter().map(|cte| self.cte(held(cte)?)).collect::<Made<_>>()? })
    }

    fn cte(&self, node: &NodeEnum) -> Made<Cte> {
        let NodeEnum::CommonTableExpr(cte) = node else { return self.unread("this form of WITH", -1) };
        let CommonTableExpr {
            ctename,
            aliascolnames,
            ctematerialized,
            ctequery,
            search_clause,
            cycle_clause,
            location,
            cterecursive: _,
            cterefcount: _,
            ctecolnames: _,
            ctecoltypes: _,
            ctecoltypmods: _,
            ctecolcollations: _,
        } = &**cte;
        let materialized = match CteMaterialize::try_from(*ctematerialized) {
            Ok(CteMaterialize::Default) => None,
            Ok(CteMaterialize::Always) => Some(CteAsMaterialized::Materialized),
            Ok(CteMaterialize::Never) => Some(CteAsMaterialized::NotMaterialized),
            Ok(CteMaterialize::CtematerializeUndefined) | Err(_) => return self.unread("this form of WITH", *location),
        };
        let mut columns: Vec<TableAliasColumnDef> = strings(aliascolnames)?
            .into_iter()
            .map(|name| TableAliasColumnDef { name: self.ident(name, *location), data_type: None })
            .collect();
        let recursion = Recursion {
            search: search_clause.as_ref().map(|search| self.search(search)).transpose()?,
            cycle: cycle_clause.as_deref().map(|cycle| self.cycle(cycle)).transpose()?,
        };
        if recursion != Recursion::default() {
            columns.push(TableAliasColumnDef { name: recursion.to_ident(), data_type: None });
        }
        Ok(Cte {
            alias: TableAlias { explicit: false, name: self.ident(ctename, *location), columns, at: None },
            query: self.subquery(ctequery.as_deref())?,
            from: None,
            materialized,
            closing_paren_token: AttachedToken::empty(),
        })
    }

    fn search(&self, search: &CteSearchClause) -> Made<Search> {
        let CteSearchClause { search_col_list, search_breadth_first, search_seq_column, location: _ } = search;
        let by = strings(search_col_list)?.into_iter().map(str::to_owned).collect();
        Ok(Search { breadth: *search_breadth_first, by, sequence: search_seq_column.clone() })
    }

    fn cycle(&self, cycle: &CteCycleClause) -> Made<Cycle> {
        let CteCycleClause {
            cycle_col_list,
            cycle_mark_column,
            cycle_mark_value,
            cycle_mark_default,
            cycle_path_column,
            location,
            cycle_mark_type: _,
            cycle_mark_typmod: _,
            cycle_mark_collation: _,
            cycle_mark_neop: _,
        } = cycle;
        let constant = |node: Option<&Node>| -> Made<String> {
            match self.expr(given(node)?)? {
                value @ Expr::Value(_) => Ok(super::super::dress::expression(&value)),
                _ => self.unread("a CYCLE whose marks are no plain constants", *location),
            }
        };
        let (value, default) = (constant(cycle_mark_value.as_deref())?, constant(cycle_mark_default.as_deref())?);
        Ok(Cycle {
            by: strings(cycle_col_list)?.into_iter().map(str::to_owned).collect(),
            mark: cycle_mark_column.clone(),
            values: Some((value, default)),
            path: cycle_path_column.clone(),
        })
    }

    fn select(&self, select: &SelectStmt) -> Made<Select> {
        let SelectStmt {
            distinct_clause,
            target_list,
            from_clause,
            where_clause,
            group_clause,
            group_distinct,
            having_clause,
            window_clause,
            ..
        } = select;
        let distinct = match distinct_clause.as_slice() {
            [] => None,
            [only] if only.node.is_none() => Some(Distinct::Distinct),
            keys => Some(Distinct::On(self.exprs(keys)?)),
        };
        let mut groups = group_clause.iter().map(|item| self.group(held(item)?, true)).collect::<Made<Vec<_>>>()?;
        if *group_distinct {
            groups.insert(0, coded::call(Form::GroupDistinct, Vec::new()));
        }
        let mut from = from_clause.iter().map(|item| self.join_tree(held(item)?)).collect::<Made<Vec<_>>>()?;
        if from.is_empty() && target_list.is_empty() {
            from.push(coded::nothing());
        }
        Ok(Select {
            distinct,
            projection: target_list.iter().map(|item| self.target(held(item)?)).collect::<Made<_>>()?,
            from,
            selection: where_clause.as_deref().map(|node| self.expr(held(node)?)).transpose()?,
            group_by: GroupByExpr::Expressions(groups, Vec::new()),
            having: having_clause.as_deref().map(|node| self.expr(held(node)?)).transpose()?,
            named_window: window_clause.iter().map(|window| self.named_window(held(window)?)).collect::<Made<_>>()?,
            ..normal::empty_select()
        })
    }

    fn target(&self, node: &NodeEnum) -> Made<SelectItem> {
        let NodeEnum::ResTarget(target) = node else { return self.unread("this select item", -1) };
        let ResTarget { name, indirection, val, location } = &**target;
        if !indirection.is_empty() {
            return self.unread("this select item", *location);
        }
        let value = given(val.as_deref())?;
        if name.is_empty() {
            match value {
                NodeEnum::ColumnRef(column) => {
                    if let Some(names) = self.starred(column)? {
                        let options = WildcardAdditionalOptions {
                            wildcard_token: normal::token(self.span(column.location)),
                            ..WildcardAdditionalOptions::default()
                        };
                        return Ok(match names {
                            names if names.0.is_empty() => SelectItem::Wildcard(options),
                            names => SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(names), options),
                        });
                    }
                }
                NodeEnum::AIndirection(indirection) => {
                    if let Some(of) = self.star_of(indirection)? {
                        return Ok(SelectItem::QualifiedWildcard(
                            SelectItemQualifiedWildcardKind::Expr(of),
                            WildcardAdditionalOptions::default(),
                        ));
                    }
                }
                _ => {}
            }
            return Ok(SelectItem::UnnamedExpr(self.expr(value)?));
        }
        // The target's own place is its expression's.
        Ok(SelectItem::ExprWithAlias { expr: self.expr(value)?, alias: self.ident(name, -1) })
    }

    /// An item of GROUP BY. `outer`: not inside GROUPING SETS.
    fn group(&self, node: &NodeEnum, outer: bool) -> Made<Expr> {
        let NodeEnum::GroupingSet(set) = node else { return self.expr(node) };
        let GroupingSet { kind, content, location } = set;
        let kind = GroupingSetKind::try_from(*kind).unwrap_or(GroupingSetKind::Undefined);
        let nested = content
            .iter()
            .any(|item| matches!(&item.node, Some(NodeEnum::GroupingSet(inner)) if inner.kind != GroupingSetKind::GroupingSetEmpty as i32));
        if outer && !nested {
            let sets = |this: &Self| {
                content
                    .iter()
                    .map(|item| match held(item)? {
                        NodeEnum::GroupingSet(_) => Ok(Vec::new()),
                        item => match this.expr(item)? {
                            Expr::Tuple(parts) => Ok(parts),
                            one => Ok(vec![one]),
                        },
                    })
                    .collect::<Made<Vec<_>>>()
            };
            match kind {
                GroupingSetKind::GroupingSetRollup => return Ok(Expr::Rollup(sets(self)?)),
                GroupingSetKind::GroupingSetCube => return Ok(Expr::Cube(sets(self)?)),
                GroupingSetKind::GroupingSetSets => return Ok(Expr::GroupingSets(sets(self)?)),
                _ => {}
            }
        }
        let inside = |this: &Self| content.iter().map(|item| this.group(held(item)?, false)).collect::<Made<Vec<_>>>();
        match kind {
            GroupingSetKind::GroupingSetEmpty => Ok(coded::call(Form::EmptySet, Vec::new())),
            GroupingSetKind::GroupingSetRollup => Ok(coded::call(Form::Rollup, inside(self)?)),
            GroupingSetKind::GroupingSetCube => Ok(coded::call(Form::Cube, inside(self)?)),
            GroupingSetKind::GroupingSetSets => Ok(coded::call(Form::Sets, inside(self)?)),
            GroupingSetKind::GroupingSetSimple | GroupingSetKind::Undefined => self.unread("this GROUP BY", *location),
        }
    }

    fn named_window(&self, node: &NodeEnum) -> Made<NamedWindowDefinition> {
        let NodeEnum::WindowDef(window) = node else { return self.unread("this WINDOW clause", -1) };
        let WindowDef { name, location, .. } = &**window;
        Ok(NamedWindowDefinition(self.ident(name, *location), NamedWindowExpr::WindowSpec(self.window_spec(window)?)))
    }

    pub(super) fn sort(&self, items: &[Node]) -> Made<Vec<OrderByExpr>> {
        items.iter().map(|item| self.sort_item(held(item)?)).collect()
    }

    fn sort_item(&self, node: &NodeEnum) -> Made<OrderByExpr> {
        let NodeEnum::SortBy(item) = node else { return self.unread("this ORDER BY", -1) };
        let SortBy { node, sortby_dir, sortby_nulls, use_op, location } = &**item;
        let mut expr = self.expr(given(node.as_deref())?)?;
        let sort = match SortByDir::try_from(*sortby_dir) {
            Ok(SortByDir::SortbyDefault) => None,
            Ok(SortByDir::SortbyAsc) => Some(OrderBySort::Asc),
            Ok(SortByDir::SortbyDesc) => Some(OrderBySort::Desc),
            Ok(SortByDir::SortbyUsing) => {
                let (schema, op) = self.operator_parts(use_op, *location)?;
                expr = coded::call(Form::Using, vec![coded::word(schema), coded::word(op), expr]);
                None
            }
            Ok(SortByDir::Undefined) | Err(_) => return self.unread("this ORDER BY", *location),
        };
        let nulls_first = match SortByNulls::try_from(*sortby_nulls) {
            Ok(SortByNulls::SortbyNullsDefault) => None,
            Ok(SortByNulls::SortbyNullsFirst) => Some(true),
            Ok(SortByNulls::SortbyNullsLast) => Some(false),
            Ok(SortByNulls::Undefined) | Err(_) => return self.unread("this ORDER BY", *location),
        };
        Ok(OrderByExpr { expr, options: OrderByOptions { sort, nulls_first }, with_fill: None })
    }

    fn lock(&self, node: &NodeEnum) -> Made<LockClause> {
        let NodeEnum::LockingClause(LockingClause { locked_rels, strength, wait_policy }) = node else {
            return self.unread("this locking clause", -1);
        };
        let mut names: Vec<Ident> = Vec::new();
        for relation in locked_rels {
            match held(relation)? {
                NodeEnum::RangeVar(relation) if relation.schemaname.is_empty() && relation.catalogname.is_empty() => {
                    names.push(self.ident(&relation.relname, relation.location));
                }
                _ => return self.unread("this locking clause", -1),
            }
        }
        let nonblock = match LockWaitPolicy::try_from(*wait_policy) {
            Ok(LockWaitPolicy::LockWaitBlock) => None,
            Ok(LockWaitPolicy::LockWaitSkip) => Some(NonBlock::SkipLocked),
            Ok(LockWaitPolicy::LockWaitError) => Some(NonBlock::Nowait),
            Ok(LockWaitPolicy::Undefined) | Err(_) => return self.unread("this locking clause", -1),
        };
        let (lock_type, words) = match LockClauseStrength::try_from(*strength) {
            Ok(LockClauseStrength::LcsForupdate) => (LockType::Update, "UPDATE"),
            Ok(LockClauseStrength::LcsForshare) => (LockType::Share, "SHARE"),
            Ok(LockClauseStrength::LcsFornokeyupdate) => (LockType::Update, "NO KEY UPDATE"),
            Ok(LockClauseStrength::LcsForkeyshare) => (LockType::Update, "KEY SHARE"),
            _ => return self.unread("this locking clause", -1),
        };
        if names.len() < 2 && matches!(words, "UPDATE" | "SHARE") {
            let of = names.pop().map(|name| vec![name].into());
            return Ok(LockClause { lock_type, of, nonblock });
        }
        let mut of = vec![self.ident(Form::Lock.name(), -1), self.ident(words, -1)];
        of.extend(names);
        Ok(LockClause { lock_type: LockType::Update, of: Some(of.into()), nonblock })
    }
}
