//! What a change of the policy means for a session that is open.
//!
//! A session of a role with masks goes on: its next statement is judged by the new policy. What was decided when it began cannot be
//! changed: that nobody reads its messages, that its transactions are read-only, that there is such a role. Where that would be otherwise
//! now, it ends at the next boundary between messages, and nothing more is taken from the client before that is known.

use std::future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use pgveil_policy::policy::{Circumstances, Exemption, Unmet};

use super::{Rules, Standing, moment};
use crate::fatal::Fatal;

/// Follows the policies for one session.
#[derive(Debug)]
pub struct Follow {
    rules: watch::Receiver<Arc<Rules>>,
    /// By which it is judged.
    role: String,
    /// In room of its own: it is seldom looked at.
    terms: Box<Terms>,
}

/// What a session hangs on besides its role.
#[derive(Debug)]
struct Terms {
    began: Standing,
    /// When the user may no longer be here.
    until: Option<SystemTime>,
    /// What conditions of the role ask for; `None`: they are not asked.
    circumstances: Option<Circumstances>,
    exempt: Option<Exempt>,
}

/// A session that sees more than its role, for some time.
#[derive(Debug)]
struct Exempt {
    user: String,
    role: String,
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
    /// It is over.
    #[error("role \"{role}\" has expired")]
    Expired {
        /// The role.
        role: String,
    },
    /// Its conditions do not hold.
    #[error(transparent)]
    Unmet(Box<Unmet>),
    /// The user's time is.
    #[error("your login is no longer valid")]
    Over,
    /// It saw more than its role, for some time.
    #[error("the exemption of user \"{user}\" in role \"{role}\" has ended")]
    Exempted {
        /// The user.
        user: String,
        /// The role.
        role: String,
    },
    /// Its statements may take another time.
    #[error("role \"{role}\" now has another limit")]
    Limits {
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
    /// What can be done about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Why::Gone { .. } | Why::Expired { .. } => "Ask whoever writes the policy.",
            Why::Over => "Ask whoever keeps the users.",
            Why::Unmet(_) => "If you have another role, choose it when you connect: options='-c pgveil.role=ROLE'.",
            Why::Protected { .. } | Why::Writes { .. } | Why::Limits { .. } | Why::Exempted { .. } => "Connect again.",
        }
    }

    /// What the client is told.
    pub fn fatal(&self) -> Fatal {
        let cause = match self {
            Why::Expired { .. } | Why::Over | Why::Unmet(_) | Why::Exempted { .. } => "",
            Why::Gone { .. } | Why::Protected { .. } | Why::Writes { .. } | Why::Limits { .. } => "the policy has changed: ",
        };
        Fatal::new("57P01", format!("terminating connection because {cause}{self}")).hint(self.hint())
    }
}

impl Follow {
    /// Begins a session of a user, who may be there `until` then, under `rules`, which `all` showed when the user logged in; `None` where
    /// that policy has no such role. Without circumstances its conditions are not asked.
    pub fn begin(
        all: watch::Receiver<Arc<Rules>>,
        rules: &Rules,
        (user, role): (&str, &str),
        until: Option<SystemTime>,
        circumstances: Option<Circumstances>,
    ) -> Option<(Follow, Behind)> {
        // What an exemption makes is nobody's to have: it would not end.
        rules.standing(role).filter(|_| !rules.policy.is_of_an_exemption(role))?;
        let lasting = rules.policy.exemption(user, role).filter(|e| moment(e.until) > SystemTime::now());
        let judged = lasting.map_or_else(|| role.to_owned(), Exemption::judged_as);
        let exempt = |e: &Exemption| Exempt { user: user.to_owned(), role: role.to_owned(), reason: e.reason.clone() };
        let began = rules.standing(&judged)?;
        let behind = Behind { rules: all.clone(), seen: rules.number };
        let terms = Box::new(Terms { began, until, circumstances, exempt: lasting.map(exempt) });
        Some((Follow { rules: all, role: judged, terms }, behind))
    }

    /// The role that the session is judged by: its own, or the one that an exemption makes of it.
    pub fn judged_as(&self) -> &str {
        &self.role
    }

    /// Why it sees more than its role, where it does.
    pub fn exemption(&self) -> Option<&str> {
        self.terms.exempt.as_ref().map(|exempt| exempt.reason.as_str())
    }

    /// What the session was begun with.
    pub fn began(&self) -> Standing {
        self.terms.began
    }

