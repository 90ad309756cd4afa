//! CancelRequest: which client secret cancels which server session.
//!
//! The server's own key never reaches a client. A client is told the server's process id and a secret of ours; only that
//! pair is forwarded, to exactly that server session, and only while the request that ran when it came still runs.
//!
//! A request passes the session's own task: what the client said before it is read before it is looked at. Then one is under way for
//! each session, and one waits, for what ran when the last of those came that found it waiting.

mod questions;
mod wrong;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use subtle::ConstantTimeEq;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit, oneshot};
use tokio::time::timeout;

pub use questions::Asked;
use questions::Questions;
use wrong::Wrong;

/// Bytes of a secret in protocol 3.0.
const SHORT: usize = 4;
/// Bytes of a secret from protocol 3.2 on.
const LONG: usize = 32;

/// The most connections to the server at one time that cancel something: it starts a process for each.
const DELIVERIES: usize = 8;
/// Requests that ask a session at one time.
const ASKING: usize = 4;
/// How long a session's task may take to say what it does.
const PATIENCE: Duration = Duration::from_secs(10);

/// All sessions that can be cancelled.
#[derive(Debug, Clone)]
pub struct Registry {
    entries: Arc<DashMap<i32, Entry>>,
    deliveries: Arc<Semaphore>,
}

#[derive(Debug)]
struct Entry {
    ours: Vec<u8>,
    wrong: Wrong,
    session: Arc<Target>,
}

/// A server session that a request is for.
#[derive(Debug)]
pub struct Target {
    /// The server's process id. The client was told another one where its session is not the first on its connection.
    pub pid: i32,
    server: Vec<u8>,
    done: Arc<AtomicU64>,
    questions: Arc<Questions>,
    /// Requests that ask the session what it does.
    asking: Semaphore,
    /// The most that any of them was told.
    wanted: AtomicU64,
    /// One under way and one that waits.
    places: Semaphore,
    one: Mutex<()>,
}

/// Why a request is not forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no session of that process id, or the secret is another.
    #[error("no such session, or another secret")]
    Unknown,
    /// Too many wrong secrets came from that address; `first`: nobody has been told yet.
    #[error("too many wrong secrets from this address")]
    Limited {
        /// The first within its window.
        first: bool,
    },
}

/// What became of a request whose secret is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The server has taken it.
    Delivered,
    /// What ran when it came has ended, or nothing did.
    Idle,
    /// Another that came before it and has not begun does the same.
    Same,
}

/// A session's place in the [`Registry`]; dropped, it cannot be cancelled any more.
#[derive(Debug)]
pub struct CancelGuard {
    /// The process id that the client was told: its first server session's.
    pub pid: i32,
    /// The secret that the client was told: 4 bytes for protocol 3.0, 32 from 3.2 on.
    pub secret: Vec<u8>,
    /// The count of ReadyForQuery messages that the client was sent, which the session keeps.
    pub done: Arc<AtomicU64>,
    questions: Arc<Questions>,
    entries: Arc<DashMap<i32, Entry>>,
}

impl Default for Registry {
    fn default() -> Self {
        Registry { entries: Arc::default(), deliveries: Arc::new(Semaphore::new(DELIVERIES)) }
    }
}

impl Registry {
    /// Registers a server session and draws the client's secret.
    ///
    /// # Errors
    /// The operating system gave no randomness.
    pub fn register(&self, pid: i32, server: &[u8], long: bool) -> Result<CancelGuard, getrandom::Error> {
        let mut secret = vec![0; if long { LONG } else { SHORT }];
        getrandom::fill(&mut secret)?;
        let (entry, guard) = self.pair((pid, secret), (pid, server));
        self.entries.insert(pid, entry);
        Ok(guard)
    }

    /// Another server session takes the place of one: what the client was told of that one, stands for this one.
    pub fn replace(&self, former: CancelGuard, pid: i32, server: &[u8]) -> CancelGuard {
        let told = (former.pid, former.secret.clone());
        // It would take the entry of the new one along.
        drop(former);
        let (entry, guard) = self.pair(told, (pid, server));
        // The server may have given the former pid to somebody else's session, which then has it: this one cannot be cancelled.
        self.entries.entry(guard.pid).or_insert(entry);
        guard
    }

