//! Logging in with a server of every kind: TLS, channel binding, certificates, methods; and what a client hears where it does not work.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::OnceLock;

use pgveil::demo::cluster::{Cluster, Options, SUPERUSER};
use pgveil::serve::Server;
use pgveil_certs::throwaway::Ca;

use super::own::{Own, log, login, session};
use super::*;

pub const POLICY: &str = "version = 1\nunclassified = \"clear\"\n[class.secret]\ncolumns = [\"s.t.secret\"]\n\
    [role.admin]\ndefault = \"clear\"\n[role.reader]\ndefault = \"clear\"\n[role.reader.mask]\nsecret = \"null\"\n";

/// A server with TLS whose `pg_hba.conf` asks each account for something else.
pub struct Guarded {
    pub cluster: Cluster,
    pub folder: PathBuf,
}

/// Who must show what.
const HBA: &str = "\
local all all scram-sha-256
hostnossl all plain_scram 127.0.0.1/32 scram-sha-256
hostnossl all plain_md5 127.0.0.1/32 md5
hostnossl all plain_password 127.0.0.1/32 password
hostssl all tls_password 127.0.0.1/32 password
hostssl all tls_cert 127.0.0.1/32 cert
hostssl all tls_both 127.0.0.1/32 scram-sha-256 clientcert=verify-ca
hostssl all tls_user 127.0.0.1/32 scram-sha-256 clientcert=verify-ca
hostssl all tls_trust 127.0.0.1/32 trust
hostnossl all tls_refused 127.0.0.1/32 reject
hostssl all tls_scram 127.0.0.1/32 scram-sha-256
host all postgres 127.0.0.1/32 scram-sha-256
";

pub fn guarded() -> &'static Guarded {
    static GUARDED: OnceLock<Guarded> = OnceLock::new();
    GUARDED.get_or_init(|| {
        let folder = World::get().cluster().folder().join("guarded");
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let ca = Ca::new().unwrap();
        ca.write_into(&folder, "ca").unwrap();
        let server = ca.issue_into(&folder, "server", &[]).unwrap();
        for name in ["tls_cert", "pgveil"] {
            ca.issue_client_into(&folder, name, name).unwrap();
        }
        Ca::new().unwrap().issue_client_into(&folder, "stranger", "tls_cert").unwrap();
        let settings = vec![("ssl_ca_file".to_owned(), folder.join("ca.crt").to_str().unwrap().to_owned())];
        let options = Options { tls: Some((server.cert, server.key)), settings, ..Options::default() };
        let cluster = Cluster::start(options).unwrap();
        cluster
            .execute(
                "postgres",
                "CREATE ROLE plain_scram LOGIN PASSWORD 'pw'; CREATE ROLE tls_password LOGIN PASSWORD 'pw'; CREATE ROLE tls_cert LOGIN; \
                 CREATE ROLE tls_both LOGIN PASSWORD 'pw'; CREATE ROLE tls_user LOGIN PASSWORD 'pw'; CREATE ROLE tls_trust LOGIN; \
                 CREATE ROLE tls_scram LOGIN PASSWORD 'pw'; CREATE ROLE tls_refused LOGIN PASSWORD 'pw'; \
                 CREATE ROLE plain_password LOGIN PASSWORD 'pw'; \
                 SET password_encryption = 'md5'; CREATE ROLE plain_md5 LOGIN PASSWORD 'pw'; RESET password_encryption; \
                 CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS id, 'x' AS secret; \
                 GRANT USAGE ON SCHEMA s TO PUBLIC; GRANT SELECT ON s.t TO PUBLIC",
            )
            .unwrap();
        fs::write(cluster.folder().join("data/pg_hba.conf"), HBA).unwrap();
        let before = cluster.execute("postgres", "SELECT clock_timestamp()").unwrap();
        cluster.execute("postgres", "SELECT pg_reload_conf()").unwrap();
        // The next session is one that the new file has let in.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        let read = format!("SELECT pg_conf_load_time() > '{}'", before.trim());
        while cluster.execute("postgres", &read).unwrap().trim() != "t" {
            assert!(std::time::Instant::now() < deadline, "pg_hba.conf is not read");
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        Guarded { cluster, folder }
    })
}

