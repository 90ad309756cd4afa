//! `pgveil user add | list | remove`

use std::fs;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use postgres_protocol::password::scram_sha_256;
use toml_edit::{Array, Datetime, DocumentMut, Item, Table, value};

use super::{ConfigArgument, bad_configuration, problem};
use crate::config::Config;
use crate::error::ConfigError;
use crate::users::{Auth, User, Users, until};

/// The longest name of a user or role, in bytes, as Postgres' own.
const LONGEST_NAME: usize = 63;
/// The longest password that is read, in bytes.
const LONGEST_PASSWORD: u64 = 1024;

/// Arguments of `pgveil user`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Adds a user, or with --replace gives it another password and other roles
    ///
    /// The password is asked for, or read from standard input with --password-stdin: never from the command line, where
    /// everybody on the machine could read it. Only its SCRAM verifier is stored. A running proxy takes the change at once.
    Add {
        /// The name to log in with; case counts
        name: String,
        /// A role of the policy; the first is active after login, unless the client asks for another
        #[arg(long = "role", value_name = "ROLE", required = true)]
        roles: Vec<String>,
        /// Reads the password from standard input
        #[arg(long)]
        password_stdin: bool,
        /// After that it may not log in: a time with its offset, as 2026-12-31T00:00:00Z, or infinity
        #[arg(long, value_name = "TIME")]
        valid_until: Option<String>,
        /// How it logs in: scram (with its password), cert (with its certificate alone), scram+cert (with both)
        #[arg(long, value_name = "HOW", value_parser = ["scram", "cert", "scram+cert"])]
        auth: Option<String>,
        /// The common name (CN) of its certificate, where that is not its own name
        #[arg(long, value_name = "CN")]
        certificate: Option<String>,
        /// The user may exist already; what is not said of --valid-until, --auth and --certificate stays as it is
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        config: ConfigArgument,
    },
    /// Lists users and their roles
    List {
        /// Prints a JSON array of {"user": …, "roles": […], "auth": …, "certificate": …, "valid_until": …}
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgument,
    },
    /// Removes a user; its sessions go on until they end
    Remove {
        /// The name
        name: String,
        #[command(flatten)]
        config: ConfigArgument,
    },
}

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{path} exists: another pgveil is changing the users, or was interrupted; remove it if none is", path = .0.display())]
    Busy(PathBuf),
    #[error("the password could not be read: {0}")]
    Password(io::Error),
    #[error("standard input is no terminal to ask for a password: use --password-stdin")]
    NoTerminal,
    #[error("{0}")]
    Wrong(String),
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let done = match &arguments.command {
        Command::Add { name, roles, password_stdin, valid_until, auth, certificate, replace, config } => {
            let wanted = Wanted {
                name,
                roles,
                valid_until: valid_until.as_deref(),
                auth: auth.as_deref().and_then(Auth::parse),
                certificate: certificate.as_deref(),
                replace: *replace,
            };
            add(&config.config, &wanted, *password_stdin)
        }
        Command::List { json, config } => list(&config.config, *json),
        Command::Remove { name, config } => remove(&config.config, name),
    };
    match done {
        Ok(text) => match io::stdout().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => problem(&e),
        },
        Err(Fault::Config(e)) => bad_configuration(&e),
        Err(e) => problem(&e),
    }
}

/// A user as `add` is to make it; `None` is not said.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    name: &'a str,
    roles: &'a [String],
    valid_until: Option<&'a str>,
    auth: Option<Auth>,
    certificate: Option<&'a str>,
    replace: bool,
}

fn add(config: &Path, wanted: &Wanted<'_>, from_stdin: bool) -> Result<String, Fault> {
    let Wanted { name, roles, .. } = *wanted;
    for (what, text) in std::iter::once(("user", name)).chain(roles.iter().map(|role| ("role", role.as_str()))) {
        if text.is_empty() || text.len() > LONGEST_NAME || text.chars().any(char::is_control) {
            return Err(Fault::Wrong(format!(
                "\"{}\" is no name of a {what}: 1 to {LONGEST_NAME} bytes, no control characters",
                text.escape_debug()
            )));
        }
    }
    if let Some(text) = wanted.valid_until
        && until::parse(text).is_none()
    {
        return Err(Fault::Wrong(format!(
            "\"{}\" is no time with an offset: write 2026-12-31T00:00:00Z, or infinity",
            text.escape_debug()
        )));
    }
    let file = Config::users_file(config)?;
    // Asked before the password is, so that nobody types one in vain.
    let existing = Users::parse(&read(&file)?, &file)?;
    let existing = existing.get(name);
    let refuse = || Fault::Wrong(format!("user \"{name}\" exists; --replace gives it another password and other roles"));
    if existing.is_some() && !wanted.replace {
        return Err(refuse());
    }
    let auth = wanted.auth.or(existing.map(|user| user.auth)).unwrap_or_default();
    let verifier = match auth {
        Auth::Cert if from_stdin => return Err(Fault::Wrong("a user that logs in with its certificate alone has no password".into())),
        Auth::Cert => None,
        Auth::Scram | Auth::Both => Some(scram_sha_256(password(from_stdin)?.as_bytes())),
    };
    let existed = change(&file, |document| put(document, wanted, auth, verifier.as_deref()))?;
    let what = if existed { "replaced" } else { "added" };
    Ok(format!("user \"{name}\" {what} with role {} in {}\n", roles.join(", "), file.display()))
}

