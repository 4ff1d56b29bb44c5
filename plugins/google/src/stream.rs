//! The pieces of an answer, one by one, as deltas.
//!
//! Invariant: an answer has ended only when the vendor gave a reason; whatever stops before that is cut off.
use crate::{catalog, errors::Told, proof};
use openclaw_plugin_api::{AnswerReader, Delta, prelude::*};

/// Tools that one answer may ask for. More is a broken service, not a wish.
const MAX_CALLS: u32 = 128;

/// Reads one answer. It does no I/O.
#[derive(Debug)]
pub struct Reader {
    /// The model as it was asked for.
    model: String,
    /// Makes invented ids of calls unique in the conversation.
    stamp: u128,
    end: Completion,
    calls: u32,
    done: bool,
}

impl AnswerReader for Reader {
    type Told = Told;

    fn read(&mut self, data: &str, out: &mut Vec<Delta>) -> Result<bool, Told> {
        let piece: Value = serde_json::from_str(data)
            .map_err(|_| Told::broken("the stream holds an event that is not JSON"))?;
        if piece.get("error").is_some() {
            return Err(Told::from_value(&piece));
        }
        for (name, field) in [
            ("modelVersion", &mut self.end.model),
            ("responseId", &mut self.end.response_id),
        ] {
            if let Some(text) = piece[name].as_str() {
                *field = text.to_owned();
            }
        }
        self.usage(&piece["usageMetadata"]);
        if piece["promptFeedback"]["blockReason"].is_string() {
            self.done = true;
            self.end.stop_reason = StopReason::Refusal;
        }
        let candidate = &piece["candidates"][0];
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            self.part(part, out)?;
        }
        if let Some(reason) = candidate["finishReason"].as_str() {
            self.stop(reason)?;
        }
        // what it used may come behind its reason
        Ok(false)
    }

    fn finish(mut self) -> Option<Completion> {
        self.end.usage.cost = catalog::cost(&self.model, &self.end.usage);
        if self.end.model.is_empty() {
            self.end.model = self.model;
        }
        if self.calls > 0 && self.end.stop_reason == StopReason::Stop {
            self.end.stop_reason = StopReason::ToolUse;
        }
        self.done.then_some(self.end)
    }
}

impl Reader {
    /// For an answer of this model. `stamp` differs for each answer of a conversation.
    pub fn new(model: &str, stamp: u128) -> Self {
        Self {
            model: model.to_owned(),
            stamp,
            end: Completion::default(),
            calls: 0,
            done: false,
        }
    }

    fn part(&mut self, part: &Value, out: &mut Vec<Delta>) -> Result<(), Told> {
        let text = part["text"].as_str().unwrap_or_default();
        if !text.is_empty() {
            let thought = part["thought"].as_bool().unwrap_or_default();
            let delta = if thought { Delta::Thinking } else { Delta::Text };
            out.push(delta(text.to_owned()));
        }
        let call = part.get("functionCall");
        if let Some(call) = call {
            self.call(call, out)?;
        }
        if let Some(signature) = part["thoughtSignature"]
            .as_str()
            .filter(|proof| !proof.is_empty())
        {
            let on = if call.is_some() {
                proof::Part::Call
            } else {
                proof::Part::Text
            };
            out.push(Delta::Signature(proof::sign(&self.model, on, signature)));
        }
        Ok(())
    }

    /// A call comes whole.
    fn call(&mut self, call: &Value, out: &mut Vec<Delta>) -> Result<(), Told> {
        let index = self.calls;
        if index >= MAX_CALLS {
            return Err(Told::broken("the answer has too many calls"));
        }
        self.calls += 1;
        let name = call["name"].as_str().unwrap_or_default().to_owned();
        let id = match call["id"].as_str() {
            Some(id) if !id.is_empty() => id.to_owned(),
            _ => format!("{name}_{}_{index}", self.stamp),
        };
        out.push(Delta::ToolCall { index, id, name });
        if call["args"].is_object() {
            let json = call["args"].to_string();
            out.push(Delta::Arguments { index, json });
        }
        Ok(())
    }

    fn stop(&mut self, reason: &str) -> Result<(), Told> {
        self.done = true;
        self.end.stop_reason = match reason {
            "STOP" => StopReason::Stop,
            "MAX_TOKENS" => StopReason::Length,
            "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS" => {
                return Err(Told::broken(
                    "the model asked for a tool in a way that nobody understands",
                ));
            }
            "SAFETY"
            | "RECITATION"
            | "LANGUAGE"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "IMAGE_RECITATION" => StopReason::Refusal,
            _ => StopReason::Other,
        };
        Ok(())
    }

    /// The last figures that were told count; they grow.
    fn usage(&mut self, told: &Value) {
        let count = |name: &str| told[name].as_u64();
        if let Some(prompt) = count("promptTokenCount") {
            let cached = count("cachedContentTokenCount").unwrap_or_default();
            let of_tools = count("toolUsePromptTokenCount").unwrap_or_default();
            self.end.usage.cache_read = cached;
            self.end.usage.input = (prompt + of_tools).saturating_sub(cached);
            self.end.usage.output = count("candidatesTokenCount").unwrap_or_default()
                + count("thoughtsTokenCount").unwrap_or_default();
        }
    }
}
