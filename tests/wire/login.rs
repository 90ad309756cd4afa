//! Before and during login.

use super::*;

#[test]
fn a_wrong_password_and_an_unknown_user_look_alike() {
    let stage = Stage::get();
    let attempt = |user: &str, password: &str| {
        let mut login = stage.login("analyst", &stage.both.a);
        login.user = user.to_owned();
        login.password = Some(password.to_owned());
        let mut fields = Client::connect(&login).expect_err("no login");
        let message = fields.remove(&'M').unwrap().replace(user, "…");
        (fields, message)
    };
    let wrong = attempt("analyst", "nonsense");
    assert_eq!((wrong.0[&'C'].as_str(), wrong.0[&'S'].as_str()), ("28P01", "FATAL"));
    assert_eq!(wrong, attempt("nobody", "nonsense"));
    assert_eq!(wrong, attempt("analyst", ""));
    assert_eq!(wrong, attempt("postgres", "postgres"));
    all_is_well();
}

#[test]
fn an_unknown_database() {
    let stage = Stage::get();
    let error = Client::connect(&stage.login("analyst", "no_such_database")).expect_err("no login");
    assert_eq!((error[&'C'].as_str(), error[&'S'].as_str()), ("3D000", "FATAL"), "{error:?}");
    all_is_well();
}

#[test]
fn replication_is_refused() {
    let stage = Stage::get();
    for value in ["true", "database", "on", "1"] {
        let mut login = stage.login("admin", &stage.both.a);
        login.settings = vec![("replication".to_owned(), value.to_owned())];
        let error = Client::connect(&login).expect_err("no replication");
        assert!(matches!(error[&'C'].as_str(), "0A000" | "42501" | "28000"), "{error:?}");
    }
}

#[test]
fn settings_at_startup_that_are_not_allowed() {
    let stage = Stage::get();
    for (name, value) in [
        ("options", "-c enable_seqscan=off"),
        ("options", "-c role=postgres"),
        ("session_authorization", "postgres"),
        ("client_encoding", "LATIN1"),
    ] {
        let mut login = stage.login("analyst", &stage.both.a);
        login.settings = vec![(name.to_owned(), value.to_owned())];
        let error = Client::connect(&login).err().unwrap_or_else(|| panic!("{name} = {value} was taken"));
        assert!(error.contains_key(&'C'), "{name}: {error:?}");
    }
    all_is_well();
}

#[test]
fn startup_packets_that_are_none() {
    let user = [("user", "analyst"), ("database", "x")];
    let whole = startup(0, &user);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("a length of 3", vec![0, 0, 0, 3]),
        ("a length of 0", vec![0, 0, 0, 0]),
        ("a length of 2 GB", vec![0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0]),
        ("a length of 4 GB", vec![0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0]),
        ("version 2", packet(&[0, 2, 0, 0, 0])),
        ("version 4", packet(&[0, 4, 0, 0, 0])),
        ("no user", startup(0, &[("database", "x")])),
        ("no end", packet(b"\0\x03\0\0user\0analyst")),
        ("a name without a value", packet(b"\0\x03\0\0user\0analyst\0database\0")),
        ("bytes after the end", packet(&[&whole[4..], b"more\0"].concat())),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("invalid UTF-8", startup(0, &[("user", "analyst")]).iter().map(|b| if *b == b'y' { 0xff } else { *b }).collect()),
    ];
    for (what, bytes) in cases {
        let mut client = knock();
        client.send(&bytes);
        let error = error(&mut client);
        assert!(error.as_ref().is_none_or(|e| e[&'S'] == "FATAL"), "{what}: {error:?}");
        assert!(ended(&mut client), "{what}");
    }
    all_is_well();
}

#[test]
fn newer_minor_versions_are_negotiated() {
    let mut client = knock();
    client.send(&startup(9999, &[("user", "analyst"), ("database", "x"), ("_pq_.nonsense", "1")]));
    match client.receive().unwrap() {
        Message::Other('v', body) => {
            let minor = u32::from_be_bytes(body[..4].try_into().unwrap());
            assert!(minor & 0xffff <= 2, "{body:?}");
            assert!(body.ends_with(b"_pq_.nonsense\0"), "{body:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_for_encryption() {
    // GSSENCRequest is declined, SSLRequest after it accepted.
    let mut client = knock();
    client.send(&packet(&80_877_104_u32.to_be_bytes()));
    assert_eq!(client.byte(), Some(b'N'));
    client.send(&packet(&80_877_103_u32.to_be_bytes()));
    assert_eq!(client.byte(), Some(b'S'));
    // Then something that is no handshake.
    client.send(&startup(0, &[("user", "analyst")]));
    assert!(ended_raw(&mut client));
    all_is_well();
}

#[test]
fn nothing_in_plain_is_carried_into_tls() {
    // CVE-2021-23214: bytes that stand behind the SSLRequest came before encryption.
    let mut client = knock();
    client.send(&[packet(&80_877_103_u32.to_be_bytes()), startup(0, &[("user", "analyst"), ("database", "x")])].concat());
    assert!(matches!(client.byte(), None | Some(b'E')) || ended_raw(&mut client));
    all_is_well();
}

#[test]
fn a_cancel_key_cannot_be_guessed() {
    let stage = Stage::get();
    let mut session = stage.session("filtered");
    let (process, secret) = session.key.clone().unwrap();
    session.pipeline(|out| {
        postgres_protocol::message::frontend::query("SELECT pg_sleep(1) IS NOT NULL OR count(*) > 0 FROM generate_series(1, 3000000)", out)
            .unwrap()
    });
    for guess in [vec![0; secret.len()], secret.iter().map(|b| b ^ 1).collect(), secret[..secret.len() - 1].to_vec()] {
        let mut other = knock();
        other.send(&packet(&[&80_877_102_u32.to_be_bytes()[..], &process.to_be_bytes(), &guess].concat()));
    }
    let answer = session.answer();
    assert_ne!(answer.sqlstate(), "57014", "{answer:?}");
}

/// As [`ended`], where what comes may be anything.
fn ended_raw(client: &mut Client) -> bool {
    (0..1000).any(|_| client.byte().is_none())
}
