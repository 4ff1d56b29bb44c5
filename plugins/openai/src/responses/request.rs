//! A conversation as the body of `POST /responses`.
//!
//! Nothing is stored at the vendor, so each request carries the whole conversation; the model's own thoughts come back
//! encrypted and are sent again right before the item that they led to, or not at all: a thought without that item is
//! refused.
use crate::{
    history::{self, Answer, Step},
    proof::Claim,
    service::{self, Service},
};
use openclaw_plugin_api::{Content, Thinking, prelude::*};
use serde_json::Map;

/// The least limit of an answer that the vendor takes, tokens.
const LEAST_OUTPUT: u32 = 16;
/// Longest id of a call that it takes.
const MAX_CALL_ID: usize = 64;

/// The body.
pub fn body(service: &Service, request: &CompletionRequest) -> Value {
    let mut body = Map::new();
    body.insert("model".into(), request.model.as_str().into());
    body.insert("input".into(), input(service, request).into());
    body.insert("stream".into(), true.into());
    body.insert("store".into(), false.into());
    if let Some(limit) = request.max_tokens {
        body.insert("max_output_tokens".into(), limit.max(LEAST_OUTPUT).into());
    }
    if let Some(temperature) = service.temperature(request) {
        body.insert("temperature".into(), temperature.into());
    }
    if service.compat.quirks.tools && !request.tools.is_empty() {
        let tools: Vec<_> = request
            .tools
            .iter()
            .map(|tool| {
                let mut function = json!({
                    "type": "function",
                    "name": tool.name,
                    "description": tool.description,
                    "strict": false,
                });
                // schemas are large, and the macro copies what it is given
                function["parameters"] = service::parameters(tool);
                function
            })
            .collect();
        body.insert("tools".into(), tools.into());
    }
    think(service, request.thinking, &mut body);
    service.cache(request, &mut body);
    service::add_params(&mut body, &request.params);
    body.into()
}

fn think(service: &Service, level: Thinking, body: &mut Map<String, Value>) {
    if !service.thinks(level) {
        return;
    }
    body.insert("include".into(), json!(["reasoning.encrypted_content"]));
    if let Some(effort) = service.compat.effort(level) {
        let mut reasoning = json!({ "effort": effort });
        if level != Thinking::Off {
            reasoning["summary"] = "auto".into();
        }
        body.insert("reasoning".into(), reasoning);
    }
}

fn input(service: &Service, request: &CompletionRequest) -> Vec<Value> {
    let mut input = Vec::new();
    if !request.system.is_empty() {
        let blocks: Vec<_> = request.system.iter().map(|text| input_text(text)).collect();
        input.push(json!({ "role": service.system_role(request.thinking), "content": blocks }));
    }
    for step in history::steps(&request.messages) {
        match step {
            Step::User(content) if service.takes_pictures() => input.extend(user(content)),
            Step::User(content) => input.extend(user(&history::without_pictures(content))),
            Step::Assistant(content) => assistant(service, content, &mut input),
            Step::Results(answers) => input.extend(answers.iter().map(|answer| output(service, answer))),
        }
    }
    input
}

fn user(content: &[Content]) -> Option<Value> {
    let parts: Vec<_> = content
        .iter()
        .filter_map(|part| match part {
            Content::Text { text } => Some(input_text(text)),
            Content::Image { mime_type, data } => Some(input_image(mime_type, data)),
            _ => None,
        })
        .collect();
    (!parts.is_empty()).then(|| json!({ "role": "user", "content": parts }))
}

/// What the model said and asked for, each item behind the thoughts that led to it.
fn assistant(service: &Service, content: &[Content], input: &mut Vec<Value>) {
    let claims = service.origin.claims(content);
    let mut spoken = false;
    for part in content {
        match part {
            // Joined, because the host may keep an answer's text in pieces.
            Content::Text { .. } if !spoken => {
                spoken = true;
                let text = texts(content);
                if !text.is_empty() {
                    messages(&claims, &text, input);
                }
            }
            Content::ToolCall {
                id, name, arguments, ..
            } => {
                let item_id = thoughts(&claims, id, input);
                let mut call = json!({
                    "type": "function_call",
                    "call_id": history::call_id(id, MAX_CALL_ID),
                    "name": name,
                    "arguments": history::arguments(arguments),
                });
                if let Some(item_id) = item_id {
                    call["id"] = item_id.into();
                }
                input.push(call);
            }
            _ => {}
        }
    }
}

/// A thought that led to a message.
struct Led<'a> {
    thought: &'a Value,
    /// The message's id.
    to: &'a str,
    /// Where the message begins in the text of the answer.
    at: usize,
}

/// Adds what was said, message by message, each behind the thoughts that led to it.
fn messages(claims: &[Claim], text: &str, input: &mut Vec<Value>) {
    let led = claims.iter().filter_map(|claim| match claim {
        Claim::Reasoning {
            item,
            call_id: None,
            item_id,
            said,
        } => Some(Led {
            thought: item,
            to: item_id,
            at: *said,
        }),
        _ => None,
    });
    let led: Vec<_> = led.collect();
    let none: &[Led<'_>] = &[];
    let (mut from, mut before) = (0, none);
    let begin = led.chunk_by(|a, b| a.to == b.to).map(|led| (led[0].at, led));
    for (to, next) in begin.chain([(text.len(), none)]) {
        let to = text.floor_char_boundary(to).max(from);
        // a thought without its message is refused
        if to > from {
            input.extend(before.iter().map(|led| led.thought.clone()));
            let id = before.last().map(|led| led.to).filter(|id| !id.is_empty());
            input.push(message(&text[from..to], id));
        }
        (from, before) = (to, next);
    }
}

/// Adds the thoughts that led to this call; gives the id of the item that has to follow.
fn thoughts<'a>(claims: &'a [Claim], call: &str, input: &mut Vec<Value>) -> Option<&'a str> {
    let mut follows = None;
    for claim in claims {
        if let Claim::Reasoning {
            item,
            call_id,
            item_id,
            ..
        } = claim
            && call_id.as_deref() == Some(call)
        {
            input.push(item.clone());
            follows = Some(item_id.as_str());
        }
    }
    follows.filter(|id| !id.is_empty())
}

/// Something that the model said. With its id it is the very item that the vendor made.
fn message(text: &str, id: Option<&str>) -> Value {
    match id {
        None => json!({ "role": "assistant", "content": text }),
        Some(id) => json!({
            "type": "message",
            "id": id,
            "role": "assistant",
            "status": "completed",
            "content": [{ "type": "output_text", "text": text, "annotations": [], "logprobs": [] }],
        }),
    }
}

fn output(service: &Service, answer: &Answer<'_>) -> Value {
    let output = if answer.pictures.is_empty() || !service.takes_pictures() {
        Value::from(answer.text_alone())
    } else {
        let pictures = answer
            .pictures
            .iter()
            .map(|(mime_type, data)| input_image(mime_type, data));
        std::iter::once(input_text(&answer.text))
            .chain(pictures)
            .collect()
    };
    json!({
        "type": "function_call_output",
        "call_id": history::call_id(answer.call_id, MAX_CALL_ID),
        "output": output,
    })
}

fn texts(content: &[Content]) -> String {
    content
        .iter()
        .filter_map(Content::as_text)
        .collect::<Vec<_>>()
        .join("\n")
}

fn input_text(text: &str) -> Value {
    json!({ "type": "input_text", "text": text })
}

fn input_image(mime_type: &str, data: &str) -> Value {
    json!({ "type": "input_image", "detail": "auto", "image_url": history::data_url(mime_type, data) })
}
