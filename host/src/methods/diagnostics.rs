//! `/metrics` and `diagnostics.stability`: what was counted and what happened last, of this gateway and its plugins.
use super::{Methods, params, system};
use crate::{
    app::Gateway,
    gateway::{Failure, Method, Scope},
    observe::{CONTENT_TYPE, Labels, ModelTally, Query, Sheet, Spread, Tallies, Telemetry},
    plugins::{metrics::Snapshot, view::PluginView},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// How long the last traces may take at a stop.
const LAST_TRACES: Duration = Duration::from_secs(2);

/// Parameters of `diagnostics.stability`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Params {
    #[schemars(range(min = 1, max = 1_000))]
    limit: Option<usize>,
    #[serde(rename = "type")]
    kind: Option<String>,
    since_seq: Option<u64>,
}

pub(super) fn methods() -> Vec<Method> {
    vec![Method::new("diagnostics.stability", Scope::Read).with::<Params>()]
}

/// Begins to watch what a gateway does.
pub(super) fn watch(gateway: &Gateway) -> Arc<Telemetry> {
    let desk = gateway.desk();
    let config = desk.config();
    let memory = || system::process_memory()["rssBytes"].as_u64();
    let http = desk.enclosures.http.clone();
    Telemetry::start(
        &desk.live,
        &config.diagnostics.otel,
        http,
        desk.clock.clone(),
        memory,
    )
}

impl Methods {
    /// What is left to tell when the gateway has stopped: traces of its last runs.
    pub async fn stop(&self) {
        if let Some(exporter) = &self.telemetry.exporter {
            let _ = tokio::time::timeout(LAST_TRACES, exporter.flush()).await;
        }
    }
}

/// What happened last.
pub(super) fn stability(telemetry: &Telemetry, gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Params = params("diagnostics.stability", given)?;
    let query = Query {
        limit: asked.limit,
        kind: asked.kind.map(|kind| kind.trim().to_owned()),
        since_seq: asked.since_seq,
    };
    Ok(telemetry.stability.snapshot(&query, gateway.now_ms()))
}

/// All figures as a text.
pub(super) async fn figures(telemetry: &Telemetry, gateway: &Gateway) -> (String, &'static str) {
    let mut sheet = Sheet::default();
    of_process(&mut sheet);
    let tallies = telemetry.meter.read();
    of_turns(&mut sheet, &tallies, gateway);
    of_models(&mut sheet, &tallies);
    of_queues(&mut sheet, gateway).await;
    of_plugins(&mut sheet, &gateway.registry.views());
    if let Some(exporter) = &telemetry.exporter {
        let counts = exporter.counts();
        let spans = [("sent", &counts.sent), ("lost", &counts.lost)];
        let spans =
            spans.map(|(what, count)| (label("outcome", what), number(count.load(Ordering::Relaxed))));
        sheet.counters("openclaw_spans", "Spans of traces by what became of them", spans);
    }
    (sheet.text(), CONTENT_TYPE)
}

fn of_process(sheet: &mut Sheet) {
    let version = label("version", env!("CARGO_PKG_VERSION"));
    sheet.gauges("openclaw_build_info", "The running program", [(version, 1.0)]);
    let info = system::info();
    let uptime = info["uptimeMs"].as_u64().unwrap_or(0);
    sheet.gauges(
        "openclaw_uptime_seconds",
        "Since the gateway started",
        [(none(), number(uptime) / 1e3)],
    );
    let memory = info["processMemory"]["rssBytes"].as_u64().unwrap_or(0);
    let help = "Memory of the process that is in RAM";
    sheet.gauges("process_resident_memory_bytes", help, [(none(), number(memory))]);
}

