//! `inherits`: what a role does not say itself it has from its parents.
//!
//! Worked out when the policy is read: what comes out is a role that says all itself, and nothing else knows of parents. What adds rights
//! (functions, schemas, channels) adds up, row filters as well; of masks and switches the nearest counts, and two parents that do not
//! agree are an error.

use std::collections::BTreeMap;
use std::ops::Range;

use super::faults::{Faults, suggest};
use super::{Limits, Role, RoleMask, RowRule, keyed};

/// A role as its table says it.
pub(super) struct Heir<'i> {
    pub role: Role,
    /// Switches that it says itself.
    pub says: Vec<&'static str>,
    /// Each with its place.
    pub parents: Vec<(&'i str, Option<Range<usize>>)>,
    /// Of its own masks.
    pub places: Places,
}

/// Places in the file, by class.
pub(super) type Places = BTreeMap<String, Option<Range<usize>>>;

/// A switch that is inherited.
struct Switch {
    key: &'static str,
    shown: fn(&Role) -> String,
    take: fn(&mut Role, &Role),
}

const SWITCHES: [Switch; 3] = [
    Switch { key: "default", shown: |role| format!("{:?}", role.default).to_lowercase(), take: |role, from| role.default = from.default },
    Switch { key: "read_only", shown: |role| role.read_only.to_string(), take: |role, from| role.read_only = from.read_only },
    Switch { key: "trusted_code", shown: |role| role.trusted_code.to_string(), take: |role, from| role.trusted_code = from.trusted_code },
];

