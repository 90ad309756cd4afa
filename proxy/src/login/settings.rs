//! Which settings a client may bring along in its startup packet.
//!
//! The same rule for a setting of its own and for one inside `options`. For a role from whom nothing is protected all pass.
//!
//! What can only change how fast a statement is, and clients are known to send, is left out with a notice instead of a refusal.

use pgveil_policy::builtin::settings::{self, ROLE};

use crate::fatal::Fatal;

/// The settings that a client with a protected role may bring, in `parameters` order: those of `options` first, as Postgres
/// applies them. Values were checked where a value could change what a judged statement means. `ignored`: names of others that
/// are left out instead of refused.
///
/// # Errors
/// A setting that is not allowed (42501), a value that is not (22023), or `options` with anything but settings (0A000).
pub fn allowed(parameters: &[(String, String)], ignored: &[String]) -> Result<Allowed, Fatal> {
    let mut given = Vec::new();
    for (_, value) in parameters.iter().filter(|(name, _)| name == "options") {
        given.extend(options(value)?);
    }
    given.extend(parameters.iter().filter(|(name, _)| name != "options").cloned());
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    for (name, value) in given {
        let is_ignored =
            || IGNORED.iter().copied().chain(ignored.iter().map(String::as_str)).any(|known| known.eq_ignore_ascii_case(&name));
        match check(&name, &value) {
            Ok(()) => found.push((name, value)),
            // What a client in a C locale says (libpq's "auto"): it takes bytes as they come.
            Err(_) if name.eq_ignore_ascii_case("client_encoding") && value.eq_ignore_ascii_case("SQL_ASCII") => {
                left_out.push("the client_encoding \"SQL_ASCII\" is not allowed for your role: it is UTF8".to_owned());
            }
            Err(_) if is_ignored() => {
                left_out.push(format!("the setting \"{name}\" of the connection's parameters is ignored for your role"));
            }
            Err(fatal) => return Err(fatal),
        }
    }
    Ok((found, left_out))
}

/// Takes the role that a client asks for out of its parameters; the last one counts, `options` before others.
///
/// # Errors
/// `options` that name it and hold something else than settings (0A000).
pub fn take_role(parameters: &mut Vec<(String, String)>) -> Result<Option<String>, Fatal> {
    let mut asked = None;
    for (_, text) in parameters.iter_mut().filter(|(name, _)| name == "options") {
        // What does not name it may hold what only the server takes.
        if text.to_ascii_lowercase().contains(ROLE) {
            let (roles, rest): (Vec<_>, Vec<_>) = options(text)?.into_iter().partition(|(name, _)| name.eq_ignore_ascii_case(ROLE));
            asked = roles.into_iter().last().map(|(_, value)| value).or(asked);
            *text = rest.iter().map(|(name, value)| format!("-c {}", escaped(&format!("{name}={value}")))).collect::<Vec<_>>().join(" ");
        }
    }
    parameters.retain(|(name, value)| {
        let is_role = name.eq_ignore_ascii_case(ROLE);
        if is_role {
            asked = Some(value.clone());
        }
        !is_role && (name != "options" || !value.is_empty())
    });
    Ok(asked)
}

/// What a client calls itself; the last one counts, `options` before others.
pub fn application(parameters: &[(String, String)]) -> Option<String> {
    let of_options = parameters.iter().filter(|(name, _)| name == "options").filter_map(|(_, text)| options(text).ok()).flatten();
    let others = parameters.iter().filter(|(name, _)| name != "options").cloned();
    of_options.chain(others).rfind(|(name, _)| name.eq_ignore_ascii_case("application_name")).map(|(_, value)| value)
}

/// As one word of `options`.
fn escaped(word: &str) -> String {
    let of = |c: char| if c == '\\' || c.is_ascii_whitespace() || c == '\x0b' { vec!['\\', c] } else { vec![c] };
    word.chars().flat_map(of).collect()
}

/// Settings, and a sentence for each that was left out.
pub type Allowed = (Vec<(String, String)>, Vec<String>);