    /// When that has to be asked again, for it ends then or may; `None`: not before there is another policy.
    ///
    /// # Errors
    /// Why it must end now.
    pub fn lasts(&self) -> Result<Option<SystemTime>, Why> {
        let now = SystemTime::now();
        let end = self.end();
        if let Some((_, why)) = end.as_ref().filter(|(at, _)| *at <= now) {
            return Err(why.clone());
        }
        let again = self.rules.borrow().holds(&self.role, self.terms.circumstances.as_ref(), now)?;
        Ok(end.map(|(at, _)| at).into_iter().chain(again).min())
    }

    /// When the time of the exemption, of the role or of the user is over, and why.
    fn end(&self) -> Option<(SystemTime, Why)> {
        let rules = self.rules.borrow();
        // Another policy may have it last longer, or not any more.
        let of_exemption = self.terms.exempt.as_ref().map(|Exempt { user, role, .. }| {
            let until = rules.policy.exemption(user, role).map_or(SystemTime::UNIX_EPOCH, |e| moment(e.until));
            (until, Why::Exempted { user: user.clone(), role: role.clone() })
        });
        let of_role = rules.expiry(&self.role).map(|at| (at, Why::Expired { role: self.role.clone() }));
        let of_user = self.terms.until.map(|at| (at, Why::Over));
        of_exemption.into_iter().chain(of_role).chain(of_user).min_by_key(|(at, _)| *at)
    }

    /// Waits for a change, or for the end.
    pub async fn changed(&mut self) -> Change {
        if !matches!(self.lasts(), Ok(None)) {
            // A session has no room for what few need.
            return Box::pin(self.news_before_end()).await;
        }
        self.news().await
    }

    async fn news_before_end(&mut self) -> Change {
        loop {
            let number = self.rules.borrow().number;
            let again = match self.lasts() {
                Ok(Some(again)) => again,
                Ok(None) => return self.news().await,
                Err(why) => return Change { number, why: Some(why) },
            };
            tokio::select! {
                change = self.news() => return change,
                () = over(again) => {}
            }
        }
    }

    async fn news(&mut self) -> Change {
        if self.rules.changed().await.is_err() {
            // The process stops, which sessions hear otherwise.
            return future::pending().await;
        }
        let rules = Arc::clone(&self.rules.borrow_and_update());
        let role = || self.role.clone();
        let ended = self.lasts().err();
        let why = match rules.standing(&self.role) {
            _ if ended.is_some() => ended,
            None => Some(Why::Gone { role: role() }),
            Some(now) if now.protected && !self.terms.began.protected => Some(Why::Protected { role: role() }),
            Some(now) if now.never_writes != self.terms.began.never_writes => Some(Why::Writes { role: role() }),
            Some(now) if now.limits() != self.terms.began.limits() => Some(Why::Limits { role: role() }),
            Some(_) => None,
        };
        Change { number: rules.number, why }
    }
}

/// The longest that is slept at once: clocks may be set.
const NAP: Duration = Duration::from_secs(20);

