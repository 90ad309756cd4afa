//! The policy file, and what it means for one role on one database.

pub mod attributes;
pub mod conditions;
pub mod exempt;
mod expiry;
mod faults;
mod inherit;
mod keyed;
pub mod known;
pub mod lock;
mod masks;
mod parse;
pub mod pattern;
pub mod protection;
pub mod tests_in_file;
pub mod user;
mod when;

use std::collections::BTreeMap;
use std::fmt;

pub use conditions::{Circumstances, Conditions, Unmet};
pub use exempt::Exemption;
pub use known::Known;
pub use protection::{Filter, Ground, Guard, Protection, Treatment};

use crate::mask::MaskSpec;
use pattern::Pattern;
pub use tests_in_file::PolicyTest;

/// A fault in a policy, with its place and a remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// A stable name for this kind of fault, such as `mask.misfit`; `policy.file` for what is found without a database.
    pub id: &'static str,
    /// The file as it was named to us.
    pub file: String,
    /// From 1; 0 where there is no line.
    pub line: usize,
    /// From 1, in characters; 0 where there is no column.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

impl PolicyError {
    /// The error with the line it stands on. `text` is the policy's text.
    pub fn render(&self, text: &str) -> String {
        let mut out = format!("error: {}\n", self.message);
        let line = self.line.checked_sub(1).and_then(|n| text.lines().nth(n));
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        match line {
            None if self.line == 0 => out.push_str(&format!(" --> {}\n", self.file)),
            // Where the text ends too early.
            None => out.push_str(&format!("{margin}--> {}:{}:{}\n", self.file, self.line, self.column)),
            Some(line) => {
                let before: String = line.chars().take(self.column.saturating_sub(1)).map(|c| if c == '\t' { c } else { ' ' }).collect();
                out.push_str(&format!("{margin}--> {}:{}:{}\n{margin} |\n", self.file, self.line, self.column));
                out.push_str(&format!("{number} | {line}\n{margin} | {before}^\n"));
            }
        }
        if let Some(help) = &self.help {
            out.push_str(&format!("{margin} = help: {help}\n"));
        }
        out
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => write!(f, "{}: {}", self.file, self.message)?,
            (line, 0) => write!(f, "{}:{line}: {}", self.file, self.message)?,
            (line, column) => write!(f, "{}:{line}:{column}: {}", self.file, self.message)?,
        }
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for PolicyError {}

/// A policy, as its file says; not yet held against a database.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The file as it was named to us.
    pub file: String,
    /// What a column without a class is to roles with masks.
    pub unclassified: Unclassified,
    /// The line that says so; 0 where none does.
    pub unclassified_line: usize,
    /// What a column without a class is that the lock file does not have, where there is one.
    pub unclassified_new: Unclassified,
    /// The line that says so; 0 where none does.
    pub unclassified_new_line: usize,
    /// In the order of the file.
    pub classes: Vec<Class>,
    /// By name.
    pub roles: BTreeMap<String, Role>,
    /// `[[exemption]]`, in the order of the file; the roles that they make are in `roles`.
    pub exemptions: Vec<Exemption>,
    /// `[[test]]`, in the order of the file.
    pub tests: Vec<PolicyTest>,
}

impl Policy {
    /// Reads a policy. `file` is only a name for errors.
    ///
    /// # Errors
    /// All faults that can be found without a database, in the order of the file. A file that is no TOML has one.
    pub fn parse(file: &str, text: &str) -> Result<Policy, Vec<PolicyError>> {
        parse::policy(file, text)
    }

    /// The keys that the file may have: at the top, in a class, in a role; and the names of masks.
    pub fn keys() -> [&'static [&'static str]; 4] {
        [&parse::TOP, &parse::CLASS, &parse::ROLE, &masks::MASKS]
    }

    /// Whether it defines that class.
    pub fn has_class(&self, name: &str) -> bool {
        self.classes.iter().any(|class| class.name == name)
    }

    /// The class that a pattern gives to a column of one of these names (schema, relation, column): the first in the order of the file.
    pub(crate) fn class_of(&self, names: &[&[String; 3]]) -> Option<&Class> {
        let is_named = |pattern: &Pattern<3>| names.iter().any(|[schema, relation, column]| pattern.matches([schema, relation, column]));
        self.classes.iter().find(|class| class.columns.iter().any(|(pattern, _)| is_named(pattern)))
    }
}

/// `unclassified`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unclassified {
    /// Shown as stored.
    Clear,
    /// As the mask `redact`.
    Redact,
    /// A statement that uses one is refused.
    Refuse,
}

/// `[class.name]`: what columns hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// The class's name: the domain of its pseudonyms.
    pub name: String,
    /// The line of its table.
    pub line: usize,
    /// Each with its line.
    pub columns: Vec<(Pattern<3>, usize)>,
}

/// `[role.name]`: what each class looks like to whom.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// The role's name.
    pub name: String,
    /// The line of its table.
    pub line: usize,
    /// What a class looks like that `masks` does not name.
    pub default: DefaultMask,
    /// Nothing may be written but in `writable_schemas`.
    pub read_only: bool,
    /// Schemas that a read-only role may write.
    pub writable_schemas: Vec<String>,
    /// Functions outside pg_catalog that it may call: schema and name.
    pub functions: Vec<(String, String)>,
    /// It may create and run code bodies, hence read everything.
    pub trusted_code: bool,
    /// Channels on which it may listen and notify.
    pub channels: Vec<Pattern<1>>,
    /// By class.
    pub masks: BTreeMap<String, RoleMask>,
    /// In the order of the file.
    pub rows: Vec<RowRule>,
    /// The kinds of statements that it may send, and the line that says so; `None`: all.
    pub statements: Option<(Vec<StatementKind>, usize)>,
    /// What one statement may take.
    pub limits: Limits,
    /// From then on nobody has it.
    pub expires: Option<Expiry>,
    /// Its own conditions and those of all that it inherits from: each must hold for it to be used.
    pub when: Vec<Conditions>,
}