/// Writes a user; whether it was there before.
fn put(document: &mut DocumentMut, wanted: &Wanted<'_>, auth: Auth, verifier: Option<&str>) -> Result<bool, Fault> {
    let refuse = || Fault::Wrong(format!("user \"{}\" exists; --replace gives it another password and other roles", wanted.name));
    let users = document.entry("user").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let users = users.as_table_mut().ok_or_else(|| Fault::Wrong("user is no table".into()))?;
    let existed = users.contains_key(wanted.name);
    if existed && !wanted.replace {
        return Err(refuse());
    }
    let user = users.entry(wanted.name).or_insert_with(|| Item::Table(Table::new()));
    let user = user.as_table_like_mut().ok_or_else(refuse)?;
    match verifier {
        Some(verifier) => user.insert("verifier", value(verifier)),
        None => user.remove("verifier"),
    };
    user.remove("role");
    user.insert("roles", value(wanted.roles.iter().collect::<Array>()));
    if auth != Auth::default() || user.contains_key("auth") {
        user.insert("auth", value(auth.name()));
    }
    if let Some(name) = wanted.certificate {
        user.insert("certificate", value(name));
    }
    match wanted.valid_until.and_then(until::parse) {
        Some(Some(time)) => {
            let text = until::show(time);
            let time = text.parse::<Datetime>().map_err(|e| Fault::Wrong(format!("{text}: {e}")))?;
            user.insert("valid_until", value(time));
        }
        Some(None) => {
            user.remove("valid_until");
        }
        None => {}
    }
    Ok(existed)
}

fn list(config: &Path, json: bool) -> Result<String, Fault> {
    let file = Config::users_file(config)?;
    Ok(listing(&Users::load(&file)?, json))
}

fn listing(users: &Users, json: bool) -> String {
    if json {
        let one = |(name, user): (&str, &User)| {
            serde_json::json!({
                "user": name,
                "roles": user.roles,
                "auth": user.auth.name(),
                "certificate": user.certificate,
                "valid_until": user.valid_until.map(until::show),
            })
        };
        return format!("{}\n", serde_json::Value::from(users.iter().map(one).collect::<Vec<_>>()));
    }
    let width = users.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let one = |(name, user): (&str, &User)| {
        let auth = if user.auth == Auth::default() { String::new() } else { format!("  {}", user.auth.name()) };
        let certificate = user.certificate.as_ref().map(|cn| format!("  certificate {cn}")).unwrap_or_default();
        let until = user.valid_until.map(|time| format!("  until {}", until::show(time))).unwrap_or_default();
        format!("{name:width$}  {}{auth}{certificate}{until}\n", user.roles.join(", "))
    };
    users.iter().map(one).collect()
}

fn remove(config: &Path, name: &str) -> Result<String, Fault> {
    let file = Config::users_file(config)?;
    change(&file, |document| {
        let removed = document.get_mut("user").and_then(Item::as_table_mut).and_then(|users| users.remove(name));
        removed.map(|_| ()).ok_or_else(|| Fault::Wrong(format!("there is no user \"{name}\" in {}", file.display())))
    })?;
    Ok(format!("user \"{name}\" removed from {}\n", file.display()))
}

/// Changes the file as a whole or not at all; comments stay. The new file is readable by its owner only.
fn change<T>(file: &Path, edit: impl FnOnce(&mut DocumentMut) -> Result<T, Fault>) -> Result<T, Fault> {
    // A link stays a link.
    let target = fs::canonicalize(file).unwrap_or_else(|_| file.into());
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = target.with_file_name(name);
    let fault = |source| Fault::File { path: fresh.clone(), source };
    // It is there from the reading to the renaming, so two changes at once do not undo each other.
    let mut to = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => Fault::Busy(fresh.clone()),
        _ => fault(e),
    })?;
    let attempt = || {
        let text = read(&target)?;
        Users::parse(&text, file)?;
        let mut document: DocumentMut = text.parse().map_err(|e: toml_edit::TomlError| Fault::Wrong(e.to_string()))?;
        let done = edit(&mut document)?;
        let text = document.to_string();
        Users::parse(&text, file)?;
        to.write_all(text.as_bytes()).and_then(|()| to.sync_all()).and_then(|()| fs::rename(&fresh, &target)).map_err(fault)?;
        Ok(done)
    };
    attempt().inspect_err(|_| {
        // Nothing was renamed; what cannot be removed is reported as busy at the next attempt.
        let _left = fs::remove_file(&fresh);
    })
}

