//! `pgveil demo`: a private Postgres ([`cluster`]), sample data ([`sample`]), the proxy in front of it, and what two users
//! see of the same statements ([`compare`]). The tests use the pieces too.

pub mod cluster;
pub mod compare;
pub mod files;
pub mod sample;
pub mod secret;
mod stage;

use std::io;
use std::path::PathBuf;

pub use stage::{DATABASE, Options, Stage};

use cluster::ClusterError;

/// The demo cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No private Postgres, or it does not take the sample.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A file or folder of the demo's.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No certificates.
    #[error(transparent)]
    Certificate(#[from] pgveil_certs::CertError),
    /// The configuration that was written does not load.
    #[error(transparent)]
    Config(#[from] crate::error::ConfigError),
    /// The proxy does not start.
    #[error(transparent)]
    Start(#[from] crate::serve::StartError),
}
