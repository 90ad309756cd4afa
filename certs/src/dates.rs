//! A certificate's dates.

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};

/// Whether a certificate is valid at `now`; who signed it is not looked at.
///
/// webpki looks at a certificate's dates before anything else of it, so the certificate serves as its own root here and
/// only an answer about dates counts.
///
/// # Errors
/// It does not decode, has expired, or is not valid yet.
pub(crate) fn check(own: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let mut roots = RootCertStore::empty();
    roots.add(own.clone().into_owned())?;
    let parsed = ParsedCertificate::try_from(own)?;
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
    match verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], now, algorithms) {
        Err(Error::InvalidCertificate(
            dated @ (CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }),
        )) => Err(Error::InvalidCertificate(dated)),
        Ok(()) | Err(_) => Ok(()),
    }
}
