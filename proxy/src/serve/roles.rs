//! Which of a user's roles a session may take with SET pgveil.role.

use std::fmt;
use std::sync::Arc;

use pgveil_policy::{Refusal, SqlState};

use crate::config::UpstreamConfig;
use crate::login::Authenticated;
use crate::rules::Why;

/// A user's roles.
#[derive(Clone)]
pub struct Roles(Arc<Theirs>);

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Roles").field(&self.0.all).finish()
    }
}

/// Why a role cannot be taken at this moment, where it cannot.
pub(super) type Asked = Box<dyn Fn(&str) -> Result<(), Why> + Send + Sync>;

struct Theirs {
    user: String,
    all: Arc<[String]>,
    /// The one that the session was begun with.
    first: String,
    /// Those for which the server asks for the user's own password, which pgveil does not have.
    by_password: Vec<String>,
    now: Asked,
}

impl Roles {
    /// Those of who logs in. `who.keys` are still there.
    pub(super) fn of(who: &Authenticated, upstream: &UpstreamConfig, now: Asked) -> Roles {
        let asks = |role: &&String| who.keys.is_some() && upstream.account_of(role).is_none();
        let by_password = who.roles.iter().filter(asks).cloned().collect();
        Roles(Arc::new(Theirs { user: who.user.clone(), all: Arc::clone(&who.roles), first: who.role.clone(), by_password, now }))
    }

    #[cfg(test)]
    /// The first is active.
    pub fn for_tests(all: &[&str]) -> Roles {
        let all: Arc<[String]> = all.iter().map(|role| (*role).to_owned()).collect();
        Roles(Arc::new(Theirs {
            user: "u".to_owned(),
            first: all.first().cloned().unwrap_or_default(),
            all,
            by_password: Vec::new(),
            now: Box::new(|_| Ok(())),
        }))
    }

    /// Another one can be taken.
    pub fn are_several(&self) -> bool {
        self.0.all.len() > 1
    }

    /// The role of this name; with `None` the one that the session was begun with.
    ///
    /// # Errors
    /// The user does not have it or may not take it now; a session of it needs the user's password.
    pub fn may_take(&self, asked: Option<&str>) -> Result<String, Refusal> {
        let Theirs { user, all, first, by_password, now } = &*self.0;
        let role = asked.unwrap_or(first);
        if !all.iter().any(|one| one == role) {
            return Err(Refusal::new(SqlState::DENIED, "setting.role", format!("role \"{role}\" is not one of user \"{user}\""))
                .with_hint(format!("Of these one can be chosen: {}.", all.join(", "))));
        }
        if by_password.iter().any(|one| one == role) {
            return Err(Refusal::new(SqlState::UNSUPPORTED, "setting.role", format!("role \"{role}\" needs a login of its own"))
                .with_detail("The server is logged in to as the user, with a password that pgveil does not keep.")
                .with_hint(format!("Connect again with options='-c pgveil.role={role}'.")));
        }
        now(role).map_err(|why| Refusal::new(SqlState::DENIED, "setting.role", why.to_string()).with_hint(why.hint()))?;
        Ok(role.to_owned())
    }
}
