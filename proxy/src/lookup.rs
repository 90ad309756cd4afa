//! Users that the database knows (`[auth]`, which PgBouncer's users call auth_query): asked for where the users file has no such name.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use dashmap::DashMap;
use pgveil_policy::policy::attributes::{self, Attributes};
use pgveil_policy::policy::pattern::Part;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::config::{AuthConfig, UpstreamConfig};
use crate::error::UpstreamError;
use crate::log;
use crate::login::scram::{Form, Verifier};
use crate::upstream::{Table, Upstream, Who};
use crate::users::{Auth, User};
use crate::wire::cursor::Cursor;

/// The longest name of a role in Postgres, in bytes. A longer one would be cut there, and somebody else found.
const LONGEST_NAME: usize = 63;
/// The most answers that are kept; so many names can be tried until the oldest are forgotten.
const MOST_KEPT: usize = 10_000;
/// The most forms of verifiers that are told apart: a database has one, or two after a change of `scram_iterations`.
const MOST_FORMS: usize = 16;

/// Asks the database for users, one question at a time, and keeps the answers for a while.
pub struct Lookup {
    config: Arc<AuthConfig>,
    upstream: Arc<UpstreamConfig>,
    connection: Mutex<Option<Upstream>>,
    kept: DashMap<String, (Instant, Answer)>,
    forms: ArcSwap<BTreeSet<Form>>,
}

/// What the database says of a name.
#[derive(Debug, Clone)]
enum Answer {
    Known(User),
    /// Why the name cannot log in, for the log.
    Unknown(&'static str),
}

impl Lookup {
    /// Nothing is asked yet.
    pub fn new(config: Arc<AuthConfig>, upstream: Arc<UpstreamConfig>) -> Lookup {
        Lookup { config, upstream, connection: Mutex::new(None), kept: DashMap::new(), forms: ArcSwap::default() }
    }

    /// A user by name. Not found are also users that have no SCRAM verifier, or no role of the policy's.
    ///
    /// # Errors
    /// Why not, for the log: the client hears what it hears for a wrong password.
    pub async fn find(&self, name: &str) -> Result<User, &'static str> {
        if name.len() > LONGEST_NAME {
            return Err("no such user: the name is longer than the database's can be");
        }
        let answer = match self.known(name) {
            Some(answer) => answer,
            None => {
                timeout(self.upstream.timeout, self.learn(name)).await.map_err(|_| "[auth]: the database does not answer in time")??
            }
        };
        match answer {
            Answer::Known(user) => Ok(user),
            Answer::Unknown(why) => Err(why),
        }
    }

    /// Of the verifiers that were found since the process began: what the exchange with an unknown user may look like.
    pub fn forms(&self) -> Arc<BTreeSet<Form>> {
        self.forms.load_full()
    }

    // Held by one at a time: see `learn`.
    fn see(&self, form: Form) {
        let forms = self.forms.load_full();
        if forms.len() < MOST_FORMS && !forms.contains(&form) {
            self.forms.store(Arc::new(forms.iter().copied().chain([form]).collect()));
        }
    }

    fn known(&self, name: &str) -> Option<Answer> {
        let kept = self.kept.get(name)?;
        (kept.0.elapsed() < self.config.keep).then(|| kept.1.clone())
    }

    async fn learn(&self, name: &str) -> Result<Answer, &'static str> {
        let mut connection = self.connection.lock().await;
        // Somebody else may have asked for the same while we waited.
        if let Some(answer) = self.known(name) {
            return Ok(answer);
        }
        // Taken out: should we be dropped in the middle of an answer, nobody reads on.
        let (table, fresh) = match connection.take() {
            Some(mut open) => (open.ask(&self.config.query, name, 2).await.map(|table| (table, open)), false),
            None => (self.fresh(name).await, true),
        };
        let table = match table {
            // The server may have closed a connection that was idle for long.
            Err(UpstreamError::Io(_) | UpstreamError::Protocol(_)) if !fresh => self.fresh(name).await,
            Err(UpstreamError::Refused(report)) if !fresh && report.code.starts_with("57") => self.fresh(name).await,
            other => other,
        };
        let table = match table {
            Ok((table, open)) => {
                *connection = Some(open);
                table
            }
            Err(error) => {
                log::error("auth.failed", &[("user", &name), ("error", &error)]);
                return Err("[auth]: the database could not be asked");
            }
        };
        let answer = read(&table, name, &self.config).inspect_err(|why| log::error("auth.failed", &[("user", &name), ("error", why)]))?;
        if let Answer::Known(User { verifier: Some(verifier), .. }) = &answer {
            self.see(verifier.form());
        }
        self.keep(name, answer.clone());
        Ok(answer)
    }

    async fn fresh(&self, name: &str) -> Result<(Table, Upstream), UpstreamError> {
        let own = [("application_name".to_owned(), "pgveil auth".to_owned())];
        let who = Who::Account(&self.config.account);
        let mut open = Upstream::connect(&self.upstream, who, &self.config.database, &own).await?;
        let table = open.ask(&self.config.query, name, 2).await?;
        Ok((table, open))
    }

    // Held by one at a time: see `learn`.
    fn keep(&self, name: &str, answer: Answer) {
        if self.config.keep == Duration::ZERO {
            return;
        }
        if self.kept.len() >= MOST_KEPT {
            self.kept.retain(|_, (at, _)| at.elapsed() < self.config.keep);
        }
        if self.kept.len() >= MOST_KEPT {
            // A flood of names: those that exist are asked for again, which costs a question each.
            self.kept.clear();
        }
        self.kept.insert(name.to_owned(), (Instant::now(), answer));
    }
}

