//! TLS of both legs: [`server`] towards clients, [`client`] towards the database, [`throwaway`] for the demo and tests.
//!
//! All of it is rustls with the `ring` provider, named explicitly: no process-wide default is installed or relied on.

pub mod client;
mod dates;
mod error;
mod pem;
mod read;
pub mod server;
pub mod throwaway;

use std::sync::Arc;

pub use client::Verify;
pub use error::CertError;
pub use read::{common_name, end_point};

/// ALPN of Postgres' protocol, which direct TLS requires (PostgreSQL documentation, 55.2.10).
pub const ALPN: &[u8] = b"postgresql";

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
