//! A conversation as the API takes it: parts in turns of a user and a model.
//!
//! Invariant: the vendor's rules hold whatever the conversation looks like. It begins with a user, no text is empty, the
//! results of a turn's calls come in the next turn, one for each, and a result without a call is left out.
use crate::{catalog, proof};
use openclaw_plugin_api::{Content, Message, Role, prelude::*};

/// Pictures that the API takes.
const IMAGES: &[&str] = &[
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/heic",
    "image/heif",
];
/// What stands before a conversation that begins with a model.
const BEGINNING: &str = "(the beginning of this conversation was left out)";
/// What the vendor documents for calls that another model made: its proof is not checked.
const FOREIGN_PROOF: &str = "skip_thought_signature_validator";

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
                    turns.add("user", vec![json!({ "text": BEGINNING })]);
                }
                turns.add("model", answer(model, &message.content));
                let calls = message.content.iter().filter_map(|part| match part {
                    Content::ToolCall { id, name, .. } => Some((id.clone(), name.clone())),
                    _ => None,
                });
                turns.open = calls.collect();
            }
        }
    }
    turns.close_calls();
    turns.list
}

#[derive(Default)]
struct Turns {
    list: Vec<Value>,
    /// Id and name of calls that have no result yet.
    open: Vec<(String, String)>,
    /// Pictures that tools gave: they come behind all results.
    pictures: Vec<Value>,
}

impl Turns {
    /// Adds to the last turn if it is the same one's.
    fn add(&mut self, role: &str, parts: Vec<Value>) {
        if parts.is_empty() {
            return;
        }
        match self.list.last_mut() {
            Some(last) if last["role"] == role => {
                let last = last["parts"]
                    .as_array_mut()
                    .expect("every turn here is made of parts");
                last.extend(parts);
            }
            _ => self.list.push(json!({ "role": role, "parts": parts })),
        }
    }

    fn result(&mut self, message: &Message) {
        let Some(at) = self.open.iter().position(|(id, _)| *id == message.tool_call_id) else {
            return;
        };
        let (id, name) = self.open.remove(at);
        let field = if message.is_error { "error" } else { "output" };
        self.add("user", vec![result(&id, &name, field, &message.plain_text())]);
        let pictures = parts(&message.content)
            .into_iter()
            .filter(|part| part.get("inlineData").is_some());
        self.pictures.extend(pictures);
    }

    /// Calls that nobody answered get an answer that says so.
    fn close_calls(&mut self) {
        for (id, name) in std::mem::take(&mut self.open) {
            self.add("user", vec![result(&id, &name, "error", "the tool was not run")]);
        }
        let pictures = std::mem::take(&mut self.pictures);
        self.add("user", pictures);
    }
}

fn result(id: &str, name: &str, field: &str, text: &str) -> Value {
    json!({ "functionResponse": { "id": id, "name": name, "response": { field: text } } })
}

/// Texts and pictures of a person or a tool.
fn parts(content: &[Content]) -> Vec<Value> {
    let parts = content.iter().filter_map(|part| match part {
        Content::Text { text } if text.trim().is_empty() => None,
        Content::Text { text } => Some(json!({ "text": text })),
        Content::Image { mime_type, data } if IMAGES.contains(&mime_type.as_str()) => {
            Some(json!({ "inlineData": { "mimeType": mime_type, "data": data } }))
        }
        Content::Image { mime_type, .. } => {
            Some(json!({ "text": format!("(a picture of type {mime_type} was left out: the model can't see it)") }))
        }
        _ => None,
    });
    parts.collect()
}

/// What the model said. Its thoughts are not shown to it again; the proofs of them are.
fn answer(model: &str, content: &[Content]) -> Vec<Value> {
    let mut parts = Vec::new();
    let mut of_text = None;
    for part in content {
        match part {
            Content::Thinking { signature, .. } => of_text = proof::find(model, proof::Part::Text, signature),
            Content::Text { text } if !text.trim().is_empty() => {
                parts.push(signed(json!({ "text": text }), of_text.take()));
            }
            Content::ToolCall {
                id,
                name,
                arguments,
                signature,
            } => {
                let args = if arguments.is_object() {
                    arguments.clone()
                } else {
                    json!({})
                };
                let call = json!({ "functionCall": { "id": id, "name": name, "args": args } });
                // Only the first of several calls at once has a proof.
                let first = parts
                    .iter()
                    .all(|part: &Value| part.get("functionCall").is_none());
                let foreign = (first && catalog::needs_proofs(model)).then(|| FOREIGN_PROOF.to_owned());
                parts.push(signed(
                    call,
                    proof::find(model, proof::Part::Call, signature).or(foreign),
                ));
            }
            _ => {}
        }
    }
    parts
}

fn signed(mut part: Value, proof: Option<String>) -> Value {
    if let Some(proof) = proof {
        part["thoughtSignature"] = proof.into();
    }
    part
}
