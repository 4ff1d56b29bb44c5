//! The plugin through the fake host: keys, bodies, streams and failures as the gateway sees them.
use super::PLUGIN;
use openclaw_plugin_api::{
    CacheRetention, CatalogRequest, Content, Delta, Message, ModelInfo, Role, Thinking, ToolSpec,
    prelude::*,
    surface::ids,
    testing::{FakeAnswer, FakeRequest, TestHost, TestPlugin},
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

const HELLO: &[&str] = &[
    r#"{"type":"message_start","message":{"id":"msg_1","model":"claude-opus-4-6","usage":{"input_tokens":10,"cache_read_input_tokens":4,"cache_creation_input_tokens":2,"output_tokens":1}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"sig"}}"#,
    r#"{"type":"content_block_stop","index":0}"#,
    r#"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"xyz"}}"#,
    r#"{"type":"content_block_stop","index":1}"#,
    r#"{"type":"ping"}"#,
    r#"{"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}"#,
    r#"{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"Hel"}}"#,
    r#"{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"lo"}}"#,
    r#"{"type":"content_block_stop","index":2}"#,
    r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_1","name":"look","input":{}}}"#,
    r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
    r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"1}"}}"#,
    r#"{"type":"content_block_stop","index":3}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":7}}"#,
    r#"{"type":"message_stop"}"#,
];

type Asked = Arc<Mutex<Vec<FakeRequest>>>;

fn plugin(answer: FakeAnswer) -> (TestPlugin, Asked) {
    let asked = Asked::default();
    let seen = asked.clone();
    let host = TestHost::new()
        .secret("ANTHROPIC_API_KEY", "k-env")
        .web(move |request| {
            seen.lock().unwrap().push(request);
            Ok(answer.clone())
        });
    (host.load(&PLUGIN, json!({})).expect("it loads"), asked)
}

fn request() -> CompletionRequest {
    CompletionRequest {
        model: "claude-opus-4-6".into(),
        messages: vec![Message::text(Role::User, "hello")],
        ..CompletionRequest::default()
    }
}

fn header(asked: &Asked, name: &str) -> Option<String> {
    let asked = asked.lock().unwrap();
    let headers = &asked.last().expect("a request").head.headers;
    headers
        .iter()
        .find(|(header, _)| header == name)
        .map(|(_, value)| value.clone())
}

async fn body_of(request: &CompletionRequest) -> Value {
    let (plugin, asked) = plugin(FakeAnswer::events(HELLO));
    plugin.complete("anthropic", request).await.expect("an answer");
    let body = serde_json::from_slice(&asked.lock().unwrap()[0].body).expect("JSON");
    openclaw_fakes::anthropic::exchange(&body, None).expect("the vendor takes it");
    body
}

/// The message that the host makes of an answer.
fn collected(deltas: &[Delta]) -> Message {
    let (mut thinking, mut proof, mut said, mut call) =
        (String::new(), String::new(), String::new(), String::new());
    for delta in deltas {
        match delta {
            Delta::Thinking(text) => thinking += text,
            Delta::Signature(text) => proof += text,
            Delta::Text(text) => said += text,
            Delta::Arguments { json, .. } => call += json,
            _ => {}
        }
    }
    let content = vec![
        Content::Thinking {
            thinking,
            signature: proof,
        },
        Content::text(said),
        Content::ToolCall {
            id: "toolu_1".into(),
            name: "look".into(),
            arguments: serde_json::from_str(&call).expect("whole arguments"),
            signature: String::new(),
        },
    ];
    Message {
        role: Role::Assistant,
        content,
        ..Message::default()
    }
}

#[tokio::test]
async fn an_answer_streams_and_its_thoughts_go_back_unchanged() {
    let (plugin, asked) = plugin(FakeAnswer::events(HELLO));
    let (deltas, end) = plugin.complete("anthropic", &request()).await.expect("an answer");
    assert!(deltas.contains(&Delta::Ping) && deltas.contains(&Delta::Text("Hel".into())));
    assert!(deltas.contains(&Delta::ToolCall {
        index: 0,
        id: "toolu_1".into(),
        name: "look".into()
    }));
    assert_eq!(
        (end.stop_reason, end.response_id.as_str()),
        (StopReason::ToolUse, "msg_1")
    );
    let usage = end.usage;
    assert_eq!(
        (usage.input, usage.output, usage.cache_read, usage.cache_write),
        (10, 7, 4, 2)
    );
    assert!(
        (usage.cost - (50.0 + 175.0 + 2.0 + 12.5) / 1e6).abs() < 1e-12,
        "{}",
        usage.cost
    );
    assert_eq!(header(&asked, "x-api-key").as_deref(), Some("k-env"));
    assert_eq!(header(&asked, "anthropic-version").as_deref(), Some("2023-06-01"));

    let mut again = request();
    again.messages.push(collected(&deltas));
    let body = body_of(&again).await;
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "redacted_thinking", "data": "xyz"},
            {"type": "text", "text": "Hello"},
            {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": 1}},
        ])
    );
    // Nobody answered the call, so the vendor is told so.
    assert_eq!(body["messages"][2]["content"][0]["is_error"], true);
    again.model = "claude-haiku-4-5".into();
    again.thinking = Thinking::Low;
    let body = body_of(&again).await;
    assert_eq!(
        body["messages"][1]["content"][0]["type"], "text",
        "another model's thoughts"
    );
    assert!(
        body.get("thinking").is_none(),
        "a budget needs the thoughts of the turn before"
    );
}

