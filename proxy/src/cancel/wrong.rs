//! Wrong secrets: whoever guesses is not heard any more.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::Refused;

/// Wrong secrets that one address may send for one session within [`WINDOW`]. Then nothing is taken from it for that session: to find
/// four bytes would take it 800 years.
pub(super) const WRONG: u32 = 10;
/// See [`WRONG`].
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are told apart for a session; all others count as one.
pub(super) const ADDRESSES: usize = 16;

/// Those that were sent for a session.
#[derive(Debug, Default)]
pub(super) struct Wrong(Vec<Sent>);

/// By an address; `None`: by all that are too many to be told apart.
#[derive(Debug)]
struct Sent {
    from: Option<IpAddr>,
    count: u32,
    since: Instant,
}

impl Wrong {
    /// Counts a wrong secret; of an address that has sent too many nothing is taken, be it right.
    ///
    /// # Errors
    /// [`Refused::Limited`]
    pub fn count(&mut self, from: IpAddr, right: bool) -> Result<(), Refused> {
        self.0.retain(|sent| sent.since.elapsed() < WINDOW);
        let known = self.0.iter().any(|sent| sent.from == Some(from));
        let from = (known || self.0.len() < ADDRESSES).then_some(from);
        match self.0.iter_mut().find(|sent| sent.from == from) {
            Some(sent) if sent.count >= WRONG => {
                sent.count = sent.count.saturating_add(1);
                return Err(Refused::Limited { first: sent.count == WRONG.saturating_add(1) });
            }
            Some(_) | None if right => {}
            Some(sent) => sent.count = sent.count.saturating_add(1),
            None => self.0.push(Sent { from, count: 1, since: Instant::now() }),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_guesses_is_not_heard_any_more_and_others_are() {
        let mut wrong = Wrong::default();
        let address = |n: u32| IpAddr::V4(n.into());
        for _ in 0..WRONG {
            assert_eq!(wrong.count(address(0), false), Ok(()));
        }
        assert_eq!(wrong.count(address(0), false), Err(Refused::Limited { first: true }));
        assert_eq!(wrong.count(address(0), true), Err(Refused::Limited { first: false }));
        assert_eq!(wrong.count(address(9), true), Ok(()));
        // From however many addresses: memory and tries stay bounded.
        let tried = (1..10_000).filter(|n| wrong.count(address(*n), false).is_ok()).count();
        assert!(tried < ADDRESSES + WRONG as usize, "{tried}");
        assert!(wrong.0.len() <= ADDRESSES + 1);
    }
}