    /// Waits for a place among the connections to the server that cancel something.
    pub async fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.deliveries.acquire().await.ok()
    }

    fn pair(&self, (told, secret): (i32, Vec<u8>), (pid, server): (i32, &[u8])) -> (Entry, CancelGuard) {
        let questions = Questions::new();
        let done = Arc::new(AtomicU64::new(0));
        let session = Target {
            pid,
            server: server.to_vec(),
            done: Arc::clone(&done),
            questions: Arc::clone(&questions),
            asking: Semaphore::new(ASKING),
            wanted: AtomicU64::new(0),
            places: Semaphore::new(2),
            one: Mutex::default(),
        };
        let entry = Entry { ours: secret.clone(), wrong: Wrong::default(), session: Arc::new(session) };
        (entry, CancelGuard { pid: told, secret, done, questions, entries: Arc::clone(&self.entries) })
    }

    /// The server session of a client's pid and secret.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn find(&self, pid: i32, secret: &[u8], from: IpAddr) -> Result<Arc<Target>, Refused> {
        let mut entry = self.entries.get_mut(&pid).ok_or(Refused::Unknown)?;
        let right = bool::from(entry.ours.ct_eq(secret));
        entry.wrong.count(from, right)?;
        if right { Ok(Arc::clone(&entry.session)) } else { Err(Refused::Unknown) }
    }

    /// Has `deliver` send the request to the server, where what runs now still runs when its turn has come. `deliver` is given the
    /// server's secret and a last question, to be asked when it is connected: whether it is still to be sent.
    ///
    /// # Errors
    /// Those of `deliver`, which says whether it has sent something.
    pub async fn forward<E, D: Future<Output = Result<bool, E>>>(
        &self,
        target: &Target,
        deliver: impl FnOnce(Vec<u8>, Still) -> D,
    ) -> Result<Outcome, E> {
        // At once: what runs when its turn has come may be another statement.
        let asked = match target.asking.try_acquire() {
            Ok(_asking) => target.now().await,
            Err(_) => return Ok(Outcome::Same),
        };
        let Some(until) = asked else { return Ok(Outcome::Idle) };
        target.wanted.fetch_max(until, Ordering::Relaxed);
        let Ok(_place) = target.places.try_acquire() else { return Ok(Outcome::Same) };
        let _turn = target.one.lock().await;
        let Some(_delivery) = self.place().await else { return Ok(Outcome::Idle) };
        // For those that came since, too.
        let until = target.wanted.load(Ordering::Relaxed);
        let still = Still { done: Arc::clone(&target.done), questions: Arc::clone(&target.questions), until };
        let sent = deliver(target.server.clone(), still).await?;
        if sent {
            // The server drops a request that comes between two commands, be they of one statement of the client's.
            target.questions.tell(Asked::Delivered(until));
        }
        Ok(if sent { Outcome::Delivered } else { Outcome::Idle })
    }
}

/// Whether what ran when a request came still runs.
#[derive(Debug)]
pub struct Still {
    done: Arc<AtomicU64>,
    questions: Arc<Questions>,
    until: u64,
}

impl Still {
    /// Asked last, before the request is sent.
    pub fn runs(&self) -> bool {
        !self.questions.is_closed() && self.done.load(Ordering::Relaxed) < self.until
    }
}

impl Target {
    /// The session's answer to [`Asked::Now`].
    async fn now(&self) -> Option<u64> {
        let (to, from) = oneshot::channel();
        self.questions.tell(Asked::Now(to)).then_some(())?;
        timeout(PATIENCE, from).await.ok()?.ok()?
    }
}

impl CancelGuard {
    /// Waits until a request comes or has been delivered. Nothing is lost when the future is dropped.
    pub async fn asked(&mut self) -> Asked {
        self.questions.next().await
    }
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        // The server may have given the pid to a newer session: only our own entry goes.
        self.entries.remove_if(&self.pid, |_, entry| entry.ours == self.secret);
        self.questions.close();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn found(all: &Registry, pid: i32, secret: &[u8]) -> Option<Vec<u8>> {
        all.find(pid, secret, HERE).ok().map(|target| target.server.clone())
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
    }