#[tokio::test]
async fn thinking_is_asked_for_as_the_model_takes_it() {
    let mut asked = request();
    asked.thinking = Thinking::Xhigh;
    asked.temperature = Some(0.5);
    let body = body_of(&asked).await;
    assert_eq!(body["thinking"], json!({"type": "adaptive"}));
    assert_eq!(body["output_config"], json!({"effort": "max"}));
    assert!(body.get("temperature").is_none());
    asked.model = "claude-haiku-4-5".into();
    asked.thinking = Thinking::Medium;
    let body = body_of(&asked).await;
    assert_eq!(
        body["thinking"],
        json!({"type": "enabled", "budget_tokens": 8192})
    );
    assert_eq!(body["max_tokens"], 40_192);
    asked.thinking = Thinking::Off;
    let body = body_of(&asked).await;
    assert_eq!(
        (&body["temperature"], &body["max_tokens"]),
        (&json!(0.5), &json!(32_000))
    );
    asked.thinking = Thinking::High;
    asked.max_tokens = Some(100);
    asked.model = "claude-3-haiku-20240307".into();
    assert!(body_of(&asked).await.get("thinking").is_none());
}

#[tokio::test]
async fn what_changes_seldom_is_marked_for_the_cache() {
    let mut asked = request();
    asked.system = vec!["stable".into(), "of today".into()];
    asked.tools = vec![ToolSpec {
        name: "look".into(),
        ..ToolSpec::default()
    }];
    let mark = json!({"type": "ephemeral"});
    let body = body_of(&asked).await;
    assert_eq!(body["system"][0]["cache_control"], mark);
    assert!(body["system"][1].get("cache_control").is_none());
    assert_eq!(body["tools"][0]["cache_control"], mark);
    assert_eq!(body["messages"][0]["content"][0]["cache_control"], mark);
    asked.cache = CacheRetention::Long;
    assert_eq!(body_of(&asked).await["system"][0]["cache_control"]["ttl"], "1h");
    asked.base_url = "https://proxy.example/v1/".into();
    assert_eq!(body_of(&asked).await["system"][0]["cache_control"], mark);
    asked.cache = CacheRetention::None;
    assert!(!body_of(&asked).await.to_string().contains("cache_control"));
}

#[tokio::test]
async fn other_addresses_get_their_own_key_and_no_key_of_the_environment() {
    let (plugin, asked) = plugin(FakeAnswer::events(HELLO));
    let mut asking = request();
    asking.base_url = "https://proxy.example/v1/".into();
    plugin.complete("anthropic", &asking).await.expect("an answer");
    assert_eq!(header(&asked, "x-api-key"), None);
    assert_eq!(header(&asked, "anthropic-beta"), None);
    assert_eq!(
        asked.lock().unwrap()[0].head.url,
        "https://proxy.example/v1/messages"
    );
    asking.credential = Some(Secret::new("sk-ant-oat01-x"));
    asking.headers.insert("Anthropic-Beta".into(), "mine".into());
    asking.params.insert("top_k".into(), json!(3));
    plugin.complete("anthropic", &asking).await.expect("an answer");
    assert_eq!(
        header(&asked, "authorization").as_deref(),
        Some("Bearer sk-ant-oat01-x")
    );
    assert_eq!(
        header(&asked, "anthropic-beta").as_deref(),
        Some("oauth-2025-04-20,mine")
    );
    let body: Value = serde_json::from_slice(&asked.lock().unwrap()[1].body).expect("JSON");
    assert_eq!(body["top_k"], 3);
}

#[tokio::test]
async fn without_a_key_nothing_is_sent() {
    let plugin = TestHost::new().load(&PLUGIN, json!({})).expect("it loads");
    let error = plugin
        .complete("anthropic", &request())
        .await
        .expect_err("no key");
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(error.message().contains("ANTHROPIC_API_KEY"), "{error}");
}

#[tokio::test]
async fn an_answer_without_its_end_is_an_error_wherever_it_is_cut() {
    for end in 0..HELLO.len() {
        let (plugin, _) = plugin(FakeAnswer::events(&HELLO[..end]));
        let error = plugin.complete("anthropic", &request()).await.expect_err("cut");
        assert_eq!(error.kind(), ErrorKind::Network, "{end}: {error}");
    }
}

