//! Which values may stand in one place (a CASE's branches, a set operation's arms), and which on two sides of `=`.
//!
//! Two values of one class meet only where Postgres' equality of them is that of their pseudonyms. It compares text, varchar and
//! citext byte by byte (citext is sealed in small letters). A bpchar beside a text is compared as text, without its trailing
//! blanks, but beside a varchar as bpchar, where the varchar's blanks do not count either (`parse_func.c`, tried on PostgreSQL 15).

use std::sync::Arc;

use crate::catalog::BaseType;
use crate::judge::label::{Label, Sealed, SealedType};
use crate::mask::seal::{SealForm, SealSpec, TokenForm};

/// Why two labels cannot meet.
#[derive(Debug)]
pub(crate) enum Clash {
    /// A sealed value beside something that is not.
    Unsealed(Sealed),
    /// Two sealed values of different classes or types.
    Classes(Sealed, Sealed),
    /// A sealed value beside an array of such.
    Array(Sealed),
}

/// The label of a place that holds either of two values.
pub(crate) fn join(a: Label, b: Label) -> Result<Label, Clash> {
    meet(a, b, common_type)
}

/// Whether two values may be compared for equality.
pub(crate) fn compare(a: Label, b: Label) -> Result<(), Clash> {
    meet(a, b, |a, b| common_type(a, b).or_else(|| text_beside_bpchar(a, b))).map(|_| ())
}

fn meet(a: Label, b: Label, common: impl Fn(&SealedType, &SealedType) -> Option<SealedType>) -> Result<Label, Clash> {
    match (a, b) {
        (Label::Null, other) | (other, Label::Null) => Ok(other),
        (Label::Clear, Label::Clear) => Ok(Label::Clear),
        (Label::Sealed(s) | Label::SealedArray(s), Label::Clear) | (Label::Clear, Label::Sealed(s) | Label::SealedArray(s)) => {
            Err(Clash::Unsealed(s))
        }
        (Label::Sealed(a), Label::Sealed(b)) => one_domain(a, b, common).map(Label::Sealed),
        (Label::SealedArray(a), Label::SealedArray(b)) => one_domain(a, b, common).map(Label::SealedArray),
        (Label::Sealed(a), Label::SealedArray(_)) | (Label::SealedArray(a), Label::Sealed(_)) => Err(Clash::Array(a)),
    }
}

fn one_domain(a: Sealed, b: Sealed, common: impl Fn(&SealedType, &SealedType) -> Option<SealedType>) -> Result<Sealed, Clash> {
    match (same_domain(&a.spec, &b.spec), common(&a.ty, &b.ty)) {
        (Some(spec), Some(ty)) => {
            let (spec, ty) = (Arc::new(spec), if *a.ty == ty { Arc::clone(&a.ty) } else { Arc::new(ty) });
            Ok(Sealed { spec, ty, ..a })
        }
        _ => Err(Clash::Classes(a, b)),
    }
}

/// The spec of a place that holds values of both, where their pseudonyms are written alike.
pub(crate) fn same_domain(a: &SealSpec, b: &SealSpec) -> Option<SealSpec> {
    if !a.shares_domain(b) {
        return None;
    }
    match (&a.form, &b.form) {
        (SealForm::Text { style, trim, pad }, SealForm::Text { style: other_style, trim: other_trim, pad: other_pad }) => {
            // Of two lengths each value would keep its own, which nothing tells here.
            let pad = if pad == other_pad { *pad } else { 0 };
            (style == other_style)
                .then(|| SealSpec { form: SealForm::Text { style: style.clone(), trim: *trim && *other_trim, pad }, ..a.clone() })
        }
        (SealForm::Uuid, SealForm::Uuid) | (SealForm::Int8, SealForm::Int8) => Some(a.clone()),
        (SealForm::Token(one), SealForm::Token(other)) => {
            let trim = one.trim && other.trim;
            let alike = |t: &TokenForm| TokenForm { trim, ..t.clone() };
            (alike(one) == alike(other)).then(|| SealSpec { form: SealForm::Token(alike(one)), ..a.clone() })
        }
        (SealForm::Text { .. } | SealForm::Uuid | SealForm::Int8 | SealForm::Token(_), _) => None,
    }
}

/// The type that Postgres gives to a place of both (PostgreSQL documentation, 10.5), where equality in it is that of pseudonyms.
fn common_type(a: &SealedType, b: &SealedType) -> Option<SealedType> {
    match (a.base, b.base) {
        (x, y) if x == y => Some(SealedType { collation: a.collation.clone().filter(|c| b.collation.as_ref() == Some(c)), ..a.clone() }),
        (BaseType::Text | BaseType::Varchar | BaseType::Citext, BaseType::Text)
        | (BaseType::Text, BaseType::Varchar | BaseType::Citext) => Some(SealedType::plain(BaseType::Text)),
        (BaseType::Varchar, BaseType::Citext) | (BaseType::Citext, BaseType::Varchar) => Some(SealedType::plain(BaseType::Varchar)),
        _ => None,
    }
}

/// `=` of a bpchar and a text is that of texts; in a place of both it would be that of whichever stands first.
fn text_beside_bpchar(a: &SealedType, b: &SealedType) -> Option<SealedType> {
    matches!((a.base, b.base), (BaseType::Text, BaseType::Bpchar) | (BaseType::Bpchar, BaseType::Text))
        .then(|| SealedType::plain(BaseType::Text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(class: &str, base: BaseType) -> Label {
        let form = match base {
            BaseType::Uuid => SealForm::Uuid,
            BaseType::Int8 => SealForm::Int8,
            BaseType::Bpchar => match SealForm::digits("", 32) {
                SealForm::Text { style, pad, .. } => SealForm::Text { style, trim: true, pad },
                other => other,
            },
            _ => SealForm::digits("", 32),
        };
        let spec = Arc::new(SealSpec::of(class, form));
        Label::Sealed(Sealed { spec, column: String::new(), rule: String::new(), ty: Arc::new(SealedType::plain(base)) })
    }

    fn array(of: Label) -> Label {
        match of {
            Label::Sealed(s) => Label::SealedArray(s),
            other => other,
        }
    }

    #[test]
    fn only_one_class_and_kind_meet() {
        let all = [BaseType::Text, BaseType::Varchar, BaseType::Bpchar, BaseType::Citext, BaseType::Uuid, BaseType::Int8];
        let bytewise = [BaseType::Text, BaseType::Varchar, BaseType::Citext];
        for a in all {
            for b in all {
                let (x, y) = (label("email", a), label("email", b));
                let share = a == b || bytewise.contains(&a) && bytewise.contains(&b);
                let compared = share || matches!((a, b), (BaseType::Text, BaseType::Bpchar) | (BaseType::Bpchar, BaseType::Text));
                assert_eq!(join(x.clone(), y.clone()).is_ok(), share, "{a:?} {b:?}");
                assert_eq!(compare(x.clone(), y.clone()).is_ok(), compared, "{a:?} {b:?}");
                assert!(compare(x.clone(), label("other", b)).is_err() && compare(x.clone(), array(y.clone())).is_err());
                assert_eq!(join(array(x.clone()), array(y)).is_ok(), share);
                assert!(matches!(join(x.clone(), Label::Clear), Err(Clash::Unsealed(_))));
                assert!(matches!(join(Label::Clear, array(x.clone())), Err(Clash::Unsealed(_))));
                assert!(join(x, Label::Null).is_ok());
            }
        }
    }
}
