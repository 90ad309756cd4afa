//! What a role may write, and where what it keeps is its own.

use std::ops::ControlFlow;

use sqlparser::ast::{ObjectName, Visit, Visitor};

use crate::builtin::settings;
use crate::policy::pattern::Pattern;
use crate::policy::user;
use crate::policy::{Limit, Limits, Role, StatementKind};
use crate::read::{self, coded};
use crate::{Refusal, SqlState};

/// The rights that the policy gives a role; what the database grants comes on top.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rights {
    read_only: bool,
    writable_schemas: Vec<String>,
    trusted_code: bool,
    channels: Vec<Pattern<1>>,
    writable_classes: Vec<String>,
    /// Relations that its row filters read besides the one that they filter: schema, name, and the filter's line.
    filter_sources: Vec<(String, String, usize)>,
    line: usize,
    role: String,
    limits: Limits,
    statements: Option<(Vec<StatementKind>, usize)>,
}

impl Rights {
    /// Those of a role.
    pub fn of(role: &Role) -> Self {
        Rights {
            read_only: role.read_only,
            writable_schemas: role.writable_schemas.clone(),
            trusted_code: role.trusted_code,
            channels: role.channels.clone(),
            writable_classes: role.masks.iter().filter(|(_, m)| m.writes).map(|(class, _)| class.clone()).collect(),
            filter_sources: role
                .rows
                .iter()
                .flat_map(|rule| sources(&user::readable(&rule.sql)).map(|(s, n)| (s, n, rule.line)).collect::<Vec<_>>())
                .collect(),
            line: role.line,
            role: role.name.clone(),
            limits: role.limits,
            statements: role.statements.clone(),
        }
    }

    /// It may create and run code bodies, hence read everything.
    pub fn trusted_code(&self) -> bool {
        self.trusted_code
    }

    /// Whether it may send to and listen on a channel.
    ///
    /// # Errors
    /// `channel.denied`, with the key of the policy that opens channels.
    pub fn hears(&self, channel: &str, role: &str) -> Result<(), Refusal> {
        if self.is_heard(channel) {
            return Ok(());
        }
        Err(Refusal::new(SqlState::DENIED, "channel.denied", format!("channel \"{channel}\" is not open to role {role}"))
            .with_detail("What is sent on a channel passes between sessions as it is: no mask is put on it.")
            .with_hint(format!("The policy opens channels with `channels = [\"{channel}\"]` in [role.{role}].")))
    }

    /// Those that are open.
    pub fn channels(&self) -> &[Pattern<1>] {
        &self.channels
    }

    /// The same, for what the server sends.
    pub fn is_heard(&self, channel: &str) -> bool {
        self.channels.iter().any(|pattern| pattern.matches([channel]))
    }

    /// The refusal of what would let the role write.
    pub fn stays_read_only(&self, role: &str) -> Refusal {
        Refusal::new(SqlState::DENIED, "write.read_only", format!("role {role} may only read: its transactions stay READ ONLY"))
            .with_detail(format!("Rule: policy line {} (role {role}, read_only).", self.line))
            .with_hint("Leave READ WRITE out, or ask for a role that may write.")
    }

    /// The kinds of statements that it may send, and the line that says so; `None`: all.
    pub fn statements(&self) -> Option<&(Vec<StatementKind>, usize)> {
        self.statements.as_ref()
    }

    /// Whether a setting may have this value (`None`: one that is not known yet), by the limits of the role.
    ///
    /// # Errors
    /// `limit.seconds`
    pub fn lasts(&self, setting: &str, value: Option<&str>) -> Result<(), Refusal> {
        let Some(Limit { most: seconds, line }) = self.limits.seconds.filter(|limit| settings::outlasts(setting, value, limit.most)) else {
            return Ok(());
        };
        let message = format!("role {}: a statement may take {seconds} seconds at most", self.role);
        Err(Refusal::new(SqlState::DENIED, "limit.seconds", message)
            .with_detail(format!("Rule: policy line {line} (role {}, limits).", self.role))
            .with_hint(format!("Write a time from 1ms to {seconds}s, or RESET {setting}.")))
    }

    /// What one statement may take.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// It may write columns of a class that are masked for it.
    pub fn writes_class(&self, class: Option<&str>) -> bool {
        class.is_some_and(|class| self.writable_classes.iter().any(|c| c == class))
    }

    /// It may write in its own schemas only.
    pub fn read_only(&self) -> bool {
        self.read_only
    }

    /// Relations that its row filters read: schema, name, and the line of the filter in the policy.
    pub fn filter_sources(&self) -> &[(String, String, usize)] {
        &self.filter_sources
    }

    /// It may write nowhere, not even in temporary tables.
    pub fn never_writes(&self) -> bool {
        self.read_only && self.writable_schemas.is_empty()
    }

    /// What lies in this schema is the role's own: it was named writable, or it is the session's temporary one.
    pub fn owns(&self, schema: &str) -> bool {
        !self.never_writes() && is_temporary(schema) || self.writable_schemas.iter().any(|s| s == schema)
    }

    /// Whether it may write in this schema.
    ///
    /// # Errors
    /// `write.schema`, with what it may do instead. `what`: such as `INSERT into shop.orders`.
    pub fn write(&self, schema: &str, what: &str) -> Result<(), Refusal> {
        if !self.read_only || self.owns(schema) {
            return Ok(());
        }
        let refusal = Refusal::new(SqlState::DENIED, "write.schema", format!("role {} may only read: {what} is refused", self.role))
            .with_detail(format!("Rule: policy line {} (role {}, read_only).", self.line, self.role));
        Err(match self.writable_schemas.as_slice() {
            [] => refusal.with_hint("Ask for a role that may write."),
            schemas => refusal.with_hint(format!("It may write in {}, and in temporary tables.", schemas.join(", "))),
        })
    }
}

/// A refusal that names a session's temporary schema as everybody does: its number is the server's.
pub(crate) fn unnumbered(refusal: Refusal) -> Refusal {
    let plain = |text: String| {
        let mut parts = text.split("pg_temp_");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |mut out, part| {
            let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
            out.push_str(if rest.len() < part.len() { "pg_temp" } else { "pg_temp_" });
            out.push_str(rest);
            out
        })
    };
    Refusal { message: plain(refusal.message), detail: refusal.detail.map(plain), hint: refusal.hint.map(plain), ..refusal }
}

/// The relations that a filter's subqueries read. All names in a policy's SQL are qualified.
fn sources(sql: &str) -> impl Iterator<Item = (String, String)> + use<> {
    #[derive(Default)]
    struct Find(Vec<(String, String)>);
    impl Visitor for Find {
        type Break = ();
        fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
            let name = coded::without_only(relation);
            if let [schema, name] = name.0.as_slice()
                && let (Some(schema), Some(name)) = (schema.as_ident(), name.as_ident())
            {
                self.0.push((schema.value.clone(), name.value.clone()));
            }
            ControlFlow::Continue(())
        }
    }
    let mut find = Find::default();
    // One that is not read is refused wherever its relation is.
    if let Ok(condition) = read::expression(sql) {
        let _ = condition.visit(&mut find);
    }
    find.0.into_iter()
}

/// A schema of temporary tables.
pub(crate) fn is_temporary(schema: &str) -> bool {
    schema == "pg_temp" || schema.starts_with("pg_temp_")
}
