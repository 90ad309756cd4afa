//! The policy file, and what it means for one role on one database.

/// A fault in a policy, with its place and a remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// The file as it was named to us.
    pub file: String,
    /// From 1; 0 where there is no line.
    pub line: usize,
    /// From 1; 0 where there is no column.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

/// A policy.
#[derive(Debug)]
pub struct Policy {}