fn of_turns(sheet: &mut Sheet, tallies: &Tallies, gateway: &Gateway) {
    let turns = tallies.turns.iter().map(|((agent, source, how), count)| {
        let labels = [("agent", agent.as_str()), ("source", source), ("outcome", how)];
        (self::labels(&labels), number(*count))
    });
    sheet.counters("openclaw_turns", "Turns that have ended", turns);
    let seconds = tallies.turn_seconds.iter();
    let seconds = seconds.map(|(how, histogram)| (label("outcome", how), Spread::from(histogram)));
    sheet.histograms(
        "openclaw_turn_seconds",
        "From the wish to the end of its turn",
        seconds,
    );
    let wait = [(none(), Spread::from(&tallies.wait_seconds))];
    sheet.histograms(
        "openclaw_turn_wait_seconds",
        "From the wish to the beginning of its turn",
        wait,
    );
    let runs = gateway.desk().live.active(None);
    let active = runs.iter().filter(|run| run.began_ms().is_some()).count();
    let states = [("active", active), ("waiting", runs.len() - active)];
    let states = states.map(|(state, count)| (label("state", state), number(count as u64)));
    sheet.gauges("openclaw_turns_open", "Turns that work or wait", states);
    let tools = tallies
        .tools
        .iter()
        .map(|((tool, how), count)| (labels(&[("tool", tool), ("outcome", how)]), number(*count)));
    sheet.counters("openclaw_tool_calls", "Tools that agents used", tools);
    let seconds = [(none(), Spread::from(&tallies.tool_seconds))];
    sheet.histograms("openclaw_tool_seconds", "How long tools took", seconds);
    let compactions = [(none(), number(tallies.compactions))];
    sheet.counters(
        "openclaw_compactions",
        "Conversations that were shortened",
        compactions,
    );
}

