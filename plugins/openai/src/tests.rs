//! The plugin through the fake host: keys, headers, streams and failures as the gateway sees them.
use super::{PLUGIN, vendors};
use openclaw_fakes::openai::Turn;
use openclaw_plugin_api::{
    CatalogRequest, Delta, Message, ModelInfo, Role,
    prelude::*,
    surface::ids,
    testing::{FakeAnswer, FakeRequest, TestHost},
};
use std::sync::{Arc, Mutex};

/// A whole stream of each API.
const RESPONSES: &[&str] = &[
    r#"{"type":"response.created","response":{"id":"resp_1","model":"gpt-4o"}}"#,
    r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"msg_1"}}"#,
    r#"{"type":"response.output_text.delta","output_index":0,"delta":"Hel"}"#,
    r#"{"type":"response.output_text.delta","output_index":0,"delta":"lo"}"#,
    r#"{"type":"response.completed","response":{"id":"resp_1","model":"gpt-4o","status":"completed","usage":{"input_tokens":1000000,"input_tokens_details":{"cached_tokens":0},"output_tokens":100000}}}"#,
];
const COMPLETIONS: &[&str] = &[
    r#"{"id":"c","model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"},"finish_reason":null}]}"#,
    r#"{"id":"c","model":"m-1","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]}"#,
    r#"{"id":"c","model":"m-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    "[DONE]",
];

/// A web that answers with these, one after the other, and what it was asked.
fn web(answers: Vec<FakeAnswer>) -> (TestHost, Arc<Mutex<Vec<FakeRequest>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let answers = Mutex::new(answers.into_iter());
    let host = TestHost::new().web(move |request| {
        seen.lock().unwrap().push(request);
        answers
            .lock()
            .unwrap()
            .next()
            .ok_or_else(|| Error::invalid("one request too many"))
    });
    (host, asked)
}

fn hello() -> CompletionRequest {
    CompletionRequest {
        model: "gpt-4o".into(),
        messages: vec![Message::text(Role::User, "hello")],
        ..CompletionRequest::default()
    }
}

fn header(request: &FakeRequest, name: &str) -> Option<String> {
    let found = request.head.headers.iter().find(|(header, _)| header == name);
    found.map(|(_, value)| value.clone())
}

