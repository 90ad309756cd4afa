//! `users.toml`: who may log in, how, until when, and with which roles.

pub mod until;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use pgveil_policy::policy::attributes::{self, Attributes};
use toml_edit::{DocumentMut, Item};

use crate::error::ConfigError;
use crate::log;
use crate::login::scram::{Form, Verifier, hmac_sha256};

/// A user.
#[derive(Debug, Clone)]
pub struct User {
    /// Of its password; `None` only where it has none.
    pub verifier: Option<Verifier>,
    /// Its roles, at least one; the first is active after login, unless the client asks for another.
    pub roles: Vec<String>,
    /// How it logs in.
    pub auth: Auth,
    /// The common name of its certificate; its own name where it is not said.
    pub certificate: Option<String>,
    /// After that it may not log in.
    pub valid_until: Option<SystemTime>,
    /// What row filters may ask for.
    pub attributes: Attributes,
}

/// How a user logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Auth {
    /// `auth = "scram"`: with its password.
    #[default]
    Scram,
    /// `auth = "cert"`: with its certificate alone.
    Cert,
    /// `auth = "scram+cert"`: with both.
    Both,
}

impl Auth {
    /// As the users file writes it.
    pub fn parse(text: &str) -> Option<Auth> {
        [Auth::Scram, Auth::Cert, Auth::Both].into_iter().find(|auth| auth.name() == text)
    }

    /// As the users file writes it.
    pub fn name(self) -> &'static str {
        match self {
            Auth::Scram => "scram",
            Auth::Cert => "cert",
            Auth::Both => "scram+cert",
        }
    }

    /// Whether a certificate is needed.
    pub fn needs_certificate(self) -> bool {
        match self {
            Auth::Scram => false,
            Auth::Cert | Auth::Both => true,
        }
    }
}

impl User {
    /// Whether a certificate with that common name is its own.
    pub fn is_named_by(&self, name: &str, certificate: &str) -> bool {
        self.certificate.as_deref().unwrap_or(name) == certificate
    }

    /// Whether it may log in at that time.
    pub fn is_valid(&self, now: SystemTime) -> bool {
        self.valid_until.is_none_or(|until| now <= until)
    }
}

/// All users, by name.
#[derive(Debug, Clone, Default)]
pub struct Users(BTreeMap<String, User>);

impl Users {
    /// Reads a users file.
    ///
    /// # Errors
    /// It is unreadable, not TOML, or a user in it is incomplete.
    pub fn load(file: &Path) -> Result<Users, ConfigError> {
        let text = fs::read_to_string(file).map_err(|e| {
            fault(file, "users", format!("cannot be read: {e}"), "make the first user: pgveil user add NAME --role ROLE -c pgveil.toml")
        })?;
        Users::parse(&text, file)
    }

    /// Reads a users file's text; `file` is for messages.
    ///
    /// # Errors
    /// It is not TOML, or a user in it is incomplete.
    pub fn parse(text: &str, file: &Path) -> Result<Users, ConfigError> {
        let document: DocumentMut = text
            .parse()
            .map_err(|e: toml_edit::TomlError| fault(file, "users", e.to_string().trim_end().replace('\n', "\n  "), "write it as TOML"))?;
        let mut users = BTreeMap::new();
        for (key, item) in document.iter() {
            let table = match (key, item) {
                ("user", Item::Table(table)) => table,
                _ => return Err(fault(file, key, "unknown key", "only [user.NAME] tables stand here")),
            };
            for (name, item) in table {
                users.insert(name.to_owned(), user(file, name, item)?);
            }
        }
        Ok(Users(users))
    }

    /// A user by name; case counts.
    pub fn get(&self, name: &str) -> Option<&User> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &User)> {
        self.0.iter().map(|(name, user)| (name.as_str(), user))
    }

    /// A verifier that no password fits, for a user that does not exist or has no password: always the same for one name, and of a form
    /// that one of the others, or one of `more`, has.
    pub fn mock(&self, name: &str, secret: &[u8; 32], more: &BTreeSet<Form>) -> Verifier {
        let forms: BTreeSet<Form> =
            self.0.values().filter_map(|u| u.verifier.as_ref()).map(Verifier::form).chain(more.iter().copied()).collect();
        // Whoever knows how one user's looks must not learn from another's that it is made up. Each form draws a lot for the name, so
        // that another one more changes few names.
        let lot = |form: &Form| hmac_sha256(secret, &[b"form:", &form.iterations.to_be_bytes(), &form.salt.to_be_bytes(), name.as_bytes()]);
        Verifier::mock(secret, name, forms.into_iter().max_by_key(lot).unwrap_or_default())
    }
}