fn of_models(sheet: &mut Sheet, tallies: &Tallies) {
    let models: Vec<_> = tallies.models.iter().collect();
    let of = |(provider, model): &(String, String), more: &[(&'static str, &str)]| {
        labels(
            &[
                &[("provider", provider.as_str()), ("model", model.as_str())],
                more,
            ]
            .concat(),
        )
    };
    let requests = models.iter().flat_map(|(key, tally)| {
        [("answered", tally.answered), ("failed", tally.failed)]
            .map(|(how, count)| (of(key, &[("outcome", how)]), number(count)))
    });
    sheet.counters("openclaw_model_requests", "Requests to models", requests);
    let spread = |which: fn(&ModelTally) -> Spread| {
        let all = models
            .iter()
            .map(move |(key, tally)| (of(key, &[]), which(tally)));
        all.collect::<Vec<_>>()
    };
    let seconds = spread(|tally| Spread::from(&tally.seconds));
    sheet.histograms(
        "openclaw_model_request_seconds",
        "How long models took to answer",
        seconds,
    );
    let first = spread(|tally| Spread::from(&tally.first_seconds));
    sheet.histograms(
        "openclaw_model_first_words_seconds",
        "How long models took to begin an answer",
        first,
    );
    let tokens = models.iter().flat_map(|(key, tally)| {
        let usage = &tally.usage;
        [
            ("input", usage.input),
            ("output", usage.output),
            ("cache_read", usage.cache_read),
            ("cache_write", usage.cache_write),
        ]
        .map(|(kind, count)| (of(key, &[("kind", kind)]), number(count)))
    });
    sheet.counters("openclaw_tokens", "Tokens that models used", tokens);
    let cost = models.iter().map(|(key, tally)| (of(key, &[]), tally.usage.cost));
    sheet.counters(
        "openclaw_cost_usd",
        "What models cost, US dollars, where a price is known",
        cost,
    );
}

async fn of_queues(sheet: &mut Sheet, gateway: &Gateway) {
    let read = gateway
        .journal()
        .run(|j| Ok((j.inbox_counts()?, j.outbox_counts()?)))
        .await;
    if let Ok(((waiting, failed), outbox)) = read {
        let inbox = [("waiting", waiting), ("failed", failed)];
        let inbox = inbox.map(|(state, count)| (label("state", state), number(count)));
        sheet.gauges(
            "openclaw_inbox_events",
            "Accepted events that are not answered",
            inbox,
        );
        let outbox = [
            ("pending", outbox.pending),
            ("failed", outbox.failed),
            ("unknown", outbox.unknown),
        ];
        let outbox = outbox.map(|(state, count)| (label("state", state), number(count)));
        sheet.gauges(
            "openclaw_outbox_messages",
            "Messages that are not delivered",
            outbox,
        );
    }
    let trouble = gateway.journal().trouble().is_some();
    let help = "The journal can't write";
    sheet.gauges(
        "openclaw_journal_trouble",
        help,
        [(none(), f64::from(u8::from(trouble)))],
    );
    let deliveries = gateway.desk().outbox.tally().read();
    let deliveries = deliveries.iter().map(|((channel, outcome), count)| {
        (
            labels(&[("channel", channel), ("outcome", outcome)]),
            number(*count),
        )
    });
    sheet.counters("openclaw_deliveries", "Tries to deliver a message", deliveries);
}

/// A count of plugins: its name, what it says, and where it is found.
type Count = (&'static str, &'static str, fn(&Snapshot) -> u64);

fn of_plugins(sheet: &mut Sheet, views: &[PluginView]) {
    let on: Vec<_> = views.iter().filter(|view| view.enabled).collect();
    let of = |view: &PluginView| label("plugin", &view.id);
    let up = on
        .iter()
        .map(|view| (of(view), f64::from(u8::from(view.status == "loaded"))));
    sheet.gauges("openclaw_plugin_up", "The plugin serves", up);
    let counts: [Count; 7] = [
        (
            "openclaw_plugin_calls",
            "Calls of the plugin that have ended",
            |m| m.calls,
        ),
        ("openclaw_plugin_faults", "Calls that failed", |m| m.faults),
        (
            "openclaw_plugin_timeouts",
            "Calls that ran into their deadline",
            |m| m.timeouts,
        ),
        ("openclaw_plugin_panics", "Panics", |m| m.panics),
        (
            "openclaw_plugin_restarts",
            "Instances that were replaced after a fault",
            |m| m.restarts,
        ),
        (
            "openclaw_plugin_host_calls",
            "Calls of the plugin to the host",
            |m| m.host_calls,
        ),
        (
            "openclaw_plugin_logs_dropped",
            "Log lines of the plugin that were too many",
            |m| m.logs_dropped,
        ),
    ];
    for (name, help, count) in counts {
        sheet.counters(
            name,
            help,
            on.iter().map(|view| (of(view), number(count(&view.metrics)))),
        );
    }
    let running = on.iter().map(|view| (of(view), number(view.metrics.in_flight)));
    sheet.gauges(
        "openclaw_plugin_calls_running",
        "Calls of the plugin that are running",
        running,
    );
    let seconds = on.iter().map(|view| (of(view), spread(&view.metrics)));
    sheet.histograms("openclaw_plugin_call_seconds", "How long calls took", seconds);
    let processes = on
        .iter()
        .filter_map(|view| Some((of(view), view.usage.as_ref()?)));
    let (memory, cpu): (Vec<_>, Vec<_>) = processes
        .map(|(labels, usage)| {
            (
                (labels.clone(), number(usage.rss_bytes)),
                (labels, number(usage.cpu_ms) / 1e3),
            )
        })
        .unzip();
    let help = "Memory of the plugin's own process that is in RAM";
    sheet.gauges("openclaw_plugin_resident_memory_bytes", help, memory);
    sheet.counters(
        "openclaw_plugin_cpu_seconds",
        "CPU time of the plugin's own process",
        cpu,
    );
}

fn spread(metrics: &Snapshot) -> Spread {
    let bucket = |bucket: &crate::plugins::metrics::Bucket| {
        let bound = bucket.le_us.map_or(f64::INFINITY, |us| number(us) / 1e6);
        (bound, bucket.count)
    };
    Spread {
        // the mean is whole microseconds, so this is a little less than the sum
        sum: number(metrics.mean_us.saturating_mul(metrics.calls)) / 1e6,
        buckets: metrics.latency.iter().map(bucket).collect(),
    }
}

fn none() -> Labels {
    Vec::new()
}

fn label(name: &'static str, value: &str) -> Labels {
    vec![(name, value.to_owned())]
}

fn labels(all: &[(&'static str, &str)]) -> Labels {
    all.iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "no count here is that large")]
fn number(count: u64) -> f64 {
    count as f64
}
