//! Who a session is, for the server: settings that row-level security and triggers can read, and the name that `pg_stat_activity` shows.

use crate::config::UpstreamConfig;
use crate::login::Authenticated;

/// The longest `application_name` that `pg_stat_activity` shows, in bytes (NAMEDATALEN - 1).
const LONGEST: usize = 63;

/// Startup parameters that say who it is. They go behind the client's own, since the last one of a name counts.
pub(super) fn parameters(who: &Authenticated, upstream: &UpstreamConfig) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if let Some(template) = &upstream.application_name {
        found.push(("application_name".to_owned(), fill(template, said(&who.parameters), &who.user, &who.role)));
    }
    if upstream.identity {
        found.push(("pgveil.user".to_owned(), who.user.clone()));
        found.push(("pgveil.role".to_owned(), who.role.clone()));
    }
    found
}

/// What the client is told that its `application_name` is, where the server was told another: what it would be without pgveil.
pub(super) fn told(who: &Authenticated, upstream: &UpstreamConfig, server: &[(String, String)]) -> Option<String> {
    upstream.application_name.as_ref()?;
    let version = server.iter().find(|(name, _)| name == "server_version").map_or("", |(_, value)| value);
    let major: u32 = version.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or_default();
    Some(clean(said(&who.parameters), major >= 16))
}

fn said(parameters: &[(String, String)]) -> &str {
    parameters.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case("application_name")).map_or("", |(_, value)| value)
}

/// The template's names replaced. What the client calls itself is cut so that all else is shown: it could push away who it is otherwise,
/// and put another name there.
fn fill(template: &str, application: &str, user: &str, role: &str) -> String {
    // Each part on its own: a name with braces in it is not filled in again.
    let fixed = |text: &str, application: &str| {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let (name, behind) = after.split_once('}').unwrap_or((after, ""));
            match name {
                "application" => out.push_str(application),
                "user" => out.push_str(&clean(user, false)),
                "role" => out.push_str(&clean(role, false)),
                _ => {}
            }
            rest = behind;
        }
        out.push_str(rest);
        out
    };
    let times = template.matches("{application}").count().max(1);
    let room = LONGEST.saturating_sub(fixed(template, "").len()).checked_div(times).unwrap_or_default();
    let application: String = clean(application, false).chars().take(room).collect();
    fixed(template, &application).chars().take(LONGEST).collect()
}

/// Printable ASCII only, as Postgres has it (`pg_clean_ascii`): another byte becomes `?`, from version 16 on its hexadecimal digits.
fn clean(text: &str, hexadecimal: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' => out.push(char::from(byte)),
            _ if hexadecimal => out.push_str(&format!("\\x{byte:02x}")),
            _ => out.push('?'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "{application} ({user}, {role})";

    #[test]
    fn who_one_is_cannot_be_pushed_away() {
        assert_eq!(fill(TEMPLATE, "psql", "ana", "analyst"), "psql (ana, analyst)");
        assert_eq!(fill(TEMPLATE, "", "ana", "analyst"), " (ana, analyst)");
        let forged = format!("{} (boss, admin)", "x".repeat(48));
        assert_eq!(forged.len(), 62);
        let filled = fill(TEMPLATE, &forged, "ana", "analyst");
        assert!(filled.len() == LONGEST && filled.ends_with(" (ana, analyst)"), "{filled}");
        assert_eq!(fill(TEMPLATE, "{user}", "{role}", "r"), "{user} ({role}, r)", "nothing is filled in twice");
        assert_eq!(fill("{user}", "x", &"ü".repeat(60), "r"), "?".repeat(63));
    }

    #[test]
    fn bytes_that_are_not_ascii_look_as_in_postgres() {
        assert_eq!(clean("é\n~", false), "???~");
        assert_eq!(clean("é\n~", true), "\\xc3\\xa9\\x0a~");
    }
}
