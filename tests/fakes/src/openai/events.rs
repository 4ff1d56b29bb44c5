//! A turn on the wire of either API, event by event.
use super::{Api, Part, Turn};
use axum::body::Bytes;
use serde_json::{Value, json};

/// Seconds since 1970 at which everything here was made.
const CREATED: u64 = 1_700_000_000;

/// Every event of a turn.
pub(super) fn render(api: Api, turn: &Turn, request: &Value, number: u64) -> Vec<Value> {
    let model = request["model"].as_str().unwrap_or_default();
    match api {
        Api::Responses => Responses::new(model, number).render(turn, request),
        Api::Completions => completions(turn, request, model, number),
    }
}

/// An event on the wire. Responses name it in a line of its own, too.
pub(super) fn frame(event: &Value) -> Bytes {
    match event["type"].as_str() {
        Some(kind) => format!("event: {kind}\ndata: {event}\n\n").into(),
        None => format!("data: {event}\n\n").into(),
    }
}

/// The vendor says that it failed.
pub(super) fn failure(api: Api, code: &str, message: &str, number: u64) -> Value {
    match api {
        Api::Responses => json!({
            "type": "response.failed",
            "sequence_number": 0,
            "response": { "id": format!("resp_{number}"), "status": "failed", "error": { "code": code, "message": message } },
        }),
        Api::Completions => {
            json!({ "error": { "message": message, "type": code, "param": null, "code": code } })
        }
    }
}

/// The events of one response.
struct Responses {
    events: Vec<Value>,
    output: Vec<Value>,
    response: Value,
    number: u64,
}

// === impl Responses ===

impl Responses {
    fn new(model: &str, number: u64) -> Self {
        let response = json!({
            "id": format!("resp_{number}"), "object": "response", "created_at": CREATED, "status": "in_progress",
            "model": model, "output": [], "error": null, "incomplete_details": null, "instructions": null,
            "metadata": {}, "parallel_tool_calls": true, "temperature": 1.0, "top_p": 1.0, "tool_choice": "auto",
            "tools": [],
        });
        Self {
            events: Vec::new(),
            output: Vec::new(),
            response,
            number,
        }
    }

    fn render(mut self, turn: &Turn, request: &Value) -> Vec<Value> {
        self.push("response.created", json!({ "response": self.response }));
        self.push("response.in_progress", json!({ "response": self.response }));
        for part in &turn.parts {
            match part {
                Part::Text(pieces) => self.message("output_text", pieces),
                Part::Refusal(text) => self.message("refusal", std::slice::from_ref(text)),
                Part::Thought(text) => self.thought(text, request),
                Part::Call { id, name, arguments } => self.call(id, name, arguments),
            }
        }
        let reason = turn.stop.as_deref().map(|stop| {
            if stop == "length" {
                "max_output_tokens"
            } else {
                stop
            }
        });
        let status = if reason.is_some() {
            "incomplete"
        } else {
            "completed"
        };
        let (prompt, cached, output) = turn.usage;
        let mut response = self.response.take();
        response["status"] = status.into();
        response["incomplete_details"] = reason.map_or(Value::Null, |reason| json!({ "reason": reason }));
        response["output"] = std::mem::take(&mut self.output).into();
        response["usage"] = json!({
            "input_tokens": prompt,
            "input_tokens_details": { "cached_tokens": cached, "cache_write_tokens": 0 },
            "output_tokens": output,
            "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": prompt + output,
        });
        self.push(&format!("response.{status}"), json!({ "response": response }));
        self.events
    }

    /// Adds an event, with its type and its number.
    fn push(&mut self, kind: &str, mut event: Value) {
        event["type"] = kind.into();
        event["sequence_number"] = self.events.len().into();
        self.events.push(event);
    }

    /// The place of the item that is being made.
    fn place(&self) -> usize {
        self.output.len()
    }

    fn id(&self, kind: &str) -> String {
        format!("{kind}_{}_{}", self.number, self.place())
    }

    fn begin(&mut self, item: &Value) {
        self.push(
            "response.output_item.added",
            json!({ "output_index": self.place(), "item": item }),
        );
    }

    fn end(&mut self, item: Value) {
        self.push(
            "response.output_item.done",
            json!({ "output_index": self.place(), "item": item }),
        );
        self.output.push(item);
    }

