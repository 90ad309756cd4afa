//! What a change of the policy means for a session that is open.
//!
//! A session of a role with masks goes on: its next statement is judged by the new policy. What was decided when it began cannot be
//! changed: that nobody reads its messages, that its transactions are read-only, that there is such a role. Where that would be otherwise
//! now, it ends at the next boundary between messages, and nothing more is taken from the client before that is known.

use std::future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::time::timeout;

use pgveil_policy::policy::Exemption;

use super::{Rules, Standing};
use crate::fatal::Fatal;

/// Follows the policies for one session.
#[derive(Debug)]
pub struct Follow {
    rules: watch::Receiver<Arc<Rules>>,
    /// By which it is judged.
    role: String,
    began: Standing,
    exempt: Option<Box<Exempt>>,
}

/// A session that sees more than its role, for some time.
#[derive(Debug)]
struct Exempt {
    user: String,
    role: String,
    /// Seconds since the beginning of 1970.
    until: i64,
    reason: String,
}

/// Says when a policy has come that nobody has looked at: nothing is to be taken from the client before somebody has.
#[derive(Debug)]
pub struct Behind {
    rules: watch::Receiver<Arc<Rules>>,
    seen: u64,
}

impl Behind {
    /// Whether there is one.
    pub fn is_true(&self) -> bool {
        self.rules.borrow().number != self.seen
    }

    /// The session goes on under that one.
    pub fn seen(&mut self, number: u64) {
        self.seen = number;
    }
}

/// Another policy, as a session sees it.
#[derive(Debug)]
pub struct Change {
    /// Its number.
    pub number: u64,
    /// Why the session must end for it.
    pub why: Option<Why>,
}

/// Why a session ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Its role is not there any more.
    #[error("role \"{role}\" is no longer in the policy")]
    Gone {
        /// The role.
        role: String,
    },
    /// Something is protected from its role, and its messages are not read.
    #[error("the policy now protects data from role \"{role}\"")]
    Protected {
        /// The role.
        role: String,
    },
    /// It saw more than its role, for some time.
    #[error("the exemption of user \"{user}\" in role \"{role}\" has ended")]
    Over {
        /// The user.
        user: String,
        /// The role.
        role: String,
    },
    /// Its transactions would be read-only, or would not be.
    #[error("role \"{role}\" now has other rights to write")]
    Writes {
        /// The role.
        role: String,
    },
}

impl Why {
    /// What the client is told.
    pub fn fatal(&self) -> Fatal {
        let hint = match self {
            Why::Gone { .. } => "Ask whoever writes the policy.",
            Why::Protected { .. } | Why::Writes { .. } | Why::Over { .. } => "Connect again.",
        };
        if let Why::Over { .. } = self {
            return Fatal::new("57P01", format!("terminating connection because {self}")).hint(hint);
        }
        Fatal::new("57P01", format!("terminating connection because the policy has changed: {self}")).hint(hint)
    }
}

impl Follow {
    /// Begins a session of a user under `rules`, which `all` showed when it logged in; `None` where that policy has no such role.
    pub fn begin(all: watch::Receiver<Arc<Rules>>, rules: &Rules, user: &str, role: &str) -> Option<(Follow, Behind)> {
        // What an exemption makes is nobody's to have: it would not end.
        rules.standing(role).filter(|_| !rules.policy.is_of_an_exemption(role))?;
        let lasts = rules.policy.exemption(user, role).filter(|e| left(e.until).is_some());
        let judged = lasts.map_or_else(|| role.to_owned(), |e| e.judged_as());
        let exempt =
            |e: &Exemption| Box::new(Exempt { user: user.to_owned(), role: role.to_owned(), until: e.until, reason: e.reason.clone() });
        let began = rules.standing(&judged)?;
        let behind = Behind { rules: all.clone(), seen: rules.number };
        Some((Follow { rules: all, role: judged, began, exempt: lasts.map(exempt) }, behind))
    }

    /// The role that the session is judged by: its own, or the one that an exemption makes of it.
    pub fn judged_as(&self) -> &str {
        &self.role
    }

    /// Why it sees more than its role, where it does.
    pub fn exemption(&self) -> Option<&str> {
        self.exempt.as_ref().map(|exempt| exempt.reason.as_str())
    }

