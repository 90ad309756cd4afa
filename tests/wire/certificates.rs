//! Logins with certificates of clients, users that end, and the limit on tries; by libpq.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use pgveil::config::{ClientCert, ClientTls, Config};
use pgveil_certs::server::{Files, Server};
use pgveil_certs::throwaway::{Ca, Files as Pair};
use pgveil_tests::world::{Printed, Proxy, World};
use postgres_protocol::password::scram_sha_256;

use super::tls::{OPEN, folder};

const DENIED: &str = "password authentication failed for user";
const NEEDED: &str = "connection requires a valid client certificate";

/// A CA, a proxy that asks for its certificates, and a database.
struct Place {
    dir: std::path::PathBuf,
    ca: Ca,
    proxy: Proxy,
    database: String,
}

impl Place {
    /// `users`: the users file after `VERIFIER` has become one of the password "pw".
    fn new(name: &str, users: &str, change: impl FnOnce(&mut Config)) -> Place {
        let dir = folder(name);
        let ca = Ca::new().unwrap();
        let root = ca.write_into(&dir, "ca").unwrap();
        let own = ca.issue_into(&dir, "own", &[]).unwrap();
        let crl = ca.revoke_into(&dir, "list", &[]).unwrap();
        let world = World::get();
        let proxy = world.proxy_with(OPEN, &[], |config| {
            fs::write(&config.users, users.replace("VERIFIER", &scram_sha_256(b"pw"))).unwrap();
            let files = Files { cert: own.cert, key: own.key, client_ca: Some(root), client_crl: Some(crl) };
            config.tls = ClientTls::Allow(Arc::new(Server::open(files).unwrap()));
            change(config);
        });
        Place { dir, ca, proxy, database: world.database("SELECT 1") }
    }

    fn issue(&self, name: &str) -> Pair {
        self.ca.issue_client_into(&self.dir, &name.replace(' ', "_"), name).unwrap()
    }

    fn log_in(&self, user: &str, certificate: Option<&Pair>, password: &str) -> Printed {
        let shown = certificate.map(|pair| format!("sslcert={} sslkey={}", pair.cert.display(), pair.key.display()));
        // libpq looks in the home of its user otherwise.
        let shown = shown.unwrap_or_else(|| "sslcert=none sslkey=none".to_owned());
        let connection = format!("user={user} dbname={} sslmode=require {shown}", self.database);
        self.proxy.psql_with(&connection, Some(password), "SELECT 'in'")
    }
}

fn told(printed: &Printed) -> &str {
    if printed.ok { printed.out.trim() } else { &printed.err }
}

const USERS: &str = "[user.word]\nverifier = 'VERIFIER'\nroles = ['all']\n\
    [user.card]\nauth = 'cert'\nroles = ['all']\n\
    [user.both]\nauth = 'scram+cert'\nverifier = 'VERIFIER'\nroles = ['all']\n\
    [user.named]\nauth = 'cert'\ncertificate = 'Ana Kovač'\nroles = ['all']\n\
    [user.gone]\nauth = 'cert'\nroles = ['all']\nvalid_until = 2020-01-01T00:00:00Z\n";

#[test]
fn each_user_logs_in_as_it_should() {
    let place = Place::new("auth", USERS, |_| ());
    let [word, card, both, ana, gone, nobody] = ["word", "card", "both", "Ana Kovač", "gone", "nobody"].map(|cn| place.issue(cn));
    let stranger = Ca::new().unwrap().issue_client_into(&place.dir, "stranger", "card").unwrap();
    for (user, certificate, password, expected) in [
        ("word", None, "pw", "in"),
        ("word", None, "no", DENIED),
        ("word", Some(&word), "no", DENIED),
        ("word", Some(&card), "pw", "in"),
        ("card", Some(&card), "", "in"),
        // No way back to a password, whatever it is.
        ("card", None, "pw", DENIED),
        ("card", None, "card", DENIED),
        ("card", Some(&word), "pw", DENIED),
        ("card", Some(&ana), "pw", DENIED),
        ("both", Some(&both), "pw", "in"),
        ("both", Some(&both), "no", DENIED),
        ("both", None, "pw", DENIED),
        ("both", Some(&card), "pw", DENIED),
        ("named", Some(&ana), "", "in"),
        ("named", None, "pw", DENIED),
        ("gone", Some(&gone), "pw", DENIED),
        ("nobody", Some(&nobody), "pw", DENIED),
        ("nobody", None, "pw", DENIED),
        // A certificate whose name is not the user's, letter by letter.
        ("Card", Some(&card), "pw", DENIED),
    ] {
        let got = place.log_in(user, certificate, password);
        assert!(told(&got).contains(expected) && got.ok == (expected == "in"), "{user} {certificate:?} {password}: {got:?}");
        assert!(got.ok || !got.err.contains("certificate"), "{user}: {got:?}");
    }
    // Signed by nobody that we know: the handshake fails, for whomever and with the right password too.
    for (user, password) in [("card", ""), ("word", "pw"), ("nobody", "pw")] {
        let got = place.log_in(user, Some(&stranger), password);
        // "unknown ca"; "decrypt error" here, since both CAs have one name.
        assert!(!got.ok && got.err.contains("SSL error: tlsv1 alert"), "{user}: {got:?}");
    }
    // In plain there is no certificate.
    let plain = place.proxy.psql_with(&format!("user=card dbname={} sslmode=disable", place.database), Some("pw"), "SELECT 1");
    assert!(plain.err.contains(DENIED), "{plain:?}");
    super::all_is_well();
}

