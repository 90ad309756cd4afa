//! Which of two masks shows more.

use std::cmp::Ordering;

use crate::mask::MaskSpec;
use crate::mask::spec::{Noise, Unit, Width};

/// What a change of a mask means for what can be learned of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// More can be learned.
    Clearer,
    /// Something else can be learned: it must be looked at as if it were more.
    Other,
    /// As much as before, in another form.
    Form,
    /// Less can be learned.
    Masked,
}

impl Change {
    /// A reviewer must see it.
    pub fn may_show_more(self) -> bool {
        matches!(self, Change::Clearer | Change::Other)
    }

    fn of(ordering: Option<Ordering>) -> Change {
        match ordering {
            Some(Ordering::Greater) => Change::Clearer,
            Some(Ordering::Equal) => Change::Form,
            Some(Ordering::Less) => Change::Masked,
            None => Change::Other,
        }
    }
}

/// What changes from one mask to another. Masks that are not known to be comparable are [`Change::Other`].
pub fn change(old: &MaskSpec, new: &MaskSpec) -> Change {
    Change::of(ordering(old, new))
}

fn ordering(old: &MaskSpec, new: &MaskSpec) -> Option<Ordering> {
    match (old, new) {
        (old, new) if old == new => Some(Ordering::Equal),
        (MaskSpec::Clear, _) => Some(Ordering::Less),
        (_, MaskSpec::Clear) => Some(Ordering::Greater),
        (old, new) if shows_nothing(old) && shows_nothing(new) => Some(Ordering::Equal),
        (_, new) if shows_nothing(new) => Some(Ordering::Less),
        (old, _) if shows_nothing(old) => Some(Ordering::Greater),
        (MaskSpec::Keep(a), MaskSpec::Keep(b)) => {
            both(b.first.cmp(&a.first), b.last.cmp(&a.last)).and_then(|ends| both(ends, b.separators.cmp(&a.separators)))
        }
        (MaskSpec::Truncate(a), MaskSpec::Truncate(b)) => units(*a, *b),
        (MaskSpec::Bucket(a), MaskSpec::Bucket(b)) => widths(a, b),
        (MaskSpec::Network { v4: a4, v6: a6 }, MaskSpec::Network { v4: b4, v6: b6 }) => both(b4.cmp(a4), b6.cmp(a6)),
        (MaskSpec::Shift(a), MaskSpec::Shift(b)) if a.by == b.by => Some(a.days.cmp(&b.days)),
        (MaskSpec::Noise(a), MaskSpec::Noise(b)) => noises(a, b),
        (MaskSpec::When(a), MaskSpec::When(b)) if a.condition == b.condition => {
            both(ordering(&a.then, &b.then)?, ordering(&a.otherwise, &b.otherwise)?)
        }
        // Equal values stay equal, whatever a pseudonym looks like.
        (MaskSpec::Hash { .. }, MaskSpec::Hash { .. }) | (MaskSpec::Email { .. }, MaskSpec::Email { .. }) => Some(Ordering::Equal),
        // The domain shows.
        (MaskSpec::Hash { .. }, MaskSpec::Email { .. }) => Some(Ordering::Greater),
        (MaskSpec::Email { .. }, MaskSpec::Hash { .. }) => Some(Ordering::Less),
        // Different values may have the same fake.
        (MaskSpec::Hash { .. } | MaskSpec::Token { .. }, MaskSpec::Fake(_)) => Some(Ordering::Less),
        (MaskSpec::Fake(_), MaskSpec::Hash { .. } | MaskSpec::Token { .. }) => Some(Ordering::Greater),
        (MaskSpec::Token { digits: a, .. }, MaskSpec::Token { digits: b, .. }) if a != b => None,
        (MaskSpec::Token { bucket: a, .. }, MaskSpec::Token { bucket: b, .. }) => multiple(*a as u64, *b as u64),
        // A token can be searched by, and shows its length up to the bucket.
        (MaskSpec::Token { .. }, MaskSpec::Hash { .. }) => Some(Ordering::Less),
        (MaskSpec::Hash { .. }, MaskSpec::Token { .. }) => Some(Ordering::Greater),
        _ => None,
    }
}

fn shows_nothing(spec: &MaskSpec) -> bool {
    matches!(spec, MaskSpec::Null | MaskSpec::Redact(_) | MaskSpec::Refuse)
}

fn both(a: Ordering, b: Ordering) -> Option<Ordering> {
    match (a, b) {
        (Ordering::Equal, other) | (other, Ordering::Equal) => Some(other),
        (a, b) => (a == b).then_some(a),
    }
}

/// A coarser unit follows from a finer one, but for weeks, which months cut.
fn units(old: Unit, new: Unit) -> Option<Ordering> {
    let place = |unit: Unit| Unit::ALL.iter().position(|u| *u == unit);
    let cut = |unit: Unit| matches!(unit, Unit::Month | Unit::Quarter | Unit::Year | Unit::Decade | Unit::Century);
    if (old == Unit::Week && cut(new)) || (new == Unit::Week && cut(old)) {
        return None;
    }
    Some(place(old)?.cmp(&place(new)?))
}

/// The less a value moves, the more shows.
fn noises(old: &Noise, new: &Noise) -> Option<Ordering> {
    let size = |width: &Width| width.decimal.parse::<f64>().ok();
    match (old, new) {
        (Noise::Amount(a), Noise::Amount(b)) | (Noise::Fraction(a), Noise::Fraction(b)) => size(a)?.partial_cmp(&size(b)?),
        (Noise::Amount(_), Noise::Fraction(_)) | (Noise::Fraction(_), Noise::Amount(_)) => None,
    }
}

