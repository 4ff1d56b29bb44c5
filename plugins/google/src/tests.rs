//! The plugin through the fake host: keys, bodies, streams and failures as the gateway sees them.
use super::PLUGIN;
use openclaw_plugin_api::{
    Content, Delta, Message, Role, Thinking, ToolSpec,
    prelude::*,
    testing::{FakeAnswer, FakeRequest, TestHost, TestPlugin},
};
use std::sync::{Arc, Mutex};

const ANSWER: &[&str] = &[
    r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hm","thought":true}]}}],"responseId":"r1","modelVersion":"gemini-3-pro"}"#,
    r#"{"candidates":[{"content":{"parts":[{"text":"Hel"},{"text":"lo","thoughtSignature":"dGV4dA=="}]}}]}"#,
    r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"look","args":{"a":1}},"thoughtSignature":"Y2FsbA=="}]}}]}"#,
    r#"{"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":10,"cachedContentTokenCount":4,"candidatesTokenCount":5,"thoughtsTokenCount":2}}"#,
];

type Asked = Arc<Mutex<Vec<FakeRequest>>>;

fn plugin(answer: FakeAnswer) -> (TestPlugin, Asked) {
    let asked = Asked::default();
    let seen = asked.clone();
    let host = TestHost::new()
        .secret("GOOGLE_API_KEY", "k-env")
        .web(move |request| {
            seen.lock().unwrap().push(request);
            Ok(answer.clone())
        });
    (host.load(&PLUGIN, json!({})).expect("it loads"), asked)
}

fn request() -> CompletionRequest {
    CompletionRequest {
        model: "gemini-3-pro-preview".into(),
        messages: vec![Message::text(Role::User, "hello")],
        ..CompletionRequest::default()
    }
}

async fn body_of(request: &CompletionRequest) -> Value {
    let (plugin, asked) = plugin(FakeAnswer::events(ANSWER));
    plugin.complete("google", request).await.expect("an answer");
    let body = serde_json::from_slice(&asked.lock().unwrap()[0].body).expect("JSON");
    openclaw_fakes::gemini::exchange(&body, None).expect("the vendor takes it");
    body
}

#[tokio::test]
async fn an_answer_streams_and_its_proofs_go_back_on_the_same_parts() {
    let (plugin, asked) = plugin(FakeAnswer::events(ANSWER));
    let (deltas, end) = plugin.complete("google", &request()).await.expect("an answer");
    let sent = asked.lock().unwrap()[0].head.clone();
    assert_eq!(
        sent.url,
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-3-pro-preview:streamGenerateContent?alt=sse"
    );
    assert!(sent.headers.contains(&("x-goog-api-key".into(), "k-env".into())));
    assert_eq!(
        (end.stop_reason, end.response_id.as_str()),
        (StopReason::ToolUse, "r1")
    );
    assert_eq!(
        (end.usage.input, end.usage.output, end.usage.cache_read),
        (6, 7, 4)
    );
    assert_eq!(
        deltas[..3],
        [
            Delta::Thinking("hm".into()),
            Delta::Text("Hel".into()),
            Delta::Text("lo".into())
        ]
    );
    let [
        Delta::Signature(of_text),
        Delta::ToolCall { id, .. },
        Delta::Arguments { json, .. },
        Delta::Signature(of_call),
        ..,
    ] = &deltas[3..]
    else {
        panic!("{deltas:?}");
    };
    assert!(id.starts_with("look_"), "an id is made where there is none");
    let content = vec![
        Content::Thinking {
            thinking: "hm".into(),
            signature: of_text.clone(),
        },
        Content::text("Hello"),
        Content::ToolCall {
            id: id.clone(),
            name: "look".into(),
            arguments: serde_json::from_str(json).expect("JSON"),
            signature: of_call.clone(),
        },
    ];
    let result = Message {
        role: Role::ToolResult,
        tool_call_id: id.clone(),
        content: vec![
            Content::text("seen"),
            Content::Image {
                mime_type: "image/png".into(),
                data: "AA==".into(),
            },
        ],
        ..Message::default()
    };
    let mut again = request();
    again.messages = vec![
        Message {
            role: Role::Assistant,
            content,
            ..Message::default()
        },
        result,
    ];
    let body = body_of(&again).await;
    assert_eq!(
        body["contents"][0]["role"], "user",
        "a conversation begins with a user"
    );
    assert_eq!(
        body["contents"][1]["parts"],
        json!([
            {"text": "Hello", "thoughtSignature": "dGV4dA=="},
            {"functionCall": {"id": id, "name": "look", "args": {"a": 1}}, "thoughtSignature": "Y2FsbA=="},
        ])
    );
    assert_eq!(
        body["contents"][2]["parts"],
        json!([
            {"functionResponse": {"id": id, "name": "look", "response": {"output": "seen"}}},
            {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        ])
    );
    again.model = "gemini-3-flash-preview".into();
    let foreign = &body_of(&again).await["contents"][1]["parts"];
    assert_eq!(foreign[1]["thoughtSignature"], "skip_thought_signature_validator");
}

#[tokio::test]
async fn thinking_and_tools_are_asked_for_as_the_model_takes_them() {
    let mut asked = request();
    asked.thinking = Thinking::Medium;
    asked.tools = vec![ToolSpec {
        name: "look".into(),
        parameters: json!({"type": "object"}),
        ..ToolSpec::default()
    }];
    asked.params.insert("topK".into(), json!(3));
    let body = body_of(&asked).await;
    assert_eq!(
        body["generationConfig"],
        json!({"thinkingConfig": {"includeThoughts": true, "thinkingLevel": "HIGH"}, "topK": 3})
    );
    assert_eq!(
        body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]["type"],
        "object"
    );
    for (model, expected) in [
        ("gemini-2.5-flash", json!(8192)),
        ("gemini-2.0-flash", Value::Null),
    ] {
        asked.model = model.into();
        assert_eq!(
            body_of(&asked).await["generationConfig"]["thinkingConfig"]["thinkingBudget"],
            expected
        );
    }
}