/// A role with all that it has, and the switches that it or one of those it inherits from says.
type Whole = (Role, Vec<&'static str>);

/// The roles with all that they have from others, in their order.
pub(super) fn resolve(faults: &mut Faults<'_>, heirs: Vec<Heir<'_>>) -> Vec<Role> {
    let names: Vec<String> = heirs.iter().map(|heir| heir.role.name.clone()).collect();
    let mut of: BTreeMap<String, Heir<'_>> = BTreeMap::new();
    for heir in heirs {
        for (parent, at) in heir.parents.iter().filter(|(parent, _)| !names.iter().any(|name| name == parent)) {
            let message = format!("role {} inherits from the role `{parent}`, which is not defined", heir.role.name);
            faults.add(at.clone(), message, suggest(parent, names.iter().map(String::as_str)));
        }
        of.insert(heir.role.name.clone(), heir);
    }
    let mut done: BTreeMap<String, Whole> = BTreeMap::new();
    for name in &names {
        visit(faults, name, &of, &mut Vec::new(), &mut done);
    }
    names.iter().filter_map(|name| done.remove(name)).map(|(role, _)| role).collect()
}

/// `below`: the roles that led here, the first of them first.
fn visit(
    faults: &mut Faults<'_>,
    name: &str,
    of: &BTreeMap<String, Heir<'_>>,
    below: &mut Vec<String>,
    done: &mut BTreeMap<String, Whole>,
) {
    let Some(heir) = of.get(name).filter(|_| !done.contains_key(name)) else { return };
    below.push(name.to_owned());
    for (parent, at) in &heir.parents {
        match below.iter().position(|b| b == parent) {
            Some(start) => {
                let circle: Vec<&str> = below.iter().skip(start).map(String::as_str).chain([*parent]).collect();
                let message = format!("role {parent} inherits from itself: {}", circle.join(" inherits from "));
                faults.add(at.clone(), message, "take one of these out");
            }
            None => visit(faults, parent, of, below, done),
        }
    }
    below.pop();
    // In a circle one of them is not there: that is a fault already.
    let parents: Vec<&Whole> = heir.parents.iter().filter_map(|(parent, _)| done.get(*parent)).collect();
    let whole = with_parents(faults, heir, &parents);
    done.insert(name.to_owned(), whole);
}

fn with_parents(faults: &mut Faults<'_>, heir: &Heir<'_>, parents: &[&Whole]) -> Whole {
    let (mut role, mut says) = (heir.role.clone(), heir.says.clone());
    let at = heir.parents.first().and_then(|(_, at)| at.clone());
    let mut differ = |what: &str, one: (&str, &str), other: (&str, &str), instead: String| {
        let (name, (from, is), (from_other, is_other)) = (&heir.role.name, one, other);
        faults.add(at.clone(), format!("role {name} inherits {what} {is} from role {from} and {is_other} from role {from_other}"), instead);
    };
    for Switch { key, shown, take } in SWITCHES.iter().filter(|switch| !heir.says.contains(&switch.key)) {
        let mut saying = parents.iter().filter(|(_, says)| says.contains(key)).map(|(parent, _)| parent);
        let Some(first) = saying.next() else { continue };
        if let Some(other) = saying.find(|other| shown(other) != shown(first)) {
            let help = format!("say `{key}` in [role.{}]", heir.role.name);
            differ(&format!("`{key}`"), (&first.name, &shown(first)), (&other.name, &shown(other)), help);
        }
        take(&mut role, first);
        says.push(key);
    }
    let mut from: BTreeMap<&str, &Role> = BTreeMap::new();
    for (parent, _) in parents {
        for (class, mask) in parent.masks.iter().filter(|(class, _)| !heir.role.masks.contains_key(*class)) {
            let other = *from.entry(class).or_insert(parent);
            let taken = role.masks.entry(class.clone()).or_insert_with(|| mask.clone());
            if !is_same(taken, mask) {
                let help = format!("say what `{class}` looks like in [role.{}.mask]", heir.role.name);
                let what = format!("for class {class} the mask");
                differ(&what, (&other.name, &taken.written), (&parent.name, &mask.written), help);
            }
        }
        // The same of a common ancestor stands there already.
        let own = |rule: &RowRule| heir.role.rows.iter().any(|own| own.relation == rule.relation);
        add(&mut role.rows, parent.rows.iter().filter(|rule| !own(rule)));
        add(&mut role.writable_schemas, &parent.writable_schemas);
        add(&mut role.functions, &parent.functions);
        add(&mut role.channels, &parent.channels);
        add(&mut role.when, &parent.when);
    }
    if role.statements.is_none() {
        for (kinds, line) in parents.iter().filter_map(|(parent, _)| parent.statements.as_ref()) {
            add(&mut role.statements.get_or_insert((vec![], *line)).0, kinds);
        }
    }
    // The earliest, and the least: what holds for one of the parents holds for who has its rights.
    if role.expires.is_none() {
        role.expires = parents.iter().filter_map(|(parent, _)| parent.expires.clone()).min_by_key(|expiry| expiry.at);
    }
    role.limits = role.limits.or(parents.iter().fold(Limits::default(), |least, (parent, _)| least.least(parent.limits)));
    // Only now it is known whether the role may write.
    for (class, mask) in role.masks.iter().filter(|(_, mask)| mask.spec.is_for_readers() && (mask.writes || !role.read_only)) {
        keyed::refuse_writer(faults, heir.places.get(class).unwrap_or(&at).clone(), &role.name, &mask.spec);
    }
    (role, says)
}

fn is_same(one: &RoleMask, other: &RoleMask) -> bool {
    one.spec == other.spec && one.redacts_otherwise == other.redacts_otherwise && one.writes == other.writes
}

fn add<'t, T: Clone + PartialEq + 't>(own: &mut Vec<T>, more: impl IntoIterator<Item = &'t T>) {
    for one in more {
        if !own.contains(one) {
            own.push(one.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Policy;
    use crate::policy::{DefaultMask, PolicyError};
    use crate::report::diff::diff;

    const BASE: &str = r#"version = 1
[class.email]
columns = ["s.t.email"]
[class.name]
columns = ["s.t.name"]
[role.analyst]
read_only = true
writable_schemas = ["adhoc"]
functions = ["s.f"]
[role.analyst.mask]
email = "hash"
[role.analyst.rows]
"s.t" = "country = 'DE'"
"s.*" = "true"
"#;

    fn read(more: &str) -> Result<Policy, Vec<PolicyError>> {
        Policy::parse("policy.toml", &format!("{BASE}{more}"))
    }

    /// What a role may not have with the right to write, it may not have by inheritance either; and may where it inherits that it has none.
    #[test]
    fn masks_for_readers_are_inherited_by_readers() {
        let shift = "mask.name = { when = \"country = 'DE'\", then = \"clear\" }\n";
        let reader = format!("[role.base]\nread_only = true\n{shift}");
        let writer = faults(&format!("{reader}[role.writer]\ninherits = \"base\"\nread_only = false\n"));
        let [(line, message, _)] = writer.as_slice() else { panic!("{writer:?}") };
        assert_eq!(*line, 19, "where it inherits");
        assert!(message.contains("is for roles that may not write: role writer could write what the condition reads"), "{message}");
        let own = faults(&format!("[role.writer]\nread_only = false\n{shift}"));
        assert_eq!((own[0].0, own.len()), (17, 1), "{own:?}");
        let heir = read(&format!("[role.base]\nread_only = true\n[role.heir]\ninherits = \"base\"\n{shift}")).unwrap();
        assert!(heir.roles["heir"].read_only && heir.roles["heir"].masks["name"].spec.is_for_readers());
    }

    fn faults(more: &str) -> Vec<(usize, String, String)> {
        let one = |e: PolicyError| (e.line, e.message, e.help.unwrap_or_default());
        read(more).unwrap_err().into_iter().map(one).collect()
    }

    #[test]
    fn what_a_role_does_not_say_it_has_from_its_parent() {
        let policy = read(
            "[role.junior]\ninherits = \"senior\"\nfunctions = [\"s.g\"]\nrows.\"s.t\" = \"id > 1\"\n\
             [role.senior]\ninherits = \"analyst\"\nread_only = false\ndefault = \"clear\"\nmask.name = \"null\"\n",
        )
        .unwrap();
        let [analyst, junior, senior] = ["analyst", "junior", "senior"].map(|name| &policy.roles[name]);
        assert_eq!(
            (senior.read_only, senior.default, junior.read_only, junior.default),
            (false, DefaultMask::Clear, false, DefaultMask::Clear)
        );
        assert_eq!(junior.masks.keys().collect::<Vec<_>>(), ["email", "name"]);
        assert_eq!((junior.masks["email"].line, junior.masks["name"].line), (11, 23), "where it is written");
        let rows: Vec<_> = junior.rows.iter().map(|r| (r.relation.to_string(), r.sql.as_str(), r.line)).collect();
        assert_eq!(rows, [("s.t".to_owned(), "id > 1", 18), ("s.*".to_owned(), "true", 14)]);
        assert_eq!(senior.rows, analyst.rows);
        assert_eq!(junior.functions.iter().map(|(_, f)| f.as_str()).collect::<Vec<_>>(), ["g", "f"]);
        assert_eq!(junior.writable_schemas, ["adhoc"]);
        assert_eq!((junior.name.as_str(), junior.line), ("junior", 15));
    }

    #[test]
    fn parents_that_do_not_agree_are_an_error() {
        let support = "[role.support]\nread_only = true\nmask.email = \"null\"\n[role.both]\ninherits = [\"analyst\", \"support\"]\n";
        let help = "say what `email` looks like in [role.both.mask]";
        let message = "role both inherits for class email the mask \"hash\" from role analyst and \"null\" from role support";
        assert_eq!(faults(support), [(19, message.to_owned(), help.to_owned())]);
        let both = &read(&format!("{support}mask.email = \"redact\"\n")).unwrap().roles["both"];
        assert!(both.read_only && both.rows.len() == 2 && both.masks.len() == 1);
        let writer = "[role.w]\nread_only = false\n[role.both]\ninherits = [\"analyst\", \"w\"]\n";
        assert_eq!(faults(writer)[0].1, "role both inherits `read_only` true from role analyst and false from role w");
        // Who says nothing of it agrees.
        let rows = "[role.o]\nrows.\"s.t\" = \"id > 1\"\n[role.both]\ninherits = [\"o\", \"analyst\"]\n";
        let both = &read(rows).unwrap().roles["both"];
        assert!(both.read_only && both.masks.contains_key("email"));
        assert_eq!(both.rows.iter().map(|r| r.sql.as_str()).collect::<Vec<_>>(), ["id > 1", "country = 'DE'", "true"], "all of them hold");
        // A common ancestor's row filter counts once.
        let diamond = "[role.a]\ninherits = \"analyst\"\n[role.b]\ninherits = \"analyst\"\n[role.c]\ninherits = [\"a\", \"b\"]\n";
        assert_eq!(read(diamond).unwrap().roles["c"].rows.len(), 2);
    }

    #[test]
    fn a_change_of_a_parent_is_one_of_its_heirs() {
        let heir = "[role.junior]\ninherits = \"analyst\"\n";
        let of = |text: &str| Policy::parse("policy.toml", text).unwrap();
        let (before, more) = (
            of(&format!("{BASE}{heir}")),
            of(&format!("{BASE}{heir}limits.seconds = 5\nexpires = 2027-01-01\nstatements = [\"select\"]\n")),
        );
        let after = of(&format!("{}{heir}", BASE.replace("\"hash\"", "\"clear\"").replace("country = 'DE'", "owner = {user}")));
        let told = |old: &Policy, new: &Policy| {
            let found = diff(old, new, None).unwrap();
            found.into_iter().map(|d| format!("{:?} {} {} {} -> {}", d.change, d.role, d.name, d.before, d.after)).collect::<Vec<_>>()
        };
        assert_eq!(
            told(&before, &after),
            [
                "Clearer analyst s.t.email \"hash\" -> \"clear\"",
                "Clearer junior s.t.email \"hash\" -> \"clear\"",
                "Other analyst s.t country = 'DE' -> owner = {user}",
                "Other junior s.t country = 'DE' -> owner = {user}",
            ]
        );
        let limits = told(&before, &more);
        assert!(limits.iter().all(|line| line.starts_with("Masked junior ")), "{limits:?}");
        assert!(limits.contains(&"Masked junior limits.seconds — -> 5".to_owned()), "{limits:?}");
        assert!(limits.contains(&"Masked junior expires — -> 2027-01-01".to_owned()), "{limits:?}");
        assert_eq!(limits.len(), 10, "two limits and eight kinds of statements: {limits:?}");
        assert!(told(&more, &before).iter().all(|line| line.starts_with("Clearer junior ")));
    }

    #[test]
    fn of_each_limit_the_least_is_inherited() {
        let more = "[role.o]\nlimits.seconds = 5\nlimits.rows = 7\n[role.p]\nlimits = { seconds = 4, rows = 9, bytes = 100 }\n\
                    [role.both]\ninherits = [\"o\", \"p\"]\n[role.own]\ninherits = [\"o\", \"p\"]\nlimits.rows = 8\n\
                    [role.none]\ninherits = \"analyst\"\n";
        let policy = read(more).unwrap();
        let of = |role: &str| {
            let limits = policy.roles[role].limits;
            [limits.seconds, limits.rows, limits.bytes].map(|limit| limit.map(|limit| limit.most))
        };
        assert_eq!(of("both"), [Some(4), Some(7), Some(100)]);
        assert_eq!(of("own"), [Some(4), Some(8), Some(100)]);
        assert_eq!(of("none"), [None; 3]);
        assert!(policy.roles["none"].limits.is_none());
        // Each has its own line.
        let both = policy.roles["both"].limits;
        assert_eq!(both.rows.unwrap().line + 2, both.bytes.unwrap().line);
        for (text, most) in [
            ("rows = 0", 1_000_000_000_000_000_u64),
            ("bytes = -1", 1_000_000_000_000_000),
            ("rows = 1000000000000001", 1_000_000_000_000_000),
            ("bytes = \"1 MB\"", 1_000_000_000_000_000),
            ("seconds = 2147484", 2_147_483),
        ] {
            let key = text.split(' ').next().unwrap();
            let said = &faults(&format!("[role.o]\nlimits.{text}\n"))[0].1;
            assert_eq!(*said, format!("`{key}` of role o must be a whole number from 1 to {most}"), "{text}");
        }
    }

    #[test]
    fn a_change_of_a_limit_is_one_of_the_role() {
        let of = |limits: &str| Policy::parse("p", &format!("{BASE}[role.o]\n{limits}\n")).unwrap();
        let told = |old: &str, new: &str| {
            let found = diff(&of(old), &of(new), None).unwrap();
            found.into_iter().map(|d| format!("{:?} {} {} -> {}", d.change, d.name, d.before, d.after)).collect::<Vec<_>>()
        };
        assert_eq!(told("limits.rows = 5", "limits.rows = 6"), ["Clearer limits.rows 5 -> 6"]);
        assert_eq!(told("limits.bytes = 5", ""), ["Clearer limits.bytes 5 -> —"]);
        assert_eq!(told("", "limits.bytes = 5\nlimits.rows = 4"), ["Masked limits.bytes — -> 5", "Masked limits.rows — -> 4"]);
    }

    #[test]
    fn circles_and_strangers_are_errors() {
        assert_eq!(
            faults("[role.a]\ninherits = \"b\"\n[role.b]\ninherits = \"a\"\n"),
            [(18, "role a inherits from itself: a inherits from b inherits from a".to_owned(), "take one of these out".to_owned())]
        );
        assert_eq!(faults("[role.a]\ninherits = \"a\"\n")[0].1, "role a inherits from itself: a inherits from a");
        assert_eq!(
            faults("[role.a]\ninherits = [\"analist\"]\n"),
            [(16, "role a inherits from the role `analist`, which is not defined".to_owned(), "did you mean `analyst`?".to_owned())]
        );
        for wrong in ["[role.a]\ninherits = 1\n", "[role.a]\ninherits = [1]\n", "[role.a]\ninherits = [\"analyst\", \"analyst\"]\n"] {
            assert_eq!(faults(wrong).len(), 1, "{wrong}");
        }
    }
}
