//! `when` of a role, from TOML.

use std::ops::Range;

use toml_edit::{Item, TableLike};

use super::hours::{DAY, DAYS, Zone, time};
use super::{AnyOf, Application, Conditions, Hours, Network};
use crate::policy::faults::{Faults, suggest};
use crate::policy::parse::{article, key_span, known_keys, string, strings, table, tables};

/// Conditions of a role.
const KEYS: [&str; 3] = ["networks", "hours", "applications"];
/// What hours are made of.
const HOURS: [&str; 4] = ["days", "from", "to", "zone"];

const HELP_HOURS: &str = "write `hours = { days = [\"mon\", \"fri\"], from = \"08:00\", to = \"18:00\", zone = \"Europe/Berlin\" }`";

/// `[role.name.when]`; nothing where it is not there, or says nothing.
pub(in crate::policy) fn conditions(faults: &mut Faults<'_>, role_table: &dyn TableLike, role: &str) -> Vec<Conditions> {
    let Some(item) = role_table.get("when") else { return Vec::new() };
    let (at, help) = (key_span(role_table, "when"), format!("write [role.{role}.when] and `networks`, `hours` or `applications` below"));
    let Some(when) = table(faults, item, at.clone().or_else(|| item.span()), &format!("`when` of role {role}"), &help) else {
        return Vec::new();
    };
    known_keys(faults, when, &KEYS, &format!("in when of role {role}"));
    if when.is_empty() {
        faults.add(at.or_else(|| item.span()), format!("`when` of role {role} says no condition"), help);
    }
    let networks = listed(faults, when, ("networks", role), "write `networks = [\"10.0.0.0/8\"]`", Network::parse);
    let applications = listed(faults, when, ("applications", role), "write `applications = [\"psql\"]`", |text| match text {
        "" => Err(("an application has no name".to_owned(), "write its application_name, or `*` for any".to_owned())),
        _ => Ok(Application::new(text)),
    });
    vec![Conditions { networks, hours: hours(faults, when, role), applications }]
}

/// A list of texts, each read by `read`, whose error is a message and a remedy.
fn listed<T: PartialEq>(
    faults: &mut Faults<'_>,
    when: &dyn TableLike,
    (key, role): (&str, &str),
    help: &str,
    read: impl Fn(&str) -> Result<T, (String, String)>,
) -> Option<AnyOf<T>> {
    let item = when.get(key)?;
    let what = format!("`{key}` of role {role}");
    not_empty(faults, item, &what, help);
    let mut any = Vec::new();
    for (text, at) in strings(faults, item, &what) {
        match read(text) {
            Ok(one) if any.contains(&one) => faults.add(at, format!("{what} names `{text}` twice"), "keep one of the two"),
            Ok(one) => any.push(one),
            Err((message, help)) => faults.add(at, format!("{what}: {message}"), help),
        }
    }
    Some(AnyOf { any, line: faults.place(key_span(when, key)).0 })
}

/// Nothing would ever hold.
fn not_empty(faults: &mut Faults<'_>, item: &Item, what: &str, help: &str) {
    if item.as_array().is_some_and(toml_edit::Array::is_empty) {
        faults.add(item.span(), format!("{what} is empty: nobody could use it"), format!("{help}, or leave it out"));
    }
}

fn hours(faults: &mut Faults<'_>, when: &dyn TableLike, role: &str) -> Option<AnyOf<Hours>> {
    let item = when.get("hours")?;
    not_empty(faults, item, &format!("`hours` of role {role}"), HELP_HOURS);
    let found = match item.as_table_like() {
        Some(one) => vec![one],
        None => tables(faults, when, "hours", HELP_HOURS),
    };
    let at = key_span(when, "hours");
    let any = found.into_iter().filter_map(|one| one_of(faults, one, at.clone(), role)).collect();
    Some(AnyOf { any, line: faults.place(at).0 })
}

