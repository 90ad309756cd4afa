//! Real drivers: psql, tokio-postgres (binary) and psycopg 3.

mod psql;
mod psycopg;
mod tokio_postgres;
