//! Messages of chat completions.
use super::{Said, parts};
use crate::error::Refusal;
use openclaw_plugin_api::{Content, Message, Role};
use serde::Deserialize;
use serde_json::Value;

/// One message as a client sends it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ChatMessage {
    role: String,
    content: Value,
    name: Option<String>,
    tool_calls: Vec<Call>,
    tool_call_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Call {
    id: String,
    function: Function,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function {
    name: String,
    arguments: String,
}

/// The conversation.
pub(crate) fn messages(all: Vec<ChatMessage>) -> Result<Said, Refusal> {
    let mut said = Said::default();
    for message in all {
        let (text, pictures) = parts::read(&message.content)?;
        said.pictures = pictures;
        match message.role.as_str() {
            "system" | "developer" => said.instruct(&text),
            "user" => {
                let text = match message.name {
                    Some(name) if !name.is_empty() => format!("{name}: {text}"),
                    _ => text,
                };
                said.messages.push(Message::text(Role::User, text));
            }
            "assistant" => said.messages.push(answer(text, message.tool_calls)?),
            "tool" | "function" => said.messages.push(Message {
                role: Role::ToolResult,
                content: vec![Content::text(text)],
                tool_name: name_of(&said.messages, &message.tool_call_id),
                tool_call_id: message.tool_call_id,
                ..Message::default()
            }),
            other => {
                return Err(Refusal::invalid(
                    "messages",
                    format!("there is no role \"{other}\""),
                ));
            }
        }
    }
    if said.messages.is_empty() {
        return Err(Refusal::invalid(
            "messages",
            "nobody says anything: send a message of role user",
        ));
    }
    Ok(said)
}

fn answer(text: String, calls: Vec<Call>) -> Result<Message, Refusal> {
    let mut content = Vec::new();
    if !text.is_empty() {
        content.push(Content::text(text));
    }
    for call in calls {
        content.push(wanted(call.id, call.function.name, &call.function.arguments)?);
    }
    Ok(Message {
        role: Role::Assistant,
        content,
        ..Message::default()
    })
}

/// A call that the model made.
pub(super) fn wanted(id: String, name: String, arguments: &str) -> Result<Content, Refusal> {
    let arguments = if arguments.trim().is_empty() {
        "{}"
    } else {
        arguments
    };
    let arguments = serde_json::from_str(arguments).map_err(|_| {
        let message = format!("the arguments of the call of {name} are not JSON");
        Refusal::invalid("messages", message)
    })?;
    Ok(Content::ToolCall {
        id,
        name,
        arguments,
        signature: String::new(),
    })
}

/// The tool that a call named.
pub(super) fn name_of(messages: &[Message], call: &str) -> String {
    let parts = messages.iter().flat_map(|message| &message.content);
    let mut names = parts.filter_map(|part| match part {
        Content::ToolCall { id, name, .. } if id == call => Some(name.clone()),
        _ => None,
    });
    names.next_back().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(messages_json: Value) -> Result<Said, Refusal> {
        messages(serde_json::from_value(messages_json).expect("messages"))
    }

    #[test]
    fn a_conversation_with_a_tool() {
        let said = read(json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": null,
             "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{\"at\":\"Rome\"}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        ]))
        .expect("a conversation");
        assert_eq!(said.system, "Be brief.");
        assert_eq!(said.messages.len(), 3);
        assert_eq!(said.messages[2].tool_name, "weather");
        let Content::ToolCall { arguments, .. } = &said.messages[1].content[0] else {
            panic!("no call");
        };
        assert_eq!(arguments["at"], "Rome");
    }

    #[test]
    fn a_lasting_conversation_is_told_what_is_new() {
        let mut said = read(json!([
            {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"},
        ]))
        .expect("a conversation");
        said.new_only();
        assert_eq!(said.messages.len(), 1);
        assert_eq!(said.messages[0].plain_text(), "c");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for wrong in [
            json!([]),
            json!([{"role": "system", "content": "x"}]),
            json!([{"role": "king", "content": "x"}]),
        ] {
            assert_eq!(read(wrong).expect_err("refused").param, Some("messages"));
        }
    }
}
