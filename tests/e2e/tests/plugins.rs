//! Real libraries in a real gateway: loaded, called, answered, replaced, reloaded, stopped.
use openclaw_e2e::{fixture, plugin, spec, start};
use openclaw_plugin_api::{
    AgentEvent, AgentRun, ErrorKind, Outbound, Receipt, ToolCall, ToolOutput, surface::ids,
};
use serde_json::json;
use tokio::sync::mpsc;

#[tokio::test]
async fn a_turn_goes_from_the_model_through_a_tool_to_an_answer() {
    let test = start(vec![spec(&plugin("demo"))]).await;
    let (tx, mut events) = mpsc::channel(64);
    let run = AgentRun {
        text: r#"/tool count_words {"text":"a b c"}"#.into(),
        ..AgentRun::default()
    };
    let outcome = test.gateway.run_agent(run, tx).await.expect("an answer");
    assert!(outcome.text.contains(r#""words":3"#), "{}", outcome.text);
    let mut seen = Vec::new();
    while let Some(event) = events.recv().await {
        seen.push(event);
    }
    assert!(
        matches!(seen.first(), Some(AgentEvent::Started { .. })),
        "{seen:?}"
    );
    assert!(
        seen.iter()
            .any(|event| matches!(event, AgentEvent::ToolEnded { .. })),
        "{seen:?}"
    );
    assert!(matches!(seen.last(), Some(AgentEvent::Done { .. })), "{seen:?}");
    test.gateway.stop().await;
}

#[tokio::test]
async fn a_message_of_a_channel_is_answered_on_it() {
    let test = start(vec![spec(&plugin("demo")), spec(&fixture("loopback"))]).await;
    let channel = test.gateway.registry.get("loopback").expect("loaded");
    let message = Outbound {
        chat_id: "c".into(),
        text: "hello".into(),
        ..Outbound::default()
    };
    let receipt: Receipt = channel
        .call(ids::channel::SEND, "loopback", &message)
        .await
        .expect("sent");
    assert_eq!(receipt.message_ids, ["0"]);
    // What was sent came in, was answered by the demo model, and the answer was sent: the channel counts its sends.
    while channel.view().metrics.calls < 3 {
        tokio::task::yield_now().await;
    }
    test.gateway.stop().await;
}

#[tokio::test]
async fn a_reload_changes_the_generation_and_loses_no_call() {
    let test = start(vec![spec(&plugin("demo"))]).await;
    let demo = test.gateway.registry.get("demo").expect("loaded");
    assert_eq!(demo.view().generation, Some(1));
    let view = test
        .gateway
        .registry
        .reload("demo", None)
        .await
        .expect("reloaded");
    assert_eq!(view.generation, Some(2));
    let call = ToolCall {
        arguments: json!({"text": "x"}),
        ..ToolCall::default()
    };
    let output: ToolOutput = demo
        .call(ids::tool::INVOKE, "count_words", &call)
        .await
        .expect("answered");
    assert_eq!(output.details["words"], 1);
    test.gateway.stop().await;
    let error = demo
        .call::<ToolOutput>(ids::tool::INVOKE, "count_words", &call)
        .await
        .expect_err("stopped");
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn with_no_plugin_the_gateway_starts() {
    let test = start(Vec::new()).await;
    assert!(test.gateway.registry.views().is_empty());
    let (tx, _events) = mpsc::channel(1);
    let error = test
        .gateway
        .run_agent(AgentRun::default(), tx)
        .await
        .expect_err("nobody answers");
    assert!(error.message().contains("openclaw plugins list"), "{error}");
    test.gateway.stop().await;
}

#[tokio::test]
async fn a_killed_child_costs_no_message() {
    let mut isolated = spec(&plugin("demo"));
    isolated.settings.isolation = openclaw_host::plugins::settings::Isolation::Process;
    let test = start(vec![isolated]).await;
    let demo = test.gateway.registry.get("demo").expect("loaded");
    let pid = demo.view().usage.expect("it has a process").pid;
    let killed = std::process::Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status();
    assert!(killed.expect("kill runs").success());
    let (tx, _events) = mpsc::channel(64);
    let run = AgentRun {
        text: "are you there".into(),
        ..AgentRun::default()
    };
    // The turn may begin before the end is known, so it may be the one that meets it; the next one may not.
    let mut outcome = test.gateway.run_agent(run.clone(), tx.clone()).await;
    if outcome.is_err() {
        outcome = test.gateway.run_agent(run, tx).await;
    }
    assert_eq!(
        outcome.expect("the new process answers").text,
        "You said: are you there"
    );
    assert_ne!(demo.view().usage.expect("it has a process").pid, pid);
    test.gateway.stop().await;
}

#[tokio::test]
async fn a_plugin_that_follows_its_configuration_is_not_replaced_for_it() {
    let test = start(vec![spec(&fixture("loopback"))]).await;
    let registry = &test.gateway.registry;
    let with = |config: serde_json::Value| {
        let mut spec = spec(&fixture("loopback"));
        spec.settings.config = config;
        Some(spec)
    };
    let view = registry
        .reload("loopback", with(json!({"prefix": "> "})))
        .await
        .expect("it follows");
    assert_eq!(view.generation, Some(1), "the same instance");
    let refused = registry
        .reload("loopback", with(json!({"prefix": 5})))
        .await
        .expect_err("a wrong type");
    assert!(
        refused.contains("plugins.entries.loopback.config.prefix"),
        "{refused}"
    );
    let plugin = registry.get("loopback").expect("known");
    assert_eq!(
        (plugin.view().status, plugin.view().generation),
        ("loaded", Some(1)),
        "the running one stays"
    );
    let view = registry
        .reload("loopback", with(json!({"prefix": "> "})))
        .await
        .expect("nothing to follow");
    assert!(
        view.generation > Some(1),
        "a reload without a change loads the file anew"
    );
    test.gateway.stop().await;
}
