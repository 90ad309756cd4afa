//! `[[exemption]]`: what one user sees in a role as it is stored, until when, and why.
//!
//! Sessions of that user are judged by a role of their own, made from the role: the classes are clear, and nothing may be written or sent to
//! others, so that what is seen does not stay where others read it. Whether an exemption lasts, only who knows the time can say.

use std::collections::BTreeMap;

use toml_edit::TableLike;

use super::faults::{Faults, suggest};
use super::parse::{article, key_span, known_keys, string, strings, tables};
use super::{DefaultMask, Policy, Role, RoleMask, expiry};
use crate::mask::MaskSpec;

/// Keys of an exemption.
pub(super) const KEYS: [&str; 5] = ["user", "role", "classes", "until", "reason"];

const HELP: &str = "write [[exemption]], and below it user, role, classes, until and reason";
const UNTIL: &str = "write `until = 2026-12-31T12:00:00Z`: date, time and offset, not in quotes";

/// What one user sees in a role as it is stored, for some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    /// Who logs in.
    pub user: String,
    /// In which role.
    pub role: String,
    /// What is shown.
    pub classes: Vec<String>,
    /// Seconds since the beginning of 1970, UTC: the first moment at which it does not last any more.
    pub until: i64,
    /// The same as the policy writes it.
    pub written: String,
    /// Why, for the audit log.
    pub reason: String,
    /// From 1.
    pub line: usize,
}

impl Exemption {
    /// The name of the role that sessions are judged by while it lasts.
    pub fn judged_as(&self) -> String {
        format!("{} (exemption of {})", self.role, self.user)
    }

    fn role_of(&self, base: &Role) -> Role {
        let clear = |class: &String| {
            let mask = RoleMask {
                spec: MaskSpec::Clear,
                redacts_otherwise: false,
                writes: false,
                written: "\"clear\"".to_owned(),
                line: self.line,
                column: 0,
            };
            (class.clone(), mask)
        };
        let mut role = Role {
            name: self.judged_as(),
            read_only: true,
            writable_schemas: Vec::new(),
            trusted_code: false,
            channels: Vec::new(),
            ..base.clone()
        };
        role.masks.extend(self.classes.iter().map(clear));
        role
    }
}

impl Policy {
    /// The exemption of a user in a role, whether or not it lasts.
    pub fn exemption(&self, user: &str, role: &str) -> Option<&Exemption> {
        self.exemptions.iter().find(|e| e.user == user && e.role == role)
    }

    /// Whether a role is one that an exemption makes.
    pub fn is_of_an_exemption(&self, role: &str) -> bool {
        self.exemptions.iter().any(|e| e.judged_as() == role)
    }
}

/// Reads the exemptions, and adds the roles that they make.
pub(super) fn exemptions(
    faults: &mut Faults<'_>,
    root: &dyn TableLike,
    roles: &mut BTreeMap<String, Role>,
    classes: &[&str],
) -> Vec<Exemption> {
    let mut found: Vec<Exemption> = Vec::new();
    for table in tables(faults, root, "exemption", HELP) {
        let place = table.iter().next().and_then(|(key, _)| key_span(table, key)).or(Some(0..0));
        let Some(exemption) = one(faults, table, roles, classes) else { continue };
        if found.iter().any(|e| (&e.user, &e.role) == (&exemption.user, &exemption.role)) || roles.contains_key(&exemption.judged_as()) {
            let message = format!("user {} has two exemptions in role {}", exemption.user, exemption.role);
            faults.add(place, message, "join them in one, or remove the one that has ended");
            continue;
        }
        found.push(exemption);
    }
    let made: Vec<Role> = found.iter().filter_map(|e| roles.get(&e.role).map(|base| e.role_of(base))).collect();
    roles.extend(made.into_iter().map(|role| (role.name.clone(), role)));
    found
}