fn user(file: &Path, name: &str, item: &Item) -> Result<User, ConfigError> {
    let at = |key: &str| format!("user.{name}.{key}");
    let Some(table) = item.as_table_like() else {
        return Err(fault(file, &format!("user.{name}"), "is no table", "write [user.NAME] with verifier and roles"));
    };
    for (key, _) in table.iter() {
        if !matches!(key, "verifier" | "role" | "roles" | "auth" | "certificate" | "valid_until" | "attributes") {
            return Err(fault(
                file,
                &at(key),
                "unknown key",
                "a user has verifier, role or roles, auth, certificate, valid_until and attributes",
            ));
        }
    }
    let remake = "set it with pgveil user add; a verifier has Postgres' form SCRAM-SHA-256$4096:salt$StoredKey:ServerKey";
    let auth = match table.get("auth").map(|item| item.as_str().and_then(Auth::parse)) {
        None => Auth::Scram,
        Some(Some(auth)) => auth,
        Some(None) => return Err(fault(file, &at("auth"), "is unknown", "scram | cert | scram+cert")),
    };
    let verifier = match (auth, table.get("verifier")) {
        (Auth::Cert, None) => None,
        (Auth::Cert, Some(_)) => {
            let remedy = "take the verifier out, or write auth = \"scram+cert\"";
            return Err(fault(file, &at("verifier"), "no password counts with auth = \"cert\"", remedy));
        }
        (Auth::Scram | Auth::Both, item) => {
            let verifier = item.and_then(Item::as_str).and_then(Verifier::parse);
            Some(verifier.ok_or_else(|| fault(file, &at("verifier"), "missing or malformed", remake))?)
        }
    };
    let certificate = match table.get("certificate").map(|item| item.as_str().filter(|name| !name.is_empty())) {
        None => None,
        Some(Some(name)) => Some(name.to_owned()),
        Some(None) => return Err(fault(file, &at("certificate"), "is no text", "write the common name (CN) of the user's certificate")),
    };
    let valid_until = match table.get("valid_until") {
        None => None,
        Some(item) => {
            let read = item.as_datetime().and_then(until::of).map(Some).or_else(|| item.as_str().and_then(until::parse));
            let remedy = "write a time with its offset, valid_until = 2026-12-31T00:00:00Z, or \"infinity\"";
            read.ok_or_else(|| fault(file, &at("valid_until"), "is no time with an offset", remedy))?
        }
    };
    let listed = table.get("roles").and_then(Item::as_array).and_then(|roles| {
        let names = roles.iter().map(|role| role.as_str().filter(|r| !r.is_empty()).map(str::to_owned));
        names.collect::<Option<Vec<_>>>().filter(|names| !names.is_empty())
    });
    let single = table.get("role").map(|role| role.as_str().filter(|r| !r.is_empty()).map(|r| vec![r.to_owned()]));
    let roles = match (single, table.contains_key("roles")) {
        (Some(_), true) => return Err(fault(file, &at("role"), "stands beside roles", "write one of the two")),
        (Some(single), false) => single.ok_or_else(|| fault(file, &at("role"), "is no name of a role", "write role = \"analyst\""))?,
        (None, _) => listed.ok_or_else(|| fault(file, &at("roles"), "is no list of role names", "write roles = [\"analyst\"]"))?,
    };
    let attributes = match table.get("attributes").map(attributes::of_toml) {
        None => Attributes::new(),
        Some(Ok(attributes)) => attributes,
        Some(Err((name, why))) => {
            let remedy = "write attributes = { region = \"eu\", teams = [\"a\", \"b\"] }";
            return Err(fault(file, &format!("{}{name}", at("attributes")), why, remedy));
        }
    };
    Ok(User { verifier, roles, auth, certificate, valid_until, attributes })
}

fn fault(file: &Path, key: &str, problem: impl Into<String>, remedy: &str) -> ConfigError {
    ConfigError { file: file.into(), key: key.into(), problem: problem.into(), remedy: remedy.into() }
}

