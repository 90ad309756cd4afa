//! Real drivers: psql, libpq, tokio-postgres (binary) and psycopg 3.

mod libpq;
mod psql;
mod psycopg;
mod tokio_postgres;