/// OIDs of types (`pg_type.dat`).
const TEXTS: [u32; 4] = [19, 25, 1042, 1043];
const TEXT_ARRAYS: [u32; 4] = [1002, 1003, 1009, 1015];
const TIMESTAMPTZ: u32 = 1184;
const JSON: u32 = 114;
const JSONB: u32 = 3802;

/// The first column is the name and the second the verifier, whatever they are called; others by name: `rolvaliduntil`, `valuntil` or
/// `valid_until`, `groups`, and `attributes`. What is not understood is an error.
fn read(table: &Table, name: &str, config: &AuthConfig) -> Result<Answer, &'static str> {
    let [(_, first), (_, second), more @ ..] = table.columns.as_slice() else {
        return Err("the query of [auth] gives fewer than two columns: a name and a verifier");
    };
    if !TEXTS.contains(first) || !TEXTS.contains(second) {
        return Err("the first two columns of the query of [auth] are not text or name");
    }
    for (column, type_oid) in more {
        match column.as_str() {
            "rolvaliduntil" | "valuntil" | "valid_until" if *type_oid == TIMESTAMPTZ => {}
            "groups" if TEXT_ARRAYS.contains(type_oid) => {}
            "attributes" if [JSON, JSONB].contains(type_oid) => {}
            _ => {
                return Err(
                    "a column of the query of [auth] is none of: valid_until (timestamptz), groups (name[] or text[]), attributes (json or jsonb)",
                );
            }
        }
    }
    if !config.groups.is_empty() && !more.iter().any(|(column, _)| column == "groups") {
        return Err("[auth.roles] is there, and the query of [auth] gives no column \"groups\"");
    }
    let row = match table.rows.as_slice() {
        [] => return Ok(Answer::Unknown("no such user, neither in the users file nor in the database")),
        [row] => row,
        _ => return Err("the query of [auth] gives more than one row"),
    };
    let [Some(found), verifier, values @ ..] = row.as_slice() else { return Ok(Answer::Unknown("no such user in the database")) };
    if found != name.as_bytes() {
        return Err("the query of [auth] gives another user than it was asked for");
    }
    let Some(verifier) = verifier else { return Ok(Answer::Unknown("the user has no password in the database")) };
    if verifier.starts_with(b"md5") {
        return Ok(Answer::Unknown(
            "the user's password in the database is stored as MD5, which pgveil does not take: set it again with password_encryption = 'scram-sha-256'",
        ));
    }
    let Some(verifier) = std::str::from_utf8(verifier).ok().and_then(Verifier::parse) else {
        return Ok(Answer::Unknown("what the database has for a password is no SCRAM-SHA-256 verifier"));
    };
    let (mut until, mut groups, mut attributes) = (None, BTreeSet::new(), Attributes::new());
    for ((column, type_oid), value) in more.iter().zip(values) {
        match (column.as_str(), value) {
            (_, None) => {}
            ("groups", Some(value)) => groups = texts(value).ok_or("the column \"groups\" of the query of [auth] is no list of names")?,
            ("attributes", Some(value)) => {
                // jsonb in binary: a version before the text.
                let text = if *type_oid == JSONB { value.strip_prefix(&[1]) } else { Some(value.as_slice()) };
                let read = text.and_then(attributes::of_json);
                attributes = read
                    .ok_or("the column \"attributes\" of the query of [auth] is no object of texts, numbers, truths and lists of such")?;
            }
            (_, Some(value)) => until = instant(value).ok_or("a time of the query of [auth] does not decode")?,
        }
    }
    let verifier = Some(verifier);
    let mut roles: Vec<String> = Vec::new();
    for (pattern, role) in &config.groups {
        let pattern = Part::wild(pattern);
        if groups.iter().any(|group| pattern.matches(group)) && !roles.contains(role) && (roles.is_empty() || config.all_roles) {
            roles.push(role.clone());
        }
    }
    if roles.is_empty() {
        roles.extend(config.default_role.clone());
    }
    if roles.is_empty() {
        return Ok(Answer::Unknown("the user is in no group that [auth.roles] names"));
    }
    Ok(Answer::Known(User { verifier, roles, auth: Auth::Scram, certificate: None, valid_until: until, attributes }))
}

