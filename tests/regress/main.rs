//! PostgreSQL's own tests, run by its pg_regress, directly and through pgveil as a role from whom nothing is withheld: `make test-regress`.
