//! Conditions of two roles: which holds more often.

use std::fmt;

use super::looks::Change;
use crate::policy::Conditions;
use crate::policy::conditions::hours::Hours;
use crate::policy::conditions::{AnyOf, Application, Network};

/// A key, as it was and as it is, and what it means that it is another.
pub(super) type Changed = (&'static str, String, String, Change);

/// Those that differ.
pub(super) fn differences(old: &[Conditions], new: &[Conditions]) -> Vec<Changed> {
    let applications = |a: &[Application], b: &[Application]| a.iter().all(|one| b.iter().any(|other| one.is_within(other)));
    [
        one("when.networks", old, new, |all| all.networks.as_ref(), networks),
        one("when.hours", old, new, |all| all.hours.as_ref(), hours),
        one("when.applications", old, new, |all| all.applications.as_ref(), applications),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `within`: whether each case that the first alternatives allow the second allow too.
fn one<T: fmt::Display>(
    key: &'static str,
    old: &[Conditions],
    new: &[Conditions],
    of: fn(&Conditions) -> Option<&AnyOf<T>>,
    within: impl Fn(&[T], &[T]) -> bool,
) -> Option<Changed> {
    let [old, new] = [old, new].map(|all| all.iter().filter_map(of).collect::<Vec<_>>());
    // Each that holds now held before, if for each there was one that was as strict.
    let all_in = |these: &[&AnyOf<T>], those: &[&AnyOf<T>]| those.iter().all(|that| these.iter().any(|this| within(&this.any, &that.any)));
    let change = match (all_in(&old, &new), all_in(&new, &old)) {
        (true, true) => return None,
        (true, false) => Change::Clearer,
        (false, true) => Change::Masked,
        (false, false) => Change::Other,
    };
    let text = |all: &[&AnyOf<T>]| match all {
        [] => "—".to_owned(),
        _ => all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "),
    };
    Some((key, text(&old), text(&new), change))
}

/// The first and the last number of each, of IPv4 and of IPv6 apart.
type Range = (bool, u128, u128);

fn networks(a: &[Network], b: &[Network]) -> bool {
    let ranges = |networks: &[Network]| networks.iter().map(Network::range).collect();
    lie_in(ranges(a), ranges(b))
}

fn hours(a: &[Hours], b: &[Hours]) -> bool {
    let week = |hours: &Hours| hours.week().into_iter().map(|(first, last)| (false, first.into(), last.into()));
    // By two clocks they are not compared.
    a.iter().all(|one| lie_in(week(one).collect(), b.iter().filter(|other| other.is_by_the_clock_of(one)).flat_map(week).collect()))
}

/// Whether each number of the first ones is in one of the second.
fn lie_in(inner: Vec<Range>, mut outer: Vec<Range>) -> bool {
    outer.sort_unstable();
    let mut joined: Vec<Range> = Vec::new();
    for (family, first, last) in outer {
        match joined.last_mut() {
            Some(before) if before.0 == family && first <= before.2.saturating_add(1) => before.2 = before.2.max(last),
            _ => joined.push((family, first, last)),
        }
    }
    inner.into_iter().all(|(family, first, last)| joined.iter().any(|whole| whole.0 == family && whole.1 <= first && last <= whole.2))
}

#[cfg(test)]
mod tests {
    use crate::Policy;
    use crate::report::diff::{Subject, diff};

    fn told(old: &str, new: &str) -> Vec<String> {
        let of = |when: &str| Policy::parse("p", &format!("version = 1\n[role.r]\n{when}\n")).unwrap();
        let found = diff(&of(old), &of(new), None).unwrap();
        assert!(found.iter().all(|d| d.subject == Subject::Right && d.role == "r"));
        found.into_iter().map(|d| format!("{:?} {} {} -> {}", d.change, d.name, d.before, d.after)).collect()
    }

    #[track_caller]
    fn change(key: &str, tight: &str, loose: &str) {
        let of = |value: &str| if value.is_empty() { String::new() } else { format!("when.{key} = {value}") };
        let both = [told(&of(tight), &of(loose)), told(&of(loose), &of(tight))];
        assert!(both[0].len() == 1 && both[0][0].starts_with(&format!("Clearer when.{key} ")), "{both:?}");
        assert!(both[1].len() == 1 && both[1][0].starts_with(&format!("Masked when.{key} ")), "{both:?}");
    }

    #[test]
    fn what_holds_more_often_shows_more() {
        change("networks", r#"["10.0.0.0/8"]"#, "");
        change("networks", r#"["10.1.0.0/16"]"#, r#"["10.0.0.0/8"]"#);
        change("networks", r#"["10.0.0.0/9", "10.128.0.0/10"]"#, r#"["10.0.0.0/8", "::/0"]"#);
        change("hours", r#"{ from = "08:00" }"#, "");
        change("hours", r#"{ from = "08:00", to = "18:00" }"#, r#"{ from = "07:00", to = "18:00" }"#);
        change("hours", r#"{ days = ["sun"], from = "22:00", to = "02:00" }"#, r#"{ days = ["sun", "mon"] }"#);
        change("applications", r#"["psql"]"#, "");
        change("applications", r#"["psql", "a*"]"#, r#"["p*", "a*"]"#);
        assert_eq!(
            told(r#"when.networks = ["10.0.0.0/8"]"#, r#"when.networks = ["10.0.0.0/8", "192.0.2.7"]"#),
            ["Clearer when.networks 10.0.0.0/8 -> 10.0.0.0/8, 192.0.2.7"]
        );
    }

    #[test]
    fn what_is_the_same_is_not_told() {
        for (key, one, other) in [
            ("networks", r#"["10.0.0.0/9", "10.128.0.0/9"]"#, r#"["10.0.0.0/8"]"#),
            ("networks", r#"["192.0.2.7"]"#, r#"["192.0.2.7/32"]"#),
            ("hours", r#"[{ from = "08:00", to = "12:00" }, { from = "12:00", to = "18:00" }]"#, r#"{ from = "08:00", to = "18:00" }"#),
            ("hours", r#"{ from = "22:00", to = "00:00" }"#, r#"{ from = "22:00", zone = "UTC" }"#),
            ("applications", r#"["a", "b"]"#, r#"["b", "a"]"#),
        ] {
            assert_eq!(told(&format!("when.{key} = {one}"), &format!("when.{key} = {other}")), [""; 0], "{one} {other}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_something_else() {
        for (key, one, other) in [
            ("networks", r#"["0.0.0.0/0"]"#, r#"["::/0"]"#),
            ("hours", r#"{ from = "08:00" }"#, r#"{ from = "08:00", zone = "Europe/Berlin" }"#),
            ("hours", r#"{ from = "08:00", to = "18:00" }"#, r#"{ from = "09:00", to = "19:00" }"#),
            ("applications", r#"["a*"]"#, r#"["*a"]"#),
        ] {
            let found = told(&format!("when.{key} = {one}"), &format!("when.{key} = {other}"));
            assert!(found.len() == 1 && found[0].starts_with("Other "), "{found:?}");
        }
    }

    #[test]
    fn conditions_of_parents_count() {
        let parents = "when.networks = [\"10.0.0.0/8\"]\n[role.p]\nwhen.networks = [\"10.1.0.0/16\"]\n[role.h]\ninherits = ";
        let of = |inherits: &str| Policy::parse("p", &format!("version = 1\n[role.r]\n{parents}{inherits}\n")).unwrap();
        let told = |old: &str, new: &str| {
            diff(&of(old), &of(new), None)
                .unwrap()
                .into_iter()
                .map(|d| format!("{:?} {} {}", d.change, d.before, d.after))
                .collect::<Vec<_>>()
        };
        assert_eq!(told("\"r\"", "[\"r\", \"p\"]"), ["Masked 10.0.0.0/8 10.0.0.0/8 and 10.1.0.0/16"]);
        assert_eq!(told("[\"r\", \"p\"]", "\"r\""), ["Clearer 10.0.0.0/8 and 10.1.0.0/16 10.0.0.0/8"]);
        assert_eq!(told("[\"r\", \"p\"]", "\"p\""), [""; 0]);
    }
}
