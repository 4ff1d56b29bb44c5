//! A row of a transcript as messages of ours. Pure but for pictures, which go to whoever keeps them.
//!
//! Vendors' proofs of thoughts are left out: they belong to the program that got them, and no vendor asks for them again.
use crate::agent::about::{About, OWN_MODEL, OWN_PROVIDER};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use openclaw_plugin_api::{Content, Message, Role, Usage};
use serde::Deserialize;
use serde_json::Value;

/// A row.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Row {
    #[serde(rename = "type")]
    pub(super) kind: String,
    timestamp: Value,
    message: Option<Said>,
    pub(super) summary: String,
    pub(super) tokens_before: Value,
    content: Value,
    exclude_from_context: bool,
}

/// What was said, as it stands there.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Said {
    role: String,
    content: Value,
    timestamp: Value,
    tool_call_id: String,
    tool_name: String,
    is_error: bool,
    provider: String,
    model: String,
    usage: Value,
    stop_reason: String,
    error_message: String,
    exclude_from_context: bool,
}

/// What becomes of a row.
#[derive(Debug, PartialEq)]
pub(super) enum Meant {
    /// Something that was said.
    Message {
        /// The words.
        message: Message,
        /// What is known beside them.
        about: Box<About>,
        /// No model sees it.
        aside: bool,
    },
    /// It says nothing: which model was chosen, and such.
    Nothing,
    /// It says something that has no place here.
    Unknown(String),
}

/// Where pictures go; gives what stands for one in a transcript, or nothing.
pub(super) type Pictures<'a> = dyn FnMut(&str, Vec<u8>) -> Option<String> + 'a;

// === impl Row ===

impl Row {
    /// When it was written, milliseconds since 1970.
    pub(super) fn at_ms(&self) -> Option<i64> {
        let said = self.message.as_ref().and_then(|said| millis(&said.timestamp));
        said.or_else(|| millis(&self.timestamp))
    }

    /// What it says.
    pub(super) fn meant(&self, pictures: &mut Pictures<'_>) -> Meant {
        match self.kind.as_str() {
            "message" => self.message.as_ref().map_or_else(
                || Meant::Unknown("a message without words".to_owned()),
                |said| said.meant(self, pictures),
            ),
            "custom_message" | "branch_summary" => {
                let text = if self.summary.is_empty() {
                    text_of(&self.content)
                } else {
                    self.summary.clone()
                };
                let about = About::default();
                said(
                    Message::text(Role::User, &text),
                    about,
                    text.is_empty(),
                    self.exclude_from_context,
                )
            }
            "session"
            | "model_change"
            | "thinking_level_change"
            | "custom"
            | "label"
            | "session_info"
            | "leaf" => Meant::Nothing,
            other => Meant::Unknown(format!("a row of the kind \"{}\"", short(other))),
        }
    }
}

// === impl Said ===

impl Said {
    fn meant(&self, row: &Row, pictures: &mut Pictures<'_>) -> Meant {
        let role = match self.role.as_str() {
            "user" | "custom" | "branchSummary" | "compactionSummary" => Role::User,
            "assistant" => Role::Assistant,
            "toolResult" => Role::ToolResult,
            other => return Meant::Unknown(format!("a message of the role \"{}\"", short(other))),
        };
        let mut content = contents(&self.content, pictures);
        if role != Role::Assistant {
            // only models think and ask for tools, whatever stands there
            content.retain(|part| !matches!(part, Content::ToolCall { .. } | Content::Thinking { .. }));
        }
        let message = Message {
            role,
            content,
            tool_call_id: call_id(&self.tool_call_id),
            tool_name: self.tool_name.clone(),
            is_error: self.is_error,
        };
        let empty = message.content.is_empty() && role != Role::ToolResult;
        let own = self.provider == OWN_PROVIDER;
        let failed = role == Role::Assistant && empty && !self.error_message.is_empty();
        let about = About {
            provider: if own {
                OWN_PROVIDER.to_owned()
            } else {
                self.provider.clone()
            },
            model: if own {
                OWN_MODEL.to_owned()
            } else {
                self.model.clone()
            },
            usage: self.usage.is_object().then(|| usage(&self.usage)),
            stop_reason: self.stop_reason.clone(),
            error: self.error_message.clone(),
            command: own,
            said_ms: millis(&self.timestamp)
                .and_then(|ms| u64::try_from(ms).ok())
                .unwrap_or(0),
            ..About::default()
        };
        let aside = own || failed || self.exclude_from_context || row.exclude_from_context;
        said(message, about, empty && !failed, aside)
    }
}

fn said(message: Message, about: About, empty: bool, aside: bool) -> Meant {
    match empty {
        true => Meant::Nothing,
        false => Meant::Message {
            message,
            about: Box::new(about),
            aside,
        },
    }
}

fn contents(content: &Value, pictures: &mut Pictures<'_>) -> Vec<Content> {
    match content {
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![Content::text(text)],
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| content_of(part, pictures))
            .collect(),
        _ => Vec::new(),
    }
}

