//! A conversation as these APIs accept it: each call of a tool has exactly one result, right after the call.
//!
//! The host's history may have been cut, compacted or begun by another vendor. What doesn't pair is repaired here,
//! because one loose end makes the vendor refuse the whole conversation.
use openclaw_plugin_api::{Content, Message, Role};
use std::borrow::Cow;

/// Said in place of a result that is not there.
const NO_RESULT: &str = "no result: the call was interrupted";
/// Said in place of a picture for a model that takes none.
const NO_PICTURE: &str = "[a picture was left out: this model takes text only]";
/// Said as the text of a result that has none.
const EMPTY_RESULT: &str = "(no text)";

/// One step of a conversation.
#[derive(Debug)]
pub enum Step<'a> {
    /// A person.
    User(&'a [Content]),
    /// The model.
    Assistant(&'a [Content]),
    /// The results of the calls just before, in their order.
    Results(Vec<Answer<'a>>),
}

/// The result of one call.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The call's id, as the host knows it.
    pub call_id: &'a str,
    /// The tool's name.
    pub name: &'a str,
    /// Its text parts.
    pub text: String,
    /// Its pictures: type and base64.
    pub pictures: Vec<(&'a str, &'a str)>,
}

/// The conversation in steps.
pub fn steps(messages: &[Message]) -> Vec<Step<'_>> {
    let mut steps = Vec::with_capacity(messages.len());
    let mut rest = messages;
    while let Some((message, after)) = rest.split_first() {
        rest = after;
        match message.role {
            Role::User => steps.push(Step::User(&message.content)),
            // Results that follow their calls are taken with them; what is found here answers nothing.
            Role::ToolResult => {}
            Role::Assistant => {
                steps.push(Step::Assistant(&message.content));
                let count = after.iter().take_while(|m| m.role == Role::ToolResult).count();
                let (results, after) = after.split_at(count);
                rest = after;
                let answers: Vec<_> = calls(&message.content)
                    .map(|(id, name)| answer(id, name, results))
                    .collect();
                if !answers.is_empty() {
                    steps.push(Step::Results(answers));
                }
            }
        }
    }
    steps
}

fn calls(content: &[Content]) -> impl Iterator<Item = (&str, &str)> {
    content.iter().filter_map(|part| match part {
        Content::ToolCall { id, name, .. } => Some((id.as_str(), name.as_str())),
        _ => None,
    })
}

fn answer<'a>(call_id: &'a str, name: &'a str, results: &'a [Message]) -> Answer<'a> {
    let Some(result) = results.iter().find(|result| result.tool_call_id == call_id) else {
        return Answer {
            call_id,
            name,
            text: NO_RESULT.to_owned(),
            pictures: Vec::new(),
        };
    };
    let text = result.plain_text();
    Answer {
        call_id,
        name,
        text: if text.is_empty() {
            EMPTY_RESULT.to_owned()
        } else {
            text
        },
        pictures: result.content.iter().filter_map(picture).collect(),
    }
}

fn picture(part: &Content) -> Option<(&str, &str)> {
    match part {
        Content::Image { mime_type, data } => Some((mime_type, data)),
        _ => None,
    }
}

// === impl Answer ===

impl Answer<'_> {
    /// The text for a model that takes no pictures.
    pub fn text_alone(&self) -> Cow<'_, str> {
        match self.pictures.as_slice() {
            [] => Cow::Borrowed(&self.text),
            _ => Cow::Owned(format!("{}\n{NO_PICTURE}", self.text)),
        }
    }
}

/// A user's parts with the pictures replaced, for models that take none.
pub fn without_pictures(content: &[Content]) -> Vec<Content> {
    let replace = |part: &Content| match part {
        Content::Image { .. } => Content::text(NO_PICTURE),
        part => part.clone(),
    };
    content.iter().map(replace).collect()
}

/// A picture as an URL that holds it.
pub fn data_url(mime_type: &str, data: &str) -> String {
    format!("data:{mime_type};base64,{data}")
}

/// The arguments of a call as text. What the model wrote may have been no object; an empty one keeps the history valid.
pub fn arguments(arguments: &serde_json::Value) -> String {
    if arguments.is_object() {
        arguments.to_string()
    } else {
        "{}".to_owned()
    }
}

/// A call's id in at most `limit` of the characters that every service takes. Ids of other vendors may be longer or
/// stranger; the same id always becomes the same.
pub fn call_id(id: &str, limit: usize) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !id.is_empty() && id.len() <= limit && id.chars().all(plain) {
        return Cow::Borrowed(id);
    }
    let tail = format!("{:016x}", fnv(id));
    let head: String = id
        .chars()
        .filter(|c| plain(*c))
        .take(limit.saturating_sub(tail.len()))
        .collect();
    Cow::Owned(head + &tail[..limit.min(tail.len())])
}

/// A call's id in exactly nine letters and digits.
pub fn short_call_id(id: &str) -> Cow<'_, str> {
    const LENGTH: usize = 9;
    if id.len() == LENGTH && id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Cow::Borrowed(id);
    }
    Cow::Owned(format!("{:016x}", fnv(id)).split_off(16 - LENGTH))
}

/// FNV-1a: the same on every machine and in every version, which a stored conversation needs.
pub fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(id: &str) -> Content {
        Content::ToolCall {
            id: id.into(),
            name: "look".into(),
            arguments: json!({}),
            signature: String::new(),
        }
    }

    fn result(id: &str, text: &str) -> Message {
        Message {
            tool_call_id: id.into(),
            ..Message::text(Role::ToolResult, text)
        }
    }

    #[test]
    fn loose_ends_are_tied() {
        let asks = Message {
            role: Role::Assistant,
            content: vec![call("a"), call("b")],
            ..Message::default()
        };
        let messages = [
            result("cut away", "1"),
            asks,
            result("b", "2"),
            result("stranger", "3"),
            Message::text(Role::User, "go on"),
        ];
        let steps = steps(&messages);
        let [Step::Assistant(_), Step::Results(answers), Step::User(_)] = steps.as_slice() else {
            panic!("{steps:?}");
        };
        let texts: Vec<_> = answers.iter().map(|a| (a.call_id, a.text.as_str())).collect();
        assert_eq!(texts, [("a", NO_RESULT), ("b", "2")]);
    }

    #[test]
    fn ids_of_others_are_made_to_fit() {
        assert_eq!(call_id("call_1", 40), "call_1");
        let long = "x".repeat(90);
        assert_eq!(call_id(&long, 40).len(), 40);
        assert_eq!(call_id(&long, 40), call_id(&long, 40));
        assert_ne!(call_id("look at/1", 40), call_id("look at/2", 40));
        assert_eq!(short_call_id("abcdefgh1"), "abcdefgh1");
        assert_eq!(short_call_id("call_1").len(), 9);
        assert_ne!(short_call_id("call_1"), short_call_id("call_2"));
    }
}
