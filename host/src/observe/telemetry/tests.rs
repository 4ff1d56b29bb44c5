//! Runs as they happen, and what is known of them afterwards.
use super::*;
use crate::{
    agent::live::{End, Source},
    http::Options,
};
use openclaw_plugin_api::{AgentEvent, Error, ErrorKind, StopReason, ToolOutput, Usage};
use std::sync::atomic::{AtomicI64, Ordering};

/// A clock that a test moves.
fn clock() -> (Arc<AtomicI64>, Clock) {
    let now = Arc::new(AtomicI64::new(1_000));
    let read = now.clone();
    (now, Clock::from_fn(move || read.load(Ordering::Relaxed)))
}

fn started(live: &Live, clock: Clock) -> Arc<Telemetry> {
    let http = Client::new(Options::default()).expect("a client");
    Telemetry::start(live, &OtelConfig::default(), http, clock, || Some(7))
}

#[tokio::test]
async fn a_run_is_counted_with_what_it_used() {
    let (now, clock) = clock();
    let live = Live::new(clock.clone());
    let telemetry = started(&live, clock);
    let (run, _) = live.open("r", "agent:main:main", "main", Source::Channel);
    run.began("s");
    run.asks("p", "m");
    run.hear(&AgentEvent::ToolStarted {
        id: "1".into(),
        name: "dice".into(),
        arguments: json!({}),
    });
    run.hear(&AgentEvent::ToolEnded {
        id: "1".into(),
        output: ToolOutput::default(),
    });
    let usage = Usage {
        input: 3,
        output: 2,
        cost: 0.5,
        ..Usage::default()
    };
    run.said(usage, StopReason::default(), false);
    now.store(3_000, Ordering::Relaxed);
    live.end(
        "r",
        End::Answered {
            text: String::new(),
            usage,
        },
    );
    let tallies = telemetry.meter.read();
    assert_eq!(tallies.turns[&("main".to_owned(), "channel", "answered")], 1);
    let model = &tallies.models[&("p".to_owned(), "m".to_owned())];
    assert_eq!((model.answered, model.failed, model.usage), (1, 0, usage));
    assert_eq!(tallies.tools[&("dice".to_owned(), "ok")], 1);
    assert!((tallies.turn_seconds["answered"].sum() - 2.0).abs() < 1e-9);
    let known = loop {
        let known = telemetry.stability.snapshot(&super::super::Query::default(), 0);
        match known["summary"]["memory"]["latest"].is_null() {
            true => tokio::task::yield_now().await,
            false => break known,
        }
    };
    let by_type = &known["summary"]["byType"];
    for kind in [
        "message.received",
        "message.dispatch.started",
        "message.dispatch.completed",
        "message.processed",
        "session.turn.created",
        "model.usage",
        "tool.execution.completed",
        "run.completed",
    ] {
        assert_eq!(by_type[kind], 1, "{known}");
    }
    assert_eq!(known["summary"]["memory"]["latest"]["rssBytes"], 7);
}

#[tokio::test]
async fn what_was_not_answered_is_a_failure() {
    let (_, clock) = clock();
    let live = Live::new(clock.clone());
    let telemetry = started(&live, clock);
    let (run, _) = live.open("r", "k", "main", Source::Client);
    run.began("s");
    run.asks("p", "m");
    run.asks("q", "n");
    let error = Error::new(ErrorKind::Timeout, "late");
    live.end(
        "r",
        End::Failed {
            message: "late".into(),
            error,
        },
    );
    // what is no turn counts as none
    live.open("t", "k", "main", Source::Client);
    live.end("t", End::Merged);
    live.open("u", "k", "main", Source::Client);
    live.end("u", End::Aborted);
    let tallies = telemetry.meter.read();
    assert_eq!(tallies.models.values().map(|model| model.failed).sum::<u64>(), 2);
    assert_eq!(tallies.turns[&("main".to_owned(), "client", "failed")], 1);
    assert_eq!(tallies.turns[&("main".to_owned(), "client", "aborted")], 1);
}

#[tokio::test]
async fn what_comes_behind_its_end_keeps_no_run() {
    let (_, clock) = clock();
    let live = Live::new(clock.clone());
    let telemetry = started(&Live::new(clock.clone()), clock.clone());
    let watcher = Arc::new(Watcher {
        telemetry: Arc::downgrade(&telemetry),
        clock,
        rules: Rules {
            sample: 1.0,
            content: false,
        },
        runs: Mutex::default(),
    });
    live.observe(watcher.clone());
    let (run, _) = live.open("r", "k", "main", Source::Client);
    run.began("s");
    assert_eq!(lock(&watcher.runs).len(), 1);
    live.end("r", End::Aborted);
    run.began("s");
    run.wrote();
    assert!(lock(&watcher.runs).is_empty());
    let turns = telemetry.meter.read().turns;
    assert_eq!(turns[&("main".to_owned(), "client", "aborted")], 1);
}
