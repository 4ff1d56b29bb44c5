//! What is sent and what is read, without any wire.
use super::{Reader, body};
use crate::{
    errors::Told,
    reader::Reader as _,
    service::Service,
    vendors::{OPENAI, VENDORS},
};
use openclaw_plugin_api::{AnswerReader, Delta, Message, Role, Thinking, ToolSpec, prelude::*};

const CUSTOM: &str = "https://llm.example.org/v1";

fn request(base_url: &str) -> CompletionRequest {
    CompletionRequest {
        model: "m".into(),
        messages: vec![Message::text(Role::User, "hello")],
        base_url: base_url.into(),
        api: "openai-completions".into(),
        ..CompletionRequest::default()
    }
}

fn sent_to(vendor: &str, request: &CompletionRequest) -> Value {
    let vendor = VENDORS
        .iter()
        .find(|known| known.id == vendor)
        .expect("a known vendor");
    body(&Service::of(vendor, request).expect("a service"), request)
}

fn read(chunks: &[Value]) -> Result<(Vec<Delta>, Option<Completion>), Told> {
    let service = Service::of(OPENAI, &request(CUSTOM)).expect("a service");
    let mut reader = Reader::new(service.origin);
    let mut deltas = Vec::new();
    for chunk in chunks {
        let data = if chunk == "[DONE]" {
            "[DONE]".to_owned()
        } else {
            chunk.to_string()
        };
        if reader.read(&data, &mut deltas)? {
            break;
        }
    }
    Ok((deltas, reader.finish()))
}

fn delta(delta: Value) -> Value {
    json!({"id": "chatcmpl-1", "model": "m-1", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn finish(reason: &str) -> Value {
    json!({"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn piece(index: Value, id: &str, name: &str, arguments: &str) -> Value {
    delta(
        json!({"tool_calls": [{"index": index, "id": id, "function": {"name": name, "arguments": arguments}}]}),
    )
}

fn announced(index: u32, id: &str, name: &str) -> Delta {
    Delta::ToolCall {
        index,
        id: id.into(),
        name: name.into(),
    }
}

fn arguments(index: u32, json: &str) -> Delta {
    Delta::Arguments {
        index,
        json: json.into(),
    }
}

fn picture() -> Content {
    Content::Image {
        mime_type: "image/png".into(),
        data: "AAAA".into(),
    }
}

fn asks(id: &str, thinking: &str, signature: &str) -> Message {
    Message {
        role: Role::Assistant,
        content: vec![
            Content::Thinking {
                thinking: thinking.into(),
                signature: signature.into(),
            },
            Content::ToolCall {
                id: id.into(),
                name: "look".into(),
                arguments: json!({"at": 1}),
                signature: String::new(),
            },
        ],
        ..Message::default()
    }
}

fn saw(id: &str, content: Vec<Content>) -> Message {
    Message {
        role: Role::ToolResult,
        content,
        tool_call_id: id.into(),
        ..Message::default()
    }
}

#[test]
fn openai_gets_its_own_fields() {
    let mut request = request("");
    request.model = "gpt-5".into();
    request.system = vec!["be kind".into(), "and short".into()];
    request.max_tokens = Some(100);
    request.thinking = Thinking::Low;
    request.session_id = "s1".into();
    request.tools = vec![ToolSpec {
        name: "look".into(),
        ..ToolSpec::default()
    }];
    let expected = json!({
        "model": "gpt-5",
        "messages": [
            {"role": "developer", "content": "be kind\n\nand short"},
            {"role": "user", "content": "hello"},
        ],
        "stream": true,
        "stream_options": {"include_usage": true},
        "store": false,
        "max_completion_tokens": 100,
        "tools": [{"type": "function", "function": {"name": "look", "description": "",
            "parameters": {"type": "object", "properties": {}}}}],
        "reasoning_effort": "low",
        "prompt_cache_key": "s1",
    });
    assert_eq!(sent_to("openai", &request), expected);
}

#[test]
fn others_get_only_what_everybody_takes() {
    let mut request = request(CUSTOM);
    request.system = vec!["be kind".into()];
    request.max_tokens = Some(100);
    request.temperature = Some(0.5);
    request.session_id = "s1".into();
    let expected = json!({
        "model": "m",
        "messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hello"}],
        "stream": true,
        "stream_options": {"include_usage": true},
        "max_tokens": 100,
        "temperature": 0.5,
    });
    assert_eq!(sent_to("openai", &request), expected);
}

#[test]
fn each_vendor_is_asked_to_think_in_its_own_words() {
    let mut request = request("");
    request.thinking = Thinking::High;
    let of = |vendor, field: &str| sent_to(vendor, &request)[field].clone();
    assert_eq!(of("groq", "reasoning_effort"), "high");
    assert_eq!(of("openrouter", "reasoning"), json!({"effort": "high"}));
    assert_eq!(of("zai", "thinking"), json!({"type": "enabled"}));
    assert_eq!(of("alibaba", "enable_thinking"), true);
    assert_eq!(of("together", "reasoning"), json!({"enabled": true}));
    assert_eq!(of("xai", "reasoning_effort"), Value::Null);
    request.thinking = Thinking::Off;
    let of = |vendor, field: &str| sent_to(vendor, &request)[field].clone();
    assert_eq!(of("groq", "reasoning_effort"), Value::Null);
    assert_eq!(of("zai", "thinking"), json!({"type": "disabled"}));
    assert_eq!(of("together", "reasoning"), Value::Null);
}

#[test]
fn a_strict_vendor_gets_its_ids_names_and_turns() {
    let mut request = request("");
    request.messages.extend([
        asks("call_abc", "", ""),
        saw("call_abc", vec![Content::text("1"), picture()]),
    ]);
    let body = sent_to("mistral", &request);
    let messages = body["messages"].as_array().expect("a list");
    let roles: Vec<_> = messages
        .iter()
        .map(|message| message["role"].as_str().expect("a role"))
        .collect();
    assert_eq!(roles, ["user", "assistant", "tool", "assistant", "user"]);
    let id = messages[1]["tool_calls"][0]["id"].as_str().expect("an id");
    assert!(id.len() == 9 && messages[2]["tool_call_id"] == id && messages[2]["name"] == "look");
    assert_eq!(
        messages[4]["content"][1]["image_url"]["url"],
        "data:image/png;base64,AAAA"
    );
    assert!(body.get("stream_options").is_none());
}

#[test]
fn the_operators_word_about_a_model_counts() {
    let mut request = request(CUSTOM);
    request.messages[0].content.push(picture());
    request.max_tokens = Some(5);
    request.params.insert(
        "compat".into(),
        json!({"requiresStringContent": true, "maxTokensField": "max_completion_tokens"}),
    );
    request.params.insert("top_p".into(), json!(0.9));
    request.params.insert("stream_options".into(), Value::Null);
    let body = sent_to("openai", &request);
    assert!(body["messages"][0]["content"].is_string() && body.get("compat").is_none());
    assert_eq!(
        (&body["max_completion_tokens"], &body["top_p"]),
        (&json!(5), &json!(0.9))
    );
    assert!(body.get("stream_options").is_none());
}

#[test]
fn text_and_two_calls_stream_in_order() {
    let (deltas, end) = read(&[
        delta(json!({"role": "assistant", "content": ""})),
        delta(json!({"content": "Let me "})),
        delta(json!({"content": "look."})),
        piece(json!(0), "c1", "look", ""),
        delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"at\""}}]})),
        delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]})),
        piece(json!(1), "c2", "look", "{}"),
        finish("tool_calls"),
        json!({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107,
            "prompt_tokens_details": {"cached_tokens": 60}}}),
        json!("[DONE]"),
    ])
    .expect("no failure");
    assert_eq!(
        deltas,
        [
            Delta::Text("Let me ".into()),
            Delta::Text("look.".into()),
            announced(0, "c1", "look"),
            arguments(0, "{\"at\""),
            arguments(0, ":1}"),
            announced(1, "c2", "look"),
            arguments(1, "{}"),
        ]
    );
    let end = end.expect("an end");
    assert_eq!(
        (end.stop_reason, end.model.as_str(), end.response_id.as_str()),
        (StopReason::ToolUse, "m-1", "chatcmpl-1")
    );
    assert_eq!(
        (end.usage.input, end.usage.cache_read, end.usage.output),
        (40, 60, 7)
    );
}

