//! Channel binding `tls-server-end-point` (RFC 5929, section 4): the hash of a server's certificate.

use ring::digest::{self, Algorithm, SHA256, SHA384, SHA512};

/// The hash that binds a login to the TLS connection with the owner of this certificate (DER); `None` where its signature
/// names no hash (Ed25519, which PostgreSQL does not bind to either) or one that is not known here.
pub fn hash(certificate: &[u8]) -> Option<Vec<u8>> {
    Some(digest::digest(algorithm(certificate)?, certificate).as_ref().to_vec())
}

const SEQUENCE: u8 = 0x30;
const OID: u8 = 0x06;
const EXPLICIT_0: u8 = 0xa0;

/// id-RSASSA-PSS, which names its hash apart.
const PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];

/// Signature algorithms and the hash to take: SHA-256 in place of MD5 and SHA-1.
const SIGNATURES: &[(&[u8], &Algorithm)] = &[
    // RSA (RFC 8017, A.2.4): with MD5, SHA-1, SHA-256, SHA-384, SHA-512.
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04], &SHA256),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05], &SHA256),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b], &SHA256),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c], &SHA384),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d], &SHA512),
    // ECDSA (RFC 5758, 3.2): with SHA-1, SHA-256, SHA-384, SHA-512.
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01], &SHA256),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02], &SHA256),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03], &SHA384),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04], &SHA512),
];

/// Hashes (RFC 4055, 2.1): SHA-1, SHA-256, SHA-384, SHA-512.
const HASHES: &[(&[u8], &Algorithm)] = &[
    (&[0x2b, 0x0e, 0x03, 0x02, 0x1a], &SHA256),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01], &SHA256),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02], &SHA384),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03], &SHA512),
];

fn algorithm(certificate: &[u8]) -> Option<&'static Algorithm> {
    // Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { OID, parameters }, … } (RFC 5280, 4.1)
    let (whole, _) = take(certificate, SEQUENCE)?;
    let (_signed, rest) = take(whole, SEQUENCE)?;
    let (identifier, _) = take(rest, SEQUENCE)?;
    let (oid, parameters) = take(identifier, OID)?;
    if oid != PSS {
        return find(SIGNATURES, oid);
    }
    // RSASSA-PSS-params ::= SEQUENCE { [0] EXPLICIT AlgorithmIdentifier DEFAULT sha1, … } (RFC 4055, 3.1)
    let (parameters, _) = take(parameters, SEQUENCE)?;
    match take(parameters, EXPLICIT_0) {
        None => Some(&SHA256),
        Some((explicit, _)) => find(HASHES, take(take(explicit, SEQUENCE)?.0, OID)?.0),
    }
}

fn find(list: &[(&[u8], &'static Algorithm)], oid: &[u8]) -> Option<&'static Algorithm> {
    list.iter().find(|(known, _)| *known == oid).map(|(_, algorithm)| *algorithm)
}

/// The content of the DER element at the front, which must have that tag, and what follows it.
fn take(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // 1 to 3 bytes of length; no certificate is longer than 16 MB.
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    (found == tag).then_some(())?;
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm};

    use super::*;

    fn certificate(algorithm: &'static SignatureAlgorithm) -> Vec<u8> {
        let key = KeyPair::generate_for(algorithm).unwrap();
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn the_hash_is_that_of_the_signature() {
        for (signature, expected) in [(&rcgen::PKCS_ECDSA_P256_SHA256, &SHA256), (&rcgen::PKCS_ECDSA_P384_SHA384, &SHA384)] {
            let der = certificate(signature);
            assert_eq!(hash(&der).unwrap(), digest::digest(expected, &der).as_ref());
        }
        assert_eq!(hash(&certificate(&rcgen::PKCS_ED25519)), None);
    }

    // A certificate's skeleton: `signed` is empty.
    fn skeleton(identifier: &[u8]) -> Vec<u8> {
        let element = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
        element(SEQUENCE, &[element(SEQUENCE, b""), element(SEQUENCE, identifier)].concat())
    }

    #[test]
    fn a_pss_signature_names_its_hash_in_its_parameters() {
        let oid = [&[OID, 9], PSS].concat();
        let sha384 = [0xa0, 0x0d, 0x30, 0x0b, 6, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
        let parameters = [&[SEQUENCE, 15][..], &sha384].concat();
        assert_eq!(hash(&skeleton(&[oid.clone(), parameters].concat())).unwrap().len(), 48);
        assert_eq!(hash(&skeleton(&[oid.clone(), vec![SEQUENCE, 0]].concat())).unwrap().len(), 32);
        assert_eq!(hash(&skeleton(&oid)), None);
    }

    #[test]
    fn what_is_cut_short_or_no_certificate_has_no_hash() {
        let der = certificate(&rcgen::PKCS_ECDSA_P256_SHA256);
        let (_, after) = take(take(&der, SEQUENCE).unwrap().0, SEQUENCE).unwrap();
        let needed = der.len() - after.len() + 12;
        for n in 0..needed {
            assert_eq!(hash(&der[..n]), None, "{n}");
        }
        for bad in [&b""[..], b"\x30\x84\0\0\0\0", b"\x30\x80\0\0", b"\x31\0", b"\x30\x83\xff\xff\xff"] {
            assert_eq!(hash(bad), None);
        }
    }
}
