//! Entries of transcripts as clients know messages.
use crate::{
    agent::{
        about::{About, OWN_MODEL, OWN_PROVIDER},
        run_id,
    },
    journal::{Entry, EntryKind},
};
use openclaw_plugin_api::{Content, Message, Role, Usage};
use serde_json::{Value, json};

/// How `Content::Image` names a file of the store.
pub(in crate::methods) const STORED: &str = "media:";
/// What stands where a text was cut.
const CUT: &str = "\n…(truncated)…";

/// The id of a message: clients only give it back.
pub(in crate::methods) fn id(session_id: &str, seq: i64) -> String {
    format!("{session_id}:{seq}")
}

/// The transcript and the place that an id means.
pub(in crate::methods) fn place(id: &str) -> Option<(&str, i64)> {
    let (session_id, seq) = id.rsplit_once(':')?;
    Some((session_id, seq.parse().ok()?))
}

/// The id of a picture in a message: clients fetch it by this.
pub(in crate::methods) fn picture_id(message: &str, part: usize) -> String {
    format!("{message}.{part}")
}

/// An entry as clients know it. None: it is nothing that people see.
pub(in crate::methods) fn row(session_id: &str, entry: &Entry) -> Option<Value> {
    let about = About::of(entry);
    let mut own = json!({
        "id": id(session_id, entry.seq), "seq": entry.seq, "recordTimestampMs": entry.created_ms,
        "transcriptPosition": { "source": session_id, "rawSeq": entry.seq },
    });
    if entry.kind == EntryKind::Compaction {
        own["kind"] = json!("compaction");
        return Some(json!({
            "role": "system", "content": "The conversation was compacted.", "timestamp": entry.created_ms,
            "__openclaw": own,
        }));
    }
    let message: Message = serde_json::from_str(&entry.body).ok()?;
    let mut row = match message.role {
        Role::User => person(&message, &about, &mut own),
        Role::Assistant => model(entry, &message, &about, &mut own),
        _ => json!({
            "role": "toolResult", "toolCallId": message.tool_call_id, "toolName": message.tool_name,
            "content": parts(&message.content, &own), "isError": message.is_error,
        }),
    };
    let said = i64::try_from(about.said_ms).unwrap_or(0);
    row["timestamp"] = json!(if said > 0 { said } else { entry.created_ms });
    row["__openclaw"] = own;
    Some(row)
}

fn person(message: &Message, about: &About, own: &mut Value) -> Value {
    let plain = message.content.iter().all(|part| part.as_text().is_some());
    let content = if plain {
        json!(message.plain_text())
    } else {
        json!(parts(&message.content, own))
    };
    let mut row = json!({ "role": "user", "content": content });
    own["senderIsOwner"] = json!(about.sender_is_owner);
    if !about.idempotency_key.is_empty() {
        row["idempotencyKey"] = json!(about.idempotency_key);
        own["idempotencyKey"] = json!(about.idempotency_key);
    }
    if !about.sender_id.is_empty() {
        own["senderId"] = json!(about.sender_id);
        if about.sender_is_owner && about.channel.is_empty() {
            // one who is known to the gateway, not to a channel
            own["senderIdentity"] = json!({ "type": "profile", "id": about.sender_id });
        }
    }
    if !about.sender_name.is_empty() {
        own["senderName"] = json!(about.sender_name);
    }
    if !about.channel.is_empty() {
        own["channel"] = json!(about.channel);
    }
    if !about.client.is_null() {
        own["transport"] = json!({ "clients": [about.client] });
    }
    row
}

fn model(entry: &Entry, message: &Message, about: &About, own: &mut Value) -> Value {
    let injected = about.model == OWN_MODEL;
    let mut row = json!({
        "role": "assistant", "content": parts(&message.content, own), "api": "openclaw",
        "provider": about.provider, "model": about.model, "usage": usage(about.usage.unwrap_or_default()),
        "stopReason": if about.stop_reason.is_empty() { "stop" } else { &about.stop_reason },
    });
    if !injected {
        row["responseModel"] = json!(about.model);
        own["runId"] = json!(run_id(&entry.turn));
    }
    if !about.idempotency_key.is_empty() {
        row["idempotencyKey"] = json!(about.idempotency_key);
    }
    if !about.error.is_empty() {
        row["errorMessage"] = json!(about.error);
    }
    if about.command {
        row["excludeFromContext"] = json!(true);
        own["contextFreeCommand"] = json!(true);
    }
    if !about.aborted_by.is_empty() {
        row["openclawAbort"] =
            json!({ "aborted": true, "origin": about.aborted_by, "runId": run_id(&entry.turn) });
    }
    row
}