/// The users file; an absent one is empty.
fn read(file: &Path) -> Result<String, Fault> {
    match fs::read_to_string(file) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other.map_err(|source| Fault::File { path: file.into(), source }),
    }
}

fn password(from_stdin: bool) -> Result<String, Fault> {
    let password = if from_stdin {
        let mut text = String::new();
        io::stdin().take(LONGEST_PASSWORD.saturating_add(2)).read_to_string(&mut text).map_err(Fault::Password)?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        line.strip_suffix('\r').unwrap_or(line).to_owned()
    } else if io::stdin().is_terminal() {
        let first = rpassword::prompt_password("Password: ").map_err(Fault::Password)?;
        if rpassword::prompt_password("Again: ").map_err(Fault::Password)? != first {
            return Err(Fault::Wrong("the two passwords differ".into()));
        }
        first
    } else {
        return Err(Fault::NoTerminal);
    };
    match password.len() {
        0 => Err(Fault::Wrong("an empty password is none".into())),
        n if n > usize::try_from(LONGEST_PASSWORD).unwrap_or(usize::MAX) => {
            Err(Fault::Wrong(format!("a password has at most {LONGEST_PASSWORD} bytes")))
        }
        _ if password.contains(['\n', '\0']) => Err(Fault::Wrong("a password is one line".into())),
        _ => Ok(password),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_not_said_stays_when_a_user_is_replaced() {
        let verifier = scram_sha_256(b"pw");
        let mut document = DocumentMut::new();
        let roles = ["analyst".to_owned()];
        let first = Wanted {
            name: "ana",
            roles: &roles,
            valid_until: Some("2026-12-31 01:00:00+01"),
            auth: Some(Auth::Both),
            certificate: Some("Ana K"),
            replace: false,
        };
        assert!(!put(&mut document, &first, Auth::Both, Some(&verifier)).unwrap());
        let users = |document: &DocumentMut| Users::parse(&document.to_string(), Path::new("u")).unwrap();
        let expected = "ana  analyst  scram+cert  certificate Ana K  until 2026-12-31T00:00:00Z\n";
        assert_eq!(listing(&users(&document), false), expected);
        assert!(document.to_string().contains("valid_until = 2026-12-31T00:00:00Z"), "{document}");
        let again = Wanted { valid_until: None, auth: None, certificate: None, replace: true, ..first };
        assert!(put(&mut document, &again, Auth::Both, Some(&verifier)).unwrap());
        assert_eq!(listing(&users(&document), false), expected);
        assert!(put(&mut document, &Wanted { replace: false, ..again }, Auth::Both, Some(&verifier)).is_err());
        let last = Wanted { valid_until: Some("infinity"), ..again };
        assert!(put(&mut document, &last, Auth::Cert, None).unwrap());
        let json: serde_json::Value = serde_json::from_str(&listing(&users(&document), true)).unwrap();
        let expected = serde_json::json!(
            [{"user": "ana", "roles": ["analyst"], "auth": "cert", "certificate": "Ana K", "valid_until": null}]
        );
        assert_eq!(json, expected);
    }

    #[test]
    fn a_change_keeps_comments_and_is_whole_or_not_at_all() {
        let dir = std::env::temp_dir().join(format!("pgveil-user-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let file = dir.join("users.toml");
        let verifier = scram_sha_256(b"pw");
        let before = format!("# our people\n[user.ana]\nverifier = \"{verifier}\" # new in May\nroles = [\"analyst\"]\n");
        fs::write(&file, &before).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();

        let broken = change(&file, |document| {
            document["user"]["ana"]["roles"] = value("none");
            Ok(())
        });
        assert!(matches!(broken, Err(Fault::Config(e)) if e.key == "user.ana.roles"));
        assert_eq!(fs::read_to_string(&file).unwrap(), before);

        change(&file, |document| {
            document["user"]["ana"]["roles"] = value(["dba"].into_iter().collect::<Array>());
            Ok(())
        })
        .unwrap();
        let after = fs::read_to_string(&file).unwrap();
        assert_eq!(after, before.replace("analyst", "dba"));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "nothing is left over");

        fs::write(dir.join("users.toml.new"), "").unwrap();
        assert!(matches!(change(&file, |_| Ok(())), Err(Fault::Busy(_))));
        assert!(dir.join("users.toml.new").exists(), "another's file is not ours to remove");
        fs::remove_dir_all(dir).unwrap();
    }
}
