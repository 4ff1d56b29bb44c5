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
    sync::{Arc, Mutex, PoisonError, Weak},
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
    runs: Mutex<HashMap<String, Watched>>,
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
        // a panic can't leave the map half changed
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(step, Step::Ended) {
            let watched = runs.remove(&run.id).unwrap_or_else(|| Watched::of(run, None));
            drop(runs);
            watched.ended(&telemetry, now);
            return;
        }
        if !runs.contains_key(&run.id) {
            // what comes behind its end begins no run
            let begins = matches!(step, Step::Opened | Step::Began);
            if !begins || runs.len() >= MAX_RUNS {
                return;
            }
            let ids = telemetry.exporter.is_some().then(|| self.rules.ids()).flatten();
            runs.insert(run.id.clone(), Watched::of(run, ids));
        }
        if let Some(watched) = runs.get_mut(&run.id) {
            watched.step(&telemetry, step, self.rules, now);
        }
    }
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
