//! A server that stops, or reads its configuration again, while sessions are in the middle of all that they can be in.

use std::process::Command;
use std::time::Duration;

use pgveil::demo::cluster::Options;
use pgveil_tests::client::{Client, Login};
use pgveil_tests::world::World;

use super::super::message;
use super::compare::{Verdict, Whose, compare};
use super::events::extended;
use super::ground::Ground;
use super::sizes::{query, sync};
use super::speak::{Heard, Talk};

const ROLES: [(&str, Whose); 2] = [("admin", Whose::Admin), ("analyst", Whose::Masked)];

/// A server of its own.
struct Server {
    world: &'static World,
    ground: Ground,
}

/// The same session on both ways.
struct Pair {
    what: String,
    whose: Whose,
    direct: Talk,
    veiled: Talk,
}

impl Server {
    fn start() -> Server {
        // The log is that of the process's world.
        World::get();
        let world: &World = Box::leak(Box::new(World::start(Options::default())));
        Server { world, ground: Ground::on(world) }
    }

    fn logins(&self, role: &str) -> [Login; 2] {
        [self.ground.direct(role), self.ground.veiled(role)]
    }

    /// A session of each role, on both ways, that has sent this.
    fn pairs(&self, what: &str, bytes: &[u8]) -> impl Iterator<Item = Pair> {
        ROLES
            .map(|(role, whose)| {
                let [direct, veiled] = self.logins(role).map(|login| {
                    let mut talk = Talk::new(&login);
                    talk.send(bytes);
                    talk
                });
                Pair { what: format!("{what}, {role}"), whose, direct, veiled }
            })
            .into_iter()
    }

