//! The events of an answer, one by one, as deltas.
//!
//! Invariant: an answer has ended only when the vendor said so; whatever stops before that is cut off.
use crate::{catalog, errors::Told, proof::Proof};
use openclaw_plugin_api::{AnswerReader, Delta, prelude::*};
use std::collections::BTreeMap;

/// Blocks that one answer may have. More is a broken service.
const MAX_BLOCKS: usize = 1_024;

/// Reads the events of one answer. It does no I/O.
#[derive(Debug)]
pub struct Reader {
    /// The model as it was asked for.
    model: String,
    end: Completion,
    /// Tokens written to the cache for an hour.
    kept_long: u64,
    blocks: BTreeMap<u64, Block>,
    calls: u32,
    done: bool,
}

#[derive(Debug)]
enum Block {
    Thinking { len: usize, signature: String },
    Call { index: u32, input: Value, heard: bool },
    Other,
}

impl AnswerReader for Reader {
    type Told = Told;

    fn read(&mut self, data: &str, out: &mut Vec<Delta>) -> Result<bool, Told> {
        let broken =
            |what: &str| Told::from_event(&json!({ "error": { "type": "api_error", "message": what } }));
        let event: Value =
            serde_json::from_str(data).map_err(|_| broken("the stream holds an event that is not JSON"))?;
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => {
                let message = &event["message"];
                self.end.model = message["model"].as_str().unwrap_or_default().to_owned();
                self.end.response_id = message["id"].as_str().unwrap_or_default().to_owned();
                self.usage(&message["usage"]);
            }
            "content_block_start" if self.blocks.len() >= MAX_BLOCKS => {
                return Err(broken("the answer has too many blocks"));
            }
            "content_block_start" => self.begin(&event, out),
            "content_block_delta" => self.go_on(&event, out),
            "content_block_stop" => self.stop(&event, out),
            "message_delta" => {
                if let Some(reason) = event["delta"]["stop_reason"].as_str() {
                    self.end.stop_reason = stop_reason(reason);
                }
                self.usage(&event["usage"]);
            }
            "message_stop" => self.done = true,
            "error" => return Err(Told::from_event(&event)),
            "ping" => out.push(Delta::Ping),
            // Events of a later version.
            _ => {}
        }
        Ok(self.done)
    }

    fn finish(mut self) -> Option<Completion> {
        let cost = catalog::cost(&self.model, &self.end.usage, self.kept_long);
        self.end.usage.cost = cost;
        if self.end.model.is_empty() {
            self.end.model = self.model;
        }
        self.done.then_some(self.end)
    }
}

impl Reader {
    /// For an answer of this model.
    pub fn new(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            end: Completion::default(),
            kept_long: 0,
            blocks: BTreeMap::new(),
            calls: 0,
            done: false,
        }
    }

    fn begin(&mut self, event: &Value, out: &mut Vec<Delta>) {
        let block = &event["content_block"];
        let text = |name: &str| block[name].as_str().unwrap_or_default();
        let begun = match text("type") {
            "thinking" => {
                push(out, Delta::Thinking, text("thinking"));
                Block::Thinking {
                    len: text("thinking").len(),
                    signature: text("signature").to_owned(),
                }
            }
            "redacted_thinking" => {
                out.push(Delta::Signature(Proof::redacted(&self.model, text("data"))));
                Block::Other
            }
            "tool_use" => {
                let index = self.calls;
                self.calls += 1;
                out.push(Delta::ToolCall {
                    index,
                    id: text("id").to_owned(),
                    name: text("name").to_owned(),
                });
                Block::Call {
                    index,
                    input: block["input"].clone(),
                    heard: false,
                }
            }
            _ => {
                push(out, Delta::Text, text("text"));
                Block::Other
            }
        };
        self.blocks
            .insert(event["index"].as_u64().unwrap_or_default(), begun);
    }

    fn go_on(&mut self, event: &Value, out: &mut Vec<Delta>) {
        let delta = &event["delta"];
        let text = |name: &str| delta[name].as_str().unwrap_or_default();
        let block = self.blocks.get_mut(&event["index"].as_u64().unwrap_or_default());
        match (text("type"), block) {
            ("text_delta", _) => push(out, Delta::Text, text("text")),
            ("thinking_delta", Some(Block::Thinking { len, .. })) => {
                *len += text("thinking").len();
                push(out, Delta::Thinking, text("thinking"));
            }
            ("signature_delta", Some(Block::Thinking { signature, .. })) => {
                signature.push_str(text("signature"))
            }
            ("input_json_delta", Some(Block::Call { index, heard, .. }))
                if !text("partial_json").is_empty() =>
            {
                *heard = true;
                out.push(Delta::Arguments {
                    index: *index,
                    json: text("partial_json").to_owned(),
                });
            }
            _ => {}
        }
    }

    fn stop(&mut self, event: &Value, out: &mut Vec<Delta>) {
        match self.blocks.get(&event["index"].as_u64().unwrap_or_default()) {
            // Thoughts without a signature count too: those of the next block begin behind them in the joined text.
            Some(Block::Thinking { len, signature }) => {
                out.push(Delta::Signature(Proof::thinking(&self.model, *len, signature)));
            }
            // Some services send the whole input at the beginning.
            Some(Block::Call {
                index,
                input,
                heard: false,
            }) if input.as_object().is_some_and(|input| !input.is_empty()) => out.push(Delta::Arguments {
                index: *index,
                json: input.to_string(),
            }),
            _ => {}
        }
    }

    /// The last figure that was told counts; the counts grow.
    fn usage(&mut self, told: &Value) {
        let usage = &mut self.end.usage;
        for (name, figure) in [
            ("input_tokens", &mut usage.input),
            ("output_tokens", &mut usage.output),
            ("cache_read_input_tokens", &mut usage.cache_read),
            ("cache_creation_input_tokens", &mut usage.cache_write),
        ] {
            if let Some(count) = told[name].as_u64() {
                *figure = count;
            }
        }
        if let Some(count) = told["cache_creation"]["ephemeral_1h_input_tokens"].as_u64() {
            self.kept_long = count;
        }
    }
}

fn push(out: &mut Vec<Delta>, delta: fn(String) -> Delta, text: &str) {
    if !text.is_empty() {
        out.push(delta(text.to_owned()));
    }
}

fn stop_reason(reason: &str) -> StopReason {
    match reason {
        "end_turn" | "stop_sequence" | "pause_turn" => StopReason::Stop,
        "max_tokens" | "model_context_window_exceeded" => StopReason::Length,
        "tool_use" => StopReason::ToolUse,
        "refusal" | "sensitive" => StopReason::Refusal,
        _ => StopReason::Other,
    }
}
