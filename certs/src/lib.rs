//! TLS of both legs: [`server`] towards clients, [`client`] towards the database, [`throwaway`] for the demo and tests.
//!
//! All of it is rustls with the `ring` provider, named explicitly: no process-wide default is installed or relied on.

pub mod client;
mod dates;
pub mod end_point;
mod error;
mod pem;
pub mod server;
pub mod throwaway;

use std::sync::Arc;

pub use client::Verify;
pub use error::CertError;

/// ALPN of Postgres' protocol, which direct TLS requires (PostgreSQL documentation, 55.2.10).
pub const ALPN: &[u8] = b"postgresql";

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
