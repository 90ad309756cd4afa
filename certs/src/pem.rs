//! PEM files.

use std::fs;
use std::path::Path;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use crate::CertError;

/// All certificates of a file, in order; at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertError> {
    let bytes = read(path)?;
    let found = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| CertError::Pem { path: path.into(), why: e.to_string() })?;
    if found.is_empty() {
        return Err(CertError::NoCertificate { path: path.into() });
    }
    Ok(found)
}

/// The first private key of a file.
pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, CertError> {
    let bytes = read(path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|e| match e {
        pem::Error::NoItemsFound => CertError::NoKey { path: path.into() },
        other => CertError::Pem { path: path.into(), why: other.to_string() },
    })
}

/// All revocation lists of a file, in order; at least one.
pub(crate) fn revocations(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, CertError> {
    let bytes = read(path)?;
    let found = CertificateRevocationListDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| CertError::Pem { path: path.into(), why: e.to_string() })?;
    if found.is_empty() {
        return Err(CertError::NoList { path: path.into() });
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, CertError> {
    fs::read(path).map_err(|source| CertError::Unreadable { path: path.into(), source })
}