impl Guarded {
    /// Lines of [upstream] for an account; `tls` and what more there is.
    pub fn upstream(&self, account: &str, tls: &str, more: &str) -> String {
        let port = self.cluster.port();
        let ca = if tls.starts_with("verify") { format!("ca = \"{}\"\n", self.folder.join("ca.crt").display()) } else { String::new() };
        format!("host = \"127.0.0.1\"\nport = {port}\ntls = \"{tls}\"\n{ca}user = \"{account}\"\npassword_file = \"pw\"\n{more}\n")
    }

    /// Paths of a certificate and its key.
    pub fn shown(&self, stem: &str) -> String {
        let path = |end: &str| self.folder.join(format!("{stem}.{end}")).display().to_string();
        format!("cert = \"{}\"\nkey = \"{}\"", path("crt"), path("key"))
    }
}

/// A proxy for that account; users ana (masked) and boss (not).
pub fn proxy(name: &str, upstream: String) -> Server {
    let own = Own { upstream, ..Own::new(POLICY) }.user("ana", "reader").user("boss", "admin");
    pgveil::demo::secret::write_secret(&own.folder(name).join("pw"), b"pw").unwrap();
    own.start(name).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn every_way_to_log_in_that_the_server_may_ask_for() {
    let place = guarded();
    let socket = place.cluster.socket().unwrap();
    let on_socket =
        format!("host = \"{}\"\nport = {}\nuser = \"plain_scram\"\npassword_file = \"pw\"\n", socket.display(), place.cluster.port());
    for (n, (account, upstream)) in [
        ("plain_scram", on_socket),
        ("plain_scram", place.upstream("plain_scram", "disable", "")),
        ("plain_md5", place.upstream("plain_md5", "disable", "")),
        ("tls_password", place.upstream("tls_password", "require", "")),
        ("tls_password", place.upstream("tls_password", "verify-full", "")),
        ("tls_scram", place.upstream("tls_scram", "require", "")),
        ("tls_scram", place.upstream("tls_scram", "verify-full", "")),
        ("tls_scram", place.upstream("tls_scram", "verify-full", "channel_binding = \"require\"")),
        ("tls_scram", place.upstream("tls_scram", "verify-ca", "channel_binding = \"disable\"")),
        ("tls_cert", place.upstream("tls_cert", "verify-full", &place.shown("tls_cert"))),
        ("tls_both", place.upstream("tls_both", "verify-full", &format!("{}\nchannel_binding = \"require\"", place.shown("pgveil")))),
        ("tls_trust", place.upstream("tls_trust", "verify-full", "")),
    ]
    .into_iter()
    .enumerate()
    {
        let server = proxy(&format!("ways_{n}"), upstream);
        for (user, seen) in [("ana", "∅"), ("boss", "x")] {
            // The second login is from what the first has kept.
            for _ in 0..2 {
                let mut client = session(&server, "postgres", user, user);
                assert_eq!(client.query("SELECT session_user, secret FROM s.t").table(), format!("{account}|{seen}"), "{n}");
            }
        }
    }
}

/// Why not is for the log, and for who is told everything.
#[test]
fn ways_that_do_not_work_are_told_to_those_who_may_know() {
    let place = guarded();
    for (n, (upstream, why)) in [
        (place.upstream("plain_password", "disable", ""), "cleartext over a connection without TLS"),
        (place.upstream("tls_cert", "verify-full", ""), "requires a valid client certificate"),
        (place.upstream("tls_cert", "verify-full", &place.shown("pgveil")), "certificate authentication failed"),
        (place.upstream("tls_cert", "verify-full", &place.shown("stranger")), ""),
        (place.upstream("tls_both", "verify-full", ""), "requires a valid client certificate"),
        (place.upstream("tls_password", "verify-full", "channel_binding = \"require\""), "channel_binding is \"require\""),
        (place.upstream("tls_trust", "verify-full", "channel_binding = \"require\""), "channel_binding is \"require\""),
        (place.upstream("tls_refused", "disable", ""), "pg_hba.conf rejects connection"),
        (place.upstream("nobody_there", "verify-full", ""), "no pg_hba.conf entry"),
    ]
    .into_iter()
    .enumerate()
    {
        let server = proxy(&format!("no_way_{n}"), upstream);
        let error = login(&server, "postgres", "ana", "ana", &[]).err().unwrap_or_else(|| panic!("{n}: {why}"));
        assert_eq!((error[&'S'].as_str(), error[&'C'].as_str()), ("FATAL", "08006"), "{n}: {error:?}");
        assert!(why.is_empty() || !format!("{error:?}").contains(why), "{n}: {error:?}");
        assert!(!format!("{error:?}").contains("tls_"), "{n}: {error:?}");
        let error = login(&server, "postgres", "boss", "boss", &[]).err().unwrap_or_else(|| panic!("{n}: {why}"));
        assert_eq!(error[&'C'].as_str(), "08006", "{n}: {error:?}");
        assert!(error[&'M'].contains(why), "{n}: {error:?}");
        assert!(log().contains(&why.replace('"', "\\\"")), "{why}");
    }
}

/// pgveil's own certificate shows that it is pgveil, the keys of the user's proof that it is the user: nobody gets in with one of them.
#[test]
fn the_users_own_login_behind_pgveils_certificate() {
    let place = guarded();
    let verifier = place.cluster.execute("postgres", "SELECT rolpassword FROM pg_authid WHERE rolname = 'tls_user'").unwrap();
    let more = format!("{}\nchannel_binding = \"require\"\n[upstream.account.reader]\nlogin = \"user\"", place.shown("pgveil"));
    let mut own = Own { upstream: place.upstream("tls_both", "verify-full", &more), ..Own::new(POLICY) }.user("boss", "admin");
    own.users.push(("tls_user".to_owned(), verifier.trim().to_owned(), "reader".to_owned()));
    pgveil::demo::secret::write_secret(&own.folder("behind_certificate").join("pw"), b"pw").unwrap();
    let server = own.start("behind_certificate").unwrap();
    let mut client = session(&server, "postgres", "tls_user", "pw");
    assert_eq!(client.query("SELECT session_user, secret FROM s.t").table(), "tls_user|∅");
    assert_eq!(session(&server, "postgres", "boss", "boss").query("SELECT session_user").table(), "tls_both");
    // Straight to the server the password is not enough.
    let direct = Login::local(place.cluster.port(), "postgres", "tls_user", "pw");
    assert_eq!(Client::connect(&direct).unwrap_err()[&'C'], "28000");
}

/// Postgres' own codes and words for what it does not start, to both kinds of role.
#[test]
fn errors_of_the_servers_startup() {
    let world = World::get();
    let database = world.database("CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS id, 'x' AS secret");
    let [closed, full, sealed] = [0, 1, 2].map(|_| world.database("CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS id, 'x' AS secret"));
    world.cluster().execute("postgres", "CREATE ROLE start_dba LOGIN PASSWORD 'service-account'").unwrap();
    let own = Own::new(POLICY).user("ana", "reader").user("boss", "admin");
    let own = own.upstream("[upstream.account.admin]\nuser = \"start_dba\"\npassword_file = \"service\"");
    let server = own.start("startup_errors").unwrap();
    // Both have been there, so that the catalog is known.
    for name in [&database, &closed, &full, &sealed] {
        session(&server, name, "ana", "ana").query("SELECT secret FROM s.t").ok();
    }
    for sql in [
        format!("REVOKE CONNECT ON DATABASE {closed} FROM PUBLIC, pgveil"),
        format!("ALTER DATABASE {full} CONNECTION LIMIT 0"),
        format!("UPDATE pg_database SET datallowconn = false WHERE datname = '{sealed}'"),
    ] {
        world.cluster().execute("postgres", &sql).unwrap();
    }
    let long = "d".repeat(63);
    for (name, code, words) in [
        ("no such", "3D000", "database \"no such\" does not exist"),
        (long.as_str(), "3D000", "does not exist"),
        (&closed, "42501", "permission denied for database"),
        (&full, "53300", "too many connections for database"),
        (&sealed, "55000", "is not currently accepting connections"),
    ] {
        let direct = Client::connect(&Login::local(world.cluster().port(), name, "start_dba", "service-account")).unwrap_err();
        assert_eq!(direct[&'C'], code, "{direct:?}");
        let told = |error: &Fields| ['S', 'V', 'C', 'M', 'D', 'H'].map(|field| error.get(&field).cloned());
        let error = login(&server, name, "boss", "boss", &[]).unwrap_err();
        assert_eq!(told(&error), told(&direct), "word for word, with detail and hint");
        let error = login(&server, name, "ana", "ana", &[]).unwrap_err();
        assert_eq!((error[&'C'].as_str(), error[&'S'].as_str()), (code, "FATAL"), "{error:?}");
        assert!(error[&'M'].contains(words), "{error:?}");
    }
    // A value that the server does not take.
    let error = login(&server, &database, "boss", "boss", &[("TimeZone", "Nowhere/Land")]).unwrap_err();
    assert_eq!((error[&'C'].as_str(), error[&'M'].as_str()), ("22023", "invalid value for parameter \"TimeZone\": \"Nowhere/Land\""));
    let error = login(&server, &database, "ana", "ana", &[("TimeZone", "Nowhere/Land")]).unwrap_err();
    assert_eq!(error[&'C'], "22023", "{error:?}");
    let error = login(&server, &database, "boss", "boss", &[("nonsense", "1")]).unwrap_err();
    assert_eq!(error[&'C'], "42704", "{error:?}");
}

/// From whom nothing is withheld gets the server's messages of the startup as they are, in their order.
#[test]
fn messages_of_the_servers_startup() {
    let world = World::get();
    let database = world.database("CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS id, 'x' AS secret");
    // Postgres warns of it at every login.
    world.cluster().execute("postgres", &format!("ALTER DATABASE {database} SET default_text_search_config = 'nowhere'")).unwrap();
    let server = Own::new(POLICY).user("ana", "reader").user("boss", "admin").start("startup_messages").unwrap();
    let heard = |port: u16, user: &str, password: &str| startup_of(port, &database, user, password);
    let direct = heard(world.cluster().port(), SUPERUSER, world.cluster().password());
    let through = heard(server.addr().port(), "boss", "boss");
    let kinds = |messages: &[(u8, Vec<u8>)]| messages.iter().map(|(tag, body)| (*tag, of_interest(*tag, body))).collect::<Vec<_>>();
    assert_eq!(kinds(&through), kinds(&direct));
    let warned = |messages: &[(u8, Vec<u8>)]| messages.iter().any(|(tag, _)| *tag == b'N');
    assert!(warned(&direct) && warned(&through));
    assert!(!warned(&heard(server.addr().port(), "ana", "ana")));
}

/// Names of settings, and notices whole; values that differ between accounts are left out.
fn of_interest(tag: u8, body: &[u8]) -> Vec<u8> {
    match tag {
        b'S' => body.split(|b| *b == 0).next().unwrap_or_default().to_vec(),
        b'K' => vec![u8::try_from(body.len()).unwrap()],
        _ => body.to_vec(),
    }
}

/// All messages from AuthenticationOk to the first ReadyForQuery.
pub fn startup_of(port: u16, database: &str, user: &str, password: &str) -> Vec<(u8, Vec<u8>)> {
    use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    stream.write_all(&startup(0, &[("user", user), ("database", database), ("application_name", "x")])).unwrap();
    let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
    let (mut found, mut logged_in) = (Vec::new(), false);
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head).unwrap();
        let mut body = vec![0; u32::from_be_bytes(head[1..].try_into().unwrap()) as usize - 4];
        stream.read_exact(&mut body).unwrap();
        if logged_in {
            found.push((head[0], body));
            if head[0] == b'Z' {
                stream.write_all(b"X\0\0\0\x04").unwrap();
                return found;
            }
            continue;
        }
        assert_eq!(head[0], b'R', "{:?}", String::from_utf8_lossy(&body));
        match body[3] {
            0 => logged_in = true,
            10 => {
                let first = scram.message();
                let reply = [&b"SCRAM-SHA-256\0"[..], &(first.len() as u32).to_be_bytes(), first].concat();
                stream.write_all(&message(b'p', &reply)).unwrap();
            }
            11 => {
                scram.update(&body[4..]).unwrap();
                stream.write_all(&message(b'p', scram.message())).unwrap();
            }
            _ => {}
        }
    }
}