/// Of the planner's and the protocol's, what real clients bring along: psqlODBC and its heirs, those made for poolers, old Npgsql.
const IGNORED: &[&str] = &["geqo", "plan_cache_mode", "ssl_renegotiation_limit", "work_mem"];

// One list for the startup packet and for SET: RESET goes back to what the startup packet said.
fn check(name: &str, value: &str) -> Result<(), Fatal> {
    // Clients write the encoding with quotes at times; Postgres takes them off.
    let bare = if name.eq_ignore_ascii_case("client_encoding") { value.trim_matches(['\'', '"']) } else { value };
    settings::may_set_config(name, bare).map_err(|why| {
        if settings::may_reset(name).is_ok() {
            Fatal::new("22023", format!("the value \"{value}\" is not allowed for the setting \"{name}\"")).hint(&why)
        } else {
            Fatal::new("42501", format!("the setting \"{name}\" is not allowed in the connection's parameters"))
                .hint("Leave it out of the connection string (or PGOPTIONS).")
        }
    })
}

/// The settings of `options`: `-c name=value`, `-cname=value` and `--name=value`, with Postgres' backslash escapes
/// (its `pg_split_opts`); dashes in names stand for underscores.
fn options(text: &str) -> Result<Vec<(String, String)>, Fatal> {
    let refused = |what: &str| {
        Fatal::new("0A000", format!("\"{what}\" in the connection's options is not supported"))
            .hint("Only -c name=value and --name=value are.")
    };
    let mut found = Vec::new();
    let mut words = split(text).into_iter();
    while let Some(word) = words.next() {
        let setting = if let Some(long) = word.strip_prefix("--") {
            long.to_owned()
        } else if word == "-c" {
            words.next().ok_or_else(|| refused(&word))?
        } else if let Some(joined) = word.strip_prefix("-c") {
            joined.to_owned()
        } else {
            return Err(refused(&word));
        };
        match setting.split_once('=') {
            Some((name, value)) if !name.is_empty() => found.push((name.replace('-', "_"), value.to_owned())),
            Some(_) | None => return Err(refused(&word)),
        }
    }
    Ok(found)
}

