//! Who hears of runs: whoever counts them or waits for them, at once; clients, through a bounded broadcast, while there are any.
use super::{News, Run, Step};
use std::{
    fmt,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};
use tokio::sync::broadcast;

/// News that a watcher may fall behind by.
pub(super) const NEWS: usize = 1024;

/// Hears every step of every run, on the thread where it happens: so it never waits.
pub trait Observer: Send + Sync + 'static {
    /// This happens in a run.
    fn hear(&self, run: &Arc<Run>, step: &Step);
}

/// Whether anybody would be told of what happens.
pub type Audience = Box<dyn Fn() -> bool + Send + Sync>;

pub(super) struct Ears {
    pub(super) news: broadcast::Sender<News>,
    pub(super) observers: RwLock<Vec<Arc<dyn Observer>>>,
    pub(super) audience: OnceLock<Audience>,
}

impl Ears {
    pub(super) fn new() -> Self {
        Self {
            news: broadcast::channel(NEWS).0,
            observers: RwLock::default(),
            audience: OnceLock::new(),
        }
    }

    /// A step of a run. Its end is told without an audience too: who watches may begin with what comes after it.
    pub(super) fn tell(&self, run: &Arc<Run>, step: Step) {
        let observers = self.observers.read().unwrap_or_else(PoisonError::into_inner);
        observers.iter().for_each(|observer| observer.hear(run, &step));
        drop(observers);
        let anybody = || self.audience.get().is_none_or(|anybody| anybody());
        if matches!(step, Step::Ended) || anybody() {
            // nobody watching is fine
            let _ = self.news.send(News::Run(run.clone(), step));
        }
    }
}

impl fmt::Debug for Ears {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ears").finish_non_exhaustive()
    }
}