/// The users file as it is now: read again when it has changed.
#[derive(Debug)]
pub struct Directory {
    file: PathBuf,
    current: ArcSwap<(Users, Option<SystemTime>)>,
}

impl Directory {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// As [`Users::load`].
    pub fn open(file: &Path) -> Result<Directory, ConfigError> {
        let modified = modified(file);
        Ok(Directory { file: file.into(), current: ArcSwap::from_pointee((Users::load(file)?, modified)) })
    }

    /// The users; a changed file that does not load leaves the last good one in force.
    pub fn users(&self) -> Arc<(Users, Option<SystemTime>)> {
        let current = self.current.load_full();
        let now = modified(&self.file);
        if now == current.1 {
            return current;
        }
        let users = Users::load(&self.file).unwrap_or_else(|error| {
            log::warn("users.reload", &[("error", &error)]);
            current.0.clone()
        });
        let fresh = Arc::new((users, now));
        self.current.store(Arc::clone(&fresh));
        fresh
    }
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|m| m.modified()).ok()
}

#[cfg(test)]
mod tests {
    use postgres_protocol::password::scram_sha_256;

    use super::*;

    #[test]
    fn users_have_a_verifier_and_roles() {
        let verifier = scram_sha_256(b"pw");
        let text = format!(
            "# who\n[user.ana]\nverifier = \"{verifier}\"\nroles = [\"analyst\", \"x\"]\n[user.\"b c\"]\nverifier = '{verifier}'\nroles = ['r']\n"
        );
        let users = Users::parse(&text, Path::new("users.toml")).unwrap();
        assert_eq!(users.get("ana").unwrap().roles, ["analyst", "x"]);
        assert_eq!(users.iter().map(|(n, _)| n).collect::<Vec<_>>(), ["ana", "b c"]);
        assert!(users.get("ANA").is_none());
        assert!(Some(users.mock("eve", &[0; 32], &BTreeSet::new())) != users.get("ana").unwrap().verifier);
    }

    #[test]
    fn made_up_verifiers_have_the_forms_that_there_are() {
        let long = "SCRAM-SHA-256$9000:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz$".to_owned() + scram_sha_256(b"pw").rsplit_once('$').unwrap().1;
        let text =
            format!("[user.a]\nverifier = '{}'\nroles = ['r']\n[user.b]\nverifier = '{long}'\nroles = ['r']\n", scram_sha_256(b"pw"));
        let users = Users::parse(&text, Path::new("users.toml")).unwrap();
        let form = |name: &str, more: &BTreeSet<Form>| {
            let mock = users.mock(name, &[3; 32], more);
            (mock.iterations, mock.salt.len())
        };
        let names: Vec<String> = (0..64).map(|n| format!("nobody{n}")).collect();
        let forms = |more: &BTreeSet<Form>| names.iter().map(|name| form(name, more)).collect::<Vec<_>>();
        let (few, more) = (BTreeSet::new(), BTreeSet::from([Form { iterations: 600_000, salt: 16 }]));
        assert_eq!(forms(&few).into_iter().collect::<BTreeSet<_>>(), [(4096, 16), (9000, 24)].into());
        assert_eq!(forms(&few), forms(&few));
        // What the database's users have counts beside what is in the file; who has another form then has the new one.
        assert_eq!(forms(&more).into_iter().collect::<BTreeSet<_>>(), [(4096, 16), (9000, 24), (600_000, 16)].into());
        for (before, now) in forms(&few).into_iter().zip(forms(&more)) {
            assert!(now == before || now == (600_000, 16));
        }
    }

    #[test]
    fn users_may_end_and_have_certificates() {
        let verifier = scram_sha_256(b"pw");
        let text = format!(
            "[user.ana]\nauth = 'cert'\ncertificate = 'Ana K'\nroles = ['r']\n\
             [user.bob]\nverifier = '{verifier}'\nroles = ['r']\nauth = 'scram+cert'\nvalid_until = 2026-12-31T01:00:00+01:00\n\
             [user.eve]\nverifier = '{verifier}'\nroles = ['r']\nvalid_until = 'infinity'\n"
        );
        let users = Users::parse(&text, Path::new("users.toml")).unwrap();
        let [ana, bob, eve] = ["ana", "bob", "eve"].map(|name| users.get(name).unwrap());
        assert_eq!((ana.auth, bob.auth, eve.auth), (Auth::Cert, Auth::Both, Auth::Scram));
        assert!(ana.is_named_by("ana", "Ana K") && !ana.is_named_by("ana", "ana"));
        assert!(bob.is_named_by("bob", "bob") && !bob.is_named_by("bob", "Bob"));
        let end = until::parse("2026-12-31T00:00:00Z").unwrap().unwrap();
        assert_eq!((ana.valid_until, bob.valid_until, eve.valid_until), (None, Some(end), None));
        assert!(bob.is_valid(end) && !bob.is_valid(end + std::time::Duration::from_nanos(1)) && eve.is_valid(end));
        // Without a password of its own it gets a mock verifier of the others' form.
        let of_bob = bob.verifier.as_ref().unwrap().form();
        assert!(users.mock("ana", &[0; 32], &BTreeSet::new()) == Verifier::mock(&[0; 32], "ana", of_bob));
    }