fn content_of(part: &Value, pictures: &mut Pictures<'_>) -> Option<Content> {
    let text = |name: &str| part[name].as_str().unwrap_or_default().to_owned();
    match part["type"].as_str()? {
        "text" => Some(text("text"))
            .filter(|text| !text.is_empty())
            .map(Content::text),
        "thinking" => Some(Content::Thinking {
            thinking: Some(text("thinking")).filter(|thinking| !thinking.is_empty())?,
            signature: String::new(),
        }),
        "toolCall" => Some(Content::ToolCall {
            id: call_id(part["id"].as_str()?),
            name: text("name"),
            arguments: match &part["arguments"] {
                Value::Object(arguments) => Value::Object(arguments.clone()),
                _ => Value::Object(serde_json::Map::new()),
            },
            signature: String::new(),
        }),
        "image" => {
            Some(picture(part, pictures).unwrap_or_else(|| Content::text("(a picture that was not kept)")))
        }
        other => Some(Content::text(format!("({} that was not kept)", short(other)))),
    }
}

fn picture(part: &Value, pictures: &mut Pictures<'_>) -> Option<Content> {
    let (data, mime_type) = match part["data"].as_str() {
        Some(data) => (data, part["mimeType"].as_str()),
        None => (
            part["source"]["data"].as_str()?,
            part["source"]["media_type"].as_str(),
        ),
    };
    let mime_type = mime_type.filter(|mime_type| mime_type.starts_with("image/"))?;
    let bytes = STANDARD.decode(data).ok()?;
    Some(Content::Image {
        data: pictures(mime_type, bytes)?,
        mime_type: mime_type.to_owned(),
    })
}

/// Some vendors' ids are two, of which the first names the call.
fn call_id(id: &str) -> String {
    id.split('|').next().unwrap_or_default().to_owned()
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

fn usage(usage: &Value) -> Usage {
    let tokens = |name: &str| usage[name].as_u64().unwrap_or(0);
    Usage {
        input: tokens("input"),
        output: tokens("output"),
        cache_read: tokens("cacheRead"),
        cache_write: tokens("cacheWrite"),
        cost: usage["cost"]["total"].as_f64().unwrap_or(0.0),
    }
}

/// Milliseconds, or RFC 3339.
pub(super) fn millis(time: &Value) -> Option<i64> {
    match time {
        Value::String(text) => {
            let time: jiff::Timestamp = text.parse().ok()?;
            Some(time.as_millisecond())
        }
        #[expect(clippy::cast_possible_truncation, reason = "some write them with a fraction")]
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|ms| ms as i64)),
        _ => None,
    }
}

fn short(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(row: &str) -> Meant {
        let row: Row = serde_json::from_str(row).expect("a row");
        row.meant(&mut |_, bytes| Some(format!("media:{}", bytes.len())))
    }

    fn message(row: &str) -> (Message, About, bool) {
        match meant(row) {
            Meant::Message {
                message,
                about,
                aside,
            } => (message, *about, aside),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_keeps_its_words_its_calls_and_its_cost_but_no_proofs() {
        let (message, about, aside) = message(
            r#"{"type":"message","timestamp":"2026-02-01T10:00:02.000Z","message":{"role":"assistant","content":[
                {"type":"thinking","thinking":"hm","thinkingSignature":"proof"},{"type":"text","text":"Noted."},
                {"type":"toolCall","id":"c1|f1","name":"write","arguments":{"path":"a"},"thoughtSignature":"proof"}],
                "provider":"p","model":"m","usage":{"input":10,"output":5,"cost":{"total":0.5}},"stopReason":"toolUse",
                "timestamp":1769940002000}}"#,
        );
        let text = serde_json::to_string(&message).expect("JSON");
        assert!(
            !text.contains("proof") && text.contains("Noted.") && text.contains("\"c1\""),
            "{text}"
        );
        let cost = about.usage.expect("it cost something").cost;
        assert_eq!(
            (about.provider.as_str(), about.said_ms, aside),
            ("p", 1_769_940_002_000, false)
        );
        assert!((cost - 0.5).abs() < 1e-9);
    }

    #[test]
    fn what_the_gateway_itself_said_and_what_failed_is_not_told_to_models() {
        let own = r#"{"type":"message","message":{"role":"assistant","content":[{"type":"text","text":"ok"}],
                     "provider":"openclaw","model":"gateway-injected"}}"#;
        let failed = r#"{"type":"message","message":{"role":"assistant","content":[],"stopReason":"error",
                        "errorMessage":"overloaded"}}"#;
        assert!(message(own).2 && message(failed).2);
        assert_eq!(message(failed).1.error, "overloaded");
        assert_eq!(
            meant(r#"{"type":"message","message":{"role":"assistant","content":[]}}"#),
            Meant::Nothing
        );
    }

    #[test]
    fn pictures_are_kept_and_what_is_strange_is_told() {
        let (with, ..) = message(
            r#"{"type":"message","message":{"role":"user","content":[{"type":"image","mimeType":"image/png","data":"AAAA"},
                {"type":"image","mimeType":"image/png","data":"?"},{"type":"hologram"}]}}"#,
        );
        assert!(matches!(&with.content[0], Content::Image { data, .. } if data == "media:3"));
        assert_eq!(with.content[1].as_text(), Some("(a picture that was not kept)"));
        assert_eq!(with.content[2].as_text(), Some("(hologram that was not kept)"));
        assert!(matches!(meant(r#"{"type":"dream"}"#), Meant::Unknown(_)));
        assert!(matches!(
            meant(r#"{"type":"message","message":{"role":"ghost"}}"#),
            Meant::Unknown(_)
        ));
        assert_eq!(meant(r#"{"type":"model_change"}"#), Meant::Nothing);
    }
}
