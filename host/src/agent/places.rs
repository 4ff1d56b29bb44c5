//! How many turns run at once, over all conversations. The number can change while they run: fewer places come about as
//! turns end.
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places of turns.
#[derive(Debug)]
pub struct Places {
    free: Arc<Semaphore>,
    count: Mutex<usize>,
}

// === impl Places ===

impl Places {
    /// So many.
    pub fn new(count: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(count)),
            count: Mutex::new(count),
        }
    }

    /// Waits for one of them.
    pub async fn take(&self) -> Option<OwnedSemaphorePermit> {
        self.free.clone().acquire_owned().await.ok()
    }

    /// So many from now on.
    pub fn resize(&self, count: usize) {
        let mut now = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let more = count.saturating_sub(*now);
        let fewer = u32::try_from(now.saturating_sub(count)).unwrap_or(u32::MAX);
        *now = count;
        if more > 0 {
            self.free.add_permits(more);
        }
        if fewer > 0 {
            let free = self.free.clone();
            // whoever asks for a place after this waits behind it
            tokio::spawn(async move {
                if let Ok(gone) = free.acquire_many_owned(fewer).await {
                    gone.forget();
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_come_and_go_while_turns_run() {
        let places = Places::new(2);
        let (first, second) = (places.take().await, places.take().await);
        places.resize(3);
        let third = places.take().await.expect("one more");
        places.resize(1);
        tokio::task::yield_now().await;
        drop((first, second));
        tokio::task::yield_now().await;
        assert_eq!(places.free.available_permits(), 0, "both are gone");
        drop(third);
        assert!(places.take().await.is_some());
        places.resize(2);
        assert!(places.take().await.is_some());
    }
}