fn widths(old: &Width, new: &Width) -> Option<Ordering> {
    match (old.whole, new.whole) {
        (Some(old), Some(new)) => multiple(old.unsigned_abs(), new.unsigned_abs()),
        _ => None,
    }
}

/// A bucket follows from another whose width divides its own.
fn multiple(old: u64, new: u64) -> Option<Ordering> {
    match (new.checked_rem(old)?, old.checked_rem(new)?) {
        (0, 0) => Some(Ordering::Equal),
        (0, _) => Some(Ordering::Less),
        (_, 0) => Some(Ordering::Greater),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::fake::{Fake, FakeKind, Locale};
    use crate::mask::spec::{Constant, Keep, Shift, When};
    use crate::mask::veil::sql::Condition;

    fn keep(first: u32, last: u32) -> MaskSpec {
        MaskSpec::Keep(Keep { first, last, fill: '*', separators: false })
    }

    fn bucket(n: i64) -> MaskSpec {
        MaskSpec::Bucket(Width { decimal: n.to_string(), whole: Some(n) })
    }

    fn shift(days: u32, by: &str) -> MaskSpec {
        MaskSpec::Shift(Shift { by: vec![(None, vec![by.to_owned()])], days })
    }

    fn when(condition: &str, then: MaskSpec) -> MaskSpec {
        let condition = Condition::read(condition).unwrap();
        MaskSpec::When(Box::new(When { condition, then, otherwise: MaskSpec::Redact(None) }))
    }

    fn noise(fraction: &str) -> MaskSpec {
        MaskSpec::Noise(Noise::Fraction(Width { decimal: fraction.into(), whole: None }))
    }

    #[test]
    fn more_is_told_from_less() {
        let token = |bucket| MaskSpec::Token { prefix: String::new(), bucket, digits: false };
        let digits = MaskSpec::Token { prefix: String::new(), bucket: 32, digits: true };
        let hash = MaskSpec::Hash { prefix: String::new(), length: 32 };
        let email = MaskSpec::Email { prefix: String::new(), length: 32 };
        let fake = |locale| MaskSpec::Fake(Fake { kind: FakeKind::City, locale });
        let separated = MaskSpec::Keep(Keep { first: 0, last: 2, fill: '*', separators: true });
        let cases = [
            (MaskSpec::Null, MaskSpec::Clear, Change::Clearer),
            (MaskSpec::Clear, hash.clone(), Change::Masked),
            (MaskSpec::Null, MaskSpec::Redact(Some(Constant::Text("x".into()))), Change::Form),
            (MaskSpec::Refuse, MaskSpec::Null, Change::Form),
            (keep(0, 2), keep(0, 4), Change::Clearer),
            (keep(1, 2), keep(0, 2), Change::Masked),
            (keep(1, 2), keep(2, 1), Change::Other),
            (MaskSpec::Truncate(Unit::Year), MaskSpec::Truncate(Unit::Month), Change::Clearer),
            (MaskSpec::Truncate(Unit::Day), MaskSpec::Truncate(Unit::Week), Change::Masked),
            (MaskSpec::Truncate(Unit::Week), MaskSpec::Truncate(Unit::Month), Change::Other),
            (bucket(1000), bucket(10_000), Change::Masked),
            (bucket(10_000), bucket(5_000), Change::Clearer),
            (bucket(10_000), bucket(15_000), Change::Other),
            (MaskSpec::Network { v4: 24, v6: 48 }, MaskSpec::Network { v4: 16, v6: 48 }, Change::Masked),
            (shift(30, "id"), shift(60, "id"), Change::Masked),
            (shift(30, "id"), shift(30, "tenant"), Change::Other),
            (MaskSpec::Truncate(Unit::Year), shift(30, "id"), Change::Other),
            (when("a = 1", keep(0, 2)), when("a = 1", keep(0, 1)), Change::Masked),
            (when("a = 1", keep(0, 2)), when("a = 2", keep(0, 2)), Change::Other),
            (when("a = 1", MaskSpec::Clear), MaskSpec::Null, Change::Masked),
            (MaskSpec::Clear, when("a = 1", MaskSpec::Clear), Change::Masked),
            (noise("0.2"), noise("0.1"), Change::Clearer),
            (noise("0.2"), MaskSpec::Noise(Noise::Amount(Width { decimal: "5".into(), whole: Some(5) })), Change::Other),
            (hash.clone(), token(32), Change::Clearer),
            (token(64), token(32), Change::Clearer),
            (hash.clone(), email.clone(), Change::Clearer),
            (email.clone(), token(32), Change::Other),
            (fake(Locale::De), token(32), Change::Clearer),
            (fake(Locale::De), fake(Locale::Fr), Change::Other),
            (hash.clone(), fake(Locale::En), Change::Masked),
            (token(32), digits, Change::Other),
            (keep(0, 2), separated.clone(), Change::Clearer),
            (keep(1, 2), separated, Change::Other),
            (hash.clone(), keep(0, 2), Change::Other),
            (hash.clone(), MaskSpec::Null, Change::Masked),
        ];
        for (old, new, expected) in cases {
            assert_eq!(change(&old, &new), expected, "{old:?} to {new:?}");
        }
    }

    #[test]
    fn the_way_back_is_the_opposite() {
        let all = [MaskSpec::Clear, MaskSpec::Null, keep(0, 2), keep(1, 2), bucket(10), bucket(20), MaskSpec::Truncate(Unit::Week)];
        for (old, new) in all.iter().flat_map(|a| all.iter().map(move |b| (a, b))) {
            let opposite = match change(old, new) {
                Change::Clearer => Change::Masked,
                Change::Masked => Change::Clearer,
                same => same,
            };
            assert_eq!(change(new, old), opposite);
        }
    }
}
