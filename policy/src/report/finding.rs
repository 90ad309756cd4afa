//! One thing that `pgveil check` found.

use crate::policy::{Policy, PolicyError};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The policy does not load, or cannot do what it says.
    Error,
    /// Most likely not what its authors mean.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// `error`, `warning`, `note`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// All kinds of findings, by their stable names, and what each means.
pub const IDS: &[(&str, &str)] = &[
    ("account.denied", "the account that pgveil logs in with may not read a relation that has a row filter"),
    ("class.default", "a role says nothing of a class that has columns: they are redacted"),
    ("class.two", "a column has two classes"),
    ("class.unmatched", "a pattern of a class matches no column"),
    ("column.generated", "a generated column without a class is computed from a protected one: it is redacted"),
    ("column.new", "a column is not in the lock file: one without a class is treated as `unclassified_new` says"),
    ("column.reclassed", "a column has another class than when it was accepted"),
    ("column.renamed", "a column was called otherwise when it was accepted"),
    ("column.retyped", "a column had another type when it was accepted"),
    ("column.suspect", "a column without a class looks like personal data"),
    ("column.unclassified", "columns without a class are redacted or refused, as `unclassified` says"),
    ("column.vanished", "a column that was accepted is gone"),
    ("exemption.ended", "an exemption has ended"),
    ("exemption.long", "an exemption lasts longer than a month from now"),
    ("function.unknown", "a role may call a function that is not there"),
    ("lock.database", "the lock file does not have the database: all its columns count as new"),
    ("lock.missing", "the policy says `unclassified_new`, and there is no lock file"),
    ("mask.misfit", "a mask does not fit a column's type"),
    ("policy.file", "the file is no policy: what is wrong is found without a database"),
    ("role.application", "a role has a condition on `applications`, which any client can meet"),
    ("role.trusted", "a role has `trusted_code`, hence can read everything"),
    ("role.unknown", "the configuration or users file names a role that the policy does not have"),
    ("rows.failing", "the database does not take a row filter"),
    ("rows.parent", "a row filter holds for a partition or child, and not for its parent"),
    ("rows.pattern", "a row filter takes the user's name for a pattern"),
    ("rows.refused", "pgveil cannot judge a row filter"),
    ("rows.unmatched", "a row filter matches no relation: it hides nothing"),
    ("schema.unknown", "a role may write a schema that is not there"),
    ("test.failed", "a test of the policy failed"),
    ("test.not_run", "tests of the policy were not run, since no database was named"),
    ("view.derived", "a materialised view's column without a class is computed from protected ones: it is redacted"),
    ("view.refused", "a role cannot read a view"),
];

/// One thing that was found, at its place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for this kind of finding, such as `class.unmatched`.
    pub id: &'static str,
    /// The file.
    pub file: String,
    /// From 1; 0 where there is no line.
    pub line: usize,
    /// From 1, in characters; 0 where there is no column.
    pub column: usize,
    /// What was found.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Finding {
    /// At a line of the policy file.
    pub fn new(severity: Severity, id: &'static str, policy: &Policy, line: usize, message: impl Into<String>) -> Self {
        Finding { severity, id, file: policy.file.clone(), line, column: 0, message: message.into(), help: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// For people: as rustc shows it, with the line. `text`: the file's, where it is at hand.
    pub fn render(&self, text: Option<&str>) -> String {
        let mut out = format!("{}[{}]: {}\n", self.severity.name(), self.id, self.message);
        let line = self.line.checked_sub(1).and_then(|n| text?.lines().nth(n));
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        match line {
            None if self.line == 0 => out.push_str(&format!(" --> {}\n", self.file)),
            None => out.push_str(&format!("{margin}--> {}:{}\n", self.file, self.line)),
            Some(line) => {
                let column = if self.column == 0 { indent(line) } else { self.column };
                let before: String = line.chars().take(column.saturating_sub(1)).map(|c| if c == '\t' { c } else { ' ' }).collect();
                out.push_str(&format!("{margin}--> {}:{}:{column}\n{margin} |\n", self.file, self.line));
                out.push_str(&format!("{number} | {line}\n{margin} | {before}^\n"));
            }
        }
        if let Some(help) = &self.help {
            out.push_str(&format!("{margin} = help: {help}\n"));
        }
        out
    }

    /// For GitHub: a workflow command that makes an annotation (its documentation, "Workflow commands").
    pub fn github(&self) -> String {
        let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
        let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
        let command = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let mut at = format!("file={}", property(&self.file));
        if self.line > 0 {
            at.push_str(&format!(",line={}", self.line));
        }
        if self.column > 0 {
            at.push_str(&format!(",col={}", self.column));
        }
        let help = self.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("::{command} {at},title={}::{}\n", property(self.id), data(&format!("{}{help}", self.message)))
    }

    /// The order in which findings are told: by file, place and severity.
    pub fn order(&self) -> impl Ord + '_ {
        (&self.file, self.line, self.column, self.severity, self.id, &self.message)
    }
}

impl From<PolicyError> for Finding {
    fn from(error: PolicyError) -> Self {
        let PolicyError { id, file, line, column, message, help } = error;
        Finding { severity: Severity::Error, id, file, line, column, message, help }
    }
}

/// The first column that is no blank, from 1.
fn indent(line: &str) -> usize {
    line.chars().take_while(|c| c.is_whitespace()).count().saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_forms_of_one_finding() {
        let finding = Finding {
            severity: Severity::Warning,
            id: "class.unmatched",
            file: "a,b.toml".into(),
            line: 2,
            column: 0,
            message: "100% wrong:\nyes".into(),
            help: Some("mend it".into()),
        };
        let text = "[class.x]\n\tcolumns = []\n";
        assert_eq!(
            finding.render(Some(text)),
            "warning[class.unmatched]: 100% wrong:\nyes\n --> a,b.toml:2:2\n  |\n2 | \tcolumns = []\n  | \t^\n  = help: mend it\n"
        );
        assert_eq!(finding.render(None), "warning[class.unmatched]: 100% wrong:\nyes\n --> a,b.toml:2\n  = help: mend it\n");
        assert_eq!(finding.github(), "::warning file=a%2Cb.toml,line=2,title=class.unmatched::100%25 wrong:%0Ayes (mend it)\n");
    }
}
