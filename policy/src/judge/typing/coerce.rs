//! What may become what without being asked, and the common type of several (PostgreSQL documentation, 10.3 and 10.5).

use super::{Ty, oid};
use crate::catalog::Oid;
use crate::catalog::form::{CastContext, Forms};
use crate::judge::Judge;

/// Pseudo-types of one family, which stand for one type together.
pub(super) mod poly {
    use crate::catalog::Oid;
    pub const ANY: Oid = 2276;
    pub const ANYARRAY: Oid = 2277;
    pub const ANYELEMENT: Oid = 2283;
    pub const ANYNONARRAY: Oid = 2776;
    pub const ANYENUM: Oid = 3500;
    pub const ANYCOMPATIBLE: Oid = 5077;
    pub const ANYCOMPATIBLEARRAY: Oid = 5078;
    pub const ANYCOMPATIBLENONARRAY: Oid = 5079;

    /// Those that can be worked out here.
    pub fn known(oid: Oid) -> bool {
        matches!(oid, ANYARRAY | ANYELEMENT | ANYNONARRAY | ANYENUM | ANYCOMPATIBLE | ANYCOMPATIBLEARRAY | ANYCOMPATIBLENONARRAY)
    }
}

impl Judge<'_> {
    /// `select_common_type`: `None` too where Postgres would find none.
    pub(crate) fn common_type(&self, types: &[Ty]) -> Option<Ty> {
        let forms = &self.facts.catalog.forms;
        let first = types.first()?;
        let deterministic = types.iter().all(|t| t.deterministic);
        if first.oid != oid::UNKNOWN && types.iter().all(|t| t.oid == first.oid) {
            return Some(Ty { deterministic, ..*first });
        }
        let found = common(forms, types.iter().map(|t| t.oid))?;
        let facts = forms.types.get(&found)?;
        Some(Ty { oid: found, deterministic: deterministic && !facts.nondeterministic })
    }
}

/// The common type of several of which not all are the same. `unknown` alone makes text.
pub(super) fn common(forms: &Forms, types: impl Iterator<Item = Oid>) -> Option<Oid> {
    let mut found = oid::UNKNOWN;
    for next in types {
        let next = forms.bottom(next);
        if next == oid::UNKNOWN || next == found {
            continue;
        }
        if found == oid::UNKNOWN {
            found = next;
            continue;
        }
        let (a, b) = (forms.types.get(&found)?, forms.types.get(&next)?);
        if a.category != b.category {
            return None;
        }
        if !a.preferred && can_coerce(forms, found, next)? && !can_coerce(forms, next, found)? {
            found = next;
        }
    }
    Some(if found == oid::UNKNOWN { oid::TEXT } else { found })
}

/// `can_coerce_type` in an implicit context for one argument; polymorphic targets are looked at elsewhere. `None` where it is
/// not certain.
pub(super) fn can_coerce(forms: &Forms, source: Oid, target: Oid) -> Option<bool> {
    if source == target || target == poly::ANY || source == oid::UNKNOWN {
        return Some(true);
    }
    let (s, t) = (forms.types.get(&source)?, forms.types.get(&target)?);
    if poly::known(target) {
        return Some(match target {
            poly::ANYARRAY | poly::ANYCOMPATIBLEARRAY => forms.element(source).is_some(),
            poly::ANYENUM => forms.types.get(&s.bottom)?.kind == 'e',
            poly::ANYNONARRAY | poly::ANYCOMPATIBLENONARRAY => forms.element(source).is_none(),
            _ => true,
        });
    }
    if t.kind == 'p' {
        return match target {
            // anyrange and its like
            3831 | 4537 | 5080 | 4538 if !matches!(forms.types.get(&s.bottom)?.kind, 'r' | 'm') => Some(false),
            oid::RECORD => Some(forms.types.get(&s.bottom)?.kind == 'c'),
            2287 => Some(forms.element(source).is_some_and(|e| forms.types.get(&e).is_some_and(|e| e.kind == 'c'))),
            3831 | 4537 | 5080 | 4538 => None,
            _ => Some(false),
        };
    }
    if s.bottom == t.bottom {
        return Some(true);
    }
    pathway(forms, s.bottom, t.bottom)
}

/// `find_coercion_pathway` in an implicit context, for types below domains.
fn pathway(forms: &Forms, source: Oid, target: Oid) -> Option<bool> {
    if let Some(cast) = forms.casts.get(&(source, target)) {
        return Some(cast.context == CastContext::Implicit);
    }
    let (s, t) = (forms.types.get(&source)?, forms.types.get(&target)?);
    if s.kind == 'c' && t.kind == 'c' {
        // A child's row is its parent's.
        return None;
    }
    match (forms.element(source), forms.element(target)) {
        (Some(a), Some(b)) => pathway(forms, forms.bottom(a), forms.bottom(b)),
        _ => Some(false),
    }
}
