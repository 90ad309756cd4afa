//! `pgveil demo`: a private Postgres, sample data, the proxy.

pub mod cluster;
pub mod sample;