/// `at`: where they stand.
fn one_of(faults: &mut Faults<'_>, hours: &dyn TableLike, at: Option<Range<usize>>, role: &str) -> Option<Hours> {
    let what = format!("`hours` of role {role}");
    known_keys(faults, hours, &HOURS, &format!("in {what}"));
    if hours.is_empty() {
        faults.add(at, format!("{what} say nothing"), HELP_HOURS);
        return None;
    }
    let days = days(faults, hours, &what);
    let from = moment(faults, hours, ("from", &what), 0);
    let to = moment(faults, hours, ("to", &what), DAY);
    let zone = zone(faults, hours, &what);
    let (from, to) = (from?, to?);
    if from == DAY {
        faults.add(hours.get("from").and_then(Item::span), format!("{what} begin at 24:00"), "write `00:00`, and the day after");
    }
    if from == to {
        let help = "write two times; leave `from` and `to` out for whole days";
        faults.add(hours.get("to").and_then(Item::span), format!("{what} end when they begin"), help);
    }
    Some(Hours { days: days?, from, to, zone: zone? })
}

fn days(faults: &mut Faults<'_>, hours: &dyn TableLike, what: &str) -> Option<[bool; 7]> {
    let Some(item) = hours.get("days") else { return Some([true; 7]) };
    not_empty(faults, item, &format!("`days` in {what}"), "write `days = [\"mon\", \"fri\"]`");
    let mut on = [false; 7];
    for (text, at) in strings(faults, item, &format!("`days` in {what}")) {
        match on.iter_mut().zip(DAYS).find(|(_, day)| *day == text) {
            Some((is, _)) if *is => faults.add(at, format!("`{text}` stands twice in {what}"), "keep one of the two"),
            Some((is, _)) => *is = true,
            None => faults.add(at, format!("`{text}` in {what} is no day"), suggest(text, DAYS)),
        }
    }
    Some(on)
}

/// A second of the day; `otherwise` where it is not said.
fn moment(faults: &mut Faults<'_>, hours: &dyn TableLike, (key, what): (&str, &str), otherwise: u32) -> Option<u32> {
    let Some(item) = hours.get(key) else { return Some(otherwise) };
    let found = item.as_str().and_then(time);
    if found.is_none() {
        let shown = item.as_str().map_or_else(|| article(item.type_name()), |text| format!("`{text}`"));
        faults.add(item.span(), format!("`{key}` in {what} must be a time, not {shown}"), format!("write `{key} = \"08:00\"`"));
    }
    found
}

fn zone(faults: &mut Faults<'_>, hours: &dyn TableLike, what: &str) -> Option<Zone> {
    let Some(item) = hours.get("zone") else { return Some(Zone::utc()) };
    let name = string(faults, item, &format!("`zone` in {what}"))?;
    let zone = Zone::parse(name);
    if zone.is_none() {
        let names = Zone::names();
        let near = suggest(name, names.iter().map(String::as_str));
        // All of them would be too many.
        let help = if near.starts_with("did") { near } else { "write a name such as `Europe/Berlin`, or `+02:00`".to_owned() };
        faults.add(item.span(), format!("`{name}` in {what} is no time zone"), help);
    }
    zone
}

#[cfg(test)]
mod tests {
    use crate::Policy;

