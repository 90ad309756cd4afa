//! Faults behind the proxy, and of its configuration.

use std::fs;

use pgveil::config::Config;
use pgveil::serve::Server;

use super::*;

/// A proxy with these lines for [upstream] and this policy.
fn proxy(name: &str, upstream: &str, policy: &str) -> Result<Server, String> {
    let folder = World::get().cluster().folder().join(name);
    fs::create_dir_all(&folder).unwrap();
    let write = |file: &str, text: &str| pgveil::demo::secret::write_secret(&folder.join(file), text.as_bytes()).unwrap();
    let verifier = postgres_protocol::password::scram_sha_256(b"x");
    write("users", &format!("[user.analyst]\nverifier = \"{verifier}\"\nroles = [\"analyst\"]\n"));
    write("key", &"ab".repeat(32));
    write("password", "wrong");
    write("policy", policy);
    write(
        "toml",
        &format!(
            "listen = \"127.0.0.1:0\"\npolicy = \"policy\"\nusers = \"users\"\nkey_file = \"key\"\n[upstream]\n{upstream}\nuser = \"pgveil\"\npassword_file = \"password\"\n[tls]\nmode = \"disable\"\n"
        ),
    );
    let config = Config::load_with(&folder.join("toml"), &|_| None).map_err(|e| e.to_string())?;
    Server::start(config).map_err(|e| e.to_string())
}

fn login(server: &Server) -> Fields {
    let stage = Stage::get();
    let mut login = stage.login("analyst", &stage.both.a);
    login.port = server.addr().port();
    login.password = Some("x".to_owned());
    Client::connect(&login).expect_err("no server")
}

#[test]
fn an_unreachable_server() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server =
        proxy("unreachable", &format!("host = \"127.0.0.1\"\nport = {port}\ntls = \"disable\""), pgveil_tests::stage::POLICY).unwrap();
    let error = login(&server);
    assert_eq!((error[&'S'].as_str(), error[&'C'].as_str()), ("FATAL", "08006"), "{error:?}");
}

#[test]
fn a_server_that_refuses_the_service_account() {
    let port = World::get().cluster().port();
    let server = proxy("refused", &format!("host = \"127.0.0.1\"\nport = {port}\ntls = \"disable\""), pgveil_tests::stage::POLICY).unwrap();
    let error = login(&server);
    // Not the client's fault: not 28P01.
    assert_eq!((error[&'S'].as_str(), error[&'C'].as_str()), ("FATAL", "08006"), "{error:?}");
}

#[test]
fn a_server_that_is_no_postgres() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server =
        proxy("nonsense", &format!("host = \"127.0.0.1\"\nport = {port}\ntls = \"disable\""), pgveil_tests::stage::POLICY).unwrap();
    let answering = std::thread::spawn(move || {
        use std::io::Write;
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let error = login(&server);
    assert_eq!(error[&'S'], "FATAL", "{error:?}");
    answering.join().unwrap();
}

#[test]
fn a_policy_that_does_not_load() {
    let upstream = "host = \"127.0.0.1\"\nport = 1\ntls = \"disable\"";
    for (policy, says) in [
        ("version = 1\n[role.a\n", "policy"),
        ("version = 1\n[class.x]\ncolumns = [\"a.b.c\"]\n[role.a.mask]\nx = \"nonsense\"\n", "nonsense"),
        ("version = 2\n", "version"),
        ("", "version"),
    ] {
        let error = proxy("no_policy", upstream, policy).err().unwrap_or_else(|| panic!("{policy} was taken"));
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_mask_that_does_not_fit_its_column_is_found_where_the_database_is() {
    let policy = "version = 1\nunclassified = \"clear\"\n[class.x]\ncolumns = [\"shop.customers.active\"]\n[role.analyst.mask]\nx = { bucket = 10 }\n";
    let stage = Stage::get();
    let proxy = World::get().proxy(policy, &[("analyst", "analyst")]);
    let mut login = stage.login("analyst", &stage.both.a);
    login.port = proxy.addr().port();
    login.password = Some(proxy.password("analyst"));
    let error = Client::connect(&login).expect_err("a policy that does not fit");
    assert_eq!(error[&'S'], "FATAL", "{error:?}");
}

#[test]
fn a_server_session_that_dies() {
    let stage = Stage::get();
    let mut session = stage.session("analyst");
    let process = session.query("SELECT pg_backend_pid()").value().unwrap();
    Client::connect(&stage.plain(&stage.both.a)).unwrap().query(&format!("SELECT pg_terminate_backend({process})")).ok();
    let answer = session.query("SELECT 1");
    assert!(matches!(answer.sqlstate(), "57P01" | "08006"), "{answer:?}");
    assert!(answer.broken.is_some());
    all_is_well();
}