fn text(deltas: &[Delta]) -> String {
    let texts = deltas.iter().filter_map(|delta| match delta {
        Delta::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

#[tokio::test]
async fn openai_is_asked_over_responses_with_the_variables_key() -> Result<()> {
    let (host, asked) = web(vec![FakeAnswer::events(RESPONSES)]);
    let plugin = host
        .secret("OPENAI_API_KEY", " sk-variable\n")
        .load(&PLUGIN, json!({}))?;
    let (deltas, end) = plugin.complete("openai", &hello()).await?;
    assert_eq!(text(&deltas), "Hello");
    assert_eq!(
        (end.stop_reason, end.response_id.as_str()),
        (StopReason::Stop, "resp_1")
    );
    assert!((end.usage.cost - 3.5).abs() < 1e-9, "{}", end.usage.cost);
    let request = &asked.lock().unwrap()[0];
    assert_eq!(
        (request.head.method.as_str(), request.head.url.as_str()),
        ("POST", "https://api.openai.com/v1/responses")
    );
    assert_eq!(
        header(request, "authorization").as_deref(),
        Some("Bearer sk-variable")
    );
    Ok(())
}

#[tokio::test]
async fn any_other_address_is_asked_over_completions_with_the_hosts_key() -> Result<()> {
    let (host, asked) = web(vec![FakeAnswer::events(COMPLETIONS)]);
    let plugin = host
        .secret("OPENAI_API_KEY", "sk-variable")
        .load(&PLUGIN, json!({}))?;
    let mut request = hello();
    request.base_url = "https://llm.example.org/v1/".into();
    request.credential = Some(Secret::new("theirs"));
    request.headers.insert("x-team".into(), "blue".into());
    let (deltas, end) = plugin.complete("openai", &request).await?;
    assert_eq!(
        (text(&deltas).as_str(), end.model.as_str(), end.usage.cost),
        ("Hello", "m-1", 0.0)
    );
    let request = &asked.lock().unwrap()[0];
    assert_eq!(request.head.url, "https://llm.example.org/v1/chat/completions");
    assert_eq!(header(request, "authorization").as_deref(), Some("Bearer theirs"));
    assert_eq!(header(request, "x-team").as_deref(), Some("blue"));
    assert_eq!(request.head.redirects, 0);
    Ok(())
}

#[tokio::test]
async fn a_variables_key_never_goes_to_a_stranger() -> Result<()> {
    let (host, asked) = web(vec![
        FakeAnswer::events(COMPLETIONS),
        FakeAnswer::new(401, "who are you"),
    ]);
    let plugin = host
        .secret("OPENAI_API_KEY", "sk-variable")
        .load(&PLUGIN, json!({}))?;
    let mut request = hello();
    request.base_url = "https://api.openai.com.example.org/v1".into();
    plugin.complete("openai", &request).await?;
    let error = plugin.complete("openai", &request).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(
        error.message().contains("none was sent") && error.message().contains("models.providers"),
        "{error}"
    );
    assert!(
        asked
            .lock()
            .unwrap()
            .iter()
            .all(|request| header(request, "authorization").is_none())
    );
    Ok(())
}

#[tokio::test]
async fn a_missing_key_names_the_variable_and_the_setting() -> Result<()> {
    let plugin = TestHost::new().load(&PLUGIN, json!({}))?;
    for (provider, variable) in [
        ("openai", "OPENAI_API_KEY"),
        ("huggingface", "HUGGINGFACE_HUB_TOKEN or HF_TOKEN"),
    ] {
        let error = plugin.complete(provider, &hello()).await.expect_err("no key");
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert!(error.message().contains(variable), "{error}");
        assert!(
            error
                .message()
                .contains(&format!("models.providers.{provider}.apiKey")),
            "{error}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn every_vendor_is_a_provider_and_local_ones_need_no_key() -> Result<()> {
    let (host, asked) = web(vec![
        FakeAnswer::events(COMPLETIONS),
        FakeAnswer::events(COMPLETIONS),
    ]);
    let plugin = host.secret("GROQ_API_KEY", "gsk").load(&PLUGIN, json!({}))?;
    // and one engine that speaks and listens
    assert_eq!(
        plugin.registered().registrations.len(),
        vendors::VENDORS.len() + 1
    );
    plugin.complete("ollama", &hello()).await?;
    plugin.complete("groq", &hello()).await?;
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0].head.url, "http://127.0.0.1:11434/v1/chat/completions");
    assert_eq!(header(&asked[0], "authorization"), None);
    assert_eq!(
        asked[1].head.url,
        "https://api.groq.com/openai/v1/chat/completions"
    );
    assert_eq!(header(&asked[1], "authorization").as_deref(), Some("Bearer gsk"));
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_a_failure_wherever_it_is_cut() -> Result<()> {
    for (provider, events) in [("openai", RESPONSES), ("ollama", &COMPLETIONS[..2])] {
        for kept in 0..events.len() {
            // The responses' last event is their end; of the completions no end is left at all.
            for cut in [true, false] {
                let mut answer = FakeAnswer::events(&events[..kept]);
                answer.cut = cut;
                let (host, _) = web(vec![answer]);
                let plugin = host.secret("OPENAI_API_KEY", "k").load(&PLUGIN, json!({}))?;
                let error = plugin.complete(provider, &hello()).await.expect_err("cut off");
                assert_eq!(
                    error.kind(),
                    ErrorKind::Network,
                    "{provider} after {kept} events: {error}"
                );
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_that_breaks_behind_the_end_does_no_harm() -> Result<()> {
    let mut answer = FakeAnswer::events(&COMPLETIONS[..3]);
    answer.cut = true;
    let (host, _) = web(vec![answer]);
    let plugin = host.load(&PLUGIN, json!({}))?;
    let (deltas, end) = plugin.complete("ollama", &hello()).await?;
    assert_eq!(
        (text(&deltas).as_str(), end.stop_reason),
        ("Hello", StopReason::Stop)
    );
    Ok(())
}

#[tokio::test]
async fn a_refusal_keeps_its_kind_its_wait_and_no_key() -> Result<()> {
    let limit = json!({"error": {"message": "slow down, sk-variable", "type": "requests", "code": "rate_limit_exceeded"}});
    let (host, _) = web(vec![FakeAnswer::json(429, &limit).header("retry-after", "7")]);
    let plugin = host
        .secret("OPENAI_API_KEY", "sk-variable")
        .load(&PLUGIN, json!({}))?;
    let error = plugin.complete("openai", &hello()).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after().map(|wait| wait.as_secs()), Some(7));
    assert!(!error.message().contains("sk-variable"), "{error}");
    Ok(())
}

#[tokio::test]
async fn what_came_before_a_failure_in_the_stream_was_said() -> Result<()> {
    let failed = r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"no"}}}"#;
    let mut events = RESPONSES[..3].to_vec();
    events.push(failed);
    let (host, _) = web(vec![
        FakeAnswer::events(events),
        FakeAnswer::new(200, "data: {\"broken\n\n"),
    ]);
    let plugin = host.secret("OPENAI_API_KEY", "k").load(&PLUGIN, json!({}))?;
    let error = plugin.complete("openai", &hello()).await.expect_err("failed");
    assert_eq!(error.kind(), ErrorKind::Server);
    let error = plugin.complete("openai", &hello()).await.expect_err("no JSON");
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(error.message().contains("not JSON"), "{error}");
    Ok(())
}

#[tokio::test]
async fn an_account_without_summaries_is_asked_again_without() -> Result<()> {
    let no = json!({"error": {"message": "verify", "type": "invalid_request_error", "param": "reasoning.summary", "code": "unsupported_value"}});
    let (host, asked) = web(vec![FakeAnswer::json(400, &no), FakeAnswer::events(RESPONSES)]);
    let plugin = host.secret("OPENAI_API_KEY", "k").load(&PLUGIN, json!({}))?;
    let mut request = hello();
    request.model = "gpt-5".into();
    request.thinking = openclaw_plugin_api::Thinking::Low;
    plugin.complete("openai", &request).await?;
    let bodies: Vec<Value> = asked
        .lock()
        .unwrap()
        .iter()
        .map(|r| serde_json::from_slice(&r.body).unwrap())
        .collect();
    assert_eq!(
        bodies[0]["reasoning"],
        json!({"effort": "low", "summary": "auto"})
    );
    assert_eq!(bodies[1]["reasoning"], json!({"effort": "low"}));
    Ok(())
}

#[tokio::test]
async fn the_catalogue_is_the_table_until_the_vendor_is_asked() -> Result<()> {
    let list = json!({"object": "list", "data": [{"id": "gpt-4o"}, {"id": "whisper-1"}]});
    let (host, asked) = web(vec![FakeAnswer::json(200, &list), FakeAnswer::new(200, "<html>")]);
    let plugin = host.secret("OPENAI_API_KEY", "k").load(&PLUGIN, json!({}))?;
    let models = async |provider: &str, refresh| -> Result<Vec<ModelInfo>> {
        let request = CatalogRequest {
            refresh,
            ..CatalogRequest::default()
        };
        plugin.call(ids::provider::MODELS, provider, &request).await
    };
    let table = models("openai", false).await?;
    assert!(
        table.len() > 20
            && table
                .iter()
                .any(|model| model.id == "gpt-4o" && model.context_window == 128_000)
    );
    assert!(models("groq", false).await?.is_empty() && asked.lock().unwrap().is_empty());
    let fresh = models("openai", true).await?;
    assert_eq!(
        fresh.iter().map(|model| model.id.as_str()).collect::<Vec<_>>(),
        ["gpt-4o"]
    );
    assert_eq!(
        asked.lock().unwrap()[0].head.url,
        "https://api.openai.com/v1/models"
    );
    assert!(models("ollama", true).await.is_err());
    Ok(())
}

#[tokio::test]
async fn an_answer_at_once_is_taken_too() -> Result<()> {
    let whole = json!({"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]});
    let (host, _) = web(vec![
        FakeAnswer::json(200, &whole),
        FakeAnswer::json(200, &json!({"error": "no such model"})),
    ]);
    let plugin = host.load(&PLUGIN, json!({}))?;
    let (deltas, end) = plugin.complete("ollama", &hello()).await?;
    assert_eq!((text(&deltas).as_str(), end.model.as_str()), ("Hello", "gpt-4o"));
    let error = plugin
        .complete("ollama", &hello())
        .await
        .expect_err("an error in the body");
    assert_eq!(error.kind(), ErrorKind::Server);
    Ok(())
}

/// Puts the steps of an answer together as the host does.
fn message(deltas: Vec<Delta>) -> Message {
    let (mut thinking, mut signature, mut said) = (String::new(), String::new(), String::new());
    let mut calls: Vec<(String, String, String)> = Vec::new();
    for delta in deltas {
        match delta {
            Delta::Text(text) => said += &text,
            Delta::Thinking(text) => thinking += &text,
            Delta::Signature(text) => signature += &text,
            Delta::ToolCall { id, name, .. } => calls.push((id, name, String::new())),
            Delta::Arguments { index, json } => calls[index as usize].2 += &json,
            _ => {}
        }
    }
    let mut content = vec![Content::Thinking { thinking, signature }, Content::text(said)];
    content.extend(calls.into_iter().map(|(id, name, json)| Content::ToolCall {
        id,
        name,
        arguments: serde_json::from_str(&json).unwrap(),
        signature: String::new(),
    }));
    Message {
        role: Role::Assistant,
        content,
        ..Message::default()
    }
}

/// A conversation with a thought, a call, a picture in its result and a last word, each body as the vendor describes it.
async fn converse(provider: &str, request: CompletionRequest) -> Result<Vec<Value>> {
    let turns = [
        Turn::default()
            .and_thought("I have to look")
            .and_text("One moment.")
            .and_call("call_1", "look", &json!({"at": "é"}))
            .usage(9, 4, 3),
        Turn::default()
            .and_thought("a cat")
            .and_text("It is a cat.")
            .usage(20, 16, 5),
    ];
    let (turns, bodies) = (Mutex::new(turns.into_iter()), Arc::new(Mutex::new(Vec::new())));
    let seen = bodies.clone();
    let host = TestHost::new().secret("OPENAI_API_KEY", "k").web(move |asked| {
        let body = serde_json::from_slice(&asked.body)?;
        let path = asked
            .head
            .url
            .split_once("/v1")
            .map(|(_, path)| format!("/v1{path}"))
            .unwrap();
        let turn = turns.lock().unwrap().next().unwrap();
        let pieces = openclaw_fakes::openai::exchange(&path, &body, &turn).map_err(Error::invalid)?;
        seen.lock().unwrap().push(body);
        let mut answer = FakeAnswer::events([""; 0]);
        answer.chunks = pieces.iter().map(|piece| piece.to_vec()).collect();
        Ok(answer)
    });
    let plugin = host.load(&PLUGIN, json!({}))?;
    let mut request = CompletionRequest {
        system: vec!["be kind".into()],
        max_tokens: Some(1_000),
        thinking: openclaw_plugin_api::Thinking::Medium,
        session_id: "s1".into(),
        tools: vec![openclaw_plugin_api::ToolSpec {
            name: "look".into(),
            description: "looks".into(),
            ..Default::default()
        }],
        ..request
    };
    let picture = Content::Image {
        mime_type: "image/png".into(),
        data: "AAAA".into(),
    };
    request.messages[0].content.push(picture.clone());
    let (deltas, end) = plugin.complete(provider, &request).await?;
    assert_eq!(
        (end.stop_reason, end.usage.input, end.usage.cache_read),
        (StopReason::ToolUse, 5, 4)
    );
    request.messages.push(message(deltas));
    request.messages.push(Message {
        role: Role::ToolResult,
        content: vec![Content::text("seen"), picture],
        tool_call_id: "call_1".into(),
        tool_name: "look".into(),
        ..Message::default()
    });
    let (deltas, end) = plugin.complete(provider, &request).await?;
    assert_eq!(
        (text(&deltas).as_str(), end.stop_reason, end.usage.output),
        ("It is a cat.", StopReason::Stop, 5)
    );
    let bodies = bodies.lock().unwrap().clone();
    Ok(bodies)
}

#[tokio::test]
async fn a_conversation_over_responses_is_as_the_vendor_describes_it() -> Result<()> {
    let mut request = hello();
    request.model = "gpt-5".into();
    let bodies = converse("openai", request).await?;
    let kinds: Vec<_> = bodies[1]["input"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["type"].as_str().unwrap_or("-"))
        .collect();
    assert_eq!(
        kinds,
        [
            "-",
            "-",
            "reasoning",
            "message",
            "function_call",
            "function_call_output"
        ]
    );
    assert_eq!(
        bodies[1]["input"][2]["encrypted_content"],
        "encrypted:I have to look"
    );
    assert_eq!(bodies[1]["input"][4]["arguments"], "{\"at\":\"é\"}");
    Ok(())
}

#[tokio::test]
async fn a_conversation_over_completions_is_as_the_vendor_describes_it() -> Result<()> {
    let mut request = hello();
    request.api = "openai-completions".into();
    converse("openai", request.clone()).await?;
    let bodies = converse("ollama", request).await?;
    let roles: Vec<_> = bodies[1]["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["role"].as_str().unwrap_or("-"))
        .collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "user"]);
    assert_eq!(bodies[1]["messages"][2]["reasoning_content"], "I have to look");
    Ok(())
}
