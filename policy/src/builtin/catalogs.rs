//! Which relations of pg_catalog and information_schema are safe for a role with masks.