    /// Until so many statements run.
    fn wait_for(&self, active: usize) {
        let sql =
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid()";
        for _ in 0..600 {
            if self.world.cluster().execute("postgres", sql).unwrap().trim() == active.to_string() {
                // What the server has said is on its way.
                return std::thread::sleep(Duration::from_millis(300));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let all = "SELECT usename, state, wait_event, query FROM pg_stat_activity WHERE backend_type = 'client backend'";
        panic!("not {active} statements run:\n{}", self.world.cluster().execute("postgres", all).unwrap());
    }

    fn signal(&self, signal: &str) {
        let file = self.world.cluster().folder().join("data/postmaster.pid");
        let process = std::fs::read_to_string(file).unwrap().lines().next().unwrap().to_owned();
        assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
    }
}

impl Pair {
    /// What is heard by `hear` is the same; whether both sessions are closed is, too.
    fn same(&mut self, hear: impl Fn(&mut Talk) -> Vec<super::speak::Frame>) -> Heard {
        let [theirs, ours] = [&mut self.direct, &mut self.veiled].map(|talk| {
            let frames = hear(talk);
            Heard { frames, closed: talk.closed, cut: false }
        });
        assert_eq!(compare(self.whose, &theirs, &ours), Verdict::Equal, "{}", self.what);
        ours
    }
}

/// What a session is in the middle of, and whether the server works on it.
fn states() -> Vec<(&'static str, Vec<u8>, bool)> {
    let slow = "SELECT id, pg_sleep(CASE WHEN id = 20 THEN 400 ELSE 0 END) FROM w.plain ORDER BY id";
    let copy = "COPY w.sink FROM STDIN";
    let rows = message(b'd', b"500\tx\n");
    vec![
        ("idle", Vec::new(), false),
        ("in a transaction", query("BEGIN; SELECT 1"), false),
        ("in a failed transaction", query("BEGIN; SELECT 1 / 0"), false),
        ("in a statement", query("SELECT id FROM w.plain ORDER BY id; SELECT pg_sleep(400)"), true),
        ("in a pipeline", [extended("SELECT 1"), extended("SELECT pg_sleep(400)"), extended("SELECT 2"), sync()].concat(), true),
        ("in a pipeline that is not ended", [extended("SELECT 1"), message(b'H', b"")].concat(), true),
        ("in COPY FROM", [query(copy), rows.clone()].concat(), true),
        ("in COPY FROM in a pipeline", [extended("SELECT 1"), extended(copy), rows, message(b'H', b"")].concat(), true),
        ("in COPY TO", query(&format!("COPY ({slow}) TO STDOUT")), true),
    ]
}

/// All sessions of a server that is stopped so hear the same on both ways.
fn stop(signal: &str) -> Vec<Heard> {
    let server = Server::start();
    let mut pairs: Vec<Pair> = states().iter().flat_map(|(what, bytes, _)| server.pairs(what, bytes)).collect();
    let working = states().iter().filter(|(_, _, works)| *works).count();
    server.wait_for(working * 2 * ROLES.len());
    server.signal(signal);
    let heard = pairs.iter_mut().map(|pair| pair.same(Talk::rest)).collect();
    // Whoever comes now is told, and soon.
    for (role, _) in ROLES {
        let refused = Client::connect(&server.ground.veiled(role)).unwrap_err();
        assert!(["08006", "57P03"].contains(&refused[&'C'].as_str()), "{refused:?}");
    }
    heard
}

fn says(heard: &Heard, tag: u8, code: &str) -> bool {
    heard.frames.iter().any(|f| f.tag == tag && f.body.windows(8).any(|w| w == [b"\0C", code.as_bytes(), b"\0"].concat().as_slice()))
}

#[test]
fn stopped_fast() {
    for heard in stop("-INT") {
        assert!(heard.closed && says(&heard, b'E', "57P01"), "{heard:?}");
    }
}

#[test]
fn stopped_at_once() {
    // A notice, then nothing; what was being sent may be cut.
    let all = stop("-QUIT");
    assert!(all.iter().all(|heard| heard.closed));
    assert!(all.iter().any(|heard| says(heard, b'N', "57P01")), "{all:?}");
}

#[test]
fn stopped_when_all_have_gone() {
    let server = Server::start();
    let mut pairs: Vec<Pair> = server.pairs("working on", &query("BEGIN; SELECT 1")).collect();
    server.signal("-TERM");
    std::thread::sleep(Duration::from_millis(500));
    for (role, _) in ROLES {
        let codes = server.logins(role).map(|login| Client::connect(&login).unwrap_err().remove(&'C'));
        assert_eq!(codes, [(); 2].map(|()| Some("57P03".to_owned())), "{role}");
    }
    for pair in &mut pairs {
        pair.same(|talk| {
            let mut frames = talk.until(b'Z');
            talk.send(&query("SELECT count(*) FROM w.plain; COMMIT"));
            frames.extend(talk.until(b'Z'));
            frames
        });
    }
}

#[test]
fn a_configuration_that_is_read_again() {
    let server = Server::start();
    let mut pairs: Vec<Pair> = server.pairs("DateStyle and IntervalStyle", b"").collect();
    let change = "ALTER SYSTEM SET DateStyle = 'German, DMY'; ALTER SYSTEM SET IntervalStyle = 'iso_8601'; SELECT pg_reload_conf();";
    // ALTER SYSTEM stands alone in its text.
    for sql in change.split_terminator(';') {
        server.world.cluster().execute("postgres", sql).unwrap();
    }
    std::thread::sleep(Duration::from_millis(500));
    for pair in &mut pairs {
        // It is told with the next answer.
        let heard = pair.same(|talk| {
            talk.send(&query("SELECT d, make_interval(hours => 1) FROM w.plain WHERE id = 3"));
            let mut frames = talk.until(b'Z');
            talk.send(&query("SELECT 1"));
            frames.extend(talk.until(b'Z'));
            talk.send(&query("SHOW DateStyle"));
            frames.extend(talk.until(b'Z'));
            frames
        });
        for (name, value) in [("DateStyle", "German, DMY"), ("IntervalStyle", "iso_8601")] {
            let told = [name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat();
            assert!(heard.frames.iter().any(|f| f.tag == b'S' && f.body == told), "{}: {name}: {heard:?}", pair.what);
        }
    }
}
