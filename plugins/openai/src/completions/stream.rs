//! The chunks of a streamed chat completion, read one by one.
//!
//! Services agree on the outline and differ in everything else: where thoughts come, whether calls have an index, what
//! the end is called. Invariant: an answer has ended when a finish reason came or `[DONE]` did, never just because the
//! connection closed.
use crate::{
    errors::Told,
    proof::{Claim, Origin},
    reader::{self, MAX_CALLS},
};
use openclaw_plugin_api::{AnswerReader, Completion, Delta, StopReason, Usage};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// The fields in which services send thoughts.
pub(super) const THOUGHT_FIELDS: &[&str] = &["reasoning_content", "reasoning", "reasoning_text"];
/// What is kept of a response's id in the ids of calls that have none.
const ID_TAIL: usize = 16;

/// Reads one chat completion.
#[derive(Debug)]
pub struct Reader {
    origin: Origin,
    calls: Vec<Call>,
    /// What tells the calls of this answer from those of others, where the service gives them no ids.
    mark: String,
    /// The field in which the thoughts come, once one did.
    field: Option<&'static str>,
    refused: bool,
    finish: Option<String>,
    done: bool,
    completion: Completion,
}

/// A call that is being made.
#[derive(Debug)]
struct Call {
    /// The service's own position; several may share one.
    slot: Option<u64>,
    /// As the service gave it, which may be empty.
    id: String,
}

// === impl Reader ===

impl Reader {
    /// A reader of an answer from there.
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            calls: Vec::new(),
            mark: String::new(),
            field: None,
            refused: false,
            finish: None,
            done: false,
            completion: Completion::default(),
        }
    }

    fn chunk(&mut self, chunk: &Value, out: &mut Vec<Delta>) -> Result<(), Told> {
        if !chunk["error"].is_null() {
            return Err(Told::from_value(chunk));
        }
        // FastAPI services send errors bare; a chunk always has choices.
        if chunk["object"] == "error" || (chunk["choices"].is_null() && chunk["message"].is_string()) {
            return Err(Told::from_value(chunk));
        }
        for (field, slot) in [
            ("id", &mut self.completion.response_id),
            ("model", &mut self.completion.model),
        ] {
            if slot.is_empty() {
                *slot = chunk[field].as_str().unwrap_or_default().to_owned();
            }
        }
        let first = chunk["choices"].as_array().into_iter().flatten();
        let Some(choice) = first
            .into_iter()
            .find(|choice| choice["index"].as_u64().unwrap_or(0) == 0)
        else {
            self.usage(&chunk["usage"]);
            return Ok(());
        };
        if !choice["error"].is_null() {
            return Err(Told::from_value(choice));
        }
        self.usage(&choice["usage"]);
        self.usage(&chunk["usage"]);
        let part = if choice["delta"].is_object() {
            &choice["delta"]
        } else {
            &choice["message"]
        };
        self.part(part, out)?;
        if let Some(reason) = choice["finish_reason"]
            .as_str()
            .filter(|reason| !reason.is_empty())
        {
            self.finish = Some(reason.to_owned());
            failed(reason)?;
        }
        Ok(())
    }

    fn part(&mut self, part: &Value, out: &mut Vec<Delta>) -> Result<(), Told> {
        self.thoughts(part, out);
        match &part["content"] {
            Value::String(text) => reader::push_text(out, text),
            Value::Array(parts) => parts.iter().for_each(|part| content(part, out)),
            _ => {}
        }
        if let Some(refusal) = part["refusal"].as_str().filter(|refusal| !refusal.is_empty()) {
            self.refused = true;
            reader::push_text(out, refusal);
        }
        for call in part["tool_calls"].as_array().into_iter().flatten() {
            self.call(call, out)?;
        }
        Ok(())
    }

    fn thoughts(&mut self, part: &Value, out: &mut Vec<Delta>) {
        let found = THOUGHT_FIELDS
            .iter()
            .find_map(|field| Some((*field, part[*field].as_str().filter(|text| !text.is_empty())?)));
        if let Some((field, text)) = found {
            reader::push_thought(out, text);
            if self.field.replace(field) != Some(field) {
                let claim = Claim::Field { name: field.into() };
                out.push(Delta::Signature(self.origin.sign(claim)));
            }
        }
        // Only what is encrypted has to go back as it came; the rest is the text above.
        for detail in part["reasoning_details"].as_array().into_iter().flatten() {
            if detail["type"] == "reasoning.encrypted" {
                let claim = Claim::Detail {
                    detail: detail.clone(),
                };
                out.push(Delta::Signature(self.origin.sign(claim)));
            }
        }
    }

    fn call(&mut self, piece: &Value, out: &mut Vec<Delta>) -> Result<(), Told> {
        let slot = piece["index"].as_u64();
        let id = piece["id"].as_str().unwrap_or_default();
        let name = piece
            .pointer("/function/name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let known = self.find(slot, id, !name.is_empty());
        let index = match known {
            Some(index) => index,
            None if name.is_empty() => {
                return Err(Told::broken("arguments came for a call that was not announced"));
            }
            None => self.begin(slot, id, name, out)?,
        };
        let index = u32::try_from(index).expect("there are at most MAX_CALLS calls");
        match &piece["function"]["arguments"] {
            Value::String(json) => reader::push_arguments(out, index, json),
            Value::Object(arguments) => reader::push_arguments(out, index, &json!(arguments).to_string()),
            _ => {}
        }
        Ok(())
    }

    /// Which call a piece belongs to. Some services give each call the same slot, some none; a new id tells.
    fn find(&self, slot: Option<u64>, id: &str, named: bool) -> Option<usize> {
        let last = self.calls.iter().rposition(|call| call.slot == slot)?;
        let same = id.is_empty() || id == self.calls[last].id;
        // Without slot and id, a name is all that tells the next call from more of this one.
        let begins = named && (!same || (slot.is_none() && id.is_empty()));
        (!begins).then_some(last)
    }

    fn begin(
        &mut self,
        slot: Option<u64>,
        id: &str,
        name: &str,
        out: &mut Vec<Delta>,
    ) -> Result<usize, Told> {
        let index = self.calls.len();
        if index >= MAX_CALLS {
            return Err(Told::broken(
                "the answer asks for more tools than anything sensible",
            ));
        }
        self.calls.push(Call {
            slot,
            id: id.to_owned(),
        });
        out.push(Delta::ToolCall {
            index: u32::try_from(index).expect("there are at most MAX_CALLS calls"),
            id: if id.is_empty() {
                self.made_id(index)
            } else {
                id.to_owned()
            },
            name: name.to_owned(),
        });
        Ok(index)
    }

    /// An id for a call that has none, different in each answer.
    fn made_id(&mut self, index: usize) -> String {
        if self.mark.is_empty() {
            let response = self.completion.response_id.chars().rev();
            let tail = response.filter(char::is_ascii_alphanumeric).take(ID_TAIL);
            self.mark = tail.collect();
        }
        if self.mark.is_empty() {
            self.mark = unheard_of();
        }
        format!("call_{}_{index}", self.mark)
    }

    fn usage(&mut self, told: &Value) {
        if !told.is_object() {
            return;
        }
        let count = |path: &str| told.pointer(path).and_then(Value::as_u64).unwrap_or(0);
        let cached = count("/prompt_tokens_details/cached_tokens").max(count("/prompt_cache_hit_tokens"));
        let written = count("/prompt_tokens_details/cache_write_tokens");
        let (prompt, mut output) = (count("/prompt_tokens"), count("/completion_tokens"));
        // Some services don't count thoughts as output; the total gives them away.
        let thoughts = count("/completion_tokens_details/reasoning_tokens");
        if thoughts > 0 && count("/total_tokens") == prompt + output + thoughts {
            output += thoughts;
        }
        self.completion.usage = Usage {
            input: prompt.saturating_sub(cached + written),
            output,
            cache_read: cached,
            cache_write: written,
            cost: told["cost"].as_f64().unwrap_or(0.0),
        };
    }

    fn stop_reason(&self) -> StopReason {
        let asks = !self.calls.is_empty();
        match self.finish.as_deref() {
            Some("length" | "model_length" | "max_tokens") => StopReason::Length,
            Some("content_filter" | "sensitive" | "safety" | "refusal") => StopReason::Refusal,
            _ if asks => StopReason::ToolUse,
            _ if self.refused => StopReason::Refusal,
            Some("stop" | "eos" | "end_turn" | "tool_calls" | "function_call") | None => StopReason::Stop,
            Some(_) => StopReason::Other,
        }
    }
}

