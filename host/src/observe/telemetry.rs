//! Watches runs and makes of them what others read: counts, the last things that happened, and traces.
//!
//! It observes and decides nothing; a run never waits for it. What comes faster than it can note is counted as missed.
mod watched;

use super::{
    meter::Meter,
    otlp::{Destination, Exporter},
    stability::Stability,
};
use crate::{
    agent::live::{Live, News, Run, Step},
    clock::Clock,
    config::OtelConfig,
    http::Client,
};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{Instant, MissedTickBehavior, interval_at},
};
use watched::{Watched, random};

/// Runs that are watched at once; of more, only their ends are counted.
const MAX_RUNS: usize = 4_096;
/// How often the memory of the process is noted.
const SAMPLE: Duration = Duration::from_secs(60);
/// How long ago a run has ended whose end is not heard of any more, milliseconds.
const LATE_MS: i64 = 60_000;

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
    runs: HashMap<String, Watched>,
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
            clock,
            rules: Rules {
                sample: otel.sample_rate.unwrap_or(1.0),
                content: otel.capture_content == Some(true),
            },
            runs: HashMap::new(),
        };
        tokio::spawn(watcher.serve(live.watch(), memory));
        telemetry
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

impl Watcher {
    async fn serve(
        mut self,
        mut news: broadcast::Receiver<News>,
        memory: impl Fn() -> Option<u64> + Send + 'static,
    ) {
        let mut samples = interval_at(Instant::now() + SAMPLE, SAMPLE);
        samples.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.sample(memory());
        loop {
            let heard = tokio::select! {
                heard = news.recv() => heard,
                _ = samples.tick() => {
                    self.sample(memory());
                    continue;
                }
            };
            let Some(telemetry) = self.telemetry.upgrade() else {
                return;
            };
            match heard {
                Ok(News::Run(run, step)) => self.step(&telemetry, &run, step),
                Ok(News::Session { .. }) => {}
                Err(RecvError::Lagged(count)) => telemetry.meter.missed(count),
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Notes what the process has, and forgets what is over.
    fn sample(&mut self, rss_bytes: Option<u64>) {
        if let Some(telemetry) = self.telemetry.upgrade() {
            let sample = json!({ "memory": { "rssBytes": rss_bytes } });
            let now = self.clock.now_ms();
            telemetry.stability.note(now, "diagnostic.memory.sample", sample);
            self.catch_up(&telemetry);
        }
    }

    /// Ends of which it will not hear any more, for they were among what came too fast.
    fn catch_up(&mut self, telemetry: &Telemetry) {
        let long_ago = self.clock.now_ms() - LATE_MS;
        let over = self.runs.values().filter(|watched| {
            let ended = watched.run.ended_ms();
            ended.is_some_and(|ended| ended < long_ago)
        });
        let over: Vec<_> = over.map(|watched| watched.run.clone()).collect();
        for run in over {
            self.step(telemetry, &run, Step::Ended);
        }
    }

    fn step(&mut self, telemetry: &Telemetry, run: &Arc<Run>, step: Step) {
        let now = self.clock.now_ms();
        if matches!(step, Step::Ended) {
            let watched = self
                .runs
                .remove(&run.id)
                .unwrap_or_else(|| Watched::of(run, None));
            watched.ended(telemetry, now);
            return;
        }
        if !self.runs.contains_key(&run.id) {
            // what comes behind its end, or behind what came too fast, begins no run
            let begins = matches!(step, Step::Opened | Step::Began);
            if !begins || self.runs.len() >= MAX_RUNS {
                return;
            }
            let ids = telemetry.exporter.is_some().then(|| self.rules.ids()).flatten();
            self.runs.insert(run.id.clone(), Watched::of(run, ids));
        }
        if let Some(watched) = self.runs.get_mut(&run.id) {
            watched.step(telemetry, step, self.rules, now);
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