    #[test]
    fn only_the_pair_that_the_client_was_told_cancels() {
        let all = Registry::default();
        let guard = all.register(7, b"server", false).unwrap();
        assert_eq!(guard.secret.len(), SHORT);
        assert_eq!(found(&all, 7, &guard.secret).as_deref(), Some(&b"server"[..]));
        assert_eq!(found(&all, 7, b"server"), None);
        assert_eq!(found(&all, 7, &[]), None);
        assert_eq!(found(&all, 8, &guard.secret), None);
        let told = guard.secret.clone();
        drop(guard);
        assert_eq!(found(&all, 7, &told), None);
    }

    #[test]
    fn a_newer_session_with_the_same_pid_stays() {
        let all = Registry::default();
        let old = all.register(7, b"old", true).unwrap();
        let new = all.register(7, b"new", true).unwrap();
        assert_eq!(new.secret.len(), LONG);
        drop(old);
        assert_eq!(found(&all, 7, &new.secret).as_deref(), Some(&b"new"[..]));
    }

    #[test]
    fn a_session_that_replaces_another_is_found_by_what_was_told_of_that() {
        let all = Registry::default();
        let guard = all.register(7, b"first", true).unwrap();
        let told = guard.secret.clone();
        let guard = all.replace(guard, 9, b"second");
        assert_eq!((guard.pid, &guard.secret), (7, &told));
        let target = all.find(7, &told, HERE).unwrap();
        assert_eq!((target.pid, target.server.as_slice()), (9, &b"second"[..]));
        // The server has given the pid to another's session since.
        let other = all.register(7, b"other", true).unwrap();
        let guard = all.replace(guard, 10, b"third");
        assert_eq!(found(&all, 7, &told), None);
        drop(guard);
        assert_eq!(found(&all, 7, &other.secret).as_deref(), Some(&b"other"[..]));
    }

    #[test]
    fn whoever_guesses_is_not_heard_any_more() {
        let all = Registry::default();
        let guard = all.register(7, b"server", false).unwrap();
        let guess: Vec<u8> = guard.secret.iter().map(|b| b ^ 1).collect();
        let refused = |secret: &[u8], from| all.find(7, secret, from).err();
        let limited = (0..1_000).map_while(|_| refused(&guess, HERE)).position(|why| why == Refused::Limited { first: true });
        assert!(limited.is_some());
        assert_eq!(refused(&guard.secret, HERE), Some(Refused::Limited { first: false }));
        assert_eq!(refused(&guard.secret, IpAddr::V4(9.into())), None);
    }

    /// A session that says, each time it is asked, that so much is to be done.
    async fn session(mut guard: CancelGuard, until: Option<u64>) {
        loop {
            if let Asked::Now(question) = guard.asked().await {
                let _gone = question.send(until);
            }
        }
    }

    #[test]
    fn a_session_hears_that_its_request_was_delivered() {
        run(async {
            let all = Registry::default();
            let mut guard = all.register(7, b"server", false).unwrap();
            let target = all.find(7, &guard.secret, HERE).unwrap();
            let session = async {
                let Asked::Now(question) = guard.asked().await else { panic!() };
                question.send(Some(3)).unwrap();
                guard.asked().await
            };
            let (outcome, heard) = tokio::join!(all.forward(&target, |_, _| async { Ok::<_, ()>(true) }), session);
            assert_eq!(outcome, Ok(Outcome::Delivered));
            assert!(matches!(heard, Asked::Delivered(3)), "{heard:?}");
        });
    }