fn one(faults: &mut Faults<'_>, table: &dyn TableLike, roles: &BTreeMap<String, Role>, known: &[&str]) -> Option<Exemption> {
    known_keys(faults, table, &KEYS, "in an exemption");
    let place = table.iter().next().and_then(|(key, _)| key_span(table, key)).or(Some(0..0));
    let line = faults.place(place.clone()).0;
    for key in KEYS.iter().filter(|key| !table.contains_key(key)) {
        faults.add(place.clone(), format!("an exemption has no `{key}`"), if *key == "until" { UNTIL } else { HELP });
    }
    let mut text = |key: &str| {
        let item = table.get(key)?;
        let found = string(faults, item, &format!("`{key}` of an exemption"))?.trim();
        if found.is_empty() {
            faults.add(item.span(), format!("`{key}` of an exemption is empty"), HELP);
        }
        Some(found.to_owned()).filter(|found| !found.is_empty())
    };
    let (user, role, reason) = (text("user"), text("role"), text("reason"));
    let base = role.as_ref().and_then(|role| roles.get(role));
    if let (Some(role), None) = (&role, base) {
        let message = format!("an exemption is for the role `{role}`, which is not defined");
        faults.add(table.get("role").and_then(toml_edit::Item::span), message, suggest(role, roles.keys().map(String::as_str)));
    }
    let mut classes: Vec<String> = Vec::new();
    for (class, at) in table.get("classes").map(|item| strings(faults, item, "`classes` of an exemption")).unwrap_or_default() {
        let is_clear = base.is_some_and(|base| match base.masks.get(class) {
            Some(mask) => mask.spec == MaskSpec::Clear,
            None => base.default == DefaultMask::Clear,
        });
        if !known.contains(&class) {
            faults.add(at, format!("an exemption names the class `{class}`, which is not defined"), suggest(class, known.iter().copied()));
        } else if classes.iter().any(|other| other == class) {
            faults.add(at, format!("an exemption names the class {class} twice"), "keep one of the two");
        } else if is_clear {
            faults.add(
                at,
                format!("role {} sees class {class} as it is stored already", role.as_deref().unwrap_or_default()),
                "leave it out",
            );
        } else {
            classes.push(class.to_owned());
        }
    }
    let until = table.get("until").and_then(|item| {
        // A date alone is no moment at which somebody's sight ends.
        let moment = item.as_datetime().map(|at| (at.time.and_then(|_| expiry::moment(at)), at.to_string()));
        let Some((Some(until), written)) = moment else {
            let message = match moment {
                Some(_) => "`until` of an exemption has no date, no time or no offset".to_owned(),
                None => format!("`until` of an exemption must be a moment, not {}", article(item.type_name())),
            };
            faults.add(item.span(), message, UNTIL);
            return None;
        };
        Some((until, written))
    });
    if classes.is_empty() && table.get("classes").and_then(toml_edit::Item::as_array).is_some_and(toml_edit::Array::is_empty) {
        faults.add(place, "an exemption names no class", "write `classes = [\"email\"]`");
    }
    base?;
    let (until, written) = until?;
    Some(Exemption { user: user?, role: role?, classes, until, written, reason: reason?, line })
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "version = 1\n[class.a]\ncolumns = [\"s.t.a\"]\n[class.b]\ncolumns = [\"s.t.b\"]\n\
        [role.r]\nwritable_schemas = [\"w\"]\nread_only = true\nchannels = [\"c\"]\nmask.a = \"null\"\n[role.all]\ndefault = \"clear\"\n";

    fn with(exemption: &str) -> Result<Policy, Vec<String>> {
        let text = format!("{POLICY}[[exemption]]\n{exemption}");
        Policy::parse("p", &text).map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    const WHOLE: &str = "user = \"ana\"\nrole = \"r\"\nclasses = [\"a\"]\nuntil = 2026-12-31T12:00:00Z\nreason = \"ticket 7\"\n";

    #[test]
    fn it_makes_a_role_that_sees_and_does_not_write() {
        let policy = with(WHOLE).unwrap();
        let exemption = policy.exemption("ana", "r").unwrap();
        assert_eq!((exemption.until, exemption.reason.as_str()), (1_798_718_400, "ticket 7"));
        assert!(policy.exemption("ana", "all").is_none() && policy.exemption("bo", "r").is_none());
        let role = &policy.roles[&exemption.judged_as()];
        assert!(policy.is_of_an_exemption(&role.name) && !policy.is_of_an_exemption("r"));
        assert!(role.never_writes() && role.channels.is_empty());
        assert_eq!(role.masks["a"].spec, MaskSpec::Clear);
        assert_eq!(role.default, DefaultMask::Redact);
        assert_eq!(policy.roles["r"].masks["a"].spec, MaskSpec::Null);
    }

    #[test]
    fn faults_are_told() {
        for (from, to, told) in [
            ("user = \"ana\"\n", "", "an exemption has no `user`"),
            ("\"ana\"", "\" \"", "`user` of an exemption is empty"),
            ("reason = \"ticket 7\"\n", "", "an exemption has no `reason`"),
            ("\"r\"", "\"x\"", "for the role `x`, which is not defined"),
            ("[\"a\"]", "[\"x\"]", "the class `x`, which is not defined"),
            ("[\"a\"]", "[\"a\", \"a\"]", "names the class a twice"),
            ("[\"a\"]", "[]", "names no class"),
            ("\"r\"", "\"all\"", "role all sees class a as it is stored already"),
            ("2026-12-31T12:00:00Z", "2026-12-31T12:00:00", "no date, no time or no offset"),
            ("2026-12-31T12:00:00Z", "2026-12-31", "no date, no time or no offset"),
            ("2026-12-31T12:00:00Z", "\"2026-12-31T12:00:00Z\"", "must be a moment, not a string"),
            ("reason", "raeson", "unknown key `raeson`"),
        ] {
            let errors = with(&WHOLE.replace(from, to)).unwrap_err();
            assert!(errors.iter().any(|e| e.contains(told)), "{told}: {errors:?}");
        }
        let twice = with(&format!("{WHOLE}[[exemption]]\n{WHOLE}")).unwrap_err();
        assert!(twice[0].contains("user ana has two exemptions in role r"), "{twice:?}");
    }
}
