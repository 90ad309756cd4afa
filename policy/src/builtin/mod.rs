//! What pgveil itself knows of Postgres: which settings, functions and catalogs are safe for a role with masks.

pub mod catalogs;
pub mod functions;
pub mod settings;
pub mod total;
