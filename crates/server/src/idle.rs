//! Ends connections on which nothing happens.
//!
//! Hyper can do so too, but sets a timer anew for each request, which costs it as much as reading the request.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The requests of a connection, counted when they come and when they have been worked on: an odd number says that one
/// is being worked on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests(Arc<AtomicU32>);

impl Requests {
    /// Says that a request has come, which is being worked on until what is given is dropped.
    pub(crate) fn begin(&self) -> impl Drop + use<> {
        self.0.fetch_add(1, Ordering::Relaxed);
        InWork(self.clone())
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

struct InWork(Requests);

impl Drop for InWork {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Serves a connection until it ends, or until no request has come and none has been worked on for so long, and for
/// less than twice as long.
pub(crate) async fn while_used(connection: impl Future, requests: Requests, idle: Duration) {
    let mut connection = pin!(connection);
    loop {
        let before = requests.count();
        if tokio::time::timeout(idle, connection.as_mut()).await.is_ok()
            || before.is_multiple_of(2) && requests.count() == before
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::{Instant, sleep};

    use super::*;

    const IDLE: Duration = Duration::from_secs(75);

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_ends() {
        let start = Instant::now();
        while_used(pending::<()>(), Requests::default(), IDLE).await;
        assert_eq!(start.elapsed().as_secs(), 75);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_request_is_waited_for_and_what_follows_it_has_its_time() {
        let requests = Requests::default();
        let start = Instant::now();
        let connection = async {
            sleep(Duration::from_secs(10)).await;
            let work = requests.begin();
            sleep(Duration::from_secs(300)).await;
            drop(work);
            pending::<()>().await;
        };
        while_used(connection, requests.clone(), IDLE).await;
        // It is looked at every 75 seconds: the work was over at 310, which is seen at 375.
        assert_eq!(start.elapsed().as_secs(), 450);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_ends_by_itself_has_ended() {
        let start = Instant::now();
        while_used(sleep(Duration::from_secs(3)), Requests::default(), IDLE).await;
        assert_eq!(start.elapsed().as_secs(), 3);
    }
}
