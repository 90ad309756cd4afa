//! The policy that is in force: read at start and again when its file has changed, put in the other's place as a whole.

pub mod follow;
pub mod keep;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pgveil_policy::Policy;
use pgveil_policy::policy::Circumstances;
use pgveil_policy::policy::lock::Lock;
use pgveil_policy::policy::{Limit, Limits};

use crate::error::ConfigError;

pub use follow::{Follow, Why};

/// A policy that is, or was, in force.
#[derive(Debug)]
pub struct Rules {
    /// Another one for each that came into force in this process.
    pub number: u64,
    /// What it says.
    pub policy: Arc<Policy>,
    /// BLAKE3 of its text, in hexadecimal digits.
    pub hash: String,
    /// The lock file beside it, where there is one.
    pub lock: Option<Arc<Lock>>,
}

/// What of a role a session is begun with, and cannot be changed while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Something is protected from it: its messages are read.
    pub protected: bool,
    /// Its transactions are read-only.
    pub never_writes: bool,
    /// The longest that a statement may take, in seconds.
    pub seconds: Option<u64>,
    /// The most rows that one may give.
    pub rows: Option<u64>,
    /// The most bytes of them.
    pub bytes: Option<u64>,
}

impl Standing {
    /// What one statement may take: seconds, rows and bytes.
    pub fn limits(&self) -> [Option<u64>; 3] {
        [self.seconds, self.rows, self.bytes]
    }
}

impl Rules {
    /// Reads the policy file, for the first time.
    ///
    /// # Errors
    /// As [`Text::read`] and [`Text::policy`].
    pub fn first(file: &Path, configuration: &Path) -> Result<Rules, ConfigError> {
        let text = Text::read(file, configuration)?;
        Ok(Rules { number: 1, policy: Arc::new(text.policy(file, configuration)?), lock: text.lock(file, configuration)?, hash: text.hash })
    }

    /// What of a role a session is begun with; `None` where the policy does not have it.
    pub fn standing(&self, role: &str) -> Option<Standing> {
        let role = self.policy.roles.get(role)?;
        let protected = !role.is_untouched(self.policy.unclassified);
        let most = |limit: Option<Limit>| limit.map(|limit| limit.most);
        let Limits { seconds, rows, bytes } = role.limits;
        Some(Standing { protected, never_writes: role.never_writes(), seconds: most(seconds), rows: most(rows), bytes: most(bytes) })
    }

    /// When nobody has a role any more; `None` where the policy does not say.
    pub fn expiry(&self, role: &str) -> Option<SystemTime> {
        self.policy.roles.get(role)?.expires.as_ref().map(|expiry| moment(expiry.at))
    }

    /// Whether a user who has a role may take it now.
    ///
    /// # Errors
    /// Why not.
    pub fn may_take(&self, role: &str, circumstances: Option<&Circumstances>) -> Result<(), Why> {
        // What an exemption makes is nobody's to have.
        if self.policy.is_of_an_exemption(role) {
            return Err(Why::Gone { role: role.to_owned() });
        }
        self.holds(role, circumstances, SystemTime::now()).map(drop)
    }

    /// Whether a session may have a role, and when that has to be asked again; `None`: never. Without circumstances its conditions are
    /// not asked.
    fn holds(&self, role: &str, circumstances: Option<&Circumstances>, now: SystemTime) -> Result<Option<SystemTime>, Why> {
        let named = || role.to_owned();
        if !self.policy.roles.contains_key(role) {
            return Err(Why::Gone { role: named() });
        }
        let expiry = self.expiry(role);
        if expiry.is_some_and(|at| at <= now) {
            return Err(Why::Expired { role: named() });
        }
        let again = match circumstances {
            Some(circumstances) => self.policy.conditions_of(role, circumstances, seconds(now)).map_err(|e| Why::Unmet(Box::new(e)))?,
            None => None,
        };
        Ok(expiry.into_iter().chain(again.map(moment)).min())
    }

    /// Whether anything is protected from a role.
    pub fn protects(&self, role: &str) -> bool {
        self.standing(role).is_none_or(|standing| standing.protected)
    }
}

/// So many seconds after the beginning of 1970, which is the first moment that can be told.
fn moment(seconds: i64) -> SystemTime {
    let after = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    SystemTime::UNIX_EPOCH.checked_add(after).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Whole seconds since 1970 began; 0 for what was before.
fn seconds(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The lock file of a policy: `policy.lock` beside `policy.toml`.
pub fn lock_file(policy: &Path) -> PathBuf {
    policy.with_extension("lock")
}

/// A policy file's text, and its lock file's.
#[derive(Debug)]
pub struct Text {
    text: String,
    /// BLAKE3, in hexadecimal digits.
    pub hash: String,
    lock: Option<String>,
}

impl Text {
    /// Reads the files. `configuration`: what names them, for messages.
    ///
    /// # Errors
    /// One cannot be read. There need not be a lock file.
    pub fn read(file: &Path, configuration: &Path) -> Result<Text, ConfigError> {
        let text =
            fs::read_to_string(file).map_err(|e| fault(configuration, format!("{}: {e}", file.display()), "write a policy there"))?;
        let hash = blake3::hash(text.as_bytes()).to_hex().to_string();
        let beside = lock_file(file);
        let lock = match fs::read_to_string(&beside) {
            Ok(lock) => Some(lock),
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(fault(configuration, format!("{}: {e}", beside.display()), "let pgveil's user read it")),
        };
        Ok(Text { text, hash, lock })
    }

    /// What the lock file says.
    ///
    /// # Errors
    /// It is none.
    pub fn lock(&self, file: &Path, configuration: &Path) -> Result<Option<Arc<Lock>>, ConfigError> {
        let Some(text) = &self.lock else { return Ok(None) };
        let beside = lock_file(file);
        let name = beside.file_name().map_or_else(|| beside.display().to_string(), |n| n.to_string_lossy().into_owned());
        Lock::parse(&name, text).map(|lock| Some(Arc::new(lock))).map_err(|errors| {
            let faults: Vec<String> = errors.iter().map(|e| e.render(text)).collect();
            let problem = format!("{} does not load\n{}", beside.display(), faults.join("\n"));
            fault(configuration, problem, "make it anew with pgveil lock --accept, or bring the last good one back")
        })
    }

    /// What it says.
    ///
    /// # Errors
    /// All its faults, each with file, line, column and a remedy.
    pub fn policy(&self, file: &Path, configuration: &Path) -> Result<Policy, ConfigError> {
        // Its name alone: it stands in refusals that clients see.
        let name = file.file_name().map_or_else(|| file.display().to_string(), |n| n.to_string_lossy().into_owned());
        Policy::parse(&name, &self.text).map_err(|errors| {
            let faults: Vec<String> = errors.iter().map(|e| e.render(&self.text)).collect();
            let problem = format!("{} does not load\n{}", file.display(), faults.join("\n"));
            fault(configuration, problem, "mend the policy at the places named above")
        })
    }
}

fn fault(configuration: &Path, problem: String, remedy: &str) -> ConfigError {
    ConfigError { file: configuration.to_owned(), key: "policy".to_owned(), problem, remedy: remedy.to_owned() }
}
