//! What is sent and what is read, without any wire.
use super::{Reader, body};
use crate::{errors::Told, reader::Reader as _, service::Service, vendors::OPENAI};
use openclaw_plugin_api::{
    AnswerReader, CacheRetention, Delta, Message, Role, Thinking, ToolSpec, prelude::*,
};

fn request(model: &str) -> CompletionRequest {
    CompletionRequest {
        model: model.into(),
        messages: vec![Message::text(Role::User, "hello")],
        ..CompletionRequest::default()
    }
}

fn sent(request: &CompletionRequest) -> Value {
    body(&Service::of(OPENAI, request).expect("a service"), request)
}

/// Reads events; what came, and how it ended.
fn read(events: &[Value]) -> Result<(Vec<Delta>, Option<Completion>), Told> {
    let request = request("gpt-5");
    let service = Service::of(OPENAI, &request).expect("a service");
    let mut reader = Reader::new(service.origin);
    let mut deltas = Vec::new();
    for event in events {
        if reader.read(&event.to_string(), &mut deltas)? {
            break;
        }
    }
    Ok((deltas, reader.finish()))
}

fn item_added(index: u32, item: Value) -> Value {
    json!({"type": "response.output_item.added", "output_index": index, "item": item})
}

fn item_done(index: u32, item: Value) -> Value {
    json!({"type": "response.output_item.done", "output_index": index, "item": item})
}

fn completed(status: &str) -> Value {
    json!({"type": format!("response.{status}"), "response": {
        "id": "resp_1", "model": "gpt-5-2025-08-07", "status": status,
        "usage": {"input_tokens": 100, "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
            "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 107},
    }})
}

fn call(id: &str) -> Value {
    json!({"type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": "look", "arguments": ""})
}

fn thought(id: &str) -> Value {
    json!({"type": "reasoning", "id": id, "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": format!("secret of {id}"), "status": "completed"})
}

#[test]
fn the_body_has_what_the_request_says() {
    let mut request = request("gpt-5");
    request.system = vec!["be kind".into(), "today is Monday".into()];
    request.max_tokens = Some(4);
    request.temperature = Some(0.5);
    request.thinking = Thinking::High;
    request.session_id = "s1".into();
    request.cache = CacheRetention::Long;
    request.tools = vec![ToolSpec {
        name: "look".into(),
        parameters: json!({"type": "object"}),
        ..ToolSpec::default()
    }];
    request.params.insert("service_tier".into(), "flex".into());
    request.params.insert("model".into(), "another".into());
    request.params.insert("compat".into(), json!({}));
    let body = sent(&request);
    let expected = json!({
        "model": "gpt-5",
        "input": [
            {"role": "developer", "content": [
                {"type": "input_text", "text": "be kind"}, {"type": "input_text", "text": "today is Monday"},
            ]},
            {"role": "user", "content": [{"type": "input_text", "text": "hello"}]},
        ],
        "stream": true,
        "store": false,
        "max_output_tokens": 16,
        "tools": [{"type": "function", "name": "look", "description": "", "strict": false,
            "parameters": {"type": "object", "properties": {}}}],
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "high", "summary": "auto"},
        "prompt_cache_key": "s1",
        "prompt_cache_retention": "24h",
        "service_tier": "flex",
    });
    assert_eq!(body, expected);
}

#[test]
fn a_model_that_does_not_think_is_not_asked_to() {
    let mut request = request("gpt-4o");
    request.thinking = Thinking::High;
    request.temperature = Some(0.5);
    request.system = vec!["be kind".into()];
    let body = sent(&request);
    assert!(body.get("reasoning").is_none() && body.get("include").is_none());
    assert_eq!(
        (&body["temperature"], &body["input"][0]["role"]),
        (&json!(0.5), &json!("system"))
    );
}

#[test]
fn pictures_go_in_also_from_tools() {
    let picture = || Content::Image {
        mime_type: "image/png".into(),
        data: "AAAA".into(),
    };
    let ask = Message {
        role: Role::Assistant,
        content: vec![Content::ToolCall {
            id: "c1".into(),
            name: "look".into(),
            arguments: json!({"at": 1}),
            signature: String::new(),
        }],
        ..Message::default()
    };
    let answer = Message {
        role: Role::ToolResult,
        content: vec![Content::text("seen"), picture()],
        tool_call_id: "c1".into(),
        ..Message::default()
    };
    let mut request = request("gpt-4o");
    request.messages[0].content.push(picture());
    request.messages.extend([ask, answer]);
    let image = json!({"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,AAAA"});
    let body = sent(&request);
    assert_eq!(body["input"][0]["content"][1], image);
    assert_eq!(
        body["input"][1],
        json!({"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{\"at\":1}"})
    );
    assert_eq!(
        body["input"][2]["output"],
        json!([{"type": "input_text", "text": "seen"}, image])
    );

    request.model = "o3-mini".into();
    let body = sent(&request);
    assert_eq!(body["input"][0]["content"][1]["type"], "input_text");
    let output = body["input"][2]["output"].as_str().expect("text");
    assert!(output.starts_with("seen\n[a picture was left out"), "{output}");
}

