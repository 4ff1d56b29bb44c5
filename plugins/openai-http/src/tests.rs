//! The interface in a fake host.
use openclaw_plugin_api::{
    AgentEvent, HttpCall, StopReason, ToolOutput, Usage,
    testing::{TestHost, TestPlugin},
};
use serde_json::{Value, json};

fn plugin(host: &TestHost) -> TestPlugin {
    let config = json!({"gateway": {"http": {"endpoints": {
        "chatCompletions": {"enabled": true}, "responses": {"enabled": true},
    }}}});
    host.load(&crate::PLUGIN, config).expect("a plugin")
}

fn call(path: &str, body: &Value) -> HttpCall {
    HttpCall {
        method: "POST".into(),
        path: path.into(),
        request_id: "r1".into(),
        body: body.to_string().into_bytes(),
        ..HttpCall::default()
    }
}

async fn post(plugin: &TestPlugin, path: &str, body: Value) -> (u16, String) {
    let answer = plugin.http(path, &call(path, &body)).await;
    let (head, body) = answer.expect("an answer");
    (head.status, String::from_utf8(body).expect("text"))
}

fn ask(stream: bool) -> Value {
    json!({"model": "openclaw", "stream": stream, "stream_options": {"include_usage": true},
           "messages": [{"role": "user", "content": "hi"}]})
}

/// The JSON of each `data:` line.
fn data(body: &str) -> Vec<Value> {
    let lines = body.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.filter_map(|json| serde_json::from_str(json).ok()).collect()
}

#[tokio::test]
async fn a_completion_at_once() {
    let plugin = plugin(&TestHost::new().agent_answer("Hello!"));
    let (status, body) = post(&plugin, "/v1/chat/completions", ask(false)).await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(status, 200);
    assert_eq!(body["id"], "chatcmpl_r1");
    assert_eq!(body["choices"][0]["message"]["content"], "Hello!");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
}

/// Who looks something up before the answer, which ends like this.
fn looks(stop: StopReason) -> TestPlugin {
    let text = |text: &str| AgentEvent::Text { text: text.into() };
    plugin(&TestHost::new().agent_turn(vec![
        text("Let me "),
        text("look."),
        AgentEvent::ToolEnded {
            id: "c1".into(),
            output: ToolOutput::from("12"),
        },
        text("It is "),
        text("12"),
        AgentEvent::Done {
            text: "It is 12".into(),
            usage: Usage::default(),
            model: "fake/model".into(),
            stop,
        },
    ]))
}

#[tokio::test]
async fn a_completion_says_why_it_ended_and_has_paragraphs() {
    for (stop, told) in [
        (StopReason::Length, "length"),
        (StopReason::Refusal, "content_filter"),
        (StopReason::Stop, "stop"),
        (StopReason::Other, "stop"),
    ] {
        let plugin = looks(stop);
        let (_, body) = post(&plugin, "/v1/chat/completions", ask(false)).await;
        let whole: Value = serde_json::from_str(&body).expect("JSON");
        let choice = &whole["choices"][0];
        assert_eq!(choice["message"]["content"], "Let me look.\n\nIt is 12");
        assert_eq!(choice["finish_reason"], told);
        let (_, body) = post(&plugin, "/v1/chat/completions", ask(true)).await;
        let chunks = data(&body);
        let choices = || chunks.iter().map(|chunk| &chunk["choices"][0]);
        let pieces = choices().filter_map(|choice| choice["delta"]["content"].as_str());
        assert_eq!(pieces.collect::<String>(), "Let me look.\n\nIt is 12");
        let ends: Vec<_> = choices()
            .filter_map(|choice| choice["finish_reason"].as_str())
            .collect();
        assert_eq!(ends, [told]);
    }
}

#[tokio::test]
async fn a_response_that_was_cut_short_is_incomplete() {
    for (stop, status, why) in [
        (
            StopReason::Length,
            "incomplete",
            json!({"reason": "max_output_tokens"}),
        ),
        (
            StopReason::Refusal,
            "incomplete",
            json!({"reason": "content_filter"}),
        ),
        (StopReason::Stop, "completed", Value::Null),
    ] {
        let plugin = looks(stop);
        let ask = |stream: bool| json!({"model": "openclaw", "input": "hi", "stream": stream});
        let (_, body) = post(&plugin, "/v1/responses", ask(false)).await;
        let whole: Value = serde_json::from_str(&body).expect("JSON");
        let (_, body) = post(&plugin, "/v1/responses", ask(true)).await;
        let last = data(&body).pop().expect("events");
        assert_eq!(last["type"], format!("response.{status}"));
        for response in [&whole, &last["response"]] {
            assert_eq!(response["status"], status);
            assert_eq!(response["incomplete_details"], why);
            let said = &response["output"][0];
            assert_eq!(said["status"], status);
            assert_eq!(said["content"][0]["text"], "Let me look.\n\nIt is 12");
        }
    }
}

#[tokio::test]
async fn null_is_what_is_left_out() {
    let plugin = plugin(&TestHost::new().agent_answer("Hello!"));
    let null = Value::Null;
    let body = json!({"model": "openclaw", "stream": null, "stream_options": null, "tools": null, "n": null,
                      "max_tokens": null, "tool_choice": null, "messages": [{"role": "user", "content": "hi"}]});
    let (status, answer) = post(&plugin, "/v1/chat/completions", body).await;
    assert_eq!(status, 200, "{answer}");
    let body = json!({"model": "openclaw", "input": "hi", "stream": null, "tools": null, "instructions": null,
                      "previous_response_id": null, "max_output_tokens": null, "tool_choice": null});
    let (status, answer) = post(&plugin, "/v1/responses", body).await;
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(
        (&answer["status"], &answer["incomplete_details"]),
        (&json!("completed"), &null)
    );
}

