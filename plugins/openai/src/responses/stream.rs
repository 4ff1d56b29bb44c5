//! The events of a streamed response, read one by one.
//!
//! Items come one after the other, each with its deltas and, at its end, once more whole. What a service did not send
//! in deltas is taken from the whole. Invariant: only `response.completed` and `response.incomplete` end an answer.
use crate::{
    errors::Told,
    proof::{Claim, Origin},
    reader::{self, MAX_CALLS},
};
use openclaw_plugin_api::{AnswerReader, Completion, Delta, StopReason, Usage};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Reads one response.
#[derive(Debug)]
pub struct Reader {
    origin: Origin,
    items: BTreeMap<u64, Item>,
    calls: u32,
    /// Thoughts that are done and wait for the item that they lead to.
    thoughts: Vec<Value>,
    /// Bytes of text that were said.
    said: usize,
    /// A thought was shown, so the next one needs a gap.
    thought: bool,
    refused: bool,
    completion: Completion,
    ended: bool,
}

/// An item of the output.
#[derive(Debug, Default)]
struct Item {
    /// The call's position, if it is one.
    call: Option<u32>,
    /// Some of it came in deltas.
    streamed: bool,
}

// === impl Reader ===

impl Reader {
    /// A reader of an answer from there.
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            items: BTreeMap::new(),
            calls: 0,
            thoughts: Vec::new(),
            said: 0,
            thought: false,
            refused: false,
            completion: Completion::default(),
            ended: false,
        }
    }

    fn item(&mut self, event: &Value) -> Result<&mut Item, Told> {
        let index = event["output_index"].as_u64().unwrap_or(0);
        if self.items.len() >= MAX_CALLS && !self.items.contains_key(&index) {
            return Err(Told::broken("the answer has more items than anything sensible"));
        }
        Ok(self.items.entry(index).or_default())
    }

    fn added(&mut self, event: &Value, out: &mut Vec<Delta>) -> Result<(), Told> {
        let item = &event["item"];
        match item["type"].as_str() {
            Some("function_call") => drop(self.begin_call(event, out)?),
            Some("message") => self.sign(item, out),
            _ => {}
        }
        Ok(())
    }

    /// Announces a call, once.
    fn begin_call(&mut self, event: &Value, out: &mut Vec<Delta>) -> Result<u32, Told> {
        if let Some(call) = self.item(event)?.call {
            return Ok(call);
        }
        let item = &event["item"];
        let call = self.calls;
        self.calls += 1;
        self.item(event)?.call = Some(call);
        self.sign(item, out);
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        out.push(Delta::ToolCall {
            index: call,
            id: text("call_id"),
            name: text("name"),
        });
        Ok(call)
    }

    /// Hands over the thoughts that led to this item.
    fn sign(&mut self, item: &Value, out: &mut Vec<Delta>) {
        for thought in std::mem::take(&mut self.thoughts) {
            let claim = Claim::Reasoning {
                item: thought,
                call_id: item["call_id"].as_str().map(str::to_owned),
                item_id: item["id"].as_str().unwrap_or_default().to_owned(),
                said: self.said,
            };
            out.push(Delta::Signature(self.origin.sign(claim)));
        }
    }

    fn text(&mut self, event: &Value, out: &mut Vec<Delta>) -> Result<(), Told> {
        self.item(event)?.streamed = true;
        self.say(delta(event), out);
        Ok(())
    }

    fn say(&mut self, text: &str, out: &mut Vec<Delta>) {
        self.said += text.len();
        reader::push_text(out, text);
    }

    fn thinking(&mut self, event: &Value, out: &mut Vec<Delta>) -> Result<(), Told> {
        self.item(event)?.streamed = true;
        self.thought = true;
        reader::push_thought(out, delta(event));
        Ok(())
    }

    fn arguments(&mut self, event: &Value, out: &mut Vec<Delta>) -> Result<(), Told> {
        let item = self.item(event)?;
        let Some(call) = item.call else {
            return Err(Told::broken("arguments came for a call that was not announced"));
        };
        item.streamed = true;
        reader::push_arguments(out, call, delta(event));
        Ok(())
    }

    /// An item is whole: what did not come in deltas is taken from it.
    fn done(&mut self, event: &Value, out: &mut Vec<Delta>) -> Result<(), Told> {
        let item = &event["item"];
        let streamed = self.item(event)?.streamed;
        match item["type"].as_str() {
            Some("function_call") => {
                let call = self.begin_call(event, out)?;
                if !streamed {
                    reader::push_arguments(out, call, item["arguments"].as_str().unwrap_or_default());
                }
            }
            Some("message") => {
                self.sign(item, out);
                for part in parts(item, "content") {
                    self.refused |= part["type"] == "refusal";
                    if !streamed {
                        let text = part["text"].as_str().or(part["refusal"].as_str());
                        self.say(text.unwrap_or_default(), out);
                    }
                }
            }
            Some("reasoning") => {
                if !streamed {
                    for part in parts(item, "summary") {
                        self.gap(out);
                        self.thought = true;
                        reader::push_thought(out, part["text"].as_str().unwrap_or_default());
                    }
                }
                if item["encrypted_content"].is_string() {
                    self.thoughts.push(replayable(item));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Keeps one thought from running into the next.
    fn gap(&self, out: &mut Vec<Delta>) {
        if self.thought {
            out.push(Delta::Thinking("\n\n".into()));
        }
    }

    fn begun(&mut self, response: &Value) {
        for (field, slot) in [
            ("id", &mut self.completion.response_id),
            ("model", &mut self.completion.model),
        ] {
            if let Some(text) = response[field].as_str() {
                *slot = text.to_owned();
            }
        }
    }

    fn end(&mut self, response: &Value) {
        self.begun(response);
        self.completion.usage = usage(&response["usage"]);
        let incomplete = response
            .pointer("/incomplete_details/reason")
            .and_then(Value::as_str);
        self.completion.stop_reason = match incomplete {
            Some("max_output_tokens") => StopReason::Length,
            Some("content_filter") => StopReason::Refusal,
            _ if self.refused => StopReason::Refusal,
            _ if self.calls > 0 => StopReason::ToolUse,
            Some(_) => StopReason::Other,
            None if response["status"] == "incomplete" => StopReason::Length,
            None => StopReason::Stop,
        };
        self.ended = true;
    }
}

impl AnswerReader for Reader {
    type Told = Told;

    fn read(&mut self, data: &str, out: &mut Vec<Delta>) -> Result<bool, Told> {
        if data == "[DONE]" {
            return Ok(self.ended);
        }
        let event = reader::parse(data)?;
        match event["type"].as_str().unwrap_or_default() {
            "response.created" | "response.in_progress" => self.begun(&event["response"]),
            "response.output_item.added" => self.added(&event, out)?,
            "response.output_text.delta" => self.text(&event, out)?,
            "response.refusal.delta" => {
                self.refused = true;
                self.text(&event, out)?;
            }
            "response.reasoning_summary_part.added" => self.gap(out),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.thinking(&event, out)?;
            }
            "response.function_call_arguments.delta" => self.arguments(&event, out)?,
            "response.output_item.done" => self.done(&event, out)?,
            "response.completed" | "response.incomplete" => self.end(&event["response"]),
            "response.failed" => return Err(Told::from_value(&event["response"])),
            "error" => return Err(Told::from_value(&event)),
            // A service that fails before its stream began may send its error as it is.
            "" if !event["error"].is_null() => return Err(Told::from_value(&event)),
            _ => {}
        }
        Ok(self.ended)
    }

    fn finish(self) -> Option<Completion> {
        self.ended.then_some(self.completion)
    }
}

impl reader::Reader for Reader {
    fn read_whole(&mut self, answer: &Value, out: &mut Vec<Delta>) -> Result<(), Told> {
        if !answer["error"].is_null() {
            return Err(Told::from_value(answer));
        }
        for (index, item) in parts(answer, "output").enumerate() {
            self.done(&json!({ "output_index": index, "item": item }), out)?;
        }
        if matches!(answer["status"].as_str(), Some("completed" | "incomplete")) {
            self.end(answer);
        }
        Ok(())
    }
}

fn delta(event: &Value) -> &str {
    event["delta"].as_str().unwrap_or_default()
}

fn parts<'a>(value: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    value[list].as_array().into_iter().flatten()
}

/// A reasoning item as it may be sent again: without its state, which is the vendor's to say.
fn replayable(item: &Value) -> Value {
    let mut item = item.clone();
    if let Some(item) = item.as_object_mut() {
        item.remove("status");
        item.entry("summary").or_insert_with(|| json!([]));
        if item.get("content").is_some_and(Value::is_null) {
            item.remove("content");
        }
    }
    item
}

fn usage(usage: &Value) -> Usage {
    let count = |path: &str| usage.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let cache_read = count("/input_tokens_details/cached_tokens");
    let cache_write = count("/input_tokens_details/cache_write_tokens");
    Usage {
        input: count("/input_tokens").saturating_sub(cache_read + cache_write),
        output: count("/output_tokens"),
        cache_read,
        cache_write,
        cost: 0.0,
    }
}