/// Waits until then.
async fn over(at: SystemTime) {
    loop {
        let left = at.duration_since(SystemTime::now()).unwrap_or_default();
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(NAP)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(number: u64, role: &str) -> Arc<Rules> {
        let text = format!("version = 1\n[class.c]\ncolumns = [\"a.b.c\"]\n{role}");
        Arc::new(Rules { number, policy: Arc::new(pgveil_policy::Policy::parse("p", &text).unwrap()), hash: String::new(), lock: None })
    }

    fn here() -> Circumstances {
        Circumstances { from: [127, 0, 0, 1].into(), application: "psql".to_owned() }
    }

    /// Hours of every day that end in so many seconds, by UTC; they began half a day before.
    fn hours(left: u64) -> String {
        let end = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + left;
        let clock = |second: u64| format!("{:02}:{:02}:{:02}", second / 3600 % 24, second / 60 % 60, second % 60);
        format!("{{ from = \"{}\", to = \"{}\" }}", clock(end + 43_200), clock(end))
    }

    const CLEAR: &str = "[role.r]\ndefault = \"clear\"\n";
    const MASKED: &str = "[role.r]\ndefault = \"clear\"\nmask.c = \"null\"\n";
    const READS: &str = "[role.r]\nread_only = true\n";

    #[test]
    fn a_session_ends_when_its_role_or_its_user_does() {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
            let soon = SystemTime::now() + Duration::from_millis(50);
            let ends = async |text: &str, until: Option<SystemTime>| {
                let (_to, from) = watch::channel(rules(1, text));
                let first = Arc::clone(&from.borrow());
                let (mut follow, _) = Follow::begin(from, &first, ("u", "r"), until, None).unwrap();
                let change = tokio::time::timeout(Duration::from_millis(500), follow.changed()).await;
                change.ok().map(|change| change.why.unwrap().fatal())
            };
            let message = |fatal: Option<Fatal>| fatal.map(|fatal| fatal.message);
            assert_eq!(message(ends(MASKED, None).await), None);
            assert_eq!(message(ends(MASKED, Some(soon + NAP)).await), None);
            assert_eq!(message(ends(MASKED, Some(soon)).await).unwrap(), "terminating connection because your login is no longer valid");
            for past in ["1960-01-01", "2020-01-01", "2020-01-01T00:00:00Z"] {
                let text = format!("{CLEAR}expires = {past}\n");
                assert_eq!(message(ends(&text, Some(soon)).await).unwrap(), "terminating connection because role \"r\" has expired");
            }
            assert_eq!(message(ends(&format!("{CLEAR}expires = 2999-01-01\n"), None).await), None);
        });
    }

    #[test]
    fn a_session_ends_with_the_hours_of_its_role() {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
            let ends = async |when: &str, asks: bool| {
                let (_to, from) = watch::channel(rules(1, &format!("{CLEAR}when.hours = {when}\n")));
                let first = Arc::clone(&from.borrow());
                let (mut follow, _) = Follow::begin(from, &first, ("u", "r"), None, asks.then(here)).unwrap();
                let began = follow.lasts().is_ok();
                let change = tokio::time::timeout(Duration::from_secs(3), follow.changed()).await;
                (began, change.ok().map(|change| change.why.unwrap().fatal()))
            };
            let (began, fatal) = ends(&hours(2), true).await;
            let fatal = fatal.unwrap();
            assert!(began && fatal.code == "57P01" && fatal.message.contains("role \"r\" may be used only on all days from"), "{fatal:?}");
            // They go on in others, and in these only at first sight.
            assert!(matches!(ends(&format!("[{}, {}]", hours(2), hours(60)), true).await, (true, None)));
            assert!(matches!(ends(&hours(46_800), true).await, (false, Some(_))), "they have ended");
            assert!(matches!(ends(&hours(46_800), false).await, (true, None)), "nobody asks");
        });
    }

    #[test]
    fn what_a_session_was_begun_with_cannot_change() {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
            let ends = async |before: &str, after: &str| {
                let (to, from) = watch::channel(rules(1, before));
                let first = Arc::clone(&from.borrow());
                let (mut follow, mut behind) = Follow::begin(from, &first, ("u", "r"), None, Some(here())).unwrap();
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
            let limited = |seconds: u32| format!("{MASKED}limits.seconds = {seconds}\n");
            assert_eq!(ends(&limited(1), &limited(1)).await, None);
            assert_eq!(ends(&limited(1), &limited(2)).await.unwrap(), "role \"r\" now has another limit");
            let given = |limit: &str| format!("{MASKED}limits.{limit}\n");
            assert_eq!(ends(&given("rows = 1"), &given("rows = 1")).await, None);
            for (before, after) in [("rows = 1", "rows = 2"), ("bytes = 1", "bytes = 2"), ("rows = 1", "bytes = 1")] {
                assert_eq!(ends(&given(before), &given(after)).await.unwrap(), "role \"r\" now has another limit");
            }
            assert_eq!(
                ends(CLEAR, "[role.r]\ndefault = \"clear\"\nlimits.seconds = 2\n").await.unwrap(),
                "the policy now protects data from role \"r\""
            );
            for (when, told) in [
                ("networks = [\"127.0.0.0/8\"]", None),
                ("networks = [\"10.0.0.0/8\"]", Some("and the connection comes from 127.0.0.1")),
                ("applications = [\"*sql\"]", None),
                ("applications = [\"Tableau\"]", Some("and the client calls itself \"psql\"")),
                ("hours = {}", None),
                ("hours = {}", Some("may be used only on all days")),
            ] {
                let when = when.replace("{}", &hours(if told.is_some() { 46_800 } else { 60 }));
                let ended = ends(MASKED, &format!("{MASKED}when.{when}\n")).await;
                assert_eq!(ended.is_some(), told.is_some(), "{when}: {ended:?}");
                assert!(told.is_none_or(|told| ended.unwrap().contains(told)), "{when}");
            }
            let (_, from) = watch::channel(rules(1, "[role.s]\n"));
            assert!(Follow::begin(from, &rules(1, "[role.s]\n"), ("u", "r"), None, None).is_none());
        });
    }
}