    #[test]
    fn faults_name_their_key() {
        let verifier = scram_sha_256(b"pw");
        for (text, key) in [
            ("[user.ana]\nroles = ['r']\n".to_owned(), "user.ana.verifier"),
            ("[user.ana]\nverifier = 'md5abc'\nroles = ['r']\n".to_owned(), "user.ana.verifier"),
            (format!("[user.ana]\nverifier = '{verifier}'\n"), "user.ana.roles"),
            (format!("[user.ana]\nverifier = '{verifier}'\nroles = []\n"), "user.ana.roles"),
            (format!("[user.ana]\nverifier = '{verifier}'\nroles = 'r'\n"), "user.ana.roles"),
            (format!("[user.ana]\nverifier = '{verifier}'\nroles = [1]\n"), "user.ana.roles"),
            (format!("[user.ana]\nverifier = '{verifier}'\nroles = ['r']\npassword = 'x'\n"), "user.ana.password"),
            (format!("[user.ana]\nverifier = '{verifier}'\nroles = ['r']\nauth = 'md5'\n"), "user.ana.auth"),
            (format!("[user.ana]\nverifier = '{verifier}'\nroles = ['r']\nauth = 'cert'\n"), "user.ana.verifier"),
            ("[user.ana]\nroles = ['r']\nauth = 'scram+cert'\n".to_owned(), "user.ana.verifier"),
            (format!("[user.ana]\nverifier = '{verifier}'\nroles = ['r']\ncertificate = ''\n"), "user.ana.certificate"),
            (format!("[user.ana]\nverifier = '{verifier}'\nroles = ['r']\nvalid_until = 2026-12-31\n"), "user.ana.valid_until"),
            (format!("[user.ana]\nverifier = '{verifier}'\nroles = ['r']\nvalid_until = 'soon'\n"), "user.ana.valid_until"),
            (format!("[user.ana]\nverifier = '{verifier}'\nroles = ['r']\nattributes = {{ a = 1.5 }}\n"), "user.ana.attributes.a"),
            (format!("[user.ana]\nverifier = '{verifier}'\nroles = ['r']\nrole = 'r'\n"), "user.ana.role"),
            (format!("[user.ana]\nverifier = '{verifier}'\nrole = ['r']\n"), "user.ana.role"),
            ("[user]\nana = 1\n".to_owned(), "user.ana"),
            ("user = 1\n".to_owned(), "user"),
            ("[users.ana]\n".to_owned(), "users"),
            ("[user".to_owned(), "users"),
        ] {
            assert_eq!(Users::parse(&text, Path::new("u")).unwrap_err().key, key, "{text}");
        }
    }

    #[test]
    fn a_changed_file_counts_at_once_and_a_broken_one_not_at_all() {
        let file = std::env::temp_dir().join(format!("pgveil-users-{}.toml", std::process::id()));
        let verifier = scram_sha_256(b"pw");
        fs::write(&file, "").unwrap();
        let directory = Directory::open(&file).unwrap();
        assert!(directory.users().0.get("ana").is_none());
        let touch = |text: &str, age| {
            fs::write(&file, text).unwrap();
            fs::File::open(&file).unwrap().set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(age)).unwrap();
        };
        touch(&format!("[user.ana]\nverifier = '{verifier}'\nroles = ['r']\n"), 1000);
        assert!(directory.users().0.get("ana").is_some());
        touch("[user", 2000);
        assert!(directory.users().0.get("ana").is_some());
        fs::remove_file(&file).unwrap();
        assert!(directory.users().0.get("ana").is_some());
    }
}
