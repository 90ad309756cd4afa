//! A throw-away CA, made at run time, and certificates from it: for the demo and the tests.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::CertError;

/// A CA whose key lives in memory only.
#[derive(Debug)]
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The certificate.
    pub cert: PathBuf,
    /// Its private key; mode 0600.
    pub key: PathBuf,
}

impl Ca {
    /// Makes a CA with a fresh key.
    ///
    /// # Errors
    /// Key generation failed.
    pub fn new() -> Result<Ca, CertError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "pgveil throw-away CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key)?.pem();
        Ok(Ca { issuer: Issuer::new(params, key), pem })
    }

    /// Its certificate, as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes its certificate to `<dir>/<stem>.crt` and returns that path. Its key is never written.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_into(&self, dir: &Path, stem: &str) -> Result<PathBuf, CertError> {
        let path = dir.join(format!("{stem}.crt"));
        write(&path, &self.pem, 0o644)?;
        Ok(path)
    }

    /// Makes a server's certificate for localhost, 127.0.0.1, ::1 and `names` (host names or addresses), and writes
    /// `<dir>/<stem>.crt` and `<dir>/<stem>.key`.
    ///
    /// # Errors
    /// A name that no certificate can hold; a file that cannot be written.
    pub fn issue_into(&self, dir: &Path, stem: &str, names: &[&str]) -> Result<Files, CertError> {
        self.issue(dir, stem, params(names)?)
    }

    /// Makes a certificate with which a client logs in as `name`, and writes `<dir>/<stem>.crt` and `<dir>/<stem>.key`.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn issue_client_into(&self, dir: &Path, stem: &str, name: &str) -> Result<Files, CertError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        self.issue(dir, stem, params)
    }

    fn issue(&self, dir: &Path, stem: &str, params: CertificateParams) -> Result<Files, CertError> {
        let key = KeyPair::generate()?;
        let cert = params.signed_by(&key, &self.issuer)?;
        let files = Files { cert: dir.join(format!("{stem}.crt")), key: dir.join(format!("{stem}.key")) };
        write(&files.cert, &cert.pem(), 0o644)?;
        write(&files.key, &key.serialize_pem(), 0o600)?;
        Ok(files)
    }
}

fn params(names: &[&str]) -> Result<CertificateParams, CertError> {
    let all = ["localhost", "127.0.0.1", "::1"].iter().chain(names).map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let mut params = CertificateParams::new(all)?;
    params.distinguished_name.push(DnType::CommonName, "pgveil throw-away server");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), CertError> {
    let attempt = || -> io::Result<()> {
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
        // An older file keeps its mode when it is opened: it is set before anything secret is in it.
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.write_all(text.as_bytes())
    };
    attempt().map_err(|source| CertError::Unwritable { path: path.into(), source })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A fresh folder for one test.
    pub(crate) fn folder(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("pgveil-certs-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    /// A certificate that is valid from the start of one year to the start of another.
    pub(crate) fn issue_between(ca: &Ca, dir: &Path, stem: &str, (from, to): (i32, i32)) -> Files {
        let mut params = params(&[]).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        ca.issue(dir, stem, params).unwrap()
    }

    impl Ca {
        /// A server's certificate that signed itself and says CA, as `openssl req -x509` makes them.
        pub(crate) fn self_signed(dir: &Path, stem: &str) -> Files {
            let key = KeyPair::generate().unwrap();
            let mut params = params(&[]).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let files = Files { cert: dir.join(format!("{stem}.crt")), key: dir.join(format!("{stem}.key")) };
            fs::write(&files.cert, params.self_signed(&key).unwrap().pem()).unwrap();
            fs::write(&files.key, key.serialize_pem()).unwrap();
            files
        }
    }

    #[test]
    fn keys_are_the_owners_only_even_over_an_older_file() {
        let dir = folder("mode");
        fs::write(dir.join("s.key"), "old").unwrap();
        fs::set_permissions(dir.join("s.key"), fs::Permissions::from_mode(0o644)).unwrap();
        let files = Ca::new().unwrap().issue_into(&dir, "s", &["db.example"]).unwrap();
        assert_eq!(fs::metadata(&files.key).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::read_to_string(&files.key).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
        assert!(Ca::new().unwrap().issue_into(&dir, "t", &["ü.example"]).is_err());
        fs::remove_dir_all(dir).unwrap();
    }
}
