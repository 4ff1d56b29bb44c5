//! One configured plugin as the rest of the gateway sees it: what it is, how it is doing, and the one way to call it.
//!
//! Every call has a place, a deadline and a count. A panic, a timeout, a stuck thread or the end of a child is told to
//! the supervisor, which replaces the instance or sets the plugin aside; the caller gets a typed error in any case.
use super::{
    discover::Origin, generation::Generation, ladder::Reason, metrics::Metrics, offered::Offered,
    services::Request, settings::Settings,
};
use openclaw_plugin_api::{Error, ErrorKind, Manifest, OFFERED_TOOLS, Result};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock, atomic::Ordering},
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

/// Events for the supervisor that may wait; a fault that finds no place is one of many.
pub(super) const EVENTS: usize = 64;

/// How long a call waits for an instance that is being started or replaced.
const REPLACEMENT: Duration = Duration::from_secs(10);

/// What is known of a plugin before anything of it is loaded.
#[derive(Debug, Clone)]
pub struct Spec {
    /// What its file says.
    pub manifest: Manifest,
    /// The file.
    pub path: PathBuf,
    /// Where it was found.
    pub origin: Origin,
    /// Why it is on or off.
    pub reason: Reason,
    /// What the operator decided.
    pub settings: Settings,
}

/// How a plugin is doing.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Not switched on.
    Off,
    /// Being loaded.
    Starting,
    /// Serving.
    Running,
    /// It could not be loaded; somebody has to change something.
    Failed {
        /// At which stage, in a word.
        stage: &'static str,
        /// Why.
        why: String,
    },
    /// Set aside after repeated faults; it is tried again by itself.
    Quarantined {
        /// What happened last.
        why: String,
        /// When it is tried again, milliseconds since 1970.
        until_ms: i64,
    },
    /// Stopped with the gateway.
    Stopped,
}

/// What went wrong in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Its code panicked.
    Panic,
    /// It did not answer in time.
    Timeout,
    /// It blocked a thread.
    Stuck,
}

/// What the supervisor is told.
pub(super) enum Event {
    /// An instance did something wrong.
    Fault {
        /// Number of the instance.
        instance: u64,
        /// What.
        fault: Fault,
    },
    /// Load the file and the settings anew.
    Reload {
        /// New settings and path, or the old ones.
        spec: Option<Box<Spec>>,
        /// Told how it went.
        done: tokio::sync::oneshot::Sender<std::result::Result<(), String>>,
    },
    /// Other events of it are recorded than before.
    Relog,
    /// End.
    Stop {
        /// Told when it is over.
        done: tokio::sync::oneshot::Sender<()>,
    },
}

/// One configured plugin.
pub struct Plugin {
    id: String,
    pub(super) spec: RwLock<Arc<Spec>>,
    pub(super) metrics: Arc<Metrics>,
    /// Tools beside those that the manifest names.
    pub(super) offered: Arc<Offered>,
    pub(super) current: RwLock<Option<Arc<Generation>>>,
    pub(super) status: RwLock<Status>,
    pub(super) events: mpsc::Sender<Event>,
    /// Counts changes of the instance and of the state, so that calls can wait for a replacement.
    pub(super) changes: watch::Sender<u64>,
}

/// State with what belongs to it.
#[derive(Debug, Clone)]
pub(super) struct Status {
    pub(super) state: State,
    pub(super) load_time: Option<Duration>,
}