/// Words parted by white space; a backslash takes the next character as it is.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c.is_ascii_whitespace() || c == '\x0b' {
            words.extend(word.take());
        } else {
            let taken = if c == '\\' { characters.next() } else { Some(c) };
            word.get_or_insert_default().extend(taken);
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: &str) -> Result<Vec<(String, String)>, String> {
        allowed(&[(name.into(), value.into())], &["log_duration".to_owned()]).map(|(found, _)| found).map_err(|e| e.code)
    }

    #[test]
    fn what_drivers_send_passes() {
        for (name, value) in [
            ("application_name", "psql"),
            ("client_encoding", "UTF8"),
            ("client_encoding", "'utf-8'"),
            ("client_encoding", "Utf_8"),
            ("client_encoding", "UNICODE"),
            ("DateStyle", "ISO"),
            ("TimeZone", "Europe/Berlin"),
            ("extra_float_digits", "2"),
            ("search_path", "shop, public"),
            ("search_path", "\"$user\", public"),
            ("search_path", "pg_catalog, shop"),
            ("search_path", "PG_TEMP, shop"),
            ("search_path", ""),
        ] {
            assert!(one(name, value).is_ok(), "{name}={value}");
        }
    }

    #[test]
    fn what_could_change_a_judgement_does_not() {
        for (name, value, code) in [
            ("client_encoding", "LATIN1", "22023"),
            ("client_encoding", "WIN1252", "22023"),
            ("pgveil.user", "boss", "42501"),
            ("PGVEIL.ROLE", "admin", "42501"),
            ("options", "-c pgveil.user=boss", "42501"),
            ("options", "--pgveil.user=boss", "42501"),
            ("standard_conforming_strings", "off", "22023"),
            ("client_min_messages", "debug5", "22023"),
            ("search_path", "shop, pg_catalog", "22023"),
            ("search_path", "shop, \"pg_catalog\"", "22023"),
            ("search_path", "shop,PG_CATALOG", "22023"),
            ("search_path", "shop, pg_temp_3", "22023"),
            ("search_path", "shop,", "22023"),
            ("search_path", "\"shop", "22023"),
            ("search_path", "shop public", "22023"),
            ("enable_seqscan", "off", "42501"),
            ("role", "postgres", "42501"),
            ("session_authorization", "postgres", "42501"),
            ("options", "-c enable_seqscan=off", "42501"),
            ("options", "-cENABLE_SEQSCAN=off", "42501"),
            ("options", "--enable-seqscan=off", "42501"),
            ("options", "-c search_path=shop,pg_catalog", "22023"),
            ("options", "-c search_path=shop,\\ pg_catalog", "22023"),
            ("options", "-c client_encoding=latin1", "22023"),
            ("options", "-S 64", "0A000"),
            ("options", "-fs", "0A000"),
            ("options", "-c", "0A000"),
            ("options", "-c work_mem", "0A000"),
            ("options", "--", "0A000"),
            ("options", "work_mem=1", "0A000"),
        ] {
            assert_eq!(one(name, value).err().as_deref(), Some(code), "{name}={value}");
        }
    }

    #[test]
    fn the_role_is_taken_out_wherever_it_stands() {
        let take = |given: &[(&str, &str)]| {
            let mut parameters: Vec<_> = given.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            let asked = take_role(&mut parameters).map_err(|e| e.code)?;
            Ok::<_, String>((asked, parameters.into_iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(";")))
        };
        let is = |role: Option<&str>, rest: &str| Ok((role.map(str::to_owned), rest.to_owned()));
        assert_eq!(take(&[("options", "-c pgveil.role=support")]), is(Some("support"), ""));
        assert_eq!(take(&[("options", "--PGVEIL.Role=a -cpgveil.role=b\\ c")]), is(Some("b c"), ""));
        assert_eq!(take(&[("pgveil.role", "x"), ("options", "-c pgveil.role=y")]), is(Some("x"), ""));
        assert_eq!(take(&[("options", r"-c search_path=a,\ b\\ -c pgveil.role=y")]), is(Some("y"), r"options=-c search_path=a,\ b\\"));
        assert_eq!(take(&[("options", "-S 64"), ("a", "b")]), is(None, "options=-S 64;a=b"));
        assert_eq!(take(&[("options", "-S 64 -c pgveil.role=y")]), Err("0A000".to_owned()));
        // Spelt so that it is not seen here, it is no choice; `allowed` refuses it.
        assert_eq!(take(&[("options", r"-c pgv\eil.role=y")]), is(None, r"options=-c pgv\eil.role=y"));
        assert_eq!(one("options", r"-c pgv\eil.role=y").unwrap_err(), "42501");
    }

    #[test]
    fn options_are_taken_apart_and_come_first() {
        let given = [
            ("application_name".to_owned(), "late".to_owned()),
            ("options".to_owned(), r" -c search_path=a,\ b --application-name=x\\y  -cTimeZone=UTC ".to_owned()),
        ];
        let expected = [("search_path", "a, b"), ("application_name", "x\\y"), ("TimeZone", "UTC"), ("application_name", "late")];
        let (got, ignored) = allowed(&given, &[]).unwrap();
        assert!(ignored.is_empty());
        assert_eq!(got.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_left_out_is_said() {
        for (name, value) in [
            ("geqo", "off"),
            ("options", "-c GEQO=off"),
            ("plan_cache_mode", "force_custom_plan"),
            ("client_encoding", "SQL_ASCII"),
            ("LOG_DURATION", "on"),
        ] {
            let (found, said) = allowed(&[(name.into(), value.into())], &["log_duration".to_owned()]).unwrap();
            assert!(found.is_empty() && said.len() == 1 && said[0].contains("for your role"), "{name}: {found:?} {said:?}");
        }
        assert_eq!(allowed(&[("log_duration".into(), "on".into())], &[]).unwrap_err().code, "42501");
        // Another name for what is allowed is none for what is not.
        assert_eq!(allowed(&[("search_path".into(), "a, pg_catalog".into())], &["geqo".to_owned()]).unwrap_err().code, "22023");
    }
}
