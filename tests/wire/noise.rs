//! Random bytes, and real conversations with some bytes changed.

use pgveil_tests::rng::Rng;

use super::*;

#[test]
fn random_bytes_instead_of_a_login() {
    let mut rng = Rng::new(1);
    for _ in 0..200 {
        let mut client = knock();
        let noise: Vec<u8> = (0..rng.below(200)).map(|_| rng.next() as u8).collect();
        client.send(&noise);
    }
    all_is_well();
}

#[test]
fn random_messages_after_login() {
    let mut rng = Rng::new(2);
    for _ in 0..60 {
        let mut session = Stage::get().session("analyst");
        for _ in 0..rng.below(6) {
            let tag = *rng.pick(b"QPBDECSHFXdcfp?");
            let body: Vec<u8> = (0..rng.below(40)).map(|_| *rng.pick(b"\0\0\0\x01\x02SELECT 1;P")).collect();
            session.send(&message(tag, &body));
        }
    }
    all_is_well();
}

#[test]
fn conversations_with_some_bytes_changed() {
    let mut rng = Rng::new(3);
    let good = [
        message(b'P', b"\0SELECT email, full_name FROM shop.customers WHERE id = $1\0\0\x01\0\0\0\x17"),
        message(b'B', b"\0\0\0\x01\0\x01\0\x01\0\0\0\x04\0\0\0\x02\0\x01\0\x01"),
        message(b'D', b"P\0"),
        message(b'E', b"\0\0\0\0\0"),
        message(b'S', b""),
        message(b'Q', b"SELECT email FROM shop.leads\0"),
    ]
    .concat();
    for _ in 0..150 {
        let mut bytes = good.clone();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(bytes.len());
            bytes[at] = if rng.chance(50) { rng.next() as u8 } else { bytes[at] ^ 1 };
        }
        // The canary of the client looks at whatever comes back.
        let mut session = Stage::get().session("analyst");
        session.send(&bytes);
        session.hang_up();
        while session.receive().is_ok() {}
    }
    all_is_well();
}
