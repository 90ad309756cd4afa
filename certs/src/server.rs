//! TLS towards clients: a certificate chain and its key.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::UnixTime;
use rustls::{CertificateError, ServerConfig};

use crate::{ALPN, CertError, dates, pem, provider};

/// Loads a server's certificate chain (PEM, its own certificate first) and its private key (PEM).
///
/// # Errors
/// Either file is unreadable or not PEM, the key is another certificate's, or the certificate is not valid now.
pub fn load(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, CertError> {
    let chain = pem::certificates(cert)?;
    let private = pem::key(key)?;
    if let Some(own) = chain.first() {
        dates::check(own, UnixTime::now()).map_err(|e| match e {
            rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
                CertError::Expired { path: cert.into() }
            }
            rustls::Error::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
                CertError::NotYetValid { path: cert.into() }
            }
            other => CertError::Bad { path: cert.into(), why: other.to_string() },
        })?;
    }
    let bad = |e: rustls::Error| CertError::Bad { path: cert.into(), why: e.to_string() };
    provider()
        .key_provider
        .load_private_key(private.clone_key())
        .map_err(|e| CertError::BadKey { path: key.into(), why: e.to_string() })?;
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().map_err(bad)?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, private).map_err(|e| match e {
        rustls::Error::InconsistentKeys(_) => CertError::Mismatch { path: cert.into() },
        other => bad(other),
    })?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::throwaway::{self, Ca};

    #[test]
    fn a_pair_loads_and_a_wrong_key_does_not() {
        let dir = throwaway::tests::folder("pair");
        let ca = Ca::new().unwrap();
        let one = ca.issue_into(&dir, "one", &[]).unwrap();
        let two = ca.issue_into(&dir, "two", &[]).unwrap();
        assert_eq!(load(&one.cert, &one.key).unwrap().alpn_protocols, [ALPN]);
        assert!(matches!(load(&one.cert, &two.key), Err(CertError::Mismatch { .. })));
        assert!(matches!(load(&one.key, &one.key), Err(CertError::NoCertificate { .. })));
        assert!(matches!(load(&one.cert, &one.cert), Err(CertError::NoKey { .. })));
        assert!(matches!(load(&dir.join("none"), &one.key), Err(CertError::Unreadable { .. })));
        let damaged = dir.join("damaged.crt");
        fs::write(&damaged, "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n").unwrap();
        assert!(matches!(load(&damaged, &one.key), Err(CertError::Pem { .. })));
        let nonsense = dir.join("nonsense.crt");
        fs::write(&nonsense, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(matches!(load(&nonsense, &one.key), Err(CertError::Bad { .. })));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn dates_are_checked() {
        let dir = throwaway::tests::folder("dates");
        let ca = Ca::new().unwrap();
        let old = throwaway::tests::issue_between(&ca, &dir, "old", (2001, 2002));
        assert!(matches!(load(&old.cert, &old.key), Err(CertError::Expired { .. })));
        let new = throwaway::tests::issue_between(&ca, &dir, "new", (4001, 4002));
        assert!(matches!(load(&new.cert, &new.key), Err(CertError::NotYetValid { .. })));
        fs::remove_dir_all(dir).unwrap();
    }
}