impl Plugin {
    pub(super) fn new(spec: Spec, events: mpsc::Sender<Event>) -> Arc<Self> {
        let state = if spec.reason.is_on() {
            State::Starting
        } else {
            State::Off
        };
        Arc::new(Self {
            id: spec.manifest.id.clone(),
            spec: RwLock::new(Arc::new(spec)),
            metrics: Arc::default(),
            offered: Arc::default(),
            current: RwLock::new(None),
            status: RwLock::new(Status {
                state,
                load_time: None,
            }),
            events,
            changes: watch::Sender::new(0),
        })
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is known of it.
    pub fn spec(&self) -> Arc<Spec> {
        self.spec.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How it is doing.
    pub fn state(&self) -> State {
        self.status
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .state
            .clone()
    }

    /// The instance that serves now.
    pub fn current(&self) -> Option<Arc<Generation>> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Calls a method whose body and reply are records.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        target: &str,
        body: &impl Serialize,
    ) -> Result<T> {
        self.call_longer(method, target, body, Duration::ZERO).await
    }

    /// The same for a call that may take so much longer than others of its method.
    pub async fn call_longer<T: DeserializeOwned>(
        &self,
        method: &str,
        target: &str,
        body: &impl Serialize,
        more: Duration,
    ) -> Result<T> {
        let request = Request {
            method: method.to_owned(),
            target: target.to_owned(),
            body: serde_json::to_vec(body)?,
            ..Request::default()
        };
        let usual = self.spec().settings.deadlines.of(method);
        let reply = self
            .call_raw(request, usual.map(|usual| usual.saturating_add(more)))
            .await?;
        let reply: &[u8] = if reply.is_empty() { b"null" } else { &reply };
        Ok(serde_json::from_slice(reply)?)
    }

    /// Calls it. Dropping the future cancels the call. `deadline` replaces the method's own.
    pub async fn call_raw(&self, request: Request, deadline: Option<Duration>) -> Result<Vec<u8>> {
        let (generation, _permit) = self.place().await?;
        let limit = deadline.or_else(|| self.spec().settings.deadlines.of(&request.method));
        let what = format!("{} {}", request.method, request.target);
        let counted = InFlight::begin(&self.metrics);
        let call = generation.link().call(request);
        let outcome = match limit {
            None => call.await,
            Some(limit) => match tokio::time::timeout(limit, call).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    self.metrics.timeouts.fetch_add(1, Ordering::Relaxed);
                    self.fault(generation.number, Fault::Timeout);
                    let text = format!(
                        "plugin {} did not answer {} within {limit:?}",
                        self.id,
                        what.trim_end()
                    );
                    Err(Error::new(ErrorKind::Timeout, text))
                }
            },
        };
        counted.end(outcome.is_err());
        if outcome
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::Panic)
        {
            self.metrics.panics.fetch_add(1, Ordering::Relaxed);
            self.forget(&generation);
            self.fault(generation.number, Fault::Panic);
        }
        outcome
    }

    /// A place in the instance that serves. One that is being started or replaced is waited for: its end must cost no
    /// message.
    async fn place(&self) -> Result<(Arc<Generation>, OwnedSemaphorePermit)> {
        let mut changes = self.changes.subscribe();
        let waiting = async {
            loop {
                changes.borrow_and_update();
                match self.current() {
                    Some(generation) if !generation.link().has_ended() => match generation.admit() {
                        Err(error) if error.kind() == ErrorKind::Closed => {}
                        outcome => return outcome.map(|permit| (generation, permit)),
                    },
                    // Its end is known here a moment before the supervisor replaces it.
                    Some(_) => {}
                    None if matches!(self.state(), State::Starting | State::Running) => {}
                    None => return Err(self.unavailable()),
                }
                if changes.changed().await.is_err() {
                    return Err(self.unavailable());
                }
            }
        };
        tokio::time::timeout(REPLACEMENT, waiting)
            .await
            .unwrap_or_else(|_| Err(self.unavailable()))
    }

    /// Does it declare this, and may it serve now or soon?
    pub fn may_offer(&self, capability: &str, id: &str) -> bool {
        !self.is_off() && self.spec().manifest.declares(capability, id)
    }

    /// Does it offer this tool beside those that its manifest names, and may it serve now or soon?
    pub fn may_offer_tool(&self, name: &str) -> bool {
        !self.is_off() && self.spec().manifest.declares("tool/1", OFFERED_TOOLS) && self.offered.has(name)
    }

    fn is_off(&self) -> bool {
        let status = self.status.read().unwrap_or_else(PoisonError::into_inner);
        matches!(status.state, State::Off | State::Stopped | State::Failed { .. })
    }

    /// No further call reaches an instance that panicked.
    fn forget(&self, generation: &Arc<Generation>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, generation))
        {
            *current = None;
        }
    }

    /// Tells the instance that runs which levels of its events are recorded now. Whether it listens holds up nothing.
    pub(super) fn relog(self: &Arc<Self>) {
        let Some(current) = self.current() else {
            return;
        };
        let plugin = self.clone();
        tokio::spawn(async move {
            let told = current.relog(plugin.id(), &plugin.spec().settings).await;
            if let Err(error) = told {
                tracing::warn!(target: "openclaw::plugins", plugin = plugin.id(), %error, "it keeps the log levels that it had");
            }
        });
    }

    pub(super) fn fault(&self, instance: u64, fault: Fault) {
        // A full queue means that the supervisor already has plenty of the same.
        let _ = self.events.try_send(Event::Fault { instance, fault });
    }

    fn unavailable(&self) -> Error {
        let id = &self.id;
        match self.state() {
            State::Off => Error::new(ErrorKind::Closed, format_args!("plugin {id} is not enabled")),
            State::Starting => Error::new(ErrorKind::Closed, format_args!("plugin {id} is still starting")),
            State::Running => Error::new(ErrorKind::Closed, format_args!("plugin {id} is being replaced")),
            State::Stopped => Error::new(ErrorKind::Closed, format_args!("plugin {id} has been stopped")),
            State::Failed { why, .. } => Error::new(
                ErrorKind::Closed,
                format_args!("plugin {id} did not start: {why}"),
            ),
            State::Quarantined { why, .. } => Error::new(
                ErrorKind::Overloaded,
                format_args!("plugin {id} is set aside for a while after repeated faults, the last: {why}"),
            ),
        }
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("id", &self.id)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// Counts a call as under way until it ends or is dropped.
struct InFlight<'a> {
    metrics: &'a Metrics,
    begin: Instant,
}

impl<'a> InFlight<'a> {
    fn begin(metrics: &'a Metrics) -> Self {
        metrics.in_flight.fetch_add(1, Ordering::Relaxed);
        Self {
            metrics,
            begin: Instant::now(),
        }
    }

    fn end(self, failed: bool) {
        self.metrics.record(self.begin.elapsed(), failed);
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::fake;

    #[tokio::test]
    async fn a_call_that_carries_much_has_longer() {
        let folder = tempfile::tempdir().expect("a folder");
        let workshop = fake::workshop(folder.path());
        let (events, _inbox) = mpsc::channel(EVENTS);
        let plugin = Plugin::new(fake::spec(Manifest::default(), true), events);
        fake::serve(&plugin, fake::slow(&workshop, Duration::from_secs(45)));
        tokio::time::pause();
        let usual = plugin.call::<()>("channel/1/send", "chat", &()).await;
        assert_eq!(usual.expect_err("30 s are over").kind(), ErrorKind::Timeout);
        let longer = plugin.call_longer::<()>("channel/1/send", "chat", &(), Duration::from_secs(20));
        longer.await.expect("it has 50 s");
    }
}
