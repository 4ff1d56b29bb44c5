//! Puts an answer together from the deltas of a provider.
use openclaw_plugin_api::{Content, Delta, Message, Role};
use serde_json::Value;
use std::collections::BTreeMap;

/// Tool calls that one answer may ask for.
const MAX_CALLS: usize = 64;
/// Longest answer with everything in it, bytes.
const MAX_BYTES: usize = 4 << 20;

/// An answer that is being put together.
#[derive(Debug, Default)]
pub(super) struct Collector {
    text: String,
    thinking: String,
    signature: String,
    calls: BTreeMap<u32, Call>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Call {
    id: String,
    name: String,
    json: String,
    signature: String,
}

/// A tool that the model asks for. The arguments are as it wrote them, which may be no JSON at all.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wish {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: Result<Value, String>,
}

impl Collector {
    /// Takes one step. False: the answer is longer than anything sensible.
    pub(super) fn push(&mut self, delta: Delta) -> bool {
        match delta {
            Delta::Text(text) => self.append(|this| &mut this.text, &text),
            Delta::Thinking(text) => self.append(|this| &mut this.thinking, &text),
            Delta::Signature(text) => self.append(Self::signature, &text),
            Delta::ToolCall { index, id, name } if self.calls.len() < MAX_CALLS => {
                self.calls.insert(
                    index,
                    Call {
                        id,
                        name,
                        ..Call::default()
                    },
                );
            }
            Delta::Arguments { index, json } if self.calls.contains_key(&index) => {
                self.append(|this| &mut this.calls.entry(index).or_default().json, &json);
            }
            _ => {}
        }
        self.bytes <= MAX_BYTES
    }

    fn append(&mut self, part: impl FnOnce(&mut Self) -> &mut String, text: &str) {
        self.bytes += text.len();
        part(self).push_str(text);
    }

    /// A signature belongs to the last tool call, or to the thought before any.
    fn signature(&mut self) -> &mut String {
        match self.calls.values_mut().next_back() {
            Some(call) => &mut call.signature,
            None => &mut self.signature,
        }
    }

    /// The whole answer as a message, and the tools that it asks for.
    pub(super) fn finish(self) -> (Message, Vec<Wish>) {
        let mut content = Vec::new();
        if !self.thinking.is_empty() || !self.signature.is_empty() {
            content.push(Content::Thinking {
                thinking: self.thinking,
                signature: self.signature,
            });
        }
        if !self.text.is_empty() {
            content.push(Content::text(self.text));
        }
        let mut wishes = Vec::new();
        for call in self.calls.into_values() {
            let json = if call.json.trim().is_empty() {
                "{}"
            } else {
                call.json.as_str()
            };
            let arguments: Result<Value, String> = serde_json::from_str(json).map_err(|e| e.to_string());
            content.push(Content::ToolCall {
                id: call.id.clone(),
                name: call.name.clone(),
                arguments: arguments.clone().unwrap_or(Value::Null),
                signature: call.signature,
            });
            wishes.push(Wish {
                id: call.id,
                name: call.name,
                arguments,
            });
        }
        (
            Message {
                role: Role::Assistant,
                content,
                ..Message::default()
            },
            wishes,
        )
    }
}
