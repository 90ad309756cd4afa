//! From the client's side: whole conversations of which some messages have gone wrong, and bytes that are none, in each role.
//!
//! The session ends with an error of the protocol or goes on; nobody else notices, and no protected value is sent.

use std::cell::RefCell;
use std::time::Instant;

use bytes::BytesMut;
use pgveil_tests::client::{Call, Client, bind};
use pgveil_tests::rng::Rng;
use pgveil_tests::stage::Stage;
use postgres_protocol::message::frontend;

use super::frames::{self, Ended};

const TAGS: &[u8] = b"QPBDECSHFXdcfp\0?";

const MADE_UP: &[(u8, &[u8])] = &[
    (b'Q', b"SELECT email FROM shop.customers\0"),
    (b'Q', b"SELECT\0email\0"),
    (b'Q', b"\xff\xfe\0"),
    (b'Q', b"COPY adhoc.nothing FROM STDIN\0"),
    (b'Q', b"BEGIN\0"),
    (b'S', b""),
    (b'S', b"x"),
    (b'H', b""),
    (b'X', b""),
    (b'c', b""),
    (b'f', b"no\0"),
    (b'd', b"1\t2\n"),
    (b'p', b"password\0"),
    (b'F', b"\0\0\0\x01\0\0\0\0\0\0"),
    (b'C', b"Snothing\0"),
    (b'C', b"P\0"),
    (b'D', b"S\0"),
    (b'D', b"Q\0"),
    (b'E', b"\0\0\0\0\x01"),
    (b'E', b"\0\xff\xff\xff\xff"),
    (b'P', b"\0\0\0\0"),
    (b'P', b"\0SELECT email FROM shop.customers\0\xff\xff"),
    (b'B', b"\0\0\0\0\0\0\0\0"),
    (b'B', b"\0\0\0\x01\0\x07\0\0\0\0"),
    (b'B', b"\0\0\x7f\xff"),
    (0, b""),
];

/// Messages of a client's, one by one.
fn messages(rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut out = BytesMut::new();
    for _ in 0..1 + rng.below(4) {
        let select = *rng.pick(&[
            "SELECT id, email, full_name FROM shop.customers WHERE id = $1",
            "SELECT city, count(*) FROM shop.customers WHERE id > $1 GROUP BY city",
            "SELECT array_agg(email) FROM shop.leads WHERE owner <> $1",
        ]);
        let fixed = select.replace("$1", "4");
        let name = *rng.pick(&["", "s", "t"]);
        match rng.below(6) {
            0 => frontend::query(&fixed, &mut out).unwrap(),
            1 => frontend::query(&format!("BEGIN; DECLARE {name}c CURSOR FOR {fixed}; FETCH 1 FROM {name}c; COMMIT"), &mut out).unwrap(),
            2 => frontend::query(&format!("COPY ({fixed}) TO STDOUT (FORMAT csv)"), &mut out).unwrap(),
            3 => frontend::query(&format!("PREPARE x AS {fixed}; EXECUTE x; DEALLOCATE x"), &mut out).unwrap(),
            _ => {
                let call = Call { values: vec![Some(b"4".to_vec())], results: vec![rng.below(2) as i16], ..Call::default() };
                frontend::parse(name, select, [23], &mut out).unwrap();
                frontend::describe(b'S', name, &mut out).unwrap();
                bind("", name, &call, &mut out);
                frontend::execute("", rng.below(3) as i32, &mut out).unwrap();
                frontend::close(b'S', name, &mut out).unwrap();
                frontend::sync(&mut out);
            }
        }
    }
    let mut all = Vec::new();
    while out.len() >= 5 {
        let total = 1 + u32::from_be_bytes([out[1], out[2], out[3], out[4]]) as usize;
        all.push(out.split_to(total).to_vec());
    }
    all
}

fn round(seed: u64) -> Result<Ended, String> {
    let mut rng = Rng::new(seed);
    let role = *rng.pick(&["analyst", "analyst", "tokens", "engineer", "admin"]);
    let stage = Stage::small();
    let mut session = Client::connect(&stage.login(role, &stage.both.a)).map_err(|e| format!("login: {e:?}"))?;
    let all = messages(&mut rng);
    let (mut bytes, mut kept, mut done) = (Vec::new(), None, Vec::new());
    let changed = rng.below(all.len());
    for (n, message) in all.into_iter().enumerate() {
        if n == changed || rng.chance(8) {
            done.push(frames::change(&mut rng, (MADE_UP, TAGS), message, &mut kept, &mut bytes));
        } else {
            bytes.extend(message);
            bytes.extend(kept.take().unwrap_or_default());
        }
    }
    if rng.chance(10) {
        bytes.extend((0..rng.below(200)).map(|_| rng.next() as u8));
    }
    // In pieces, so that messages are cut anywhere.
    let cut = 1 + rng.below(bytes.len());
    let began = Instant::now();
    bytes.chunks(cut).for_each(|piece| session.send(piece));
    session.hang_up();
    session.drain();
    Ok(Ended { began, took: began.elapsed(), what: format!("{role}; changed: {done:?}") })
}

#[test]
fn a_client_that_goes_wrong_harms_nobody() {
    // One that is there all the time.
    let beside = RefCell::new(Stage::small().session("analyst"));
    frames::rounds("the client's", 300, 1, round, |_| assert_eq!(beside.borrow_mut().query("SELECT 1").ok().table(), "1"));
}