#[test]
fn calls_without_order_are_told_apart() {
    let (same_slot, _) = read(&[
        piece(json!(0), "a", "look", "{}"),
        piece(json!(0), "b", "look", "{}"),
    ])
    .expect("no failure");
    assert_eq!(
        same_slot,
        [
            announced(0, "a", "look"),
            arguments(0, "{}"),
            announced(1, "b", "look"),
            arguments(1, "{}")
        ]
    );

    let bare = |arguments: Value| {
        delta(json!({"tool_calls": [{"function": {"name": "look", "arguments": arguments}}]}))
    };
    let (no_slot, end) =
        read(&[bare(json!({"at": 1})), bare(json!("{}")), finish("stop")]).expect("no failure");
    assert_eq!(
        no_slot,
        [
            announced(0, "call_1lpmctahc_0", "look"),
            arguments(0, "{\"at\":1}"),
            announced(1, "call_1lpmctahc_1", "look"),
            arguments(1, "{}")
        ]
    );
    assert_eq!(end.expect("an end").stop_reason, StopReason::ToolUse);
}

#[test]
fn calls_have_ids_of_their_own_though_the_service_gives_none_at_all() {
    let chunk = |delta: Value| json!({"object": "chat.completion.chunk", "choices": [{"delta": delta}]});
    let bare = || chunk(json!({"tool_calls": [{"function": {"name": "look", "arguments": "{}"}}]}));
    let ids = || -> Vec<String> {
        let (deltas, _) = read(&[bare(), bare()]).expect("no failure");
        let calls = deltas.into_iter().filter_map(|delta| match delta {
            Delta::ToolCall { id, .. } => Some(id),
            _ => None,
        });
        calls.collect()
    };
    let (first, second) = (ids(), ids());
    assert_eq!((first.len(), second.len()), (2, 2));
    assert_ne!(first[0], first[1]);
    assert!(
        first.iter().all(|id| !second.contains(id)),
        "{first:?} {second:?}"
    );
    assert!(first.iter().all(|id| id.len() <= 40), "no service shortens them");
}