/// A message of the gateway's own, as clients see it at once.
pub(in crate::methods) fn injected(text: &str, now_ms: i64) -> Value {
    json!({
        "role": "assistant", "content": [{ "type": "text", "text": text }], "timestamp": now_ms,
        "stopReason": "stop", "usage": usage(Usage::default()), "api": "openclaw", "provider": OWN_PROVIDER,
        "model": OWN_MODEL,
    })
}

/// What a request cost, as clients know it.
pub(in crate::methods) fn usage(usage: Usage) -> Value {
    json!({
        "input": usage.input, "output": usage.output, "cacheRead": usage.cache_read,
        "cacheWrite": usage.cache_write,
        "totalTokens": usage.input + usage.output + usage.cache_read + usage.cache_write,
        "cost": { "total": usage.cost },
    })
}

/// `own` has the id of the message.
fn parts(content: &[Content], own: &Value) -> Vec<Value> {
    let message = own["id"].as_str().unwrap_or_default();
    let picture = |number, mime_type: &str| {
        // a history with the bytes in it would be too large to send
        json!({
            "type": "image", "mimeType": mime_type, "omitted": true, "artifactId": picture_id(message, number),
        })
    };
    let parts = content
        .iter()
        .enumerate()
        .filter_map(|(number, part)| match part {
            Content::Text { text } => Some(json!({ "type": "text", "text": text })),
            Content::Thinking { thinking, .. } if thinking.is_empty() => None,
            Content::Thinking { thinking, .. } => Some(json!({ "type": "thinking", "thinking": thinking })),
            Content::ToolCall {
                id, name, arguments, ..
            } => Some(json!({ "type": "toolCall", "id": id, "name": name, "arguments": arguments })),
            Content::Image { mime_type, data } => {
                let mut picture = picture(number, mime_type);
                match data.strip_prefix(STORED) {
                    Some(id) => picture["mediaId"] = json!(id),
                    None => picture["bytes"] = json!(data.len()),
                }
                Some(picture)
            }
            _ => None,
        });
    parts.collect()
}

/// Cuts the texts of a row to so many characters.
pub(in crate::methods) fn cut(row: &mut Value, max_chars: usize) {
    match &mut row["content"] {
        Value::String(text) => shorten(text, max_chars),
        Value::Array(parts) => {
            for part in parts {
                for field in ["text", "thinking"] {
                    if let Some(Value::String(text)) = part.get_mut(field) {
                        shorten(text, max_chars);
                    }
                }
            }
        }
        _ => {}
    }
}

fn shorten(text: &mut String, max_chars: usize) {
    if let Some((end, _)) = text.char_indices().nth(max_chars) {
        text.truncate(end);
        text.push_str(CUT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::about;

    fn entry(message: &Message, about: &About, kind: EntryKind) -> Entry {
        let mut entry = about::entry("run-r1", kind, message, about);
        entry.seq = 3;
        entry.created_ms = 77;
        entry
    }

    #[test]
    fn what_a_client_said_has_its_key() {
        let about = About {
            idempotency_key: "r1:user".into(),
            sender_id: "gateway-owner".into(),
            sender_is_owner: true,
            said_ms: 70,
            ..About::default()
        };
        let said = Message::text(Role::User, "hi");
        let row = row("s", &entry(&said, &about, EntryKind::Message)).expect("a row");
        assert_eq!(row["content"], "hi");
        assert_eq!(
            (&row["timestamp"], &row["idempotencyKey"]),
            (&json!(70), &json!("r1:user"))
        );
        assert_eq!(
            (&row["__openclaw"]["id"], &row["__openclaw"]["seq"]),
            (&json!("s:3"), &json!(3))
        );
        assert_eq!(place("s:3"), Some(("s", 3)));
    }

    #[test]
    fn an_answer_names_its_run_and_model() {
        let about = About {
            provider: "p".into(),
            model: "m".into(),
            stop_reason: "toolUse".into(),
            ..About::default()
        };
        let said = Message::text(Role::Assistant, "ok");
        let row = row("s", &entry(&said, &about, EntryKind::Message)).expect("a row");
        assert_eq!(row["__openclaw"]["runId"], "r1");
        assert_eq!(
            (&row["provider"], &row["stopReason"]),
            (&json!("p"), &json!("toolUse"))
        );
    }

    #[test]
    fn what_was_stopped_is_the_gateways_own() {
        let about = About {
            aborted_by: "rpc".into(),
            idempotency_key: "r1:assistant".into(),
            ..About::own()
        };
        let said = Message::text(Role::Assistant, "half of");
        let row = row("s", &entry(&said, &about, EntryKind::Message)).expect("a row");
        assert_eq!(row["model"], OWN_MODEL);
        assert_eq!(
            row["openclawAbort"],
            json!({ "aborted": true, "origin": "rpc", "runId": "r1" })
        );
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let mut row = json!({ "content": [{ "type": "text", "text": "äöü" }] });
        cut(&mut row, 2);
        assert_eq!(row["content"][0]["text"], format!("äö{CUT}"));
    }
}