/// `[role.name.limits]`: what one statement may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// The longest that it may take, in seconds.
    pub seconds: Option<Limit>,
    /// The most rows that it may give the client.
    pub rows: Option<Limit>,
    /// The most bytes of row data, as the client is sent them.
    pub bytes: Option<Limit>,
}

/// A number that is not to be passed, and the line that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// From 1.
    pub most: u64,
    /// From 1.
    pub line: usize,
}

impl Limits {
    /// As many seconds as statement_timeout takes.
    pub const MOST_SECONDS: u64 = 2_147_483;
    /// The most that a limit of rows or bytes may be: exact in JSON too.
    pub const MOST_GIVEN: u64 = 1_000_000_000_000_000;

    /// Nothing is limited.
    pub fn is_none(&self) -> bool {
        *self == Limits::default()
    }

    /// Of each, the less.
    #[must_use]
    fn least(self, other: Limits) -> Limits {
        let least = |one: Option<Limit>, other: Option<Limit>| one.into_iter().chain(other).min_by_key(|limit| limit.most);
        Limits { seconds: least(self.seconds, other.seconds), rows: least(self.rows, other.rows), bytes: least(self.bytes, other.bytes) }
    }

    /// What it says; of the rest, what `other` says.
    #[must_use]
    fn or(self, other: Limits) -> Limits {
        Limits { seconds: self.seconds.or(other.seconds), rows: self.rows.or(other.rows), bytes: self.bytes.or(other.bytes) }
    }
}

/// A word of `statements` of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    /// SELECT, VALUES, TABLE; cursors.
    Select,
    /// INSERT.
    Insert,
    /// UPDATE, and ON CONFLICT DO UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// MERGE.
    Merge,
    /// COPY, beside `select` or `insert`.
    Copy,
    /// CALL.
    Call,
    /// LOCK TABLE.
    Lock,
    /// All that defines, alters or drops.
    Define,
}

impl StatementKind {
    /// All of them.
    pub const ALL: [StatementKind; 9] = {
        use StatementKind::{Call, Copy, Define, Delete, Insert, Lock, Merge, Select, Update};
        [Select, Insert, Update, Delete, Merge, Copy, Call, Lock, Define]
    };

    /// As the policy writes it.
    pub fn word(self) -> &'static str {
        match self {
            StatementKind::Select => "select",
            StatementKind::Insert => "insert",
            StatementKind::Update => "update",
            StatementKind::Delete => "delete",
            StatementKind::Merge => "merge",
            StatementKind::Copy => "copy",
            StatementKind::Call => "call",
            StatementKind::Lock => "lock",
            StatementKind::Define => "define",
        }
    }
}

/// `expires` of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// In seconds since 1970 began, UTC.
    pub at: i64,
    /// As the file writes it.
    pub written: String,
    /// From 1.
    pub line: usize,
}

impl Role {
    /// It may write nowhere, not even in temporary tables.
    pub fn never_writes(&self) -> bool {
        self.read_only && self.writable_schemas.is_empty()
    }

    /// It is read-only but for schemas like this one, of which what lies there counts as its own.
    pub fn owns(&self, schema: &str) -> bool {
        self.read_only && self.writable_schemas.iter().any(|own| own == schema)
    }

    /// What the class's mask reads of other columns: see [`MaskSpec::reads`].
    fn mask_reads(&self, class: &str) -> Option<String> {
        self.masks.get(class).and_then(|mask| mask.spec.reads())
    }

    /// It is passed through as if there were no pgveil: nothing is masked or filtered, and nobody holds it to anything.
    pub fn is_untouched(&self, unclassified: Unclassified) -> bool {
        self.sees_everything(unclassified) && !self.read_only && self.limits.is_none() && self.statements.is_none()
    }

    /// No rule masks or filters anything for this role: neither a class, nor a row, nor a column without a class.
    pub fn sees_everything(&self, unclassified: Unclassified) -> bool {
        self.default == DefaultMask::Clear
            && self.rows.is_empty()
            && (self.masks.is_empty() || unclassified == Unclassified::Clear && self.masks.values().all(|m| m.spec == MaskSpec::Clear))
    }
}

/// `default` of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultMask {
    /// Shown as stored.
    Clear,
    /// As the mask `redact`; where the role says nothing.
    Redact,
}

/// A mask of a role, with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleMask {
    /// The mask.
    pub spec: MaskSpec,
    /// `otherwise = "redact"`: in a statement that uses a column of the class as a pseudonym cannot be, it is redacted instead.
    pub redacts_otherwise: bool,
    /// `write = true`: the role may write columns of the class, though it reads only masks of them.
    pub writes: bool,
    /// As the file writes it, on one line.
    pub written: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// A row filter of a role: rows of matching relations for which the SQL is not true do not exist.
#[derive(Debug, Clone, PartialEq)]
pub struct RowRule {
    /// `schema.table`
    pub relation: Pattern<2>,
    /// A condition over the relation's columns, as written: `{user}` and `{attr.NAME}` may stand in it ([`user`]).
    pub sql: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

#[cfg(test)]
mod tests;