#[tokio::test]
async fn who_is_not_the_owner_is_somebody() {
    let host = TestHost::new();
    let plugin = plugin(&host);
    let responses = json!({"model": "openclaw", "input": "hi"});
    for (path, body) in [("/v1/chat/completions", ask(false)), ("/v1/responses", responses)] {
        for (caller_is_owner, sender) in [(true, ""), (false, "openai-http")] {
            let call = HttpCall {
                caller_is_owner,
                ..call(path, &body)
            };
            plugin.http(path, &call).await.expect("an answer");
            let run = host.runs().pop().expect("an agent is asked");
            assert_eq!(run.sender_id, sender, "{path}");
        }
    }
}

#[tokio::test]
async fn a_completion_piece_by_piece() {
    let plugin = plugin(&TestHost::new().agent_answer("Hello!"));
    let (status, body) = post(&plugin, "/v1/chat/completions", ask(true)).await;
    let chunks = data(&body);
    assert_eq!(status, 200);
    assert!(body.ends_with("data: [DONE]\n\n"), "{body}");
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let text: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, "Hello!");
    let (last, others) = chunks.split_last().expect("chunks");
    assert!(
        others
            .iter()
            .all(|chunk| chunk.get("usage") == Some(&Value::Null))
    );
    assert!(
        last["choices"].as_array().is_some_and(Vec::is_empty) && last["usage"].is_object(),
        "{last}"
    );
}

#[tokio::test]
async fn a_response_piece_by_piece_in_order() {
    let plugin = plugin(&TestHost::new().agent_answer("Hello!"));
    let request = json!({"model": "openclaw", "input": "hi", "stream": true});
    let (_, body) = post(&plugin, "/v1/responses", request).await;
    let events = data(&body);
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap_or(""))
        .collect();
    let mut unique = kinds.clone();
    unique.dedup();
    assert_eq!(
        unique,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let numbers: Vec<_> = events
        .iter()
        .map(|event| event["sequence_number"].as_u64())
        .collect();
    assert!(numbers.iter().copied().eq((0..events.len() as u64).map(Some)));
    let whole = &events[events.len() - 1]["response"];
    assert_eq!(whole["output"][0]["content"][0]["text"], "Hello!");
}

#[tokio::test]
async fn a_response_is_gone_on_with_by_its_id() {
    let host = TestHost::new().agent_answer("Hello!");
    let plugin = plugin(&host);
    let (status, _) = post(
        &plugin,
        "/v1/responses",
        json!({"model": "openclaw", "input": "hi"}),
    )
    .await;
    assert_eq!(status, 200);
    assert!(host.stored("response:resp_r1").is_some());
    let next = json!({"model": "openclaw", "input": "more", "previous_response_id": "resp_r1"});
    assert_eq!(post(&plugin, "/v1/responses", next).await.0, 200);
    let lost = json!({"model": "openclaw", "input": "more", "previous_response_id": "resp_gone"});
    let (status, body) = post(&plugin, "/v1/responses", lost).await;
    assert_eq!(status, 400);
    assert!(body.contains("previous_response_id"), "{body}");
}

#[tokio::test]
async fn what_is_off_or_wrong_is_said_in_the_clients_words() {
    let host = TestHost::new().agent_answer("Hello!");
    let closed = host.load(&crate::PLUGIN, json!({})).expect("a plugin");
    let (status, body) = post(&closed, "/v1/chat/completions", ask(false)).await;
    assert_eq!(status, 404);
    assert!(
        body.contains("gateway.http.endpoints.chatCompletions.enabled"),
        "{body}"
    );
    let plugin = plugin(&host);
    for (wrong, param) in [
        (
            json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}),
            "model",
        ),
        (json!({"model": "openclaw", "messages": []}), "messages"),
        (json!({"model": "openclaw", "messages": "x"}), "body"),
        (
            json!({"model": "openclaw", "n": 2, "messages": [{"role": "user", "content": "x"}]}),
            "n",
        ),
    ] {
        let (status, body) = post(&plugin, "/v1/chat/completions", wrong).await;
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(status, 400);
        assert_eq!(body["error"]["type"], "invalid_request_error");
        assert_eq!(body["error"]["param"], param);
    }
}

#[tokio::test]
async fn agents_are_models() {
    let plugin = plugin(&TestHost::new());
    let get = |path: &str| HttpCall {
        method: "GET".into(),
        path: path.into(),
        ..HttpCall::default()
    };
    let (head, body) = plugin
        .http("/v1/models", &get("/v1/models"))
        .await
        .expect("models");
    assert_eq!(head.status, 200);
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(body["data"][0]["id"], "openclaw");
    let one = get("/v1/models/openclaw/main");
    assert_eq!(plugin.http("/v1/models", &one).await.expect("one").0.status, 200);
    let none = get("/v1/models/gpt-4o");
    assert_eq!(
        plugin.http("/v1/models", &none).await.expect("none").0.status,
        404
    );
}
