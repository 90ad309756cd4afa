//! TLS as libpq speaks it: every sslmode against every `tls.mode`, and channel binding with certificates of every kind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use pgveil::config::{ClientTls, Config};
use pgveil_certs::server::{Files, Server};
use pgveil_certs::throwaway::Ca;
use pgveil_tests::world::{Printed, Proxy, World};

/// One role that sees everything.
pub(super) const OPEN: &str = "version = 1\nunclassified = \"clear\"\n[role.all]\ndefault = \"clear\"\n";

/// A proxy with user `ana`, and an empty database behind it.
pub(super) fn proxy(change: impl FnOnce(&mut Config)) -> (Proxy, String) {
    let world = World::get();
    (world.proxy_with(OPEN, &[("ana", "all")], change), world.database("SELECT 1"))
}

/// A folder for certificates.
pub(super) fn folder(name: &str) -> PathBuf {
    let dir = World::get().cluster().folder().join(name);
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// TLS with these files.
pub(super) fn server(cert: &Path, key: &Path) -> Arc<Server> {
    Arc::new(Server::open(Files { cert: cert.into(), key: key.into(), client_ca: None, client_crl: None }).unwrap())
}

fn conninfo(proxy: &Proxy, database: &str, more: &str) -> Printed {
    proxy.psql_with(&format!("user=ana dbname={database} {more}"), Some("ana-password"), "\\conninfo")
}

#[test]
fn every_sslmode_against_every_mode() {
    let dir = folder("modes");
    let ca = Ca::new().unwrap();
    let root = ca.write_into(&dir, "ca").unwrap();
    let other = Ca::new().unwrap().write_into(&dir, "other").unwrap();
    let own = ca.issue_into(&dir, "own", &[]).unwrap();
    let tls = server(&own.cert, &own.key);
    let (plain, secure, no) = (Some(false), Some(true), None);
    for (mode, expected) in [
        (ClientTls::Disable, [plain, plain, plain, no, no, no]),
        (ClientTls::Allow(Arc::clone(&tls)), [plain, plain, secure, secure, secure, secure]),
        // libpq's "allow" comes back with TLS where plain was refused.
        (ClientTls::Require(tls), [no, secure, secure, secure, secure, secure]),
    ] {
        let what = format!("{mode:?}");
        let what = what.split('(').next().unwrap();
        let (proxy, database) = proxy(|config| config.tls = mode);
        for (sslmode, expected) in ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"].into_iter().zip(expected) {
            let root = if sslmode.starts_with("verify") { format!("sslrootcert={}", root.display()) } else { String::new() };
            let got = conninfo(&proxy, &database, &format!("sslmode={sslmode} {root}"));
            let found = got.ok.then(|| got.out.contains("SSL connection"));
            assert_eq!(found, expected, "{what} {sslmode}: {got:?}");
            let told = match what {
                "Disable" => "server does not support SSL",
                _ => "this server takes encrypted connections only",
            };
            assert!(got.ok || got.err.contains(told), "{what} {sslmode}: {got:?}");
        }
        if what != "Disable" {
            let name = "host=other.example hostaddr=127.0.0.1";
            let root = root.display();
            assert!(!conninfo(&proxy, &database, &format!("{name} sslmode=verify-full sslrootcert={root}")).ok, "another name");
            assert!(conninfo(&proxy, &database, &format!("{name} sslmode=verify-ca sslrootcert={root}")).ok);
            assert!(!conninfo(&proxy, &database, &format!("sslmode=verify-ca sslrootcert={}", other.display())).ok, "another CA");
        }
    }
}

