//! What can be wrong with a certificate, a key or a root.

use std::path::{Path, PathBuf};

/// A fault in a file of certificates or keys, with a remedy.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not PEM, or a block in it is damaged.
    #[error("{} is not valid PEM: {why}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It has no certificate in it.
    #[error("{} holds no certificate", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// It has no revocation list in it.
    #[error("{} holds no revocation list", path.display())]
    NoList {
        /// The file.
        path: PathBuf,
    },
    /// A revocation list does not decode, or rustls does not take it.
    #[error("the revocation list in {} cannot be used: {why}", path.display())]
    BadList {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It has no private key in it, or an encrypted one.
    #[error("{} holds no private key that is not encrypted", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is of a kind that is not supported.
    #[error("the private key in {} cannot be used: {why}", path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The key belongs to another certificate.
    #[error("the private key does not belong to the certificate in {}", path.display())]
    Mismatch {
        /// The certificate's file.
        path: PathBuf,
    },
    /// Its time is over.
    #[error("the certificate in {} has expired", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
    },
    /// Its time has not come.
    #[error("the certificate in {} is not valid yet", path.display())]
    NotYetValid {
        /// The file.
        path: PathBuf,
    },
    /// It does not decode, or rustls does not take it.
    #[error("the certificate in {} cannot be used: {why}", path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Making a certificate failed.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

impl CertError {
    /// The file that is wrong; `None` where no file is.
    pub fn path(&self) -> Option<&Path> {
        match self {
            CertError::Unreadable { path, .. }
            | CertError::Unwritable { path, .. }
            | CertError::Pem { path, .. }
            | CertError::NoCertificate { path }
            | CertError::NoList { path }
            | CertError::BadList { path, .. }
            | CertError::NoKey { path }
            | CertError::BadKey { path, .. }
            | CertError::Mismatch { path }
            | CertError::Expired { path }
            | CertError::NotYetValid { path }
            | CertError::Bad { path, .. } => Some(path),
            CertError::Make(_) => None,
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            CertError::Unreadable { .. } => "name a file that exists and that pgveil's user may read",
            CertError::Unwritable { .. } => "name a folder that pgveil's user may write",
            CertError::Pem { .. } => "write it as PEM: base64 between BEGIN and END lines",
            CertError::NoCertificate { .. } => "give a PEM file with BEGIN CERTIFICATE blocks, the server's own first",
            CertError::NoList { .. } => "give a PEM file with BEGIN X509 CRL blocks",
            CertError::BadList { .. } => "give complete lists of version 2 (no deltas), as openssl ca -gencrl writes them",
            CertError::NoKey { .. } => "give a PEM file with one BEGIN PRIVATE KEY block; decrypt an encrypted key with openssl pkey",
            CertError::BadKey { .. } => "use an RSA (2048 bits or more), ECDSA P-256/P-384 or Ed25519 key",
            CertError::Mismatch { .. } => "put the matching pair there, the server's own certificate first in its file",
            CertError::Expired { .. } => "renew it",
            CertError::NotYetValid { .. } => "check this machine's clock, or use a certificate that is valid now",
            CertError::Bad { .. } => "give an X.509 version 3 certificate",
            CertError::Make(_) => "check the host names",
        }
    }
}