    fn message(&mut self, kind: &str, pieces: &[String]) {
        let (id, place) = (self.id("msg"), self.place());
        let item = |content: Value, status: &str| json!({ "type": "message", "id": id, "role": "assistant", "status": status, "content": content });
        let part = |text: &str| match kind {
            "refusal" => json!({ "type": kind, "refusal": text }),
            _ => json!({ "type": kind, "text": text, "annotations": [], "logprobs": [] }),
        };
        let at = json!({ "item_id": id, "output_index": place, "content_index": 0 });
        let with = |name: &str, value: Value| {
            let mut event = at.clone();
            event[name] = value;
            event
        };
        self.begin(&item(json!([]), "in_progress"));
        self.push("response.content_part.added", with("part", part("")));
        for piece in pieces {
            let mut delta = with("delta", piece.as_str().into());
            if kind != "refusal" {
                delta["logprobs"] = json!([]);
            }
            self.push(&format!("response.{kind}.delta"), delta);
        }
        let text = pieces.concat();
        self.push("response.content_part.done", with("part", part(&text)));
        self.end(item(json!([part(&text)]), "completed"));
    }

    fn thought(&mut self, text: &str, request: &Value) {
        let (id, place) = (self.id("rs"), self.place());
        let part = |text: &str| json!({ "type": "summary_text", "text": text });
        let item = |summary: Value| json!({ "type": "reasoning", "id": id, "summary": summary });
        let at = |name: &str, value: Value| {
            let mut event = json!({ "item_id": id, "output_index": place, "summary_index": 0 });
            event[name] = value;
            event
        };
        self.begin(&item(json!([])));
        let mut whole = item(json!([]));
        if request.pointer("/reasoning/summary").is_some() {
            self.push("response.reasoning_summary_part.added", at("part", part("")));
            self.push("response.reasoning_summary_text.delta", at("delta", text.into()));
            self.push("response.reasoning_summary_text.done", at("text", text.into()));
            self.push("response.reasoning_summary_part.done", at("part", part(text)));
            whole = item(json!([part(text)]));
        }
        let wanted = request["include"]
            .as_array()
            .is_some_and(|list| list.contains(&json!("reasoning.encrypted_content")));
        if wanted {
            whole["encrypted_content"] = format!("encrypted:{text}").into();
        }
        self.end(whole);
    }

    fn call(&mut self, call_id: &str, name: &str, arguments: &str) {
        let (id, place) = (self.id("fc"), self.place());
        let item = |arguments: &str, status: &str| {
            json!({
                "type": "function_call", "id": id, "call_id": call_id, "name": name, "arguments": arguments,
                "status": status,
            })
        };
        self.begin(&item("", "in_progress"));
        for piece in halves(arguments) {
            let delta = json!({ "item_id": id, "output_index": place, "delta": piece });
            self.push("response.function_call_arguments.delta", delta);
        }
        let done = json!({ "item_id": id, "output_index": place, "name": name, "arguments": arguments });
        self.push("response.function_call_arguments.done", done);
        self.end(item(arguments, "completed"));
    }
}

fn completions(turn: &Turn, request: &Value, model: &str, number: u64) -> Vec<Value> {
    let chunk = |choices: Value| {
        json!({
            "id": format!("chatcmpl-{number}"), "object": "chat.completion.chunk", "created": CREATED, "model": model,
            "choices": choices,
        })
    };
    let part = |delta: Value| chunk(json!([{ "index": 0, "delta": delta, "finish_reason": null }]));
    let mut chunks = vec![part(json!({ "role": "assistant", "content": "" }))];
    let mut calls = 0;
    for step in &turn.parts {
        match step {
            Part::Text(pieces) => chunks.extend(pieces.iter().map(|piece| part(json!({ "content": piece })))),
            Part::Thought(text) => chunks.push(part(json!({ "reasoning_content": text }))),
            Part::Refusal(text) => chunks.push(part(json!({ "refusal": text }))),
            Part::Call { id, name, arguments } => {
                let function = json!({ "name": name, "arguments": "" });
                let begin = json!({ "index": calls, "id": id, "type": "function", "function": function });
                chunks.push(part(json!({ "tool_calls": [begin] })));
                for piece in halves(arguments) {
                    let more = json!({ "index": calls, "function": { "arguments": piece } });
                    chunks.push(part(json!({ "tool_calls": [more] })));
                }
                calls += 1;
            }
        }
    }
    let reason = turn
        .stop
        .as_deref()
        .unwrap_or(if turn.asks() { "tool_calls" } else { "stop" });
    chunks.push(chunk(
        json!([{ "index": 0, "delta": {}, "finish_reason": reason }]),
    ));
    if request.pointer("/stream_options/include_usage") == Some(&Value::Bool(true)) {
        let (prompt, cached, output) = turn.usage;
        let mut last = chunk(json!([]));
        last["usage"] = json!({
            "prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output,
            "prompt_tokens_details": { "cached_tokens": cached },
        });
        chunks.push(last);
    }
    chunks
}

/// Arguments come in pieces that are no JSON by themselves.
fn halves(text: &str) -> impl Iterator<Item = &str> {
    let middle = text.len() / 2;
    let middle = (0..=middle)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let (first, second) = text.split_at(middle);
    [first, second].into_iter().filter(|piece| !piece.is_empty())
}
