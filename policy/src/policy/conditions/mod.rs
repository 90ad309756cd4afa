//! `when` of a role: conditions under which it may be used.
//!
//! Pure: where a connection comes from and what moment it is are arguments.

pub mod hours;
pub mod network;
mod read;

use std::fmt;
use std::net::IpAddr;

use super::Policy;
use super::pattern::Part;
pub use hours::Hours;
pub use network::Network;
pub(super) use read::conditions;

/// `[role.name.when]`: all that are said must hold, of each one of its alternatives.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conditions {
    /// Where the connection must come from.
    pub networks: Option<AnyOf<Network>>,
    /// When.
    pub hours: Option<AnyOf<Hours>>,
    /// What the client must call itself.
    pub applications: Option<AnyOf<Application>>,
}

/// Alternatives, of which one must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct AnyOf<T> {
    /// At least one.
    pub any: Vec<T>,
    /// The line that says so.
    pub line: usize,
}

impl<T: fmt::Display> fmt::Display for AnyOf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.any.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
    }
}

/// What an application calls itself; `*` stands for any characters. Case counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application(Part);

impl Application {
    fn new(text: &str) -> Application {
        Application(Part::wild(text))
    }

    /// Whether it is called so.
    pub fn matches(&self, name: &str) -> bool {
        self.0.matches(name)
    }

    /// Whether each name that matches this matches the other. Some that do are not found.
    pub fn is_within(&self, other: &Application) -> bool {
        self == other || self.0.exact().is_some_and(|name| other.matches(name))
    }
}

impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What of a connection conditions ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circumstances {
    /// Where it comes from; an IPv4-mapped IPv6 address counts as IPv4.
    pub from: IpAddr,
    /// The `application_name` that it began with; empty where it said none.
    pub application: String,
}

/// A condition that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("role \"{role}\" may be used only {what} ({file}:{line}), and {instead}")]
pub struct Unmet {
    role: String,
    what: String,
    file: String,
    line: usize,
    instead: String,
}

impl Policy {
    /// Whether the conditions of a role hold at a moment, in seconds since 1970 began, and the moment at which that has to be asked again;
    /// `None`: never. Those of a role that there is not hold.
    ///
    /// # Errors
    /// The first that does not.
    pub fn conditions_of(&self, role: &str, circumstances: &Circumstances, now: i64) -> Result<Option<i64>, Unmet> {
        let mut again: Option<i64> = None;
        for conditions in self.roles.get(role).into_iter().flat_map(|role| &role.when) {
            let until = conditions.hold(circumstances, now).map_err(|(what, line, instead)| Unmet {
                role: role.to_owned(),
                what,
                file: self.file.clone(),
                line,
                instead,
            })?;
            again = again.into_iter().chain(until).min();
        }
        Ok(again)
    }
}

