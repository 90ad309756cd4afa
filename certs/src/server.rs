//! TLS towards clients: a certificate chain and its key, and who signs the certificates of clients; read again when a file changes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::pki_types::UnixTime;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{CertificateError, RootCertStore, ServerConfig};

use crate::{ALPN, CertError, dates, end_point, pem, provider};

/// The files, all PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The chain, the server's own certificate first.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Roots that sign certificates of clients; `None`: clients are not asked for one.
    pub client_ca: Option<PathBuf>,
    /// Revocation lists of these roots, and of every CA below them.
    pub client_crl: Option<PathBuf>,
}

/// What the files came to.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// For handshakes. A client may show no certificate; one that it shows must verify.
    pub config: Arc<ServerConfig>,
    /// `tls-server-end-point` of the server's certificate; `None` where that cannot be bound to, see [`end_point`].
    pub end_point: Option<Vec<u8>>,
}

/// The files as they are now.
#[derive(Debug)]
pub struct Server {
    files: Files,
    current: ArcSwap<(Loaded, Vec<Stamp>)>,
    stale: AtomicBool,
}

/// What changes when a file does: when, how long, and which one it is; `None` where it is not there.
type Stamp = Option<(SystemTime, u64, u64)>;

impl Server {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// As [`load`].
    pub fn open(files: Files) -> Result<Server, CertError> {
        let stamps = stamps(&files);
        let current = ArcSwap::from_pointee((load(&files)?, stamps));
        Ok(Server { files, current, stale: AtomicBool::new(false) })
    }

    /// What counts for the next handshake: all files are read again when one of them has changed. Files that do not load, such as a
    /// certificate whose key is still to come, leave the last good ones in force, and `fault` is told, once for each change.
    pub fn current(&self, fault: impl FnOnce(&CertError)) -> Loaded {
        let current = self.current.load();
        // Before they are read: what changes meanwhile is seen the next time.
        let stamps = stamps(&self.files);
        if stamps == current.1 && !self.stale.swap(false, Ordering::Relaxed) {
            return current.0.clone();
        }
        let loaded = load(&self.files).unwrap_or_else(|e| {
            fault(&e);
            current.0.clone()
        });
        self.current.store(Arc::new((loaded.clone(), stamps)));
        loaded
    }

    /// They are read again at the next handshake, changed or not.
    pub fn reload(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// Whether clients are asked for a certificate.
    pub fn asks_clients(&self) -> bool {
        self.files.client_ca.is_some()
    }
}

fn stamps(files: &Files) -> Vec<Stamp> {
    let all = [Some(&files.cert), Some(&files.key), files.client_ca.as_ref(), files.client_crl.as_ref()];
    let stamp = |file: &PathBuf| fs::metadata(file).and_then(|m| Ok((m.modified()?, m.len(), m.ino()))).ok();
    all.into_iter().flatten().map(stamp).collect()
}

/// Loads all files.
///
/// # Errors
/// One of them is unreadable, not PEM, or holds nothing usable; the key is another certificate's; the certificate is not valid now.
pub fn load(files: &Files) -> Result<Loaded, CertError> {
    let cert = files.cert.as_path();
    let chain = pem::certificates(cert)?;
    let private = pem::key(&files.key)?;
    let own = chain.first().ok_or_else(|| CertError::NoCertificate { path: cert.into() })?;
    dates::check(own, UnixTime::now()).map_err(|e| match e {
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            CertError::Expired { path: cert.into() }
        }
        rustls::Error::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            CertError::NotYetValid { path: cert.into() }
        }
        other => CertError::Bad { path: cert.into(), why: other.to_string() },
    })?;
    let end_point = end_point(own);
    let bad = |e: rustls::Error| CertError::Bad { path: cert.into(), why: e.to_string() };
    provider()
        .key_provider
        .load_private_key(private.clone_key())
        .map_err(|e| CertError::BadKey { path: files.key.clone(), why: e.to_string() })?;
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().map_err(bad)?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(ca) => builder.with_client_cert_verifier(clients(ca, files.client_crl.as_deref())?),
    };
    let mut config = builder.with_single_cert(chain, private).map_err(|e| match e {
        rustls::Error::InconsistentKeys(_) => CertError::Mismatch { path: cert.into() },
        other => bad(other),
    })?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // No session is resumed, as with Postgres: a certificate that was revoked meanwhile would not be looked at again.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Loaded { config: Arc::new(config), end_point })
}

