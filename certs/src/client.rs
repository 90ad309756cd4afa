//! TLS towards the database, with libpq's kinds of verification (PostgreSQL documentation, 34.19.1).

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::{ALPN, CertError, dates, pem, provider};

/// What is verified of a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify<'a> {
    /// Nothing (`require`): encrypted, but whoever answers is believed.
    Nothing,
    /// That a root of this PEM file signed it (`verify-ca`).
    Ca(&'a Path),
    /// The same, and that it was issued for the host (`verify-full`).
    Full(&'a Path),
}

/// A client's configuration that verifies as asked and shows no certificate of its own.
///
/// # Errors
/// The file of roots is unreadable, not PEM, or holds no usable certificate.
pub fn config(verify: Verify<'_>) -> Result<Arc<ClientConfig>, CertError> {
    config_of(verify, None)
}

/// The same; `own`: files of the chain (PEM, its own certificate first) and the key to show to a server that asks for them.
///
/// # Errors
/// As [`config`]; and as [`crate::server::load`] for the client's own files.
pub fn config_of(verify: Verify<'_>, own: Option<(&Path, &Path)>) -> Result<Arc<ClientConfig>, CertError> {
    let provider = provider();
    let verifier: Arc<dyn ServerCertVerifier> = match verify {
        Verify::Nothing => Arc::new(Nothing(Arc::clone(&provider))),
        Verify::Ca(ca) => Arc::new(Chain::new(ca, false, Arc::clone(&provider))?),
        Verify::Full(ca) => Arc::new(Chain::new(ca, true, Arc::clone(&provider))?),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| CertError::Bad { path: Path::new("").into(), why: e.to_string() })?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => {
            // The same faults as a server's: dates, a key of another certificate.
            crate::server::load(&crate::server::Files { cert: cert.into(), key: key.into(), client_ca: None, client_crl: None })?;
            let bad = |e: rustls::Error| CertError::Bad { path: cert.into(), why: e.to_string() };
            builder.with_client_auth_cert(pem::certificates(cert)?, pem::key(key)?).map_err(bad)?
        }
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

/// Believes every certificate; the handshake must still be signed with its key.
#[derive(Debug)]
struct Nothing(Arc<CryptoProvider>);

/// Verifies the chain up to a root of the file and, with `full`, the name.
#[derive(Debug)]
struct Chain {
    roots: RootCertStore,
    trusted: Vec<CertificateDer<'static>>,
    full: bool,
    provider: Arc<CryptoProvider>,
}

impl Chain {
    fn new(ca: &Path, full: bool, provider: Arc<CryptoProvider>) -> Result<Chain, CertError> {
        let trusted = pem::certificates(ca)?;
        let mut roots = RootCertStore::empty();
        for certificate in &trusted {
            roots.add(certificate.clone()).map_err(|e| CertError::Bad { path: ca.into(), why: e.to_string() })?;
        }
        Ok(Chain { roots, trusted, full, provider })
    }
}

impl ServerCertVerifier for Nothing {
    fn verify_server_cert(
        &self,
        _own: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl ServerCertVerifier for Chain {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let parsed = ParsedCertificate::try_from(own)?;
        if self.trusted.contains(own) {
            // A self-signed server certificate, as Postgres' documentation makes them (19.9.5), is its own root. webpki takes
            // none that also says CA, as openssl writes by default, for a server's: only its dates are left to check.
            dates::check(own, now)?;
        } else {
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, others, now, algorithms)?;
        }
        if self.full {
            verify_server_name(&parsed, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use rustls::{ClientConnection, ServerConnection, Stream};

    use super::*;
    use crate::throwaway::{self, Ca};

    /// One handshake and one byte over loopback.
    fn reaches(server: &Arc<rustls::ServerConfig>, client: Arc<ClientConfig>, name: &str) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let server = Arc::clone(server);
        let other = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut tls = ServerConnection::new(server).unwrap();
            let _closed = Stream::new(&mut tls, &mut socket).write_all(b"x");
        });
        let mut tls = ClientConnection::new(client, ServerName::try_from(name.to_owned()).unwrap()).unwrap();
        let mut socket = TcpStream::connect(at).unwrap();
        let answer = Stream::new(&mut tls, &mut socket).read_exact(&mut [0]).is_ok();
        drop(socket);
        other.join().unwrap();
        answer
    }

    fn own(files: &throwaway::Files) -> Arc<rustls::ServerConfig> {
        let files = crate::server::Files { cert: files.cert.clone(), key: files.key.clone(), client_ca: None, client_crl: None };
        crate::server::load(&files).unwrap().config
    }

    #[test]
    fn each_kind_verifies_what_it_says() {
        let dir = throwaway::tests::folder("verify");
        let ca = Ca::new().unwrap();
        let root = ca.write_into(&dir, "ca").unwrap();
        let other = Ca::new().unwrap().write_into(&dir, "other").unwrap();
        let files = ca.issue_into(&dir, "server", &["db.example"]).unwrap();
        let server = own(&files);
        for (verify, name, expected) in [
            (Verify::Nothing, "wrong.example", true),
            (Verify::Ca(&root), "wrong.example", true),
            (Verify::Ca(&other), "db.example", false),
            (Verify::Full(&root), "db.example", true),
            (Verify::Full(&root), "localhost", true),
            (Verify::Full(&root), "127.0.0.1", true),
            (Verify::Full(&root), "wrong.example", false),
            (Verify::Full(&other), "db.example", false),
        ] {
            assert_eq!(reaches(&server, config(verify).unwrap(), name), expected, "{verify:?} {name}");
        }
        let signed = Ca::self_signed(&dir, "own");
        let server = self::own(&signed);
        for (verify, name, expected) in [
            (Verify::Full(&signed.cert), "localhost", true),
            (Verify::Full(&signed.cert), "wrong.example", false),
            (Verify::Ca(&signed.cert), "wrong.example", true),
            (Verify::Ca(&root), "localhost", false),
        ] {
            assert_eq!(reaches(&server, config(verify).unwrap(), name), expected, "self-signed: {verify:?} {name}");
        }
        let old = throwaway::tests::issue_between(&ca, &dir, "old", (2001, 2002));
        let chain = pem::certificates(&old.cert).unwrap();
        let expired =
            rustls::ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let expired = Arc::new(expired.with_single_cert(chain, pem::key(&old.key).unwrap()).unwrap());
        assert!(!reaches(&expired, config(Verify::Ca(&root)).unwrap(), "localhost"));
        assert!(!reaches(&expired, config(Verify::Ca(&old.cert)).unwrap(), "localhost"));
        assert!(reaches(&expired, config(Verify::Nothing).unwrap(), "localhost"));
        fs::remove_dir_all(dir).unwrap();
    }
}