/// A timestamptz in binary: microseconds since 2000; its greatest value is infinity.
#[expect(clippy::option_option, reason = "not decodable, for ever, and a time are three things")]
fn instant(value: &[u8]) -> Option<Option<SystemTime>> {
    const Y2000: Duration = Duration::from_secs(946_684_800);
    let micros = i64::from_be_bytes(value.try_into().ok()?);
    if micros == i64::MAX {
        return Some(None);
    }
    let distance = Duration::from_micros(micros.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH.checked_add(Y2000)?;
    // Before the first time that can be told it has expired as well.
    let time = if micros < 0 { epoch.checked_sub(distance).or(Some(SystemTime::UNIX_EPOCH)) } else { epoch.checked_add(distance) };
    time.map(Some)
}

/// An array of one dimension in binary: dimensions, whether there are NULLs, the type; length and lower bound; the items.
fn texts(value: &[u8]) -> Option<BTreeSet<String>> {
    let mut c = Cursor::new(value);
    let (dimensions, _nulls, _type) = (c.i32()?, c.i32()?, c.u32()?);
    let count = match dimensions {
        0 => 0,
        1 => {
            let count = c.i32()?;
            let _from = c.i32()?;
            count
        }
        _ => return None,
    };
    let mut found = BTreeSet::new();
    for _ in 0..count {
        found.extend(c.value()?.map(|text| String::from_utf8(text.to_vec())).transpose().ok()?);
    }
    c.end(found)
}

#[cfg(test)]
mod tests {
    use postgres_protocol::password::scram_sha_256;

    use super::*;

    fn config(groups: &[(&str, &str)], default_role: Option<&str>) -> AuthConfig {
        let account = crate::config::Account { user: "pgveil".into(), password: None, tls: None, salted: Arc::default() };
        let groups = groups.iter().map(|(group, role)| ((*group).to_owned(), (*role).to_owned())).collect();
        let (query, database) = ("SELECT $1".to_owned(), "postgres".to_owned());
        let (keep, default_role) = (Duration::from_secs(1), default_role.map(str::to_owned));
        AuthConfig { query, database, account, keep, groups, all_roles: false, default_role }
    }

    fn array(items: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        let number = |out: &mut Vec<u8>, n: usize| out.extend_from_slice(&i32::try_from(n).unwrap().to_be_bytes());
        for n in if items.is_empty() { vec![0, 0, 19] } else { vec![1, 0, 19, items.len(), 1] } {
            number(&mut out, n);
        }
        for item in items {
            number(&mut out, item.len());
            out.extend_from_slice(item.as_bytes());
        }
        out
    }

    /// The answer for ana: its role and when it ends, or why not.
    fn ask(row: &[Option<&[u8]>], config: &AuthConfig) -> Result<(String, Option<SystemTime>), &'static str> {
        let columns = [("rolname", 19), ("rolpassword", 25), ("rolvaliduntil", 1184), ("groups", 1003)];
        let columns = columns.iter().take(row.len()).map(|(name, oid)| ((*name).to_owned(), *oid)).collect();
        let table = Table { columns, rows: vec![row.iter().map(|v| v.map(<[u8]>::to_vec)).collect()] };
        match read(&table, "ana", config)? {
            Answer::Known(user) => Ok((user.roles[0].clone(), user.valid_until)),
            Answer::Unknown(why) => Err(why),
        }
    }

    #[test]
    fn groups_decide_about_the_role_in_the_order_of_the_file() {
        let verifier = scram_sha_256(b"pw");
        let config = config(&[("staff", "engineer"), ("all", "analyst")], None);
        let role = |groups: &[&str]| {
            let groups = array(groups);
            ask(&[Some(b"ana"), Some(verifier.as_bytes()), None, Some(&groups)], &config).map(|(role, _)| role)
        };
        assert_eq!(role(&["all", "x", "staff"]).unwrap(), "engineer");
        assert_eq!(role(&["all"]).unwrap(), "analyst");
        assert!(role(&[]).unwrap_err().contains("no group"));
        assert!(ask(&[Some(b"ana"), Some(verifier.as_bytes())], &config).unwrap_err().contains("no column"));
        let open = self::config(&[], Some("analyst"));
        assert_eq!(ask(&[Some(b"ana"), Some(verifier.as_bytes())], &open).unwrap().0, "analyst");
    }

    #[test]
    fn groups_may_be_meant_by_patterns_and_give_several_roles() {
        let verifier = scram_sha_256(b"pw");
        let columns = ["rolname", "rolpassword", "groups"].into_iter().zip([19, 25, 1003]).map(|(n, oid)| (n.to_owned(), oid));
        let groups = array(&["team-a", "team-b", "staff"]);
        let row = vec![Some(b"ana".to_vec()), Some(verifier.clone().into_bytes()), Some(groups)];
        let table = Table { columns: columns.collect(), rows: vec![row] };
        let roles = |config: &AuthConfig| match read(&table, "ana", config).unwrap() {
            Answer::Known(user) => user.roles,
            Answer::Unknown(why) => panic!("{why}"),
        };
        let mut config = config(&[("boss", "admin"), ("team-*", "analyst"), ("staff", "engineer"), ("team-b", "analyst")], Some("guest"));
        assert_eq!(roles(&config), ["analyst"]);
        config.all_roles = true;
        assert_eq!(roles(&config), ["analyst", "engineer"]);
    }

    #[test]
    fn times_are_read_to_the_microsecond() {
        let verifier = scram_sha_256(b"pw");
        let open = config(&[], Some("r"));
        let until =
            |micros: i64| ask(&[Some(b"ana"), Some(verifier.as_bytes()), Some(&micros.to_be_bytes())], &open).map(|(_, until)| until);
        assert_eq!(until(i64::MAX), Ok(None));
        assert_eq!(until(0), Ok(Some(SystemTime::UNIX_EPOCH + Duration::from_secs(946_684_800))));
        assert!(until(i64::MIN).unwrap().unwrap() < SystemTime::now(), "-infinity has expired");
        assert!(until(i64::MAX - 1).unwrap().unwrap() > SystemTime::now());
        assert!(ask(&[Some(b"ana"), Some(verifier.as_bytes()), Some(b"1234567")], &open).is_err());
    }

    #[test]
    fn what_is_not_understood_lets_nobody_in() {
        let verifier = scram_sha_256(b"pw");
        let open = config(&[], Some("r"));
        for (row, why) in [
            (vec![Some(&b"anna"[..]), Some(verifier.as_bytes())], "another user"),
            (vec![Some(b"ana"), None], "no password"),
            (vec![None, Some(verifier.as_bytes())], "no such user"),
            (vec![Some(b"ana"), Some(b"md5900150983cd24fb0d6963f7d28e17f72")], "MD5"),
            (vec![Some(b"ana"), Some(b"secret")], "no SCRAM"),
            (vec![Some(b"ana"), Some(b"")], "no SCRAM"),
            (vec![Some(b"ana")], "fewer than two"),
        ] {
            assert!(ask(&row, &open).unwrap_err().contains(why), "{why}");
        }
        let table = |columns: &[(&str, u32)], rows: usize| Table {
            columns: columns.iter().map(|(name, oid)| ((*name).to_owned(), *oid)).collect(),
            rows: vec![vec![Some(b"ana".to_vec()), Some(verifier.clone().into_bytes()), None]; rows],
        };
        for (columns, rows, why) in [
            (&[("a", 19), ("b", 25), ("c", 25)][..], 1, "none of"),
            (&[("a", 19), ("b", 25), ("rolvaliduntil", 1114)], 1, "none of"),
            (&[("a", 23), ("b", 25), ("groups", 1009)], 1, "not text"),
            (&[("a", 19), ("b", 25), ("groups", 1009)], 2, "more than one"),
        ] {
            assert!(read(&table(columns, rows), "ana", &open).unwrap_err().contains(why), "{why}");
        }
        assert!(matches!(read(&table(&[("a", 19), ("b", 25)], 0), "ana", &open), Ok(Answer::Unknown(_))));
        for n in 0..array(&["a", "bc"]).len() {
            assert_eq!(texts(&array(&["a", "bc"])[..n]), None, "{n}");
        }
        assert_eq!(texts(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 19, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1]), None, "a count without items");
    }
}
