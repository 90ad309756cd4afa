//! Why there are no figures.

use std::io;
use std::path::PathBuf;

use pgveil::demo::cluster::ClusterError;

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// No private Postgres, or its psql failed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// No certificates.
    #[error(transparent)]
    Certificates(#[from] pgveil_certs::CertError),
    /// A connection.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A file of ours.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program that is not there or failed.
    #[error("{program}: {why}")]
    Program {
        /// Its name.
        program: &'static str,
        /// What it said.
        why: String,
    },
    /// The other side answered with an error.
    #[error("{route}: {message}")]
    Answer {
        /// Who was asked.
        route: &'static str,
        /// SQLSTATE and message.
        message: String,
    },
    /// The other side answered what the client does not read.
    #[error("unexpected answer: {0}")]
    Protocol(&'static str),
    /// The policy does not fit, or a statement that is to be timed is refused.
    #[error("judging: {0}")]
    Judging(String),
    /// The text to write into has no place for the table.
    #[error("{0} has no markers to write between")]
    Markers(&'static str),
}

impl BenchError {
    /// For a file.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> BenchError {
        let path = path.into();
        move |source| BenchError::File { path, source }
    }
}
