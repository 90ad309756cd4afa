//! The queries that read a snapshot, and their rows.