impl Conditions {
    /// The moment at which they have to be looked at again; the error is what must hold, the line that says so, and what there is instead.
    fn hold(&self, Circumstances { from, application }: &Circumstances, now: i64) -> Result<Option<i64>, (String, usize, String)> {
        let address = from.to_canonical();
        if let Some(said) = self.networks.as_ref().filter(|said| !said.any.iter().any(|network| network.contains(address))) {
            return Err((format!("from {said}"), said.line, format!("the connection comes from {address}")));
        }
        if let Some(said) = self.applications.as_ref().filter(|said| !said.any.iter().any(|one| one.matches(application))) {
            return Err((format!("by the applications {said}"), said.line, format!("the client calls itself {application:?}")));
        }
        let Some(said) = &self.hours else { return Ok(None) };
        let until = said.any.iter().filter_map(|hours| hours.until(now)).max();
        let clock = || said.any.first().map(|hours| hours.clock(now)).unwrap_or_default();
        until.map(Some).ok_or_else(|| (format!("on {said}"), said.line, format!("it is {}", clock())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: &str = r#"version = 1
[class.c]
columns = ["a.b.c"]
[role.office.when]
networks = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]
hours = { days = ["mon", "tue", "wed", "thu", "fri"], from = "08:00", to = "18:00", zone = "Europe/Berlin" }
applications = ["Tab*leau*", "psql"]
[role.heir]
inherits = ["office", "late"]
[role.late]
when.hours = [{ from = "17:00" }, { days = ["sat"] }]
[role.free]
"#;

    fn policy() -> Policy {
        Policy::parse("policy.toml", ROLES).unwrap()
    }

    // Monday, the second of November 2026, 12:00 in Berlin.
    const NOON: i64 = 1_793_617_200;

    fn asked(role: &str, from: &str, application: &str, now: i64) -> Result<Option<i64>, String> {
        let circumstances = Circumstances { from: from.parse().unwrap(), application: application.to_owned() };
        policy().conditions_of(role, &circumstances, now).map_err(|e| e.to_string())
    }

    #[test]
    fn all_that_are_said_must_hold() {
        let six = NOON + 6 * 3600;
        for (from, application) in
            [("10.255.255.255", "psql"), ("::ffff:10.0.0.1", "Tableau"), ("2001:db8:ffff::1", "Tab 1 leau 2"), ("192.0.2.7", "psql")]
        {
            assert_eq!(asked("office", from, application, NOON), Ok(Some(six)), "{from} {application}");
        }
        assert_eq!(asked("free", "127.0.0.1", "", NOON), Ok(None));
        let told = |from, application, now| asked("office", from, application, now).unwrap_err();
        assert_eq!(
            told("127.0.0.1", "psql", NOON),
            "role \"office\" may be used only from 10.0.0.0/8, 2001:db8::/32, 192.0.2.7 (policy.toml:5), and the connection comes from 127.0.0.1"
        );
        assert!(told("::ffff:11.0.0.1", "psql", NOON).ends_with(" from 11.0.0.1"));
        assert_eq!(
            told("10.0.0.1", "psql9", NOON),
            "role \"office\" may be used only by the applications Tab*leau*, psql (policy.toml:7), and the client calls itself \"psql9\""
        );
        assert!(told("10.0.0.1", "", NOON).ends_with(" calls itself \"\""));
        assert!(told("10.0.0.1", "PSQL", NOON).ends_with(" calls itself \"PSQL\""));
        assert_eq!(
            told("10.0.0.1", "psql", six),
            "role \"office\" may be used only on mon, tue, wed, thu, fri from 08:00 to 18:00 in Europe/Berlin (policy.toml:6), \
             and it is mon 18:00 in Europe/Berlin"
        );
    }

    #[test]
    fn the_examples_of_the_documentation_do_what_it_says() {
        let page = include_str!("../../../../docs/policy.md");
        let section = page.split("\n## ").find(|section| section.starts_with("Conditions\n")).unwrap();
        let examples: Vec<&str> = section.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
        assert_eq!(examples.len(), 2);
        for example in examples {
            let text = format!("version = 1\n[class.phone]\ncolumns = [\"s.t.phone\"]\n{example}");
            let policy = Policy::parse("p", &text).unwrap_or_else(|e| panic!("{e:?}"));
            let holds = |role: &str, from: [u8; 4], now| {
                let circumstances = Circumstances { from: from.into(), application: "psql".to_owned() };
                policy.conditions_of(role, &circumstances, now).is_ok()
            };
            let saturday = NOON + 5 * 24 * 3600;
            assert!(holds("office", [10, 0, 0, 1], NOON) && !holds("office", [11, 0, 0, 1], NOON));
            assert!(!holds("office", [10, 0, 0, 1], saturday) && holds("remote", [11, 0, 0, 1], saturday));
        }
    }

    #[test]
    fn those_of_all_that_a_role_inherits_hold() {
        let five = NOON + 5 * 3600;
        // 17:00 UTC is 18:00 in Berlin: never both but for saturdays, which the other leaves out.
        for now in (0..7 * 24).map(|hour| NOON + hour * 3600) {
            assert!(asked("heir", "10.0.0.1", "psql", now).is_err(), "{now}");
        }
        assert!(asked("late", "127.0.0.1", "", five).is_err());
        assert_eq!(asked("late", "127.0.0.1", "", five + 3600), Ok(Some(NOON + 13 * 3600)));
        assert_eq!(policy().roles["heir"].when.len(), 2);
        let diamond = format!("{ROLES}[role.a]\ninherits = \"late\"\n[role.b]\ninherits = [\"a\", \"late\"]\n");
        assert_eq!(Policy::parse("p", &diamond).unwrap().roles["b"].when.len(), 1, "a common ancestor's count once");
    }
}
