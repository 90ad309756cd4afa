//! Looks at the policy file, and puts what stands in it in force.
//!
//! A file that has changed is read when it has stayed the same from one look to the next: one that is being written in place could read as
//! a policy with less in it. SIGHUP says that it is whole. What does not load, or does not fit a database that somebody is in, leaves the
//! last good policy in force.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Rules, Text, lock_file};
use crate::audit::line::Line;
use crate::error::UpstreamError;
use crate::log;
use crate::serve::Shared;

/// Between two looks.
pub const PERIOD: Duration = Duration::from_secs(1);

/// Between two tries of a policy that a database has not taken: it may not have been reachable, or nobody may be in it any more.
const AGAIN: Duration = Duration::from_secs(10);

/// What tells that a file is another one or holds something else: device, inode, length, and time of the last change.
type Of = (u64, u64, u64, i64, i64);

/// Of the policy file, and of the lock file where there is one.
type Sign = (Of, Option<Of>);

fn sign(file: &Path) -> Option<Sign> {
    let of = |file: &Path| fs::metadata(file).ok().map(|m| (m.dev(), m.ino(), m.size(), m.mtime(), m.mtime_nsec()));
    of(file).map(|policy| (policy, of(&lock_file(file))))
}

/// What has been seen of the file.
#[derive(Debug)]
struct Seen {
    /// Of the file when it was read last; `None`: it is to be read.
    read: Option<Sign>,
    /// At the last look.
    last: Option<Sign>,
    /// Why it is not in force.
    fault: Option<String>,
    /// When a database is asked again.
    again: Option<Instant>,
}

impl Seen {
    /// Whether it is to be read now.
    fn is_due(&mut self, now: Option<Sign>, asked: bool) -> bool {
        let settled = std::mem::replace(&mut self.last, now) == now;
        let changed = now != self.read || now.is_none();
        let again = self.again.is_some_and(|at| at <= Instant::now());
        asked || settled && (changed || again)
    }
}

impl Shared {
    /// See the module. Does not end.
    pub(crate) async fn keep_policy(&self, period: Duration) {
        let file = &self.config.policy;
        let now = sign(file);
        // What was read at the start may have been another file: it is compared.
        let mut seen = Seen { read: None, last: now, fault: None, again: None };
        loop {
            let asked = tokio::select! {
                () = sleep(period) => false,
                () = self.reload.notified() => true,
            };
            let now = sign(file);
            if !seen.is_due(now, asked) {
                continue;
            }
            // A file that is asked for may be written at this very moment: it is looked at again.
            seen.read = now.filter(|_| !asked);
            seen.again = None;
            match self.try_policy().await {
                Ok(news) => {
                    if news {
                        self.audit_policy("accepted", None);
                    }
                    if news || asked || seen.fault.is_some() {
                        let rules = self.rules();
                        log::info("policy.in_force", &[("number", &rules.number), ("hash", &rules.hash), ("changed", &news)]);
                    }
                    seen.fault = None;
                }
                Err((fault, databases)) => {
                    seen.again = databases.then(|| Instant::now() + AGAIN);
                    if asked || seen.fault.as_ref() != Some(&fault) {
                        self.counters.policy_failures.add();
                        log::error("policy.kept", &[("hash", &self.rules().hash), ("why", &fault)]);
                        self.audit_policy("refused", Some(&fault));
                    }
                    seen.fault = Some(fault);
                }
            }
        }
    }

    fn audit_policy(&self, outcome: &'static str, why: Option<&str>) {
        if let Some(audit) = &self.audit {
            let mut line = Line::new("policy", None).policy(&self.rules().hash);
            (line.outcome, line.why) = (Some(outcome), why.map(str::to_owned));
            audit.tell(&line);
        }
    }

    /// Reads the file and puts it in force, where it is another policy; whether it is. Else why not, and whether a database is why.
    async fn try_policy(&self) -> Result<bool, (String, bool)> {
        let (file, configuration) = (&self.config.policy, &self.config.file);
        let own = |e: crate::error::ConfigError| (e.to_string(), false);
        let text = Text::read(file, configuration).map_err(own)?;
        let before = self.rules();
        let lock = text.lock(file, configuration).map_err(own)?;
        if lock.is_none() && before.lock.is_some() {
            // Every column would count as accepted.
            let gone = format!("{} is gone: bring it back, or restart pgveil to do without", lock_file(file).display());
            return Err((gone, false));
        }
        if text.hash == before.hash && lock == before.lock {
            return Ok(false);
        }
        let policy = text.policy(file, configuration).map_err(own)?;
        for fault in self.config.roles_unknown_to(&policy, &self.users.users().0) {
            // Taking a role away is a way to lock its users out: that is no reason to keep the old policy.
            log::warn("policy.roles", &[("why", &fault)]);
        }
        let rules = Arc::new(Rules { number: before.number.saturating_add(1), policy: Arc::new(policy), hash: text.hash, lock });
        self.put_in_force(rules).await.map_err(|errors| {
            let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
            (all.join("\n"), true)
        })?;
        Ok(true)
    }

    async fn put_in_force(&self, rules: Arc<Rules>) -> Result<(), Vec<UpstreamError>> {
        self.engines.rebase(Arc::clone(&rules)).await?;
        self.all_rules.send_replace(rules);
        self.counters.policy_changes.add();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_when_it_has_stayed_the_same_for_one_look() {
        let at = |n: i64| Some(((1, 1, 1, n, 0), None));
        let mut seen = Seen { read: at(1), last: at(1), fault: None, again: None };
        let mut look = |now: Option<Sign>, asked: bool| {
            let due = seen.is_due(now, asked);
            if due {
                seen.read = now.filter(|_| !asked);
            }
            due
        };
        assert!(!look(at(1), false));
        assert!(!look(at(2), false) && !look(at(3), false), "it is being written");
        assert!(look(at(3), false));
        assert!(!look(at(3), false));
        assert!(look(at(3), true), "asked for");
        assert!(look(at(3), false) && !look(at(3), false), "and looked at once more");
        assert!(!look(None, false) && look(None, false), "it is gone");
    }
}