impl AnswerReader for Reader {
    type Told = Told;

    fn read(&mut self, data: &str, out: &mut Vec<Delta>) -> Result<bool, Told> {
        if data.trim() == "[DONE]" {
            self.done = true;
        } else {
            self.chunk(&reader::parse(data)?, out)?;
        }
        Ok(self.done)
    }

    fn finish(mut self) -> Option<Completion> {
        let ended = self.done || self.finish.is_some();
        self.completion.stop_reason = self.stop_reason();
        ended.then_some(self.completion)
    }
}

impl reader::Reader for Reader {
    fn read_whole(&mut self, answer: &Value, out: &mut Vec<Delta>) -> Result<(), Told> {
        self.chunk(answer, out)
    }
}

/// A mark that no other answer has, of this process or of an earlier one.
fn unheard_of() -> String {
    static ANSWERS: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let answer = ANSWERS.fetch_add(1, Ordering::Relaxed);
    format!("{:x}x{answer:x}", since.as_micros())
}

/// Content in parts: texts, and thoughts among them.
fn content(part: &Value, out: &mut Vec<Delta>) {
    match part["type"].as_str() {
        Some("thinking") => {
            for thought in part["thinking"].as_array().into_iter().flatten() {
                reader::push_thought(out, thought["text"].as_str().unwrap_or_default());
            }
        }
        _ => reader::push_text(out, part["text"].as_str().unwrap_or_default()),
    }
}

/// Some services call a failure a way to finish.
fn failed(reason: &str) -> Result<(), Told> {
    match reason {
        "error" | "network_error" => Err(Told::broken("the service ended the answer with an error")),
        "insufficient_system_resource" => Err(Told::from_value(&json!({
            "type": "overloaded_error",
            "message": "the service has no capacity for the rest of the answer",
        }))),
        _ => Ok(()),
    }
}
