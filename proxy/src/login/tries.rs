//! How many passwords may be tried.
//!
//! Counted for a user's name and an address together: nobody can lock a user out from elsewhere. A name is counted whether or not there is
//! such a user, so that a refusal tells nothing. What is kept is bounded: the names are the client's to choose.

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use dashmap::DashMap;

use super::scram::hmac_sha256;

/// The most pairs of name and address that are remembered. With more of them those that failed least are forgotten: they alone have
/// tries to gain, and whoever fills the table to get them spends more tries than that.
const MOST: usize = 10_000;

/// Failed logins, by name and address.
#[derive(Debug)]
pub struct Tries {
    /// Names and addresses are kept as keyed digests: of one size, and not to be chosen so that they fall together.
    secret: [u8; 32],
    start: Instant,
    /// What one failure costs, in microseconds.
    step: u64,
    within: u64,
    /// When all failures of a pair will be forgotten, in microseconds since `start`.
    until: DashMap<[u8; 32], u64>,
}

impl Tries {
    /// `allowed` failures at once, and one more each `within / allowed` from then on.
    pub fn new(secret: [u8; 32], allowed: u32, within: Duration) -> Tries {
        let within = u64::try_from(within.as_micros()).unwrap_or(u64::MAX);
        let step = within.checked_div(allowed.into()).unwrap_or(within).max(1);
        Tries { secret, start: Instant::now(), step, within, until: DashMap::new() }
    }

    /// Counts a try as failed, before its proof is looked at: so tries side by side count too.
    ///
    /// # Errors
    /// There have been too many; how long to wait.
    pub fn count(&self, user: &str, from: IpAddr) -> Result<(), Duration> {
        self.count_at(user, from, Instant::now())
    }

    /// The last one did not fail: it is all forgotten.
    pub fn forget(&self, user: &str, from: IpAddr) {
        self.until.remove(&self.digest(user, from));
    }

    fn count_at(&self, user: &str, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let key = self.digest(user, from);
        let now = u64::try_from(now.saturating_duration_since(self.start).as_micros()).unwrap_or(u64::MAX);
        if self.until.len() >= MOST && !self.until.contains_key(&key) {
            self.make_room(now);
        }
        let mut until = self.until.entry(key).or_insert(now);
        let then = (*until).max(now).saturating_add(self.step);
        let wait = then.saturating_sub(now).saturating_sub(self.within);
        if wait > 0 {
            return Err(Duration::from_micros(wait));
        }
        *until = then;
        Ok(())
    }

    fn make_room(&self, now: u64) {
        self.until.retain(|_, until| *until > now);
        if self.until.len() >= MOST {
            let least = self.until.iter().map(|entry| (*entry.value(), *entry.key())).min();
            least.and_then(|(_, key)| self.until.remove(&key));
        }
    }

    fn digest(&self, user: &str, from: IpAddr) -> [u8; 32] {
        let from = match from.to_canonical() {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            // Who has one address of a network has all of them.
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)),
        };
        hmac_sha256(&self.secret, &[&from.octets(), user.as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn tries() -> Tries {
        Tries::new([3; 32], 10, Duration::from_secs(60))
    }

    #[test]
    fn ten_failures_and_then_one_each_six_seconds() {
        let tries = tries();
        let at = |seconds| tries.start + Duration::from_secs(seconds);
        for n in 0..10 {
            assert_eq!(tries.count_at("ana", HERE, at(0)), Ok(()), "{n}");
        }
        assert_eq!(tries.count_at("ana", HERE, at(0)), Err(Duration::from_secs(6)));
        assert_eq!(tries.count_at("ana", HERE, at(5)), Err(Duration::from_secs(1)));
        assert_eq!(tries.count_at("ana", HERE, at(6)), Ok(()));
        assert!(tries.count_at("ana", HERE, at(6)).is_err(), "refused tries cost nothing, and gain nothing");
        for n in 0..10 {
            assert_eq!(tries.count_at("ana", HERE, at(70)), Ok(()), "{n}");
        }
    }

    #[test]
    fn others_are_not_concerned() {
        let tries = tries();
        while tries.count("ana", HERE).is_ok() {}
        assert!(tries.count("ana", "10.0.0.2".parse().unwrap()).is_ok(), "the same user from elsewhere");
        assert!(tries.count("bob", HERE).is_ok(), "another user from here");
        assert!(tries.count("ana", "::ffff:10.0.0.1".parse().unwrap()).is_err(), "the same address, mapped");
        tries.forget("ana", HERE);
        assert!(tries.count("ana", HERE).is_ok());
        while tries.count("ana", "2001:db8::1".parse().unwrap()).is_ok() {}
        assert!(tries.count("ana", "2001:db8::ffff:2".parse().unwrap()).is_err(), "the same network");
        assert!(tries.count("ana", "2001:db8:0:1::1".parse().unwrap()).is_ok());
    }

    #[test]
    fn names_without_end_take_no_memory_without_end() {
        let tries = tries();
        while tries.count_at("ana", HERE, tries.start).is_ok() {}
        for n in 0..MOST + 50 {
            assert!(tries.count_at(&format!("nobody {n}"), HERE, tries.start).is_ok());
        }
        assert!(tries.until.len() <= MOST);
        assert!(tries.count_at("ana", HERE, tries.start).is_err(), "who failed most is not forgotten");
        let later = tries.start + Duration::from_secs(61);
        assert!(tries.count_at("one more", HERE, later).is_ok());
        assert_eq!(tries.until.len(), 1, "what is over is forgotten");
    }

    #[test]
    fn tries_side_by_side_are_counted_too() {
        let tries = tries();
        let passed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| (0..20).filter(|_| tries.count("ana", HERE).is_ok()).count())).collect();
            threads.into_iter().map(|t| t.join().unwrap()).sum()
        });
        assert_eq!(passed, 10);
    }
}
