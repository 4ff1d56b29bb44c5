//! Watches runs and makes of them what others read: counts, the last things that happened, and traces.
//!
//! It observes and decides nothing. Steps are noted where they happen: it has everything, and no task is woken for it.
mod watched;

use super::{
    meter::Meter,
    otlp::{Destination, Exporter},
    stability::Stability,
};
use crate::{
    agent::live::{Live, Observer, Run, Step},
    clock::Clock,
    config::OtelConfig,
    http::Client,
};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval};
use watched::{Watched, random};

/// Runs that are watched at once; of more, only their ends are counted.
const MAX_RUNS: usize = 4_096;
/// How often the memory of the process is noted.
const SAMPLE: Duration = Duration::from_secs(60);

/// What is known of the gateway's work.
#[derive(Debug, Default)]
pub struct Telemetry {
    /// Counts.
    pub meter: Meter,
    /// What happened last.
    pub stability: Arc<Stability>,
    /// Where traces go, if anybody wants them.
    pub exporter: Option<Exporter>,
}

/// How runs are traced.
#[derive(Debug, Clone, Copy)]
struct Rules {
    sample: f64,
    content: bool,
}

struct Watcher {
    telemetry: Weak<Telemetry>,
    clock: Clock,
    rules: Rules,
    /// Each with a lock of its own: what is noted of a run takes the time of no other.
    runs: Mutex<HashMap<String, Arc<Mutex<Watched>>>>,
}

// === impl Telemetry ===

impl Telemetry {
    /// Begins to watch. `memory` says how much the process has, bytes.
    pub fn start(
        live: &Live,
        otel: &OtelConfig,
        http: Client,
        clock: Clock,
        memory: impl Fn() -> Option<u64> + Send + 'static,
    ) -> Arc<Self> {
        let stability = Arc::<Stability>::default();
        let exporter = match otel.traces_address() {
            Ok(None) => None,
            Ok(Some(url)) => Some(Exporter::start(
                destination(otel, url),
                http,
                stability.clone(),
                clock.clone(),
            )),
            Err(why) => {
                tracing::error!(target: "openclaw::telemetry", "{why}; nothing is traced");
                None
            }
        };
        let telemetry = Arc::new(Self {
            meter: Meter::default(),
            stability,
            exporter,
        });
        let watcher = Watcher {
            telemetry: Arc::downgrade(&telemetry),
            clock: clock.clone(),
            rules: Rules {
                sample: otel.sample_rate.unwrap_or(1.0),
                content: otel.capture_content == Some(true),
            },
            runs: Mutex::default(),
        };
        live.observe(Arc::new(watcher));
        tokio::spawn(sample(Arc::downgrade(&telemetry), clock, memory));
        telemetry
    }
}

/// Notes what the process has, for as long as anybody reads it.
async fn sample(telemetry: Weak<Telemetry>, clock: Clock, memory: impl Fn() -> Option<u64> + Send + 'static) {
    let mut due = interval(SAMPLE);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        let Some(telemetry) = telemetry.upgrade() else {
            return;
        };
        let sample = json!({ "memory": { "rssBytes": memory() } });
        telemetry
            .stability
            .note(clock.now_ms(), "diagnostic.memory.sample", sample);
    }
}

fn destination(otel: &OtelConfig, url: String) -> Destination {
    let headers = otel.headers.iter();
    Destination {
        url,
        headers: headers
            .filter_map(|(name, value)| Some((name.clone(), value.secret()?.clone())))
            .collect(),
        service: otel.service_name.clone().unwrap_or_else(|| "openclaw".to_owned()),
        flush: Duration::from_millis(otel.flush_ms()),
    }
}

// === impl Watcher ===

impl Observer for Watcher {
    fn hear(&self, run: &Arc<Run>, step: &Step) {
        let Some(telemetry) = self.telemetry.upgrade() else {
            return;
        };
        let now = self.clock.now_ms();
        let watched = match step {
            Step::Ended => self.forget(run),
            _ => self.watched(&telemetry, run),
        };
        let Some(watched) = watched else { return };
        let mut watched = lock(&watched);
        match step {
            Step::Ended => watched.ended(&telemetry, now),
            step => watched.step(&telemetry, step, self.rules, now),
        }
    }
}

impl Watcher {
    /// The run, from its first step on. None: there are too many, or it is over.
    fn watched(&self, telemetry: &Telemetry, run: &Arc<Run>) -> Option<Arc<Mutex<Watched>>> {
        let mut runs = lock(&self.runs);
        if let Some(watched) = runs.get(&run.id) {
            return Some(watched.clone());
        }
        // asked while nobody can take the run out: what comes behind its end would keep it for ever
        if run.ended_ms().is_some() || runs.len() >= MAX_RUNS {
            return None;
        }
        let ids = telemetry.exporter.is_some().then(|| self.rules.ids()).flatten();
        let watched = Arc::new(Mutex::new(Watched::of(run, ids)));
        runs.insert(run.id.clone(), watched.clone());
        Some(watched)
    }

    fn forget(&self, run: &Arc<Run>) -> Option<Arc<Mutex<Watched>>> {
        let known = lock(&self.runs).remove(&run.id);
        // the end of one of too many counts too
        Some(known.unwrap_or_else(|| Arc::new(Mutex::new(Watched::of(run, None)))))
    }
}

/// A panic leaves nothing half changed that matters to counts.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Rules ===

impl Rules {
    fn ids(&self) -> Option<([u8; 16], [u8; 8])> {
        let (trace, id) = (random::<16>(), random::<8>());
        let part = u32::from_be_bytes([trace[0], trace[1], trace[2], trace[3]]);
        (f64::from(part) < self.sample * f64::from(u32::MAX) || self.sample >= 1.0).then_some((trace, id))
    }
}

#[cfg(test)]
mod tests;
