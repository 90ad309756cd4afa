//! `(x).name`: a field of a composite value, or a call of a function of one argument (PostgreSQL documentation, 8.16.5; in its source
//! `ParseFuncOrColumn`).
//!
//! A field comes first, where the value's type has one of that name. What may be a function is judged as the call `name(x)`, so that no
//! rule about calls needs to know of this notation; and it is sent as it was written only where nothing became of that call.

use sqlparser::ast::{AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Subscript, Value};

use super::{Ty, oid};
use crate::Refusal;
use crate::judge::expr::InScope;
use crate::judge::label::Label;
use crate::judge::scope::SYSTEM_COLUMNS;
use crate::judge::{Judge, build, refuse};

/// More names than this behind one value are not read: each may be a call around all before it.
const NAMES: usize = 16;

impl Judge<'_> {
    /// The place in a chain of the last name that may be a function's; `None` where all are those of fields.
    pub(crate) fn last_attribute(&self, root: &Expr, chain: &[AccessExpr], scope: InScope) -> Result<Option<usize>, Refusal> {
        let mut names: Vec<(usize, &Ident)> = Vec::new();
        for (at, step) in chain.iter().enumerate() {
            if let AccessExpr::Dot(Expr::Identifier(name)) = step {
                names.push((at, name));
            }
        }
        if names.len() > NAMES {
            return Err(refuse::not_yet("form.expression", "so many names behind one value"));
        }
        let may_call = |(at, name): &(usize, &Ident)| {
            self.is_function(&name.value) && !self.has_named(root, chain.get(..*at).unwrap_or_default(), &name.value, scope)
        };
        Ok(names.into_iter().rev().find(may_call).map(|(at, _)| at))
    }

    /// Judges `(x).name` as the call `name(x)`; `at`: the name's place in the chain.
    pub(crate) fn attribute(&mut self, e: &mut Expr, at: usize, scope: InScope) -> Result<Label, Refusal> {
        let this = || refuse::not_yet("form.expression", "this field access");
        let Expr::CompoundFieldAccess { root, access_chain } = e else { return Err(this()) };
        let mut steps = std::mem::take(access_chain).into_iter();
        let before: Vec<AccessExpr> = steps.by_ref().take(at).collect();
        let Some(AccessExpr::Dot(Expr::Identifier(name))) = steps.next() else { return Err(this()) };
        let mut behind: Vec<AccessExpr> = steps.collect();
        let of = std::mem::replace(&mut **root, build::value(Value::Null));
        let one_chain = !before.is_empty();
        let of = if one_chain { Expr::CompoundFieldAccess { root: Box::new(of), access_chain: before } } else { of };
        let place = self.position(&of);
        let mut call = build::call(&[name.value.as_str()], vec![of]);
        let mut label = self.expr(&mut call, scope)?;
        // The name has no place in the text: the value has.
        self.shows_evaluation_order = self.shows_evaluation_order.take().map(|r| if r.position.is_none() { r.at(place) } else { r });
        let (root, mut chain) = match self.unchanged(call, &name).map_err(|refusal| refusal.at(place))? {
            Expr::CompoundFieldAccess { root, access_chain } if one_chain => (root, access_chain),
            of => (Box::new(of), vec![]),
        };
        chain.push(AccessExpr::Dot(Expr::Identifier(name)));
        if !behind.is_empty() {
            label = self.access(label, &root, &mut behind, scope)?;
            chain.extend(behind);
        }
        *e = Expr::CompoundFieldAccess { root, access_chain: chain };
        Ok(label)
    }

    /// The argument of a judged call that may be sent as `(argument).name`: nothing was added to it, and it means the same there.
    fn unchanged(&self, call: Expr, name: &Ident) -> Result<Expr, Refusal> {
        let refused = refuse::not_yet("form.expression", &format!("{}() in the notation of a field", name.value))
            .with_hint(format!("Write {}(value). For a field of that name, give the value its type by a CAST.", name.value));
        let Some((of, qualified)) = only_argument(call, &name.value) else { return Err(refused) };
        let facts = self.function_facts(&[name.value.as_str()], Some(1))?;
        // Of functions of that name the one of a schema was meant, which cannot be said there.
        let another = facts.overloaded && qualified;
        // An aggregate makes a level another one, and is looked for among calls.
        if another || facts.aggregate { Err(refused) } else { Ok(of) }
    }

    /// A function that a call with one argument can mean.
    fn is_function(&self, name: &str) -> bool {
        self.facts.catalog.functions.contains_key(name)
            && !matches!(self.function_facts(&[name], Some(1)), Err(unknown) if unknown.id == "function.unknown")
    }

    /// Whether it is certain that the value of `root` and what stands behind it has a field of that name.
    fn has_named(&self, root: &Expr, chain: &[AccessExpr], name: &str, scope: InScope) -> bool {
        if chain.is_empty()
            && let Some(row) = self.find_row(root, scope)
        {
            return row.item.cols.iter().any(|c| c.name == name) || SYSTEM_COLUMNS.contains(&name);
        }
        let ty = self.type_behind(root, chain, scope);
        let fields = ty.and_then(|ty| self.facts.fields(self.facts.catalog.forms.bottom(ty.oid)));
        fields.is_some_and(|fields| fields.iter().any(|f| f == name))
    }

    /// The type of `root` and what stands behind it.
    pub(super) fn type_behind(&self, root: &Expr, chain: &[AccessExpr], scope: InScope) -> Option<Ty> {
        let mut ty = self.type_of(root, scope)?;
        let mut rest = chain;
        while let Some(first) = rest.first() {
            let subscripts = rest.iter().take_while(|a| matches!(a, AccessExpr::Subscript(_))).count();
            if subscripts == 0 {
                let AccessExpr::Dot(Expr::Identifier(field)) = first else { return None };
                ty = self.field_type(ty, &field.value)?;
                rest = rest.get(1..)?;
                continue;
            }
            let sliced = rest.iter().take(subscripts).any(|a| matches!(a, AccessExpr::Subscript(Subscript::Slice { .. })));
            let bottom = self.facts.catalog.forms.bottom(ty.oid);
            ty.oid = match self.facts.catalog.forms.element(bottom) {
                Some(_) if sliced => bottom,
                Some(element) => element,
                None if bottom == oid::JSONB && !sliced => bottom,
                None => return None,
            };
            rest = rest.get(subscripts..)?;
        }
        Some(ty)
    }

    /// The type of a composite value's field.
    fn field_type(&self, ty: Ty, field: &str) -> Option<Ty> {
        let catalog = &self.facts.catalog;
        let row = catalog.forms.types.get(&catalog.forms.bottom(ty.oid))?;
        let columns = match catalog.relations.get(&row.relation) {
            Some(relation) => relation.columns.as_slice(),
            None => catalog.types.get(&row.schema)?.get(&row.name)?.columns.as_slice(),
        };
        columns.iter().find(|c| c.name == field).map(|c| Ty::of_column(&c.data_type))
    }
}

/// The argument of a call of that name and of nothing else than one argument, and whether the name has a schema.
fn only_argument(call: Expr, name: &str) -> Option<(Expr, bool)> {
    let Expr::Function(Function { name: printed, filter: None, over: None, within_group, args: FunctionArguments::List(list), .. }) = call
    else {
        return None;
    };
    let same = printed.0.last().and_then(|part| part.as_ident()).is_some_and(|last| last.value == name);
    let plain = within_group.is_empty() && list.duplicate_treatment.is_none() && list.clauses.is_empty();
    match <[FunctionArg; 1]>::try_from(list.args) {
        Ok([FunctionArg::Unnamed(FunctionArgExpr::Expr(of))]) if same && plain => Some((of, printed.0.len() > 1)),
        _ => None,
    }
}