#[test]
fn thoughts_come_from_any_field_and_go_back_into_it() {
    let (deltas, _) = read(&[
        delta(json!({"reasoning_content": "hm"})),
        delta(json!({"reasoning_content": "hm", "reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]})),
        delta(json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "!"}]}, {"type": "text", "text": "so"}]})),
    ])
    .expect("no failure");
    let mut signature = String::new();
    let mut thinking = String::new();
    for delta in deltas {
        match delta {
            Delta::Signature(text) => signature += &text,
            Delta::Thinking(text) => thinking += &text,
            Delta::Text(text) => assert_eq!(text, "so"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(thinking, "hmhm!");
    let mut request = request(CUSTOM);
    request.messages.push(asks("c1", &thinking, &signature));
    let body = sent_to("openai", &request);
    assert_eq!(body["messages"][1]["reasoning_content"], "hmhm!");
    assert_eq!(
        body["messages"][1]["reasoning_details"],
        json!([{"type": "reasoning.encrypted", "data": "x"}])
    );
    request.base_url = "https://elsewhere.example.org/v1".into();
    assert!(
        sent_to("openai", &request)["messages"][1]
            .get("reasoning_content")
            .is_none()
    );
}

#[test]
fn every_end_has_its_reason() {
    let table = [
        (vec![finish("stop")], StopReason::Stop),
        (vec![finish("length")], StopReason::Length),
        (vec![finish("content_filter")], StopReason::Refusal),
        (
            vec![delta(json!({"refusal": "I won't"})), finish("stop")],
            StopReason::Refusal,
        ),
        (
            vec![piece(json!(0), "a", "look", "{}"), finish("stop")],
            StopReason::ToolUse,
        ),
        (vec![finish("something new")], StopReason::Other),
        (
            vec![delta(json!({"content": "x"})), json!("[DONE]")],
            StopReason::Stop,
        ),
    ];
    for (chunks, reason) in table {
        let end = read(&chunks).expect("no failure").1.expect("an end");
        assert_eq!(end.stop_reason, reason, "{chunks:?}");
    }
    assert_eq!(
        read(&[delta(json!({"content": "half"}))]).expect("no failure").1,
        None
    );
}

#[test]
fn usage_of_several_services() {
    let usage = |usage: Value| {
        read(&[json!({"choices": [], "usage": usage}), json!("[DONE]")])
            .expect("no failure")
            .1
            .expect("an end")
            .usage
    };
    let apart = usage(
        json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 22,
        "completion_tokens_details": {"reasoning_tokens": 7}}),
    );
    assert_eq!(apart.output, 12);
    let within = usage(
        json!({"prompt_tokens": 10, "completion_tokens": 12, "total_tokens": 22,
        "completion_tokens_details": {"reasoning_tokens": 7}}),
    );
    assert_eq!(within.output, 12);
    let other = usage(
        json!({"prompt_tokens": 10, "completion_tokens": 1, "prompt_cache_hit_tokens": 8, "cost": 0.25}),
    );
    assert_eq!((other.input, other.cache_read, other.cost), (2, 8, 0.25));
}

#[test]
fn failures_inside_the_stream_are_told() {
    let kind = |chunk: Value| {
        read(&[chunk])
            .expect_err("a failure")
            .into_error("x", None, None)
            .kind()
    };
    assert_eq!(
        kind(json!({"error": {"code": 429, "message": "slow down"}, "choices": []})),
        ErrorKind::RateLimited
    );
    assert_eq!(
        kind(json!({"error": {"type": "server_error", "message": "no"}})),
        ErrorKind::Server
    );
    assert_eq!(
        kind(json!({"error": "the model runner stopped"})),
        ErrorKind::Server
    );
    assert_eq!(
        kind(json!({"object": "error", "message": "maximum context length is 1", "code": 400})),
        ErrorKind::ContextOverflow
    );
    assert_eq!(kind(finish("error")), ErrorKind::Server);
    assert_eq!(
        kind(finish("insufficient_system_resource")),
        ErrorKind::Overloaded
    );
    assert_eq!(
        kind(delta(
            json!({"tool_calls": [{"index": 3, "function": {"arguments": "{"}}]})
        )),
        ErrorKind::Server
    );
}

#[test]
fn an_answer_at_once_is_read_too() {
    let mut reader = Reader::new(Service::of(OPENAI, &request(CUSTOM)).expect("a service").origin);
    let mut deltas = Vec::new();
    let whole = json!({"id": "x", "choices": [{"index": 0, "message": {"role": "assistant", "content": "all"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1}});
    reader.read_whole(&whole, &mut deltas).expect("no failure");
    assert_eq!(deltas, [Delta::Text("all".into())]);
    assert_eq!(reader.finish().map(|end| end.usage.input), Some(3));
}
