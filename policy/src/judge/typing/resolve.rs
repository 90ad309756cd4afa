//! Which function or operator is meant (PostgreSQL documentation, 10.2 and 10.3; `func_select_candidate`).

use super::coerce::{can_coerce, common, poly};
use super::{Ty, oid};
use crate::catalog::form::{Forms, OperatorForm};
use crate::catalog::{Function, Oid};
use crate::judge::Judge;
use crate::judge::rights::is_temporary;

impl Judge<'_> {
    /// The type of a call's result.
    pub(crate) fn call_type(&self, schema: Option<&str>, name: &str, args: &[Option<Ty>]) -> Option<Ty> {
        let deterministic = args.iter().all(|a| a.is_some_and(|a| a.deterministic));
        let known: Option<Vec<Oid>> = args.iter().map(|a| a.map(|a| a.oid)).collect();
        let resolved = known.and_then(|types| {
            let f = self.resolve_function(schema, name, &types)?;
            result_type(&self.facts.catalog.forms, f.result, &parameters(f, types.len())?, &types)
        });
        let result = match resolved {
            Some(result) => result,
            None => {
                // Whichever is meant.
                let mut all = self.candidates(schema, name, args.len())?.into_iter().map(|f| f.result);
                let first = all.next()?;
                (self.plain(first) && all.all(|r| r == first)).then_some(first)?
            }
        };
        self.resulting(result, deterministic)
    }

    /// The function that a call means; `None` where it is not certain.
    pub(crate) fn resolve_function(&self, schema: Option<&str>, name: &str, args: &[Oid]) -> Option<&Function> {
        let candidates = self.candidates(schema, name, args.len())?;
        let shapes = candidates.iter().map(|f| parameters(f, args.len())).collect::<Option<Vec<_>>>()?;
        if let Some(exact) = shapes.iter().position(|s| s.as_slice() == args) {
            return candidates.get(exact).copied();
        }
        candidates.get(select(&self.facts.catalog.forms, &shapes, args)?).copied()
    }

    /// The type of an operator's result; `left` is `None` for a prefix operator.
    pub(crate) fn operator_type(&self, schema: Option<&str>, name: &str, left: Option<Option<Ty>>, right: Option<Ty>) -> Option<Ty> {
        let deterministic = right.is_some_and(|t| t.deterministic) && left.is_none_or(|l| l.is_some_and(|t| t.deterministic));
        let types = match left {
            None => right.map(|r| (None, r.oid)),
            Some(l) => l.zip(right).map(|(l, r)| (Some(l.oid), r.oid)),
        };
        let resolved = types.and_then(|(l, r)| {
            let op = self.resolve_operator(schema, name, l, r)?;
            let (declared, given) = match l {
                Some(l) => (vec![op.left, op.right], vec![l, r]),
                None => (vec![op.right], vec![r]),
            };
            result_type(&self.facts.catalog.forms, op.result, &declared, &given)
        });
        let result = match resolved {
            Some(result) => result,
            None => {
                let mut all = self.operators_named(schema, name, left.is_some()).into_iter().map(|o| o.result);
                let first = all.next()?;
                (self.plain(first) && all.all(|r| r == first)).then_some(first)?
            }
        };
        self.resulting(result, deterministic)
    }

    /// The types of the columns that a function has in FROM; empty where they are not certain.
    pub(crate) fn function_column_types(&self, schema: &str, name: &str, args: &[Option<Ty>]) -> Vec<Option<Ty>> {
        let known: Option<Vec<Oid>> = args.iter().map(|a| a.map(|a| a.oid)).collect();
        let meant = known.as_ref().and_then(|types| self.resolve_function(Some(schema), name, types));
        match meant {
            Some(f) if f.output_types.len() > 1 => {
                f.output_types.iter().map(|t| self.plain(*t).then(|| self.resulting(*t, true)).flatten()).collect()
            }
            // A row comes apart into its columns.
            _ => vec![self.one_column(self.call_type(Some(schema), name, args))],
        }
    }

    /// The operator that is meant; `left` is `None` for a prefix operator.
    pub(crate) fn resolve_operator(&self, schema: Option<&str>, name: &str, left: Option<Oid>, right: Oid) -> Option<&OperatorForm> {
        let forms = &self.facts.catalog.forms;
        let all = self.operators_named(schema, name, left.is_some());
        let exact = |l: Oid, r: Oid| {
            let mut found = all.iter().filter(|o| o.left == l && o.right == r);
            found.next().filter(|_| found.next().is_none()).copied()
        };
        let (shapes, given): (Vec<Vec<Oid>>, Vec<Oid>) = match left {
            None => {
                if let Some(found) = exact(0, right) {
                    return Some(found);
                }
                (all.iter().map(|o| vec![o.right]).collect(), vec![right])
            }
            Some(left) => {
                // A literal without a type is taken to be of the other side's.
                let (l, r) = match (left, right) {
                    (oid::UNKNOWN, r) => (r, r),
                    (l, oid::UNKNOWN) => (l, l),
                    both => both,
                };
                if let Some(found) = exact(l, r) {
                    return Some(found);
                }
                if (left == oid::UNKNOWN || right == oid::UNKNOWN)
                    && let Some(found) = exact(forms.bottom(l), forms.bottom(l))
                {
                    return Some(found);
                }
                (all.iter().map(|o| vec![o.left, o.right]).collect(), vec![left, right])
            }
        };
        all.get(select(forms, &shapes, &given)?).copied()
    }

    /// The type as which NULLIF compares its first argument with its second.
    pub(super) fn compared_as(&self, a: Ty, b: Ty) -> Option<Ty> {
        let op = self.resolve_operator(None, "=", Some(a.oid), b.oid)?;
        if poly::known(op.left) { (a.oid == b.oid).then_some(a) } else { self.resulting(op.left, a.deterministic && b.deterministic) }
    }

    fn operators_named(&self, schema: Option<&str>, name: &str, binary: bool) -> Vec<&OperatorForm> {
        let all = self.facts.catalog.forms.operators.get(name).map(Vec::as_slice).unwrap_or_default();
        let visible = |o: &&OperatorForm| match schema {
            Some(s) => o.schema == s,
            None => self.path.contains(&o.schema),
        };
        all.iter().filter(visible).filter(|o| (o.left != 0) == binary).collect()
    }

    /// Functions of that name that a call with so many arguments can mean. None where two schemas have some.
    fn candidates(&self, schema: Option<&str>, name: &str, count: usize) -> Option<Vec<&Function>> {
        let all = self.facts.catalog.functions.get(name)?;
        let visible = |f: &&Function| match schema {
            Some(s) => f.schema == s,
            None => self.path.contains(&f.schema) && !is_temporary(&f.schema),
        };
        let found: Vec<&Function> = all.iter().filter(visible).filter(|f| parameters(f, count).is_some()).collect();
        let first = found.first()?;
        // Those that are not known in full could be meant too.
        let complete = all.iter().filter(visible).all(|f| f.argument_types.len() == usize::from(f.arguments.1));
        (complete && found.iter().all(|f| f.schema == first.schema)).then_some(found)
    }

    /// A result type that stands for itself.
    fn plain(&self, result: Oid) -> bool {
        self.facts.catalog.forms.types.get(&result).is_some_and(|t| t.kind != 'p') || result == oid::RECORD
    }

    fn resulting(&self, result: Oid, deterministic: bool) -> Option<Ty> {
        let facts = self.facts.catalog.forms.types.get(&result)?;
        let deterministic = !facts.nondeterministic && (deterministic || !facts.collatable);
        Some(Ty { deterministic, ..Ty::of(result) })
    }
}