#[test]
fn text_thought_and_calls_stream_in_order() {
    let (deltas, end) = read(&[
        json!({"type": "response.created", "response": {"id": "resp_1", "model": "gpt-5"}}),
        item_added(0, json!({"type": "reasoning", "id": "rs_1", "summary": []})),
        json!({"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 0}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "first"}),
        json!({"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 1}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "second"}),
        item_done(0, thought("rs_1")),
        item_added(1, json!({"type": "message", "id": "msg_1", "role": "assistant", "content": []})),
        json!({"type": "response.output_text.delta", "output_index": 1, "delta": "Let me "}),
        json!({"type": "response.output_text.delta", "output_index": 1, "delta": "look."}),
        item_done(1, json!({"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "Let me look."}]})),
        item_added(2, call("c1")),
        json!({"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{\"at\""}),
        json!({"type": "response.function_call_arguments.delta", "output_index": 2, "delta": ":1}"}),
        json!({"type": "response.function_call_arguments.done", "output_index": 2, "arguments": "{\"at\":1}"}),
        item_done(2, call("c1")),
        completed("completed"),
        json!({"type": "response.output_text.delta", "output_index": 1, "delta": "after the end"}),
    ])
    .expect("no failure");
    let shape: Vec<_> = deltas
        .iter()
        .filter(|delta| !matches!(delta, Delta::Signature(_)))
        .cloned()
        .collect();
    let piece = |json: &str| Delta::Arguments {
        index: 0,
        json: json.into(),
    };
    assert_eq!(
        shape,
        [
            Delta::Thinking("first".into()),
            Delta::Thinking("\n\n".into()),
            Delta::Thinking("second".into()),
            Delta::Text("Let me ".into()),
            Delta::Text("look.".into()),
            Delta::ToolCall {
                index: 0,
                id: "c1".into(),
                name: "look".into()
            },
            piece("{\"at\""),
            piece(":1}"),
        ]
    );
    let end = end.expect("an end");
    assert_eq!(
        (end.stop_reason, end.response_id.as_str()),
        (StopReason::ToolUse, "resp_1")
    );
    assert_eq!(
        (
            end.usage.input,
            end.usage.cache_read,
            end.usage.cache_write,
            end.usage.output
        ),
        (30, 60, 10, 7)
    );
}

#[test]
fn what_did_not_stream_is_taken_from_the_whole() {
    let mut whole = call("c1");
    whole["arguments"] = "{}".into();
    let message =
        json!({"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "all"}]});
    let (deltas, _) =
        read(&[item_done(0, message), item_done(1, whole), completed("completed")]).expect("no failure");
    assert_eq!(
        deltas,
        [
            Delta::Text("all".into()),
            Delta::ToolCall {
                index: 0,
                id: "c1".into(),
                name: "look".into()
            },
            Delta::Arguments {
                index: 0,
                json: "{}".into()
            },
        ]
    );
}

#[test]
fn each_of_two_messages_is_sent_again_behind_its_own_thought() {
    let message = |id: &str, text: &str| {
        let content = json!([{"type": "output_text", "text": text}]);
        json!({"type": "message", "id": id, "role": "assistant", "content": content})
    };
    let (deltas, _) = read(&[
        item_done(0, thought("rs_1")),
        item_done(1, message("msg_1", "I look.")),
        item_done(2, thought("rs_2")),
        item_done(3, message("msg_2", "Ünd that is it.")),
        completed("completed"),
    ])
    .expect("no failure");
    let (mut signature, mut text) = (String::new(), String::new());
    for delta in deltas {
        match delta {
            Delta::Signature(proof) => signature += &proof,
            Delta::Text(more) => text += &more,
            _ => {}
        }
    }
    let thinking = Content::Thinking {
        thinking: "hmhm".into(),
        signature,
    };
    let mut request = request("gpt-5");
    let input = |request: &CompletionRequest| -> Vec<String> {
        let body = sent(request);
        let input = body["input"].as_array().expect("a list").iter().skip(1);
        let said = |item: &Value| item["content"][0]["text"].as_str().unwrap_or_default().to_owned();
        input
            .map(|item| format!("{} {}", item["id"].as_str().unwrap_or_default(), said(item)))
            .collect()
    };
    request.messages.push(Message {
        role: Role::Assistant,
        content: vec![thinking, Content::text(text)],
        ..Message::default()
    });
    assert_eq!(
        input(&request),
        ["rs_1 ", "msg_1 I look.", "rs_2 ", "msg_2 Ünd that is it."]
    );
    // of what is not there any more no thought is left over
    request.messages[1].content[1] = Content::text("I l");
    assert_eq!(input(&request), ["rs_1 ", "msg_1 I l"]);
}

#[test]
fn thoughts_are_sent_again_before_what_they_led_to() {
    let (deltas, _) = read(&[
        item_done(0, thought("rs_1")),
        item_done(
            1,
            json!({"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "so"}]}),
        ),
        item_done(2, thought("rs_2")),
        item_added(3, call("c1")),
        item_done(4, thought("rs_led_nowhere")),
        completed("completed"),
    ])
    .expect("no failure");
    let signature: String = deltas
        .into_iter()
        .filter_map(|delta| match delta {
            Delta::Signature(text) => Some(text),
            _ => None,
        })
        .collect();
    let mut request = request("gpt-5");
    request.messages.push(Message {
        role: Role::Assistant,
        content: vec![
            Content::Thinking {
                thinking: "hmhm".into(),
                signature,
            },
            Content::text("so"),
            Content::ToolCall {
                id: "c1".into(),
                name: "look".into(),
                arguments: json!({}),
                signature: String::new(),
            },
        ],
        ..Message::default()
    });
    let ids = |body: &Value| -> Vec<String> {
        let input = body["input"].as_array().expect("a list");
        input
            .iter()
            .map(|item| format!("{} {}", item["type"], item["id"]).replace('"', ""))
            .collect()
    };
    let body = sent(&request);
    let expected = [
        "null null",
        "reasoning rs_1",
        "message msg_1",
        "reasoning rs_2",
        "function_call fc_c1",
        "function_call_output null",
    ];
    assert_eq!(ids(&body), expected);
    assert_eq!(body["input"][1]["encrypted_content"], "secret of rs_1");

    request.model = "gpt-5.1".into();
    assert_eq!(
        ids(&sent(&request)),
        [
            "null null",
            "null null",
            "function_call null",
            "function_call_output null"
        ]
    );
}

#[test]
fn every_end_has_its_reason() {
    let incomplete = |reason: &str| {
        let mut event = completed("incomplete");
        event["response"]["incomplete_details"] = json!({"reason": reason});
        event
    };
    let refusal = json!({"type": "response.refusal.delta", "output_index": 0, "delta": "I won't"});
    let table = [
        (vec![completed("completed")], StopReason::Stop),
        (vec![incomplete("max_output_tokens")], StopReason::Length),
        (vec![incomplete("content_filter")], StopReason::Refusal),
        (vec![incomplete("something new")], StopReason::Other),
        (vec![refusal, completed("completed")], StopReason::Refusal),
        (
            vec![item_added(0, call("c1")), completed("completed")],
            StopReason::ToolUse,
        ),
    ];
    for (events, reason) in table {
        let end = read(&events).expect("no failure").1.expect("an end");
        assert_eq!(end.stop_reason, reason, "{events:?}");
    }
    let (_, end) = read(&[json!({"type": "response.output_text.delta", "output_index": 0, "delta": "half"})])
        .expect("no failure");
    assert_eq!(end, None, "an answer without its end has none");
}

#[test]
fn failures_inside_the_stream_are_told() {
    let kind = |event: Value| {
        read(&[event])
            .expect_err("a failure")
            .into_error("x", None, None)
            .kind()
    };
    let failed = |code: &str| json!({"type": "response.failed", "response": {"error": {"code": code, "message": "no"}}});
    assert_eq!(kind(failed("server_error")), ErrorKind::Server);
    assert_eq!(kind(failed("rate_limit_exceeded")), ErrorKind::RateLimited);
    assert_eq!(
        kind(failed("context_length_exceeded")),
        ErrorKind::ContextOverflow
    );
    assert_eq!(
        kind(json!({"type": "error", "code": "insufficient_quota", "message": "no", "param": null})),
        ErrorKind::Billing
    );
    assert_eq!(
        kind(json!({"type": "error", "error": {"type": "server_error", "message": "no"}})),
        ErrorKind::Server
    );
    assert_eq!(
        kind(json!({"type": "response.function_call_arguments.delta", "output_index": 9, "delta": "{"})),
        ErrorKind::Server
    );
}

#[test]
fn an_answer_at_once_is_read_too() {
    let request = request("gpt-5");
    let mut reader = Reader::new(Service::of(OPENAI, &request).expect("a service").origin);
    let mut deltas = Vec::new();
    let mut whole = completed("completed")["response"].clone();
    whole["output"] =
        json!([{"type": "message", "id": "m", "content": [{"type": "output_text", "text": "all"}]}]);
    reader.read_whole(&whole, &mut deltas).expect("no failure");
    assert_eq!(deltas, [Delta::Text("all".into())]);
    assert_eq!(reader.finish().map(|end| end.usage.output), Some(7));
}
