//! A conversation as the API takes it: blocks in turns of a user and an assistant.
//!
//! Invariant: the vendor's rules hold whatever the conversation looks like. It begins with a user, no text is empty, each
//! call has its result in the next turn, and a result without a call is left out.
use crate::proof::Thoughts;
use openclaw_plugin_api::{Content, Message, Role, prelude::*};
use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
};

/// Pictures that the API takes.
const IMAGES: &[&str] = &["image/jpeg", "image/png", "image/gif", "image/webp"];
/// Longest id of a call.
const MAX_ID: usize = 64;
/// What stands where a text has to be and none is.
const NOTHING: &str = "(empty)";
/// What stands before a conversation that begins with an assistant.
const BEGINNING: &str = "(the beginning of this conversation was left out)";

/// The turns of a conversation.
pub fn turns(model: &str, messages: &[Message]) -> Vec<Value> {
    let mut turns = Turns::default();
    for message in messages {
        match message.role {
            Role::User => {
                turns.close_calls();
                turns.add("user", parts(&message.content));
            }
            Role::ToolResult => turns.result(message),
            Role::Assistant => {
                turns.close_calls();
                if turns.list.is_empty() {
                    turns.add("user", vec![text(BEGINNING)]);
                }
                let blocks = answer(model, &message.content);
                turns.open = calls(&blocks);
                turns.add("assistant", blocks);
            }
        }
    }
    turns.close_calls();
    turns.list
}

/// An id as the API takes it. Other vendors' ids may be longer or have other characters; two of them that differ still do
/// afterwards, for the API refuses a conversation in which an id stands twice.
pub fn call_id(id: &str) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !id.is_empty() && id.len() <= MAX_ID && id.chars().all(|c| allowed(&c)) {
        return id.to_owned();
    }
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    let tail = format!("_{:016x}", hasher.finish());
    let head = id.chars().filter(allowed).take(MAX_ID - tail.len());
    head.collect::<String>() + &tail
}

#[derive(Default)]
struct Turns {
    list: Vec<Value>,
    /// Calls that have no result yet.
    open: BTreeSet<String>,
}

impl Turns {
    /// Adds to the last turn if it is the same one's.
    fn add(&mut self, role: &str, blocks: Vec<Value>) {
        if blocks.is_empty() {
            return;
        }
        match self.list.last_mut() {
            Some(last) if last["role"] == role => {
                let content = last["content"]
                    .as_array_mut()
                    .expect("every turn here is made of blocks");
                content.extend(blocks);
            }
            _ => self.list.push(json!({ "role": role, "content": blocks })),
        }
    }

    fn result(&mut self, message: &Message) {
        let id = call_id(&message.tool_call_id);
        if self.open.remove(&id) {
            let mut content = parts(&message.content);
            if content.is_empty() {
                content.push(text(NOTHING));
            }
            self.add("user", vec![result(&id, content, message.is_error)]);
        }
    }

    /// Calls that nobody answered get an answer that says so.
    fn close_calls(&mut self) {
        for id in std::mem::take(&mut self.open) {
            let content = vec![text("the tool was not run")];
            self.add("user", vec![result(&id, content, true)]);
        }
    }
}

fn result(id: &str, content: Vec<Value>, is_error: bool) -> Value {
    let mut block = json!({ "type": "tool_result", "tool_use_id": id, "content": content });
    if is_error {
        block["is_error"] = true.into();
    }
    block
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn calls(blocks: &[Value]) -> BTreeSet<String> {
    let ids = blocks.iter().filter(|block| block["type"] == "tool_use");
    ids.filter_map(|block| block["id"].as_str().map(str::to_owned))
        .collect()
}

/// Texts and pictures of a person or a tool.
fn parts(content: &[Content]) -> Vec<Value> {
    let parts = content.iter().filter_map(|part| match part {
        Content::Text { text: said } if said.trim().is_empty() => None,
        Content::Text { text: said } => Some(text(said)),
        Content::Image { mime_type, data } if IMAGES.contains(&mime_type.as_str()) => Some(json!({
            "type": "image",
            "source": { "type": "base64", "media_type": mime_type, "data": data },
        })),
        Content::Image { mime_type, .. } => Some(text(&format!(
            "(a picture of type {mime_type} was left out: only JPEG, PNG, GIF and WebP can be shown)"
        ))),
        _ => None,
    });
    parts.collect()
}

/// What the model said: thoughts that it can be shown again, texts, calls.
fn answer(model: &str, content: &[Content]) -> Vec<Value> {
    let joined = content.iter().find_map(|part| match part {
        Content::Thinking { thinking, .. } => Some(thinking.as_str()),
        _ => None,
    });
    let mut thoughts = Thoughts::new(model, joined.unwrap_or_default());
    let mut blocks = Vec::new();
    for part in content {
        match part {
            Content::Text { text: said } if !said.trim().is_empty() => blocks.push(text(said)),
            Content::Thinking { signature, .. } => blocks.extend(thoughts.blocks(signature)),
            Content::ToolCall {
                id,
                name,
                arguments,
                signature,
            } => {
                let input = if arguments.is_object() {
                    arguments.clone()
                } else {
                    json!({})
                };
                blocks.push(json!({ "type": "tool_use", "id": call_id(id), "name": name, "input": input }));
                blocks.extend(thoughts.blocks(signature));
            }
            _ => {}
        }
    }
    // Thoughts alone are no answer.
    if blocks
        .iter()
        .all(|block| block["type"] != "text" && block["type"] != "tool_use")
    {
        blocks.clear();
    }
    blocks
}
