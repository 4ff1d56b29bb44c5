//! What the gateway tells of its work: figures for Prometheus, traces for a collector, and what happened last.
use openclaw_e2e::{
    chat::{Chat, TOKEN},
    world::{ADA, World, soon},
};
use openclaw_fakes::{
    collector::{Collector, attribute},
    openai::Turn,
    server::Fault,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A world with a token, and traces to a collector.
async fn world(collector: Option<&Collector>, more: Value) -> World {
    let mut otel = json!({ "enabled": collector.is_some(), "flushIntervalMs": 10 });
    if let Some(collector) = collector {
        otel["endpoint"] = collector.server.url().into();
    }
    if let (Value::Object(otel), Value::Object(more)) = (&mut otel, more) {
        otel.extend(more);
    }
    World::with(|config| {
        config["gateway"] = json!({ "auth": { "token": TOKEN } });
        config["diagnostics"] = json!({ "otel": otel });
    })
    .await
}

/// The status and the body of an answer.
async fn get(world: &World, path: &str, headers: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{}", world.gateway.port))
        .await
        .expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    soon("its answer", stream.read_to_string(&mut answer))
        .await
        .expect("text");
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse().ok())
        .expect("a status");
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
        .unwrap_or_default();
    (status, body)
}

/// The figures, by name and labels.
async fn figures(world: &World) -> BTreeMap<String, f64> {
    let (status, body) = get(world, "/metrics", &format!("authorization: Bearer {TOKEN}\r\n")).await;
    assert_eq!(status, 200, "{body}");
    // an answer in pieces has lengths between them, which are no figures
    let lines = body
        .lines()
        .filter(|line| !line.starts_with('#') && line.contains(' '));
    let figure = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        (
            name.to_owned(),
            value
                .trim()
                .parse()
                .unwrap_or_else(|_| panic!("{line} is no figure")),
        )
    };
    lines.map(figure).collect()
}

#[tokio::test]
async fn figures_are_for_operators_and_true() {
    let world = world(None, json!({})).await;
    world.telegram.dm(ADA, "hello there");
    world.sent("You said:").await;
    for headers in ["", "authorization: Bearer wrong\r\n"] {
        let (status, body) = get(&world, "/metrics", headers).await;
        assert_eq!(status, 401, "{body}");
        assert!(!body.contains("openclaw_"), "{body}");
    }
    let foreign = format!("authorization: Bearer {TOKEN}\r\norigin: https://elsewhere.example\r\n");
    assert_eq!(get(&world, "/metrics", &foreign).await.0, 403);
    let turns = "openclaw_turns_total{agent=\"main\",source=\"channel\",outcome=\"answered\"}";
    // the end of a turn is noted by who watches, so it may come a moment behind the answer
    let figures = soon("the turn to be counted", async {
        loop {
            let figures = figures(&world).await;
            if figures.contains_key(turns) {
                return figures;
            }
        }
    })
    .await;
    let value = |name: &str| {
        *figures
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in {figures:#?}"))
    };
    assert!((value(turns) - 1.0).abs() < 1e-9);
    assert!(value("openclaw_turn_seconds_count{outcome=\"answered\"}") >= 1.0);
    assert!(value("openclaw_model_requests_total{provider=\"one\",model=\"m\",outcome=\"answered\"}") >= 1.0);
    assert!(value("openclaw_tokens_total{provider=\"one\",model=\"m\",kind=\"output\"}") >= 1.0);
    assert!(value("openclaw_plugin_calls_total{plugin=\"openai\"}") >= 1.0);
    assert!((value("openclaw_plugin_up{plugin=\"telegram\"}") - 1.0).abs() < 1e-9);
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!((value("openclaw_outbox_messages{state=\"failed\"}")).abs() < 1e-9);
    assert!(value("openclaw_deliveries_total{channel=\"telegram\",outcome=\"sent\"}") >= 1.0);
    // cumulative, as histograms are
    let buckets: Vec<_> = figures
        .iter()
        .filter(|(name, _)| {
            name.starts_with("openclaw_plugin_call_seconds_bucket{") && name.contains("openai")
        })
        .map(|(_, value)| *value)
        .collect();
    let most = buckets.iter().copied().fold(0.0, f64::max);
    assert!(
        (value("openclaw_plugin_call_seconds_count{plugin=\"openai\"}") - most).abs() < 1e-9,
        "{buckets:?}"
    );
    world.reconfigure(|config| config["diagnostics"]["enabled"] = false.into());
    soon("the figures to be closed", async {
        while get(&world, "/metrics", &format!("authorization: Bearer {TOKEN}\r\n"))
            .await
            .0
            != 404
        {}
    })
    .await;
    world.end().await;
}

#[tokio::test]
async fn a_turn_is_a_trace_without_anybodys_words() {
    let collector = Collector::start().await.expect("a port");
    let world = world(
        Some(&collector),
        json!({ "headers": { "x-key": "a-key" }, "serviceName": "mine" }),
    )
    .await;
    world.telegram.dm(ADA, "a secret question");
    world.sent("You said:").await;
    let turn = soon("the turn's span", collector.span("invoke_agent main")).await;
    let chat = soon("the model's span", collector.span("chat m")).await;
    assert_eq!(
        (&chat["traceId"], &chat["parentSpanId"]),
        (&turn["traceId"], &turn["spanId"])
    );
    assert_eq!(chat["kind"], 3);
    for (name, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "one"),
        ("gen_ai.request.model", "m"),
    ] {
        assert_eq!(attribute(&chat, name), value, "{chat}");
    }
    let tokens = attribute(&chat, "gen_ai.usage.output_tokens");
    assert!(tokens.as_str().is_some_and(|tokens| tokens != "0"), "{chat}");
    assert_eq!(attribute(&turn, "gen_ai.agent.id"), "main");
    let asked = collector.server.asked();
    assert_eq!(asked[0].header("x-key"), "a-key");
    let bodies: Vec<_> = asked.iter().map(|asked| asked.json().to_string()).collect();
    assert!(bodies[0].contains("\"mine\""));
    assert!(!bodies.concat().contains("secret question"), "{bodies:?}");
    world.end().await;
}

