//! What a certificate says: whom it names, and the hash that binds a channel to it.

use ring::digest;
use rustls::pki_types::CertificateDer;
use x509_parser::asn1_rs::Oid;
use x509_parser::der_parser::oid;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::signature_algorithm::RsaSsaPssParams;

/// The common name (CN) of a certificate's subject; `None` where it has none or several, or one that is empty or holds control
/// characters: a zero byte in it has made one name look like another before (CVE-2009-2408).
pub fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let parsed = parse(certificate)?;
    let mut names = parsed.subject().iter_common_name();
    let (name, further) = (names.next()?.as_str().ok()?, names.next());
    (further.is_none() && !name.is_empty() && !name.chars().any(char::is_control)).then(|| name.to_owned())
}

/// `tls-server-end-point` of a server's certificate (RFC 5929, section 4): its hash by the hash function of its signature, or by SHA-256
/// where that is MD5 or SHA-1.
///
/// `None` where the signature has no such function (Ed25519) or one that is not known here. Postgres offers channel binding then too, and
/// libpq fails: "could not find digest for NID UNDEF".
pub fn end_point(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let parsed = parse(certificate)?;
    let by = &parsed.signature_algorithm;
    let function = if by.algorithm == oid!(1.2.840.113549.1.1.10) {
        let parameters = by.parameters.as_ref().and_then(|any| RsaSsaPssParams::try_from(any).ok())?;
        of_hash(parameters.hash_algorithm_oid())?
    } else {
        of_signature(&by.algorithm)?
    };
    Some(digest::digest(function, certificate).as_ref().to_vec())
}

/// A certificate's serial number, big-endian.
pub(crate) fn serial(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    parse(certificate).map(|parsed| parsed.raw_serial().to_vec())
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    X509Certificate::from_der(certificate).ok().map(|(_, parsed)| parsed)
}

/// RFC 8017, appendix A.2.4; RFC 5758, section 3.
fn of_signature(by: &Oid<'_>) -> Option<&'static digest::Algorithm> {
    let sha_256 = [
        // RSA with MD5, SHA-1 and SHA-256; ECDSA with SHA-1 and SHA-256.
        oid!(1.2.840.113549.1.1.4),
        oid!(1.2.840.113549.1.1.5),
        oid!(1.2.840.113549.1.1.11),
        oid!(1.2.840.10045.4.1),
        oid!(1.2.840.10045.4.3.2),
    ];
    if sha_256.contains(by) {
        Some(&digest::SHA256)
    } else if [oid!(1.2.840.113549.1.1.12), oid!(1.2.840.10045.4.3.3)].contains(by) {
        Some(&digest::SHA384)
    } else if [oid!(1.2.840.113549.1.1.13), oid!(1.2.840.10045.4.3.4)].contains(by) {
        Some(&digest::SHA512)
    } else {
        None
    }
}

/// RFC 5754, section 2.
fn of_hash(hash: &Oid<'_>) -> Option<&'static digest::Algorithm> {
    if [oid!(1.3.14.3.2.26), oid!(2.16.840.1.101.3.4.2.1)].contains(hash) {
        Some(&digest::SHA256)
    } else if *hash == oid!(2.16.840.1.101.3.4.2.2) {
        Some(&digest::SHA384)
    } else if *hash == oid!(2.16.840.1.101.3.4.2.3) {
        Some(&digest::SHA512)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

    use super::*;
    use crate::pem;
    use crate::throwaway::{self, Ca};

    fn named(names: &[&str]) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for name in names {
            params.distinguished_name.push(DnType::OrganizationName, "o");
            params.distinguished_name.push(DnType::CommonName, *name);
        }
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    #[test]
    fn a_common_name_is_one_and_plain() {
        assert_eq!(common_name(&named(&["ana"])).as_deref(), Some("ana"));
        assert_eq!(common_name(&named(&["Ana Kovač"])).as_deref(), Some("Ana Kovač"));
        for names in [&[][..], &[""], &["ana\0.example"], &["ana\n"]] {
            assert_eq!(common_name(&named(names)), None, "{names:?}");
        }
        assert_eq!(common_name(&CertificateDer::from(vec![0x30, 0])), None);
    }

    #[test]
    fn two_common_names_are_none() {
        // Written by hand: rcgen holds one of each kind. The second attribute, an OU, becomes a CN as well.
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "ana");
        params.distinguished_name.push(DnType::OrganizationalUnitName, "eve");
        let mut der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
        assert_eq!(common_name(&CertificateDer::from(der.clone())).as_deref(), Some("ana"));
        for at in 0..der.len() - 3 {
            if der[at..at + 3] == [0x55, 4, 11] {
                der[at + 2] = 3;
            }
        }
        assert_eq!(common_name(&CertificateDer::from(der)), None);
    }

    #[test]
    fn the_hash_is_that_of_the_signature() {
        for (key, bytes) in [(&PKCS_ECDSA_P256_SHA256, Some(32)), (&PKCS_ECDSA_P384_SHA384, Some(48)), (&PKCS_ED25519, None)] {
            let certificate = CertificateParams::default().self_signed(&KeyPair::generate_for(key).unwrap()).unwrap();
            assert_eq!(end_point(certificate.der()).map(|hash| hash.len()), bytes, "{key:?}");
        }
        let dir = throwaway::tests::folder("end_point");
        let files = Ca::new().unwrap().issue_into(&dir, "s", &[]).unwrap();
        let own = pem::certificates(&files.cert).unwrap().remove(0);
        assert_eq!(end_point(&own).unwrap(), digest::digest(&digest::SHA256, &own).as_ref());
        fs::remove_dir_all(dir).unwrap();
    }
}