#[test]
fn a_revoked_certificate_is_refused_from_the_next_login_on() {
    let place = Place::new("revoked", USERS, |_| ());
    let card = place.issue("card");
    let ana = place.issue("Ana Kovač");
    assert!(place.log_in("card", Some(&card), "").ok);
    let fresh = place.ca.revoke_into(&place.dir, "fresh", &[&card.cert]).unwrap();
    fs::rename(fresh, place.dir.join("list.crl")).unwrap();
    let got = place.log_in("card", Some(&card), "");
    assert!(!got.ok && got.err.contains("revoked"), "{got:?}");
    assert!(place.log_in("named", Some(&ana), "").ok);
    // A list that does not load leaves the last good one in force.
    fs::write(place.dir.join("list.crl"), "").unwrap();
    assert!(!place.log_in("card", Some(&card), "").ok);
    assert!(place.log_in("named", Some(&ana), "").ok);
}

#[test]
fn a_certificate_may_be_needed_of_all() {
    for (name, rule) in [("needs-ca", ClientCert::Ca), ("needs-full", ClientCert::Full)] {
        let place = Place::new(name, USERS, |config| config.client_cert = rule);
        let [word, card] = ["word", "card"].map(|cn| place.issue(cn));
        for (user, password) in [("word", "pw"), ("word", "no"), ("card", "pw"), ("nobody", "pw")] {
            let got = place.log_in(user, None, password);
            assert!(got.err.contains(NEEDED), "{user}: {got:?}");
        }
        assert!(place.log_in("word", Some(&word), "pw").ok);
        assert!(place.log_in("word", Some(&word), "no").err.contains(DENIED));
        assert!(place.log_in("card", Some(&card), "").ok);
        let other = place.log_in("word", Some(&card), "pw");
        assert_eq!(other.ok, rule == ClientCert::Ca, "{other:?}");
        let plain = place.proxy.psql_with(&format!("user=word dbname={} sslmode=disable", place.database), Some("pw"), "SELECT 1");
        assert!(plain.err.contains(NEEDED), "{plain:?}");
    }
}

#[test]
fn a_user_that_has_ended_is_one_with_a_wrong_password() {
    let users = "[user.old]\nverifier = 'VERIFIER'\nroles = ['all']\nvalid_until = 2020-01-01T00:00:00Z\n\
        [user.new]\nverifier = 'VERIFIER'\nroles = ['all']\nvalid_until = 2999-01-01T00:00:00+02:00\n";
    let place = Place::new("until", users, |_| ());
    assert!(place.log_in("new", None, "pw").ok);
    let [right, wrong] = ["pw", "no"].map(|password| place.log_in("old", None, password));
    assert!(right.err.contains(DENIED) && right == wrong, "{right:?} {wrong:?}");
    assert_eq!(right.err.replace("old", "eve"), place.log_in("eve", None, "pw").err, "nor does it exist");
}

#[test]
fn tries_are_limited_for_a_user_and_an_address() {
    let users = "[user.ana]\nverifier = 'VERIFIER'\nroles = ['all']\n[user.bob]\nverifier = 'VERIFIER'\nroles = ['all']\n";
    let limits = |config: &mut Config| (config.failed_logins, config.failed_within) = (3, Duration::from_secs(36_000));
    let place = Place::new("tries", users, limits);
    let attempt = |user: &str, password: &str| place.log_in(user, None, password);
    for user in ["ana", "eve"] {
        for n in 0..3 {
            assert!(attempt(user, "no").err.contains(DENIED), "{user} {n}");
        }
    }
    // The right password, a wrong one, and a user that does not exist: all the same.
    let [right, wrong, nobody] = [("ana", "pw"), ("ana", "no"), ("eve", "no")].map(|(user, password)| attempt(user, password));
    assert!(right.err.contains("too many failed logins of user \"ana\" from this address"), "{right:?}");
    let words = |printed: &Printed| printed.err.lines().next().unwrap_or_default().replace("eve", "ana");
    assert_eq!((words(&right), words(&right)), (words(&wrong), words(&nobody)));
    assert!(attempt("bob", "pw").ok, "another user");
    // Who gets in has nothing against it any more.
    for _ in 0..4 {
        assert!(attempt("bob", "no").err.contains(DENIED));
        assert!(attempt("bob", "pw").ok);
    }
}

#[test]
fn a_user_with_a_certificate_needs_a_proxy_that_asks_for_one() {
    let world = World::get();
    let path = folder("asks").join("users.toml");
    fs::write(&path, "[user.card]\nauth = 'cert'\nroles = ['all']\n").unwrap();
    let refused = std::panic::catch_unwind(|| world.proxy_with(OPEN, &[], |config| config.users = path.clone()));
    let why = refused.expect_err("it started");
    let why = why.downcast_ref::<String>().unwrap();
    assert!(why.contains("user.card.auth") && why.contains("client_ca"), "{why}");
}
