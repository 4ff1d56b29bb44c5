//! Whether the end of a command was seen by whoever looks at it: then it need not be told.
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{RwLock, RwLockReadGuard};

/// Those that look, and what they saw.
#[derive(Debug, Default)]
pub(super) struct Looked {
    open: RwLock<()>,
    end: AtomicBool,
}

/// Somebody looks, until this is dropped.
#[derive(Debug)]
pub struct Looking<'a> {
    end: &'a AtomicBool,
    _open: RwLockReadGuard<'a, ()>,
}

impl Looked {
    /// Somebody looks.
    pub(super) async fn look(&self) -> Looking<'_> {
        Looking {
            _open: self.open.read().await,
            end: &self.end,
        }
    }

    /// Did anybody see the end? Waits for those that are looking.
    pub(super) async fn is_end_seen(&self) -> bool {
        let _nobody = self.open.write().await;
        self.end.load(Ordering::Relaxed)
    }
}

impl Looking<'_> {
    /// The end was seen.
    pub fn saw_end(&mut self) {
        self.end.store(true, Ordering::Relaxed);
    }
}