    #[test]
    fn what_is_idle_or_has_ended_is_not_cancelled() {
        run(async {
            let all = Registry::default();
            let guard = all.register(7, b"server", false).unwrap();
            let target = all.find(7, &guard.secret, HERE).unwrap();
            let deliver = |_: Vec<u8>, still: Still| async move { Ok::<_, ()>(still.runs()) };
            let idle = tokio::select! {
                outcome = all.forward(&target, deliver) => outcome,
                () = session(guard, None) => unreachable!(),
            };
            assert_eq!(idle, Ok(Outcome::Idle));
            // The session is gone now.
            assert_eq!(all.forward(&target, deliver).await, Ok(Outcome::Idle));

            let guard = all.register(7, b"server", false).unwrap();
            let target = all.find(7, &guard.secret, HERE).unwrap();
            let done = Arc::clone(&guard.done);
            let ends = |_: Vec<u8>, still: Still| {
                let done = Arc::clone(&done);
                async move {
                    let before = still.runs();
                    // While it was on its way the request ended.
                    done.fetch_add(1, Ordering::Relaxed);
                    Ok::<_, ()>(!before || still.runs())
                }
            };
            let ended = tokio::select! {
                outcome = all.forward(&target, ends) => outcome,
                () = session(guard, Some(1)) => unreachable!(),
            };
            assert_eq!(ended, Ok(Outcome::Idle));
        });
    }

    #[test]
    fn a_request_that_has_waited_is_not_for_what_came_meanwhile() {
        run(async {
            let all = Registry::default();
            let guard = all.register(7, b"server", false).unwrap();
            let target = all.find(7, &guard.secret, HERE).unwrap();
            let done = Arc::clone(&guard.done);
            let busy = Arc::clone(&all.deliveries).acquire_many_owned(8).await.unwrap();
            let deliver = |_: Vec<u8>, still: Still| async move { Ok::<_, ()>(still.runs()) };
            let waits = async {
                let ends = async {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    // Its statement ends, the next one begins.
                    done.fetch_add(1, Ordering::Relaxed);
                    drop(busy);
                };
                tokio::join!(all.forward(&target, deliver), ends).0
            };
            let outcome = tokio::select! {
                outcome = waits => outcome,
                () = session(guard, Some(1)) => unreachable!(),
            };
            assert_eq!(outcome, Ok(Outcome::Idle));
        });
    }

    #[test]
    fn of_a_storm_two_requests_are_left_for_each_session_and_eight_in_all() {
        run(async {
            let all = Registry::default();
            let (now, most, total) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
            let guards: Vec<_> = (0..40).map(|pid| all.register(pid, b"server", false).unwrap()).collect();
            let targets: Vec<_> = guards.iter().map(|g| all.find(g.pid, &g.secret, HERE).unwrap()).collect();
            let deliver = |_: Vec<u8>, _: Still| async {
                most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                total.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(5)).await;
                now.fetch_sub(1, Ordering::Relaxed);
                Ok::<_, ()>(true)
            };
            let storm = async {
                let mut same = 0;
                let work: Vec<_> = (0..100).flat_map(|_| &targets).map(|target| all.forward(target, deliver)).collect();
                for outcome in join_all(work).await {
                    same += usize::from(outcome == Ok(Outcome::Same));
                }
                same
            };
            let same = tokio::select! {
                same = storm => same,
                _ = join_all(guards.into_iter().map(|g| session(g, Some(1))).collect()) => unreachable!(),
            };
            assert_eq!((same, total.load(Ordering::Relaxed)), (40 * 98, 80));
            assert!(most.load(Ordering::Relaxed) <= DELIVERIES);
        });
    }

    async fn join_all<T>(work: Vec<impl Future<Output = T>>) -> Vec<T> {
        let mut work: Vec<_> = work.into_iter().map(|f| (Box::pin(f), None)).collect();
        std::future::poll_fn(move |cx| {
            for (future, out) in work.iter_mut().filter(|(_, out)| out.is_none()) {
                if let std::task::Poll::Ready(value) = future.as_mut().poll(cx) {
                    *out = Some(value);
                }
            }
            if work.iter().any(|(_, out)| out.is_none()) {
                return std::task::Poll::Pending;
            }
            std::task::Poll::Ready(work.iter_mut().filter_map(|(_, out)| out.take()).collect())
        })
        .await
    }
}