#[tokio::test]
async fn failures_inside_the_stream_have_their_kind() {
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    for (event, whole, kind) in [
        (overloaded, true, ErrorKind::Overloaded),
        (overloaded, false, ErrorKind::Overloaded),
        ("{\"type\":", true, ErrorKind::Server),
        ("{\"type\":", false, ErrorKind::Network),
    ] {
        let mut answer = FakeAnswer::events([HELLO[0], event]);
        if !whole {
            // without the empty line behind it, as an event that was cut off or that a proxy ended
            let last = answer.chunks.last_mut().expect("two events");
            last.truncate(last.trim_ascii_end().len());
        }
        let (plugin, _) = plugin(answer);
        let error = plugin
            .complete("anthropic", &request())
            .await
            .expect_err("it fails");
        assert_eq!(error.kind(), kind, "{event} {whole}: {error}");
    }
}

#[tokio::test]
async fn tool_results_and_pictures_go_into_one_turn() {
    let mut asked = request();
    let call = |id: &str| Content::ToolCall {
        id: id.into(),
        name: "look".into(),
        arguments: Value::Null,
        signature: String::new(),
    };
    let result = |id: &str, content| Message {
        role: Role::ToolResult,
        tool_call_id: id.into(),
        content,
        ..Message::default()
    };
    let picture = |kind: &str| Content::Image {
        mime_type: kind.into(),
        data: "AA==".into(),
    };
    let answer = Message {
        role: Role::Assistant,
        content: vec![call("a|1"), call("b")],
        ..Message::default()
    };
    asked.messages = vec![
        answer,
        result("a|1", vec![picture("image/png"), picture("image/tiff")]),
        result("b", vec![]),
        result("stranger", vec![]),
        Message::text(Role::User, "and now?"),
    ];
    let body = body_of(&asked).await;
    let roles: Vec<_> = body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|turn| turn["role"].clone())
        .collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
    let results = &body["messages"][2]["content"];
    assert_eq!(results.as_array().map(Vec::len), Some(3));
    let calls = &body["messages"][1]["content"];
    assert_eq!(results[0]["tool_use_id"], calls[0]["id"]);
    let id = calls[0]["id"].as_str().expect("an id");
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    assert!(id.starts_with("a1") && id.chars().all(fits), "{id}");
    assert_eq!(results[1]["tool_use_id"], "b");
    assert_eq!(results[0]["content"][0]["source"]["media_type"], "image/png");
    assert_eq!(results[0]["content"][1]["type"], "text");
    assert_eq!(results[2]["text"], "and now?");
}

#[tokio::test]
async fn calls_of_other_vendors_stay_apart() {
    let long = |n| format!("{}_1700000000000_{n}", "x".repeat(52));
    let ids = [long(0), long(1), "f.0:1".into(), "f.01".into(), String::new()];
    let mut asked = request();
    let calls = ids.iter().map(|id| Content::ToolCall {
        id: id.clone(),
        name: "look".into(),
        arguments: json!({}),
        signature: String::new(),
    });
    asked.messages.push(Message {
        role: Role::Assistant,
        content: calls.collect(),
        ..Message::default()
    });
    let results = ids.iter().map(|id| Message {
        tool_call_id: id.clone(),
        ..Message::text(Role::ToolResult, id)
    });
    asked.messages.extend(results);
    let body = body_of(&asked).await;
    let results = body["messages"][2]["content"].as_array().expect("results");
    let answered: BTreeSet<_> = results
        .iter()
        .map(|result| result["tool_use_id"].as_str())
        .collect();
    assert_eq!(
        (answered.len(), results.len()),
        (ids.len(), ids.len()),
        "{body:#}"
    );
    assert!(answered.iter().flatten().all(|id| id.len() <= 64));
}

#[tokio::test]
async fn of_a_model_that_nobody_knows_the_operator_knows_how_much_it_says() {
    let mut asked = request();
    for (model, limit, expected) in [
        ("MiniMax-M2", None, 8_192),
        ("MiniMax-M2", Some(32_000), 32_000),
        ("claude-next-5", Some(128_000), 128_000),
        ("claude-haiku-4-5", Some(128_000), 64_000),
    ] {
        asked.model = model.into();
        asked.max_tokens = limit;
        assert_eq!(body_of(&asked).await["max_tokens"], expected, "{model} {limit:?}");
    }
}

#[tokio::test]
async fn the_catalogue_is_asked_for_only_on_request() {
    let listed = json!({"data": [{"id": "claude-next-5", "display_name": "Next"}]});
    let (plugin, asked) = plugin(FakeAnswer::json(200, &listed));
    let mut request = CatalogRequest::default();
    let known: Vec<ModelInfo> = plugin
        .call(ids::provider::MODELS, "anthropic", &request)
        .await
        .expect("a table");
    assert!(known.len() > 5 && asked.lock().unwrap().is_empty());
    request.refresh = true;
    let now: Vec<ModelInfo> = plugin
        .call(ids::provider::MODELS, "anthropic", &request)
        .await
        .expect("a list");
    assert_eq!(now[0].name, "Next");
}