/// The declared types of a function's arguments in a call of so many; `None` where it cannot be meant.
fn parameters(f: &Function, count: usize) -> Option<Vec<Oid>> {
    let declared = &f.argument_types;
    if f.variadic {
        let fixed = declared.len().checked_sub(1)?;
        // VARIADIC "any" and arrays take one at least, unless all have defaults.
        if count < fixed || count == fixed && usize::from(f.arguments.0) > fixed {
            return None;
        }
        let mut all: Vec<Oid> = declared.iter().take(fixed).copied().collect();
        all.resize(count, f.variadic_type);
        return Some(all);
    }
    let fits = count <= declared.len() && count >= usize::from(f.arguments.0);
    fits.then(|| declared.iter().take(count).copied().collect())
}

/// `func_match_argtypes` and `func_select_candidate`: the index of the one that is meant.
fn select(forms: &Forms, shapes: &[Vec<Oid>], given: &[Oid]) -> Option<usize> {
    let mut left: Vec<(usize, &Vec<Oid>)> = Vec::new();
    for (index, shape) in shapes.iter().enumerate() {
        let mut fits = shape.len() == given.len();
        for (target, source) in shape.iter().zip(given) {
            fits = fits && can_coerce(forms, *source, *target)?;
        }
        if fits && bind(forms, shape, given).is_some() {
            left.push((index, shape));
        }
    }
    if let [(only, _)] = left.as_slice() {
        return Some(*only);
    }
    let base: Vec<Oid> = given.iter().map(|t| forms.bottom(*t)).collect();
    let known = |t: Oid| t != oid::UNKNOWN;
    left = best(left, |shape| shape.iter().zip(&base).filter(|(s, b)| known(**b) && s == b).count());
    if let [(only, _)] = left.as_slice() {
        return Some(*only);
    }
    let preferred = |s: Oid, b: Oid| {
        let (Some(s), Some(b)) = (forms.types.get(&s), forms.types.get(&b)) else { return false };
        s.preferred && s.category == b.category
    };
    left = best(left, |shape| shape.iter().zip(&base).filter(|(s, b)| known(**b) && (s == b || preferred(**s, **b))).count());
    if let [(only, _)] = left.as_slice() {
        return Some(*only);
    }
    let unknowns: Vec<usize> = base.iter().enumerate().filter(|(_, t)| !known(**t)).map(|(i, _)| i).collect();
    if unknowns.is_empty() {
        return None;
    }
    if let Some(slots) = categories(forms, &left, &unknowns) {
        let kept: Vec<(usize, &Vec<Oid>)> = left
            .iter()
            .filter(|(_, shape)| {
                slots.iter().all(|(arg, category, needs_preferred)| {
                    shape
                        .get(*arg)
                        .and_then(|t| forms.types.get(t))
                        .is_some_and(|t| t.category == *category && (!needs_preferred || t.preferred))
                })
            })
            .copied()
            .collect();
        if let [(only, _)] = kept.as_slice() {
            return Some(*only);
        }
        if !kept.is_empty() {
            left = kept;
        }
    }
    // The known ones all of one type: the rest is taken to be of it.
    let mut rest = base.iter().copied().filter(|t| known(*t));
    let one = rest.next()?;
    if rest.any(|t| t != one) {
        return None;
    }
    let mut fitting = Vec::new();
    for (index, shape) in &left {
        let mut fits = true;
        for target in *shape {
            fits = fits && can_coerce(forms, one, *target)?;
        }
        if fits {
            fitting.push(*index);
        }
    }
    match fitting.as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

fn best(left: Vec<(usize, &Vec<Oid>)>, score: impl Fn(&[Oid]) -> usize) -> Vec<(usize, &Vec<Oid>)> {
    let top = left.iter().map(|(_, s)| score(s)).max().unwrap_or_default();
    left.into_iter().filter(|(_, s)| score(s) == top).collect()
}

/// For each literal without a type: the category that it is taken to be of, and whether it must be the preferred type there.
fn categories(forms: &Forms, left: &[(usize, &Vec<Oid>)], unknowns: &[usize]) -> Option<Vec<(usize, char, bool)>> {
    let mut slots = Vec::new();
    for arg in unknowns {
        let mut slot: Option<(char, bool)> = None;
        let mut conflict = false;
        for (_, shape) in left {
            let t = forms.types.get(shape.get(*arg)?)?;
            slot = Some(match slot {
                None => (t.category, t.preferred),
                Some((category, preferred)) if category == t.category => (category, preferred || t.preferred),
                Some(_) if t.category == 'S' => ('S', t.preferred),
                Some(other) => {
                    conflict = true;
                    other
                }
            });
        }
        let (category, preferred) = slot?;
        if conflict && category != 'S' {
            return None;
        }
        slots.push((*arg, category, preferred));
    }
    Some(slots)
}

/// What polymorphic types stand for in a call.
struct Bound {
    element: Option<Oid>,
    compatible: Option<Oid>,
}

/// `check_generic_type_consistency`: `None` where the arguments do not agree.
fn bind(forms: &Forms, declared: &[Oid], given: &[Oid]) -> Option<Bound> {
    let mut element: Option<Oid> = None;
    let mut compatible: Vec<Oid> = Vec::new();
    let (mut anyenum, mut nonarray, mut any_compatible, mut any_element) = (false, false, false, false);
    for (declared, actual) in declared.iter().zip(given) {
        let part = match *declared {
            poly::ANYARRAY | poly::ANYCOMPATIBLEARRAY if *actual != oid::UNKNOWN => forms.element(*actual)?,
            _ => *actual,
        };
        match *declared {
            poly::ANYARRAY | poly::ANYELEMENT | poly::ANYNONARRAY | poly::ANYENUM => {
                any_element = true;
                anyenum |= *declared == poly::ANYENUM;
                nonarray |= *declared == poly::ANYNONARRAY;
                if part != oid::UNKNOWN && *element.get_or_insert(part) != part {
                    return None;
                }
            }
            poly::ANYCOMPATIBLE | poly::ANYCOMPATIBLEARRAY | poly::ANYCOMPATIBLENONARRAY => {
                any_compatible = true;
                compatible.push(part);
            }
            _ => {}
        }
    }
    if let Some(element) = element {
        if nonarray && forms.element(element).is_some() || anyenum && forms.types.get(&forms.bottom(element))?.kind != 'e' {
            return None;
        }
    } else if any_element {
        element = Some(oid::TEXT);
    }
    let compatible = match compatible.split_first() {
        Some((first, rest)) if *first != oid::UNKNOWN && rest.iter().all(|t| t == first) => Some(*first),
        Some(_) => Some(common(forms, compatible.iter().copied())?),
        None => None,
    };
    Some(Bound { element, compatible: compatible.filter(|_| any_compatible) })
}

/// The type of a result that is declared as `result`.
fn result_type(forms: &Forms, result: Oid, declared: &[Oid], given: &[Oid]) -> Option<Oid> {
    let bound = bind(forms, declared, given)?;
    match result {
        poly::ANYELEMENT | poly::ANYNONARRAY | poly::ANYENUM => bound.element,
        poly::ANYARRAY => forms.array_of(bound.element?),
        poly::ANYCOMPATIBLE | poly::ANYCOMPATIBLENONARRAY => bound.compatible,
        poly::ANYCOMPATIBLEARRAY => forms.array_of(bound.compatible?),
        other => (other == oid::RECORD || forms.types.get(&other)?.kind != 'p').then_some(other),
    }
}