    /// What the session was begun with.
    pub fn began(&self) -> Standing {
        self.began
    }

    /// Waits for a change.
    pub async fn changed(&mut self) -> Change {
        let news = match self.exempt.as_deref() {
            None => Some(self.rules.changed().await),
            Some(exempt) => Box::pin(until_over(exempt, &mut self.rules)).await,
        };
        if matches!(news, Some(Err(_))) {
            // The process stops, which sessions hear otherwise.
            return future::pending().await;
        }
        let rules = if news.is_some() { Arc::clone(&self.rules.borrow_and_update()) } else { Arc::clone(&self.rules.borrow()) };
        let role = || self.role.clone();
        let over = self.exempt.as_mut().and_then(|exempt| {
            // It may last longer now, or not any more.
            exempt.until = rules.policy.exemption(&exempt.user, &exempt.role).map_or(i64::MIN, |e| e.until);
            let has_ended = left(exempt.until).is_none();
            has_ended.then(|| Why::Over { user: exempt.user.clone(), role: exempt.role.clone() })
        });
        let why = match rules.standing(&self.role) {
            _ if over.is_some() => over,
            None => Some(Why::Gone { role: role() }),
            Some(now) if now.protected && !self.began.protected => Some(Why::Protected { role: role() }),
            Some(now) if now.never_writes != self.began.never_writes => Some(Why::Writes { role: role() }),
            Some(_) => None,
        };
        Change { number: rules.number, why }
    }
}

/// How long it is until then; `None` once it is over, or where the clock shows no time at all.
fn left(until: i64) -> Option<Duration> {
    let until = UNIX_EPOCH.checked_add(Duration::from_secs(until.try_into().ok()?))?;
    let now = SystemTime::now();
    (now >= UNIX_EPOCH).then(|| until.duration_since(now).ok())?.filter(|left| !left.is_zero())
}

/// Waits for another policy, no longer than an exemption lasts by the clock on the wall; `None` where that has ended.
async fn until_over(exempt: &Exempt, rules: &mut watch::Receiver<Arc<Rules>>) -> Option<Result<(), watch::error::RecvError>> {
    while let Some(left) = left(exempt.until) {
        // The clock may be set meanwhile.
        if let Ok(news) = timeout(left.min(Duration::from_secs(5)), rules.changed()).await {
            return Some(news);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(number: u64, role: &str) -> Arc<Rules> {
        let text = format!("version = 1\n[class.c]\ncolumns = [\"a.b.c\"]\n{role}");
        Arc::new(Rules { number, policy: Arc::new(pgveil_policy::Policy::parse("p", &text).unwrap()), hash: String::new(), lock: None })
    }

    const CLEAR: &str = "[role.r]\ndefault = \"clear\"\n";
    const MASKED: &str = "[role.r]\ndefault = \"clear\"\nmask.c = \"null\"\n";
    const READS: &str = "[role.r]\nread_only = true\n";

    #[test]
    fn what_a_session_was_begun_with_cannot_change() {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let ends = async |before: &str, after: &str| {
                let (to, from) = watch::channel(rules(1, before));
                let first = Arc::clone(&from.borrow());
                let (mut follow, mut behind) = Follow::begin(from, &first, "u", "r").unwrap();
                assert!(!behind.is_true());
                to.send_replace(rules(2, after));
                assert!(behind.is_true());
                let change = follow.changed().await;
                behind.seen(change.number);
                assert!(!behind.is_true());
                change.why.map(|why| why.to_string())
            };
            assert_eq!(ends(CLEAR, CLEAR).await, None);
            assert_eq!(ends(MASKED, CLEAR).await, None, "nothing is masked, in the path that it is on");
            assert_eq!(ends(CLEAR, MASKED).await.unwrap(), "the policy now protects data from role \"r\"");
            assert_eq!(ends(MASKED, READS).await.unwrap(), "role \"r\" now has other rights to write");
            assert_eq!(ends(READS, MASKED).await.unwrap(), "role \"r\" now has other rights to write");
            assert_eq!(ends(MASKED, "[role.s]\n").await.unwrap(), "role \"r\" is no longer in the policy");
            let (_, from) = watch::channel(rules(1, "[role.s]\n"));
            assert!(Follow::begin(from, &rules(1, "[role.s]\n"), "u", "r").is_none());
        });
    }
}