#[tokio::test]
async fn ends_are_told_apart() {
    let piece = |reason: &str| json!({"candidates": [{"finishReason": reason}]}).to_string();
    for (event, expected) in [
        (piece("STOP"), StopReason::Stop),
        (piece("MAX_TOKENS"), StopReason::Length),
        (piece("SAFETY"), StopReason::Refusal),
        (
            json!({"promptFeedback": {"blockReason": "SAFETY"}}).to_string(),
            StopReason::Refusal,
        ),
        (piece("SOMETHING_NEW"), StopReason::Other),
    ] {
        let (plugin, _) = plugin(FakeAnswer::events([event]));
        let (_, end) = plugin.complete("google", &request()).await.expect("an answer");
        assert_eq!(end.stop_reason, expected);
    }
}

#[tokio::test]
async fn an_answer_without_its_end_is_an_error() {
    for end in 0..ANSWER.len() {
        let (plugin, _) = plugin(FakeAnswer::events(&ANSWER[..end]));
        let error = plugin.complete("google", &request()).await.expect_err("cut");
        assert_eq!(error.kind(), ErrorKind::Network, "{end}: {error}");
    }
    let failed = r#"{"error":{"code":503,"status":"UNAVAILABLE","message":"busy"}}"#;
    let (plugin, _) = plugin(FakeAnswer::events([ANSWER[0], failed]));
    let error = plugin.complete("google", &request()).await.expect_err("it fails");
    assert_eq!(error.kind(), ErrorKind::Overloaded);
}

#[tokio::test]
async fn keys_and_ids_are_checked_before_anything_is_sent() {
    let plugin = TestHost::new().load(&PLUGIN, json!({})).expect("it loads");
    let error = plugin.complete("google", &request()).await.expect_err("no key");
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(error.message().contains("GEMINI_API_KEY"), "{error}");
    let mut asked = request();
    asked.model = "x?key=1".into();
    let error = plugin.complete("google", &asked).await.expect_err("no id");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn many_texts_become_vectors_in_their_order() {
    use openclaw_plugin_api::{EmbedRequest, Embeddings, surface::ids};
    let asked = Asked::default();
    let seen = asked.clone();
    let host = TestHost::new()
        .secret("GOOGLE_API_KEY", "k-env")
        .web(move |request| {
            let body: Value = serde_json::from_slice(&request.body).expect("JSON");
            let texts = body["requests"].as_array().expect("requests").iter();
            let vectors = texts.map(|text| {
                let said = text["content"]["parts"][0]["text"].as_str().expect("a text");
                json!({ "values": [said.parse::<f32>().expect("a number")] })
            });
            let answer = json!({ "embeddings": vectors.collect::<Vec<_>>() });
            seen.lock().unwrap().push(request);
            Ok(FakeAnswer::json(200, &answer))
        });
    let plugin = host.load(&PLUGIN, json!({})).expect("it loads");
    let request = EmbedRequest {
        input: (0..150).map(|number| number.to_string()).collect(),
        ..EmbedRequest::default()
    };
    let made: Embeddings = plugin
        .call(ids::provider::EMBED, "google", &request)
        .await
        .expect("vectors");
    assert_eq!(made.vectors.len(), 150);
    assert_eq!((made.vectors[0][0], made.vectors[149][0]), (0.0, 149.0));
    assert_eq!(made.model, "gemini-embedding-001");
    {
        let asked = asked.lock().unwrap();
        assert_eq!(asked.len(), 2, "the vendor takes a hundred at once");
        assert!(
            asked[0]
                .head
                .url
                .ends_with("/models/gemini-embedding-001:batchEmbedContents")
        );
    }
    let wrong = EmbedRequest {
        model: "../other".into(),
        input: vec!["a".into()],
        ..EmbedRequest::default()
    };
    let refused = plugin
        .call::<Embeddings>(ids::provider::EMBED, "google", &wrong)
        .await;
    assert_eq!(
        refused.map_err(|error| error.kind()),
        Err(ErrorKind::InvalidInput)
    );
}