/// With revocation lists each certificate of a client's chain must be on none of them, and its issuer's must be there and not be overdue,
/// as with OpenSSL's CRL_CHECK_ALL in Postgres.
fn clients(ca: &Path, crl: Option<&Path>) -> Result<Arc<dyn ClientCertVerifier>, CertError> {
    let mut roots = RootCertStore::empty();
    for certificate in pem::certificates(ca)? {
        roots.add(certificate).map_err(|e| CertError::Bad { path: ca.into(), why: e.to_string() })?;
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots.into(), provider()).allow_unauthenticated();
    if let Some(crl) = crl {
        builder = builder.with_crls(pem::revocations(crl)?).enforce_revocation_expiration();
    }
    builder.build().map_err(|e| match (e, crl) {
        (VerifierBuilderError::InvalidCrl(e), Some(crl)) => CertError::BadList { path: crl.into(), why: format!("{e:?}") },
        (e, _) => CertError::Bad { path: ca.into(), why: e.to_string() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::throwaway::{self, Ca};

    fn pair(cert: &Path, key: &Path) -> Files {
        Files { cert: cert.into(), key: key.into(), client_ca: None, client_crl: None }
    }

    #[test]
    fn a_pair_loads_and_a_wrong_key_does_not() {
        let dir = throwaway::tests::folder("pair");
        let ca = Ca::new().unwrap();
        let one = ca.issue_into(&dir, "one", &[]).unwrap();
        let two = ca.issue_into(&dir, "two", &[]).unwrap();
        let load = |cert: &Path, key: &Path| load(&pair(cert, key));
        let loaded = load(&one.cert, &one.key).unwrap();
        assert_eq!(loaded.config.alpn_protocols, [ALPN]);
        assert_eq!(loaded.end_point.map(|hash| hash.len()), Some(32));
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
        assert!(matches!(load(&pair(&old.cert, &old.key)), Err(CertError::Expired { .. })));
        let new = throwaway::tests::issue_between(&ca, &dir, "new", (4001, 4002));
        assert!(matches!(load(&pair(&new.cert, &new.key)), Err(CertError::NotYetValid { .. })));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn roots_and_revocations_of_clients_are_checked() {
        let dir = throwaway::tests::folder("clients");
        let ca = Ca::new().unwrap();
        let root = ca.write_into(&dir, "ca").unwrap();
        let own = ca.issue_into(&dir, "own", &[]).unwrap();
        let list = ca.revoke_into(&dir, "list", &[]).unwrap();
        let with = |ca: &Path, crl: Option<&Path>| {
            load(&Files { client_ca: Some(ca.into()), client_crl: crl.map(Into::into), ..pair(&own.cert, &own.key) })
        };
        assert!(with(&root, None).is_ok());
        assert!(with(&root, Some(&list)).is_ok());
        assert!(matches!(with(&own.key, None), Err(CertError::NoCertificate { .. })));
        assert!(matches!(with(&dir.join("none"), None), Err(CertError::Unreadable { .. })));
        assert!(matches!(with(&root, Some(&root)), Err(CertError::NoList { .. })));
        let nonsense = dir.join("nonsense.crl");
        fs::write(&nonsense, "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n").unwrap();
        assert!(matches!(with(&root, Some(&nonsense)), Err(CertError::BadList { .. })));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn changed_files_count_at_once_and_broken_ones_not_at_all() {
        let dir = throwaway::tests::folder("rotation");
        let ca = Ca::new().unwrap();
        let files = ca.issue_into(&dir, "own", &[]).unwrap();
        let next = ca.issue_into(&dir, "next", &[]).unwrap();
        let server = Server::open(pair(&files.cert, &files.key)).unwrap();
        let quiet = |e: &CertError| panic!("{e}");
        let first = server.current(quiet).end_point;
        assert_eq!(server.current(quiet).end_point, first);
        // The certificate comes before its key.
        fs::rename(&next.cert, &files.cert).unwrap();
        let mut told = 0;
        for _ in 0..3 {
            assert_eq!(server.current(|e| told += u32::from(matches!(e, CertError::Mismatch { .. }))).end_point, first);
        }
        assert_eq!(told, 1, "once for each change");
        fs::rename(&next.key, &files.key).unwrap();
        let second = server.current(quiet).end_point;
        assert_ne!(second, first);
        fs::remove_file(&files.key).unwrap();
        assert_eq!(server.current(|_| told += 1).end_point, second);
        assert_eq!(told, 2);
        server.reload();
        assert_eq!(server.current(|_| told += 1).end_point, second);
        assert_eq!(told, 3);
        fs::remove_dir_all(dir).unwrap();
    }
}
