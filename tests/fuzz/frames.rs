//! One message of a conversation, gone wrong.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pgveil_tests::client::Client;
use pgveil_tests::rng::Rng;
use pgveil_tests::stage::Stage;
use pgveil_tests::world::World;

/// How long a conversation that went wrong may take to its end.
const LONGEST: Duration = Duration::from_secs(5);
/// The same on a machine that is busy, and how long a login and a query without pgveil take on one that is not.
const BUSY: Duration = Duration::from_secs(20);
const USUAL: Duration = Duration::from_millis(60);

/// A conversation that has ended.
pub struct Ended {
    /// When its first message was sent.
    pub began: Instant,
    pub took: Duration,
    /// Who spoke, and what went wrong.
    pub what: String,
}

/// Speaks with Postgres itself as long as others speak with pgveil: how busy the machine is.
#[derive(Default)]
struct Control {
    /// When each conversation ended, and how long it took.
    took: Mutex<Vec<(Instant, Duration)>>,
    over: AtomicBool,
}

impl Control {
    fn run(&self) {
        let stage = Stage::small();
        while !self.over.load(Ordering::Relaxed) {
            let began = Instant::now();
            Client::connect(&stage.plain(&stage.both.a)).unwrap().query("SELECT city, count(*) FROM shop.customers GROUP BY city").ok();
            self.took.lock().unwrap().push((Instant::now(), began.elapsed()));
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Five seconds, and as many times that as the machine was slower than usual since `began`.
    fn bound(&self, began: Instant) -> Duration {
        let took = self.took.lock().unwrap();
        let slowest = took.iter().filter(|(ended, _)| *ended >= began).map(|(_, took)| *took).max().unwrap_or_default();
        LONGEST.mul_f64((slowest.as_secs_f64() / USUAL.as_secs_f64()).max(1.0)).min(BUSY)
    }
}

/// Runs conversations by their seeds, `PGVEIL_TEXTS` of them or `count`, on so many threads; with `PGVEIL_FUZZ` for ever. Each ends in
/// time. After each lot no task of pgveil's has panicked (`after` is given the log).
pub fn rounds(whose: &str, count: u64, threads: u64, round: fn(u64) -> Result<Ended, String>, after: impl Fn(&str)) {
    let count = std::env::var("PGVEIL_TEXTS").map_or(count, |n| n.parse().expect("PGVEIL_TEXTS is a number"));
    let mut lot = crate::twins::seed();
    loop {
        println!("fuzz: {whose} messages, seed {lot}");
        let (control, slowest) = (Control::default(), Mutex::new(Duration::ZERO));
        std::thread::scope(|scope| {
            scope.spawn(|| control.run());
            let (control, slowest) = (&control, &slowest);
            let talk = |thread: u64| {
                move || {
                    for number in (thread..count).step_by(threads as usize) {
                        let seed = lot.wrapping_mul(1_000_003).wrapping_add(number);
                        let ended = match std::panic::catch_unwind(|| round(seed)) {
                            Ok(Ok(ended)) => ended,
                            Ok(Err(what)) => panic!("seed {seed}: {what}"),
                            Err(_) => panic!("seed {seed}: it panicked, or a value was sent"),
                        };
                        let (took, bound) = (ended.took, control.bound(ended.began));
                        assert!(took <= bound, "seed {seed}: it took {took:?} to end, and may take {bound:?}; {}", ended.what);
                        let mut slowest = slowest.lock().unwrap();
                        *slowest = took.max(*slowest);
                    }
                }
            };
            let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(talk(thread))).collect();
            let ends: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
            control.over.store(true, Ordering::Relaxed);
            ends.into_iter().for_each(|end| end.unwrap());
        });
        println!("fuzz: the slowest of {count} took {:?} to end", slowest.into_inner().unwrap());
        let log = std::fs::read_to_string(World::get().cluster().folder().join("pgveil.log")).unwrap();
        assert!(!log.contains("panicked"), "{}", log.lines().filter(|l| l.contains("panicked")).collect::<Vec<_>>().join("\n"));
        after(&log);
        if std::env::var_os("PGVEIL_FUZZ").is_none() {
            return;
        }
        lot += 1;
    }
}

/// Type, length, body.
pub fn put(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
}

/// Appends what becomes of a message, or keeps it for behind the next; what was done. `choices`: messages that are made up, and types.
pub fn change(
    rng: &mut Rng,
    (made_up, tags): (&[(u8, &[u8])], &[u8]),
    mut message: Vec<u8>,
    kept: &mut Option<Vec<u8>>,
    out: &mut Vec<u8>,
) -> String {
    let tag = char::from(message[0]);
    let what = rng.below(11);
    match what {
        // Left out, doubled, moved behind the next.
        0 => {}
        1 => out.extend([&message[..], &message[..]].concat()),
        2 => *kept = Some(message),
        // Another type, another length, other bytes, a shorter or longer body.
        3 => {
            message[0] = *rng.pick(tags);
            out.extend(message);
        }
        4 => {
            let length = *rng.pick(&[0, 3, 4, 5, 8, 0x7fff_ffff, 0xffff_ffff, message.len() as u32 + 7, message.len() as u32 - 2]);
            message[1..5].copy_from_slice(&length.to_be_bytes());
            out.extend(message);
        }
        5 | 6 => {
            for _ in 0..1 + rng.below(3) {
                if message.len() > 5 {
                    let at = 5 + rng.below(message.len() - 5);
                    message[at] = if rng.chance(50) { rng.next() as u8 } else { message[at] ^ 1 << rng.below(8) };
                }
            }
            out.extend(message);
        }
        7 => {
            message.truncate(5 + rng.below(message.len() - 4));
            let length = message.len() as u32 - 1;
            message[1..5].copy_from_slice(&length.to_be_bytes());
            out.extend(message);
        }
        8 => {
            message.extend((0..1 + rng.below(9)).map(|_| rng.next() as u8));
            let length = message.len() as u32 - 1;
            message[1..5].copy_from_slice(&length.to_be_bytes());
            out.extend(message);
        }
        // Made up, before or in place of it.
        _ => {
            let keep = rng.chance(70);
            let (tag, body) = *rng.pick(made_up);
            out.extend(put(tag, body));
            if keep {
                out.extend(message);
            }
        }
    }
    format!("{what} at {tag}")
}