    fn read(when: &str) -> Result<Policy, Vec<String>> {
        let text = format!("version = 1\n[role.r]\n{when}\n");
        Policy::parse("p", &text).map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_forms_of_hours() {
        for (when, shown) in [
            ("when.hours = { from = \"08:00\", to = \"18:00\" }", "all days from 08:00 to 18:00 in UTC"),
            ("[role.r.when.hours]\ndays = [\"sat\", \"mon\"]\nzone = \"+02:00\"", "mon, sat from 00:00 to 24:00 in +02:00"),
            (
                "[[role.r.when.hours]]\nfrom = \"22:00\"\nto = \"06:00\"\n[[role.r.when.hours]]\ndays = [\"sun\"]",
                "all days from 22:00 to 06:00 in UTC, sun from 00:00 to 24:00 in UTC",
            ),
            ("when.hours = [{ to = \"08:00:30\", zone = \"Asia/Kolkata\" }]", "all days from 00:00 to 08:00:30 in Asia/Kolkata"),
        ] {
            let policy = read(when).unwrap_or_else(|e| panic!("{when}: {e:?}"));
            assert_eq!(policy.roles["r"].when[0].hours.as_ref().unwrap().to_string(), shown, "{when}");
        }
    }

    #[test]
    fn faults_have_places_and_remedies() {
        for (when, told) in [
            (
                "when = 1",
                "p:3:1: `when` of role r must be a table, not an integer; write [role.r.when] and `networks`, `hours` or `applications` below",
            ),
            ("[role.r.when]", "p:3:9: `when` of role r says no condition"),
            ("when.network = [\"::/0\"]", "p:3:6: unknown key `network` in when of role r; did you mean `networks`?"),
            (
                "when.networks = []",
                "p:3:17: `networks` of role r is empty: nobody could use it; write `networks = [\"10.0.0.0/8\"]`, or leave it out",
            ),
            ("when.networks = \"::/0\"", "p:3:17: `networks` of role r must be an array of strings, not a string"),
            (
                "when.networks = [\"::/0\", \"10.0.0.1/8\"]",
                "p:3:26: `networks` of role r: `10.0.0.1/8` has bits beyond its prefix of 8; write `10.0.0.0/8`",
            ),
            ("when.networks = [\"::/0\", \"::/0\"]", "p:3:26: `networks` of role r names `::/0` twice; keep one of the two"),
            ("when.networks = [\"intranet\"]", "p:3:18: `networks` of role r: `intranet` is no network; write `10.0.0.0/8`"),
            ("when.applications = []", "p:3:21: `applications` of role r is empty"),
            ("when.applications = [\"\"]", "p:3:22: `applications` of role r: an application has no name"),
            ("when.applications = [1]", "p:3:22: `applications` of role r must hold strings, not an integer"),
            ("when.hours = []", "p:3:14: `hours` of role r is empty"),
            ("when.hours = {}", "p:3:6: `hours` of role r say nothing; write `hours = {"),
            ("when.hours = \"08:00\"", "p:3:6: `hours` must be an array of tables, not a string"),
            ("when.hours = { untill = \"08:00\" }", "p:3:16: unknown key `untill` in `hours` of role r"),
            ("when.hours = { days = [] }", "p:3:23: `days` in `hours` of role r is empty"),
            ("when.hours = { days = [\"mon\", \"tues\"] }", "p:3:31: `tues` in `hours` of role r is no day; did you mean `tue`?"),
            ("when.hours = { days = [\"mon\", \"mon\"] }", "p:3:31: `mon` stands twice in `hours` of role r"),
            (
                "when.hours = { from = \"8:00\" }",
                "p:3:23: `from` in `hours` of role r must be a time, not `8:00`; write `from = \"08:00\"`",
            ),
            ("when.hours = { to = 08:00:00 }", "p:3:21: `to` in `hours` of role r must be a time, not a datetime; write `to = \"08:00\"`"),
            ("when.hours = { from = \"24:00\", to = \"08:00\" }", "p:3:23: `hours` of role r begin at 24:00"),
            (
                "when.hours = { from = \"08:00\", to = \"08:00\" }",
                "p:3:37: `hours` of role r end when they begin; write two times; leave `from` and `to` out",
            ),
            (
                "when.hours = { zone = \"Europe/Berlim\" }",
                "p:3:23: `Europe/Berlim` in `hours` of role r is no time zone; did you mean `Europe/Berlin`?",
            ),
            (
                "when.hours = { zone = \"?\" }",
                "p:3:23: `?` in `hours` of role r is no time zone; write a name such as `Europe/Berlin`, or `+02:00`",
            ),
            ("when.hours = { zone = 2 }", "p:3:23: `zone` in `hours` of role r must be a string, not an integer"),
        ] {
            let errors = read(when).map(drop).unwrap_err();
            assert!(errors.len() == 1 && errors[0].starts_with(told), "{when}: {errors:?}");
        }
    }
}