#[tokio::test]
async fn traces_that_wait_go_with_a_stop() {
    let collector = Collector::start().await.expect("a port");
    let world = world(Some(&collector), json!({ "flushIntervalMs": 600_000 })).await;
    world.telegram.dm(ADA, "one");
    world.sent("You said:").await;
    assert!(collector.server.asked().is_empty(), "they wait for others");
    world.end().await;
    soon("the turn's span", collector.span("invoke_agent main")).await;
}

#[tokio::test]
async fn words_are_traced_where_the_operator_says_so() {
    let collector = Collector::start().await.expect("a port");
    let world = world(Some(&collector), json!({ "captureContent": true })).await;
    world.model.script(Turn::text("the answer is blue"));
    world.telegram.dm(ADA, "what colour?");
    world.sent("blue").await;
    let chat = soon("the model's span", collector.span("chat m")).await;
    let said = attribute(&chat, "gen_ai.output.messages");
    assert!(
        said.as_str()
            .is_some_and(|said| said.contains("the answer is blue")),
        "{chat}"
    );
    world.end().await;
}

#[tokio::test]
async fn a_collector_that_fails_holds_up_nobody() {
    let collector = Collector::start().await.expect("a port");
    let refused = || Fault::Status {
        code: 400,
        headers: Vec::new(),
        body: String::new(),
    };
    collector.server.script([refused(), Fault::HalfOpen]);
    let world = world(Some(&collector), json!({})).await;
    world.telegram.dm(ADA, "one");
    world.sent("one").await;
    world.telegram.dm(ADA, "a secret thing");
    world.sent("a secret thing").await;
    world.gateway.says("traces are not taken").await;
    let mut chat = Chat::connect(&world.gateway).await;
    let known = chat
        .call(
            "diagnostics.stability",
            json!({ "type": "telemetry.exporter", "limit": 1000 }),
        )
        .await
        .expect("an answer");
    assert_eq!(known["events"][0]["outcome"], "failure", "{known}");
    let all = chat
        .call("diagnostics.stability", json!({}))
        .await
        .expect("an answer");
    assert!(
        all["summary"]["byType"]["run.completed"].as_u64() >= Some(1),
        "{all}"
    );
    assert!(
        all["summary"]["memory"]["maxRssBytes"].as_u64() > Some(1_000_000),
        "{all}"
    );
    assert!(!all.to_string().contains("secret thing"), "no words: {all}");
    world.end().await;
}
