//! The policy flips back and forth under load: each answer is of one policy.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

const FLIPS: usize = 50;

/// What one column may look like, whole answers only.
const LOOKS: &[&str] = &["[a]", "[b]"];

/// How a client speaks.
#[derive(Debug, Clone, Copy)]
enum Way {
    Simple,
    Extended,
    /// Prepared once, and again when it is told to.
    Prepared,
    /// Many in one go, without waiting.
    Pipeline,
    /// SQL PREPARE and EXECUTE.
    Sql,
    /// Several statements in one text.
    Several,
    /// A cursor in a transaction.
    Cursor,
}

const WAYS: [Way; 7] = [Way::Simple, Way::Extended, Way::Prepared, Way::Pipeline, Way::Sql, Way::Several, Way::Cursor];

const ALL: &str = "SELECT sec FROM shop.people";

/// Answers of one turn, each of which must be of one policy.
fn turn(session: &mut Client, way: Way) -> Vec<Answer> {
    match way {
        Way::Simple => vec![session.query(ALL)],
        Way::Extended => vec![session.call(&Call { sql: ALL.into(), ..Call::default() })],
        Way::Prepared => {
            let answer = run(session, "s");
            if answer.error().is_none() {
                return vec![answer];
            }
            assert!(is_stale(&answer) || answer.sqlstate() == "26000", "{answer:?}");
            session.pipeline(|out| {
                frontend::close(b'S', "s", out).unwrap();
                frontend::sync(out);
            });
            session.answer().ok();
            vec![prepare(session, "s", ALL)]
        }
        Way::Pipeline => {
            session.pipeline(|out| {
                for _ in 0..10 {
                    frontend::parse("", ALL, [], out).unwrap();
                    put_run(out, "");
                    frontend::sync(out);
                }
            });
            (0..10).map(|_| session.answer()).collect()
        }
        Way::Sql => {
            let answer = session.query("EXECUTE p");
            if answer.error().is_none() {
                return vec![answer];
            }
            assert!(is_stale(&answer) || answer.sqlstate() == "26000", "{answer:?}");
            session.query("DEALLOCATE ALL").ok();
            vec![session.query(&format!("PREPARE p AS {ALL}"))]
        }
        Way::Several => {
            // Three results; each is looked at by itself.
            let answer = session.query(&format!("{ALL}; {ALL}; {ALL}"));
            let mut parts = vec![Answer::default()];
            for message in answer.messages {
                let ends = matches!(message, Message::CommandComplete(_));
                parts.last_mut().unwrap().messages.push(message);
                if ends {
                    parts.push(Answer::default());
                }
            }
            parts
        }
        Way::Cursor => {
            session.query("BEGIN").ok();
            session.query(&format!("DECLARE c CURSOR FOR {ALL}")).ok();
            // All of one cursor is one result.
            let mut all = Answer::default();
            for _ in 0..4 {
                all.messages.extend(session.query("FETCH 50 FROM c").ok().messages);
            }
            session.query("COMMIT").ok();
            vec![all]
        }
    }
}

#[test]
fn each_answer_is_of_one_policy() {
    let (proxy, database) = (proxy(&policy(A)), World::get().database(SCHEMA));
    let (stop, answers, stale) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let seen = std::thread::scope(|scope| {
        let clients: Vec<_> = WAYS
            .iter()
            .map(|way| {
                let (proxy, database, stop, answers, stale) = (&proxy, &database, &stop, &answers, &stale);
                scope.spawn(move || {
                    let mut session = ana(proxy, database);
                    let mut seen = BTreeSet::new();
                    while !stop.load(Ordering::Relaxed) {
                        for answer in turn(&mut session, *way) {
                            // A Bind that came in another piece than its Parse.
                            let apart = matches!(way, Way::Extended | Way::Pipeline) && is_stale(&answer);
                            assert!(apart || answer.error().is_none() && answer.broken.is_none(), "{way:?}: {answer:?}");
                            let looks: BTreeSet<String> = cells(&answer).into_iter().collect();
                            assert!(looks.len() <= 1, "{way:?}: a mix of {looks:?}");
                            assert!(looks.iter().all(|look| LOOKS.contains(&look.as_str())), "{way:?}: {looks:?}");
                            match looks.is_empty() {
                                true => stale.fetch_add(1, Ordering::Relaxed),
                                false => answers.fetch_add(1, Ordering::Relaxed),
                            };
                            seen.extend(looks);
                        }
                    }
                    seen
                })
            })
            .collect();
        for flip in 0.. {
            let done =
                clients.iter().any(std::thread::ScopedJoinHandle::is_finished) || flip >= FLIPS && answers.load(Ordering::Relaxed) >= 1000;
            if done {
                break;
            }
            assert!(proxy.change_policy(&policy(if flip % 2 == 0 { B } else { A })));
        }
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });
    println!(
        "{} answers, {} without rows (prepared again), while the policy flipped {} times",
        answers.load(Ordering::Relaxed),
        stale.load(Ordering::Relaxed),
        proxy.server().counters().policy_changes.get()
    );
    assert!(seen.iter().all(|looks| looks.len() == 2), "both policies were seen by all: {seen:?}");
}

#[test]
fn what_is_asked_after_a_change_is_of_the_new_policy() {
    let (proxy, database) = (proxy(&policy("\"clear\"")), World::get().database(SCHEMA));
    // Begun under a policy that protects from them, so that they are in the masked path.
    assert!(proxy.change_policy(&policy(A)));
    let mut sessions: Vec<Client> = WAYS.iter().map(|_| ana(&proxy, &database)).collect();
    for flip in 0..20 {
        let (mask, look) = if flip % 2 == 0 { ("\"clear\"", RAW) } else { (B, "[b]") };
        assert!(proxy.change_policy(&policy(mask)));
        for (session, way) in sessions.iter_mut().zip(WAYS) {
            for answer in turn(session, way) {
                assert!(answer.error().is_none(), "{way:?}: {answer:?}");
                assert!(cells(&answer).iter().all(|cell| cell.starts_with(look)), "{way:?} under {mask}: {answer:?}");
            }
        }
    }
}
