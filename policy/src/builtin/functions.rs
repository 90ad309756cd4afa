//! Which functions of pg_catalog are safe for a role with masks.
