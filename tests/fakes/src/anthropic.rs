//! Anthropic on loopback: `/v1/messages` and `/v1/models`.
//!
//! Without a script it repeats the last text that it heard, word by word. Invariant: what the vendor would refuse is
//! refused here, by its own description where that is at hand.
use crate::{
    server::{Asked, Reply, Server, Vendor},
    spec::{judge, validator},
    turn::Turn,
};
use jsonschema::Validator;
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

static BODY: LazyLock<Option<Validator>> =
    LazyLock::new(|| validator("anthropic_core.json", "CreateMessageParams", |_| {}));

/// A running fake.
#[derive(Debug)]
pub struct Anthropic {
    /// Requests and faults.
    pub server: Server,
    turns: Turns,
}

type Turns = Arc<Mutex<VecDeque<Turn>>>;

struct Messages(Turns);

impl Anthropic {
    /// Starts one on a free port. `baseUrl` is its server's address.
    pub async fn start() -> io::Result<Self> {
        let turns = Turns::default();
        let server = Server::start(Messages(turns.clone())).await?;
        Ok(Self { server, turns })
    }

    /// The answer to the next request that no earlier turn is for.
    pub fn turn(&self, turn: Turn) {
        self.turns
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(turn);
    }
}

impl Vendor for Messages {
    fn answer(&self, asked: &Asked) -> Reply {
        match asked.path.split('?').next() {
            Some("/v1/models") => {
                let model = json!({ "id": "claude-opus-4-6", "type": "model", "display_name": "Claude Opus 4.6", "created_at": "2026-02-01T00:00:00Z" });
                Reply::json(200, &json!({ "data": [model], "has_more": false }))
            }
            Some("/v1/messages") if asked.header("anthropic-version").is_empty() => refusal(
                400,
                "invalid_request_error",
                "anthropic-version: header is required",
            ),
            Some("/v1/messages")
                if asked.header("x-api-key").is_empty() && asked.header("authorization").is_empty() =>
            {
                refusal(401, "authentication_error", "x-api-key header is required")
            }
            Some("/v1/messages") => {
                let turn = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                exchange(&asked.json(), turn)
                    .map_or_else(|why| refusal(400, "invalid_request_error", &why), Reply::events)
            }
            _ => refusal(404, "not_found_error", "Not Found"),
        }
    }
}

fn refusal(status: u16, kind: &str, message: &str) -> Reply {
    let error = json!({ "type": kind, "message": message });
    Reply::json(
        status,
        &json!({ "type": "error", "error": error, "request_id": "req_fake" }),
    )
}

/// What the vendor would send for a body, event by event, or why it would refuse it. Without a turn: an echo.
pub fn exchange(body: &Value, turn: Option<Turn>) -> Result<Vec<String>, String> {
    let mut described = body.clone();
    if let Some(fields) = described.as_object_mut() {
        // Later than the description at hand.
        fields.remove("output_config");
        if body["thinking"]["type"] == "adaptive" {
            fields.remove("thinking");
        }
    }
    if let Some(validator) = BODY.as_ref() {
        judge(validator, &described)?;
    }
    if body["messages"][0]["role"] != "user" {
        return Err("messages: first message must use the \"user\" role".into());
    }
    let turn = turn.unwrap_or_else(|| Turn::say(&last_text(body)));
    Ok(events(body, &turn).iter().map(frame).collect())
}

fn frame(event: &Value) -> String {
    format!(
        "event: {}\ndata: {event}\n\n",
        event["type"].as_str().unwrap_or_default()
    )
}

fn last_text(body: &Value) -> String {
    let turns = body["messages"].as_array().into_iter().flatten();
    let blocks = turns.flat_map(|turn| turn["content"].as_array().into_iter().flatten());
    let mut texts = blocks.filter_map(|block| block["text"].as_str());
    texts.next_back().unwrap_or("nothing").to_owned()
}

fn events(body: &Value, turn: &Turn) -> Vec<Value> {
    let (input, output) = turn.usage;
    let usage = json!({ "input_tokens": input, "output_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0 });
    let message = json!({ "id": "msg_fake", "type": "message", "role": "assistant", "model": body["model"], "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage });
    let mut events = vec![
        json!({ "type": "message_start", "message": message }),
        json!({ "type": "ping" }),
    ];
    let mut index = 0;
    let mut block = |begin: Value, deltas: Vec<Value>| {
        events.push(json!({ "type": "content_block_start", "index": index, "content_block": begin }));
        events.extend(
            deltas
                .into_iter()
                .map(|delta| json!({ "type": "content_block_delta", "index": index, "delta": delta })),
        );
        events.push(json!({ "type": "content_block_stop", "index": index }));
        index += 1;
    };
    if !turn.thinking.is_empty() {
        block(
            json!({ "type": "thinking", "thinking": "", "signature": "" }),
            vec![
                json!({ "type": "thinking_delta", "thinking": turn.thinking }),
                json!({ "type": "signature_delta", "signature": "c2lnbmVk" }),
            ],
        );
    }
    if !turn.text.is_empty() {
        let deltas = turn
            .text
            .iter()
            .map(|text| json!({ "type": "text_delta", "text": text }));
        block(json!({ "type": "text", "text": "" }), deltas.collect());
    }
    for (number, (name, arguments)) in turn.calls.iter().enumerate() {
        let id = format!(
            "toolu_{}_{number}",
            body["messages"].as_array().map_or(0, Vec::len)
        );
        block(
            json!({ "type": "tool_use", "id": id, "name": name, "input": {} }),
            vec![json!({ "type": "input_json_delta", "partial_json": arguments.to_string() })],
        );
    }
    let natural = if turn.calls.is_empty() {
        "end_turn"
    } else {
        "tool_use"
    };
    let stop = turn.stop.as_deref().unwrap_or(natural);
    events.push(json!({ "type": "message_delta", "delta": { "stop_reason": stop, "stop_sequence": null }, "usage": { "output_tokens": output } }));
    events.push(json!({ "type": "message_stop" }));
    events
}
