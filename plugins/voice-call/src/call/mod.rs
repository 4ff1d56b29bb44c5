//! Calls: what they are, how they go on, and what is kept of them.
//!
//! [`Calls`] decides; carriers are told, sound is served elsewhere. Invariants: it takes nothing but what a carrier has
//! signed ([`crate::webhook::Verified`]) or an operator asked for; a webhook is acknowledged when what it changed is kept.
mod drive;
mod event;
mod keep;
mod live;
mod media;
mod moved;
mod news;
mod operate;
mod policy;
mod record;
mod saying;
mod sound;
mod take;
mod think;
mod tick;

pub(crate) use drive::SENT;
pub(crate) use event::{Event, Incoming, Kind, Leg, Step, Then};
pub(crate) use media::{Media, MediaEvent, MediaEvents, NoMedia, Ticket};
pub(crate) use operate::Order;
pub(crate) use record::{Direction, Record, State};

use crate::{clock::Clock, config::Carrier, provider, reach::Reach, settings::Settings};
use live::Live;
use openclaw_plugin_api::{Error, ErrorKind, Host, Result};
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, atomic::AtomicBool},
};

/// Calls at once, whoever began them; one more is not taken.
const MAX_CALLS: usize = 200;
/// Callers who were turned away that are remembered.
const MAX_REJECTED: usize = 1000;

/// All calls.
#[derive(Clone)]
pub(crate) struct Calls(Arc<Inner>);

struct Inner {
    host: Host,
    settings: Arc<Settings>,
    carrier: Arc<provider::Carrier>,
    reach: Reach,
    clock: Clock,
    media: OnceLock<Arc<dyn Media>>,
    book: Mutex<Book>,
    is_ticking: AtomicBool,
    news: Mutex<news::News>,
    /// Where a test ends the process.
    #[cfg(test)]
    ends_at: tokio::sync::watch::Sender<Option<drive::Point>>,
}

/// The calls that go on, and who was turned away.
#[derive(Debug, Default)]
struct Book {
    calls: HashMap<CallId, Live>,
    by_provider: HashMap<String, CallId>,
    rejected: VecDeque<String>,
}

/// Id of a call, ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct CallId(String);

// === impl CallId ===

impl CallId {
    /// A new one.
    pub(crate) fn random() -> Self {
        Self(crate::clock::uuid())
    }

    /// One that a carrier or a person gives back. It finds a call or finds none.
    pub(crate) fn given(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Calls ===

impl Calls {
    pub(crate) fn new(
        host: Host,
        settings: Arc<Settings>,
        carrier: Arc<provider::Carrier>,
        reach: Reach,
        clock: Clock,
    ) -> Self {
        Self(Arc::new(Inner {
            host,
            settings,
            carrier,
            reach,
            clock,
            media: OnceLock::new(),
            book: Mutex::default(),
            is_ticking: AtomicBool::new(false),
            news: Mutex::new(news::News::new()),
            #[cfg(test)]
            ends_at: tokio::sync::watch::Sender::default(),
        }))
    }

    /// Says who serves the sound of calls. Once; until then, nobody does.
    pub(crate) fn hear(&self, media: Arc<dyn Media>) {
        let _ = self.0.media.set(media);
    }

    /// The call as it is known, while it goes on.
    pub(crate) fn find(&self, id: &CallId) -> Option<Record> {
        self.book().calls.get(id).map(|live| live.record.clone())
    }

    /// The id of the call that the carrier knows by this id.
    pub(crate) fn by_provider(&self, provider_call_id: &str) -> Option<CallId> {
        self.book().by_provider.get(provider_call_id).cloned()
    }

    /// Calls that go on, the oldest first.
    pub(crate) fn active(&self) -> Vec<Record> {
        let book = self.book();
        let going_on = book.calls.values().filter(|live| !live.record.state.is_end());
        let mut records: Vec<_> = going_on.map(|live| live.record.clone()).collect();
        records.sort_by_key(|record| record.started_at);
        records
    }

    /// For tests: everything that comes to this point stays there, until it is another one.
    #[cfg(test)]
    fn ends_at(&self, point: Option<drive::Point>) {
        self.0.ends_at.send_replace(point);
    }

    fn media(&self) -> &dyn Media {
        match self.0.media.get() {
            Some(media) => media.as_ref(),
            None => &NoMedia,
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn news(&self) -> MutexGuard<'_, news::News> {
        self.0.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on a call that goes on.
    fn with<T>(&self, id: &CallId, work: impl FnOnce(&mut Live) -> T) -> Option<T> {
        self.book().calls.get_mut(id).map(work)
    }

    /// As [`Calls::with`], for operators: a call that is over is told apart from one that never was.
    fn with_open<T>(&self, id: &CallId, work: impl FnOnce(&mut Live) -> Result<T>) -> Result<T> {
        let done = self.with(id, |live| match live.record.state.is_end() {
            true => Err(Error::invalid("Call has ended")),
            false => work(live),
        });
        done.unwrap_or_else(|| Err(Error::new(ErrorKind::NotFound, "Call not found")))
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").finish_non_exhaustive()
    }
}

// === impl Book ===

impl Book {
    /// The call that an event is about. An id of ours with another leg's carrier id is nobody's.
    fn resolve(&mut self, event: &Event) -> Option<CallId> {
        if let Some(id) = &event.call_id
            && let Some(live) = self.calls.get(id)
        {
            let known = live.record.provider_call_id.as_deref();
            let is_same = known == Some(event.provider_call_id.as_str());
            // Plivo's answer to a new call names a request; the call itself may have another id
            let may_be_named = known.is_none() || live.record.provider == Carrier::Plivo;
            if !is_same && may_be_named && !event.provider_call_id.is_empty() {
                let new = event.provider_call_id.clone();
                if let Some(live) = self.calls.get_mut(id) {
                    live.record.provider_call_id = Some(new.clone());
                }
                self.by_provider.insert(new, id.clone());
            }
            return (is_same || may_be_named).then(|| id.clone());
        }
        self.by_provider.get(&event.provider_call_id).cloned()
    }

    fn insert(&mut self, live: Live) {
        let id = live.record.call_id.clone();
        if let Some(provider) = &live.record.provider_call_id {
            self.by_provider.insert(provider.clone(), id.clone());
        }
        self.calls.insert(id, live);
    }

    fn remove(&mut self, id: &CallId) {
        self.calls.remove(id);
        self.by_provider.retain(|_, known| known != id);
    }

    /// Notes that a caller was turned away; false if that is known.
    fn turn_away(&mut self, provider_call_id: &str) -> bool {
        if self.rejected.iter().any(|known| known == provider_call_id) {
            return false;
        }
        if self.rejected.len() >= MAX_REJECTED {
            self.rejected.pop_front();
        }
        self.rejected.push_back(provider_call_id.to_owned());
        true
    }

    fn open(&self) -> usize {
        self.calls
            .values()
            .filter(|live| !live.record.state.is_end())
            .count()
    }
}

#[cfg(test)]
mod tests;
