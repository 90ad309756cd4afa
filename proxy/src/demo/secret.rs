//! Random passwords, and files that only their owner can read.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::cluster::ClusterError;

/// Writes a file that only its owner can read.
///
/// # Errors
/// It cannot be written.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), ClusterError> {
    let attempt = || {
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        // An older file keeps its mode when it is opened: it is set before anything secret is in it.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(bytes)
    };
    attempt().map_err(ClusterError::file(path))
}

/// `bytes` random bytes, in hexadecimal.
///
/// # Errors
/// The system gives no random numbers.
pub fn random_hex(bytes: usize) -> Result<String, ClusterError> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(|e| ClusterError::Random(e.to_string()))?;
    Ok(random.iter().map(|b| format!("{b:02x}")).collect())
}
