//! Whose turn it is to log in with the server. It starts a process for each login: a storm of them would starve the sessions that run,
//! and each other until none is done in time.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::error::UpstreamError;

/// So many log in at one time; the others wait, in the order in which they came.
#[derive(Debug)]
pub(super) struct Queue {
    places: Semaphore,
    most: usize,
    patience: Duration,
}

impl Queue {
    /// `most` at one time; nobody waits longer than `patience`.
    pub(super) fn new(most: usize, patience: Duration) -> Queue {
        Queue { places: Semaphore::new(most), most, patience }
    }

    /// A place, to be kept for as long as the login takes.
    ///
    /// # Errors
    /// [`UpstreamError::Busy`]: the others took too long.
    pub(super) async fn place(&self) -> Result<SemaphorePermit<'_>, UpstreamError> {
        match timeout(self.patience, self.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(UpstreamError::Busy { at_once: self.most, waited: self.patience.as_secs() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_first_goes_first_and_nobody_waits_for_ever() {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
            let queue = Queue::new(2, Duration::from_millis(200));
            let (first, second) = (queue.place().await.unwrap(), queue.place().await.unwrap());
            let busy = queue.place().await.unwrap_err();
            assert!(matches!(busy, UpstreamError::Busy { at_once: 2, .. }), "{busy}");
            assert_eq!(busy.fatal(true).code, "53300");
            drop(second);
            let third = queue.place().await.unwrap();
            drop((first, third));
        });
    }
}
