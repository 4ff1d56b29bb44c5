//! Shows one specimen of the zoo in a gateway of its own, and says on standard output what came of it, line by line.
//! A process of its own, because some specimens end theirs.
//!
//! `exhibit <library> <none|process> <load|call|destroy>`
use openclaw_e2e::{plugin, spec, start_with_call_limit, try_spec};
use openclaw_host::plugins::settings::Isolation;
use openclaw_plugin_api::{Result, ToolCall, ToolOutput, surface::ids};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

/// What a call may take here: short, so that hanging ones are soon over.
const CALL: Duration = Duration::from_millis(700);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, library, isolation, trigger] = args.as_slice() else {
        panic!("three arguments")
    };
    let mut specimen = match try_spec(Path::new(library)) {
        Ok(specimen) => specimen,
        Err(error) => return refused_by_its_file(&error.to_string()).await,
    };
    specimen.settings.isolation = if isolation == "process" {
        Isolation::Process
    } else {
        Isolation::None
    };
    let id = specimen.manifest.id.clone();
    let tool = specimen.manifest.tools.first().cloned().unwrap_or_default();
    let test = start_with_call_limit(vec![specimen, spec(&plugin("demo"))], CALL).await;
    let registry = &test.gateway.registry;
    let specimen = registry.get(&id).expect("it is known, loaded or not");
    let view = specimen.view();
    say(
        "load",
        json!({"status": view.status, "failedAt": view.failed_at, "error": view.error}),
    );
    let invoke = async |plugin: &str, tool: &str, arguments: Value| -> Result<ToolOutput> {
        let call = ToolCall {
            arguments,
            ..ToolCall::default()
        };
        registry
            .get(plugin)
            .expect("known")
            .call(ids::tool::INVOKE, tool, &call)
            .await
    };
    match trigger.as_str() {
        "call" if view.status == "loaded" => {
            let first = invoke(&id, &tool, json!({})).await;
            say("call", outcome(&first));
            // A call waits for a replacement by itself.
            say("again", outcome(&invoke(&id, &tool, json!({})).await));
            let view = specimen.view();
            say(
                "after",
                json!({"status": view.status, "generation": view.generation, "restarts": view.metrics.restarts}),
            );
        }
        "destroy" if view.status == "loaded" => {
            let reloaded = registry.reload(&id, None).await;
            say("reload", json!({"ok": reloaded.is_ok()}));
        }
        _ => {}
    }
    let demo = invoke("demo", "count_words", json!({"text": "a b"})).await;
    say(
        "others",
        json!({"serve": demo.is_ok_and(|output| output.details["words"] == 2)}),
    );
    test.gateway.stop().await;
    say("stopped", json!({}));
}

/// Nothing of such a file reaches the gateway, which serves the others.
async fn refused_by_its_file(error: &str) {
    say(
        "load",
        json!({"status": "error", "failedAt": "manifest", "error": error}),
    );
    let test = start_with_call_limit(vec![spec(&plugin("demo"))], CALL).await;
    let status = test.gateway.registry.get("demo").expect("known").view().status;
    say("others", json!({"serve": status == "loaded"}));
    test.gateway.stop().await;
}

fn outcome(result: &Result<ToolOutput>) -> Value {
    match result {
        Ok(_) => json!({"ok": true}),
        Err(error) => json!({"ok": false, "kind": error.kind(), "text": error.message()}),
    }
}

fn say(what: &str, value: Value) {
    use std::io::Write;
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{}", json!({ "what": what, "value": value }));
    let _ = out.flush();
}