/// A certificate that signed itself, by `openssl req`.
fn made_by_openssl(dir: &Path, stem: &str, kind: &[&str]) -> (PathBuf, PathBuf) {
    let (cert, key) = (dir.join(format!("{stem}.crt")), dir.join(format!("{stem}.key")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=localhost"])
        .args(kind)
        .arg("-out")
        .arg(&cert)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    assert!(made.status.success(), "{stem}: {}", String::from_utf8_lossy(&made.stderr));
    (cert, key)
}

#[test]
fn channel_binding_with_certificates_of_every_kind() {
    let dir = folder("kinds");
    let pss = ["-newkey", "rsa:2048", "-sigopt", "rsa_padding_mode:pss", "-sha384"];
    let kinds: [(&str, &[&str], bool); 8] = [
        ("rsa-sha256", &["-newkey", "rsa:2048", "-sha256"], true),
        ("rsa-sha384", &["-newkey", "rsa:2048", "-sha384"], true),
        ("rsa-sha512", &["-newkey", "rsa:3072", "-sha512"], true),
        ("rsa-pss", &pss, true),
        ("p256", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-sha256"], true),
        ("p384", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384"], true),
        ("p256-sha512", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-sha512"], true),
        // Its signature has no hash function: Postgres offers binding, and libpq fails unless told not to bind. We do not offer it.
        ("ed25519", &["-newkey", "ed25519"], false),
    ];
    for (kind, arguments, bound) in kinds {
        let (cert, key) = made_by_openssl(&dir, kind, arguments);
        let (proxy, database) = proxy(|config| config.tls = ClientTls::Require(server(&cert, &key)));
        let with = |binding: &str| {
            let root = cert.display();
            conninfo(&proxy, &database, &format!("host=localhost sslmode=verify-ca sslrootcert={root} channel_binding={binding}"))
        };
        for binding in ["disable", "prefer"] {
            assert!(with(binding).ok, "{kind} {binding}: {:?}", with(binding));
        }
        let required = with("require");
        assert_eq!(required.ok, bound, "{kind}: {required:?}");
        let wrong = proxy.psql_with(
            &format!("user=ana dbname={database} sslmode=require channel_binding={}", if bound { "require" } else { "prefer" }),
            Some("wrong"),
            "SELECT 1",
        );
        assert!(wrong.err.contains("password authentication failed for user \"ana\""), "{kind}: {wrong:?}");
    }
    // Without TLS there is no channel.
    let (proxy, database) = proxy(|_| ());
    let plain = conninfo(&proxy, &database, "sslmode=disable channel_binding=require");
    assert!(!plain.ok && plain.err.contains("channel binding"), "{plain:?}");
}

#[test]
fn the_servers_certificate_is_replaced_while_it_runs() {
    let dir = folder("rotation");
    let [first, second] = [0, 1].map(|_| Ca::new().unwrap());
    let [first_root, second_root] = [(&first, "first"), (&second, "second")].map(|(ca, stem)| ca.write_into(&dir, stem).unwrap());
    let own = first.issue_into(&dir, "own", &[]).unwrap();
    let next = second.issue_into(&dir, "next", &[]).unwrap();
    let (proxy, database) = proxy(|config| config.tls = ClientTls::Require(server(&own.cert, &own.key)));
    let reaches = |root: &Path| {
        let binding = "channel_binding=require";
        conninfo(&proxy, &database, &format!("sslmode=verify-full {binding} sslrootcert={}", root.display())).ok
    };
    assert!(reaches(&first_root) && !reaches(&second_root));
    // A certificate whose key is still to come.
    fs::rename(&next.cert, &own.cert).unwrap();
    assert!(reaches(&first_root) && !reaches(&second_root));
    fs::rename(&next.key, &own.key).unwrap();
    assert!(reaches(&second_root) && !reaches(&first_root));
    fs::write(&own.cert, "no certificate").unwrap();
    assert!(reaches(&second_root));
    fs::remove_file(&own.cert).unwrap();
    assert!(reaches(&second_root));
    let log = fs::read_to_string(World::get().cluster().folder().join("pgveil.log")).unwrap();
    assert!(log.contains("WARN tls.reload"), "the log says why");
}
