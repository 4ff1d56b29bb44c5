//! Keeps one plugin running: starts it, replaces an instance that panicked or died, sets the plugin aside after
//! repeated faults, swaps in a new generation, and stops it. One task for each plugin; nothing else changes its state.
use super::{
    blame,
    faults::{Faults, MAX_FAULTS},
    generation::{Generation, Workshop},
    plugin::{EVENTS, Event, Fault, Plugin, Spec, State, Status},
    pool::Owner,
    settings::Settings,
    start_error::StartError,
};
use std::{
    path::Path,
    sync::{Arc, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

/// A plugin and the task behind it.
struct Supervisor {
    plugin: Arc<Plugin>,
    workshop: Workshop,
    next_generation: u64,
    /// The instance that serves, also if it panicked and callers don't get it any more. Only what it does is held against
    /// the plugin: what the last calls of another one tell is over.
    serving: Option<Arc<Generation>>,
    faults: Faults,
    retry_at: Option<Instant>,
}

/// Makes a plugin and, if it is on, starts it. The receiver tells how the first start went.
pub(super) fn supervise(
    workshop: &Workshop,
    spec: Spec,
) -> (Arc<Plugin>, oneshot::Receiver<Result<(), String>>) {
    let (events, inbox) = mpsc::channel(EVENTS);
    let on = spec.reason.is_on();
    let plugin = Plugin::new(spec, events);
    let (started, first_start) = oneshot::channel();
    let supervisor = Supervisor::new(plugin.clone(), workshop.clone());
    tokio::spawn(supervisor.run(on, inbox, started));
    (plugin, first_start)
}

/// On whose behalf an instance is polled: a thread that it blocks is its fault, whichever serves by then.
fn owner(plugin: &Arc<Plugin>, instance: u64) -> Arc<Owner> {
    let told: Weak<Plugin> = Arc::downgrade(plugin);
    let call = plugin.spec().settings.deadlines.call;
    Arc::new(Owner {
        plugin: blame::interned(plugin.id()),
        stuck_after_ms: u64::try_from(call.as_millis()).unwrap_or(u64::MAX),
        on_stuck: Box::new(move || {
            if let Some(plugin) = told.upgrade() {
                plugin.fault(instance, Fault::Stuck);
            }
        }),
    })
}

impl Supervisor {
    fn new(plugin: Arc<Plugin>, workshop: Workshop) -> Self {
        Self {
            plugin,
            workshop,
            next_generation: 1,
            serving: None,
            faults: Faults::default(),
            retry_at: None,
        }
    }

    async fn run(
        mut self,
        on: bool,
        mut inbox: mpsc::Receiver<Event>,
        started: oneshot::Sender<Result<(), String>>,
    ) {
        let outcome = if on { self.start().await } else { Ok(()) };
        let _ = started.send(outcome);
        loop {
            let serving = self.serving.clone();
            let ended = async {
                match &serving {
                    Some(generation) => generation.link().ended().await,
                    None => std::future::pending().await,
                }
            };
            let retry = async {
                match self.retry_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = inbox.recv() => match event {
                    Some(Event::Fault { instance, fault }) => self.on_fault(instance, fault).await,
                    Some(Event::Reload { spec, done }) => {
                        let outcome = self.reload(spec.map(|spec| *spec)).await;
                        let _ = done.send(outcome);
                    }
                    Some(Event::Relog) => self.plugin.relog(),
                    Some(Event::Stop { done }) => {
                        self.stop().await;
                        let _ = done.send(());
                        return;
                    }
                    None => return self.stop().await,
                },
                why = ended => self.on_end(&why).await,
                () = retry => {
                    self.retry_at = None;
                    self.restart().await;
                }
            }
        }
    }

    /// The first instance. If there is none, somebody has to change something.
    async fn start(&mut self) -> Result<(), String> {
        self.try_start().await.map_err(|error| self.failed(&error))
    }

    /// A further instance of what ran before. If there is none, it is tried again later.
    async fn restart(&mut self) {
        if let Err(error) = self.try_start().await {
            self.set_aside(&error.to_string());
        }
    }

    /// From nothing to a serving instance.
    async fn try_start(&mut self) -> Result<(), StartError> {
        let begin = Instant::now();
        let spec = self.plugin.spec();
        let generation = self.create(&spec).await?;
        self.serve(Arc::new(generation), &spec, begin).await
    }

    async fn create(&mut self, spec: &Spec) -> Result<Generation, StartError> {
        let number = self.next_generation;
        self.next_generation += 1;
        let owner = owner(&self.plugin, number);
        Generation::create(
            &self.workshop,
            &spec.path,
            &spec.settings,
            &owner,
            &self.plugin.metrics,
            &self.plugin.offered,
            number,
        )
        .await
    }

    /// Lets an instance serve, and starts what it offers.
    async fn serve(
        &mut self,
        generation: Arc<Generation>,
        spec: &Spec,
        begin: Instant,
    ) -> Result<(), StartError> {
        self.set_current(Some(generation.clone()));
        if let Err(error) = generation.start(self.plugin.id(), &spec.settings).await {
            self.set_current(None);
            generation.close().await;
            return Err(error);
        }
        let load_time = begin.elapsed();
        self.faults.runs();
        self.set(State::Running, Some(load_time));
        let ms = load_time.as_secs_f64() * 1000.0;
        let (id, version) = (self.plugin.id(), &spec.manifest.version);
        tracing::info!(target: "openclaw::plugins", "{id} {version} loaded in {ms:.1} ms");
        Ok(())
    }

    async fn on_fault(&mut self, instance: u64, fault: Fault) {
        let Some(serving) = self.serving.clone() else {
            return;
        };
        let fault = match fault {
            // it panicked, for callers don't get it any more; the word of that may have found no place among the others
            _ if self.plugin.current().is_none() => Fault::Panic,
            fault if serving.number == instance => fault,
            // one panic is often told by several calls at once, and an instance that was given up by its last calls
            _ => return,
        };
        let count = self.faults.count();
        let why = match fault {
            Fault::Panic => "its code panicked",
            Fault::Timeout => "it did not answer in time",
            Fault::Stuck => "it blocked a thread",
        };
        tracing::error!(target: "openclaw::plugins", plugin = self.plugin.id(), faults = count, "{why}");
        match fault {
            _ if count >= MAX_FAULTS => self.quarantine(serving, why).await,
            Fault::Stuck => self.quarantine(serving, why).await,
            Fault::Panic => self.replace(serving).await,
            Fault::Timeout if !serving.link().alive().await => self.replace(serving).await,
            Fault::Timeout => {}
        }
    }

    /// A child ended by itself.
    async fn on_end(&mut self, why: &str) {
        let Some(serving) = self.serving.clone() else {
            return;
        };
        let count = self.faults.count();
        tracing::error!(target: "openclaw::plugins", plugin = self.plugin.id(), faults = count, "its process {why}");
        match count {
            MAX_FAULTS.. => self.quarantine(serving, why).await,
            _ => self.replace(serving).await,
        }
    }

    /// Destroys the instance that serves.
    async fn discard(&mut self, old: &Generation) {
        self.set_current(None);
        old.close().await;
    }

    /// A fresh instance in the place of one that can't be used any more.
    async fn replace(&mut self, old: Arc<Generation>) {
        self.set(State::Starting, None);
        self.discard(&old).await;
        self.plugin
            .metrics
            .restarts
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.restart().await;
        self.tell_ended(old.number);
    }

    async fn quarantine(&mut self, old: Arc<Generation>, why: &str) {
        self.set_aside(why);
        self.discard(&old).await;
        self.tell_ended(old.number);
    }

    /// What instances up to this one had begun will not be ended by them. Told when there is a new one, or none for a while:
    /// whoever hears of it may use the plugin at once.
    fn tell_ended(&self, last: u64) {
        if let Some(core) = self.workshop.services.core.get().and_then(Weak::upgrade) {
            tokio::spawn(core.instances_ended(self.plugin.id(), last));
        }
    }

    /// No instance until the time is over.
    fn set_aside(&mut self, why: &str) {
        let wait = self.faults.quarantine();
        self.retry_at = Some(Instant::now() + wait);
        let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        let until_ms = self.workshop.services.clock.now_ms().saturating_add(wait_ms);
        self.set(
            State::Quarantined {
                why: why.to_owned(),
                until_ms,
            },
            None,
        );
        tracing::error!(target: "openclaw::plugins", plugin = self.plugin.id(), ?wait, "set aside: {why}");
    }

    /// A new generation beside the old one. If it can't be made, the old one stays.
    async fn reload(&mut self, new: Option<Spec>) -> Result<(), String> {
        let begin = Instant::now();
        let old_spec = self.plugin.spec();
        let spec = new.unwrap_or_else(|| (*old_spec).clone());
        if !spec.reason.is_on() {
            self.set_spec(spec);
            self.take_down(&old_spec).await;
            self.set(State::Off, None);
            self.tell_ended(self.next_generation - 1);
            return Ok(());
        }
        if self.reconfigure(&old_spec, &spec).await {
            self.set_spec(spec);
            return Ok(());
        }
        let generation = match self.create(&spec).await {
            Ok(generation) => Arc::new(generation),
            Err(error) if self.serving.is_some() => {
                return Err(format!("{error}; the running one stays"));
            }
            Err(error) => {
                // somebody has changed something, so trying again what it was before is over
                self.retry_at = None;
                self.set_spec(spec);
                return Err(self.failed(&error));
            }
        };
        self.set_spec(spec.clone());
        // The old one lets go of its connections before the new one takes them up: two bots with one token would
        // push each other off.
        self.take_down(&old_spec).await;
        let last = generation.number - 1;
        let served = self.serve(generation, &spec, begin).await;
        self.tell_ended(last);
        served.map_err(|error| self.failed(&error))
    }

    /// Where nothing but the configuration changed, a plugin that follows changes goes on with the new one.
    async fn reconfigure(&self, old: &Spec, new: &Spec) -> bool {
        let Some(current) = self.plugin.current() else {
            return false;
        };
        let rest = Settings {
            config: old.settings.config.clone(),
            ..new.settings.clone()
        };
        let changed = old.settings.config != new.settings.config;
        if !changed || rest != old.settings || !is_unchanged(&new.path, &current.staged.sha256).await {
            return false;
        }
        let fits = super::schema::check_config(&new.manifest, &new.settings.config).is_ok();
        fits && current.configure(&new.settings).await.is_ok()
    }

    async fn stop(&mut self) {
        let spec = self.plugin.spec();
        self.take_down(&spec).await;
        self.set(State::Stopped, None);
    }

    async fn take_down(&mut self, spec: &Spec) {
        let (old, panicked) = (self.serving.clone(), self.plugin.current().is_none());
        self.set_current(None);
        self.retry_at = None;
        self.faults.clear();
        match old {
            // no further call reaches it, so it isn't asked to stop
            Some(old) if panicked => old.close().await,
            Some(old) => old.retire(&spec.settings).await,
            None => {}
        }
    }

    fn failed(&self, error: &StartError) -> String {
        let text = error.to_string();
        tracing::error!(target: "openclaw::plugins", plugin = self.plugin.id(), "failed to load: {text}");
        self.set(
            State::Failed {
                stage: error.stage(),
                why: text.clone(),
            },
            None,
        );
        text
    }

    fn set(&self, state: State, load_time: Option<Duration>) {
        *self.plugin.status.write().unwrap_or_else(PoisonError::into_inner) = Status { state, load_time };
        self.plugin.changes.send_modify(|changes| *changes += 1);
    }

    fn set_current(&mut self, generation: Option<Arc<Generation>>) {
        self.serving.clone_from(&generation);
        *self
            .plugin
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner) = generation;
        self.plugin.changes.send_modify(|changes| *changes += 1);
    }

    fn set_spec(&self, spec: Spec) {
        *self.plugin.spec.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(spec);
        self.plugin.changes.send_modify(|changes| *changes += 1);
    }
}

/// Is the file still the one with this hash? Read off the async threads.
async fn is_unchanged(path: &Path, sha256: &str) -> bool {
    let path = path.to_owned();
    let hash = tokio::task::spawn_blocking(move || super::stage::hash_file(&path)).await;
    hash.is_ok_and(|hash| hash.is_ok_and(|hash| hash == sha256))
}

#[cfg(test)]
mod tests;
