//! Input of responses: a text, or a list of items.
use super::{Said, chat, parts};
use crate::error::Refusal;
use openclaw_plugin_api::{Content, Message, Role};
use serde::Deserialize;
use serde_json::Value;

/// What a client sends.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Input {
    /// What the person says.
    Text(String),
    /// A conversation.
    Items(Vec<Item>),
}

/// One item.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Item {
    #[serde(rename = "type")]
    kind: String,
    role: String,
    content: Value,
    call_id: String,
    name: String,
    arguments: String,
    output: Value,
}

/// The conversation.
pub(crate) fn items(instructions: &str, input: Input) -> Result<Said, Refusal> {
    let mut said = Said::default();
    if !instructions.is_empty() {
        said.instruct(instructions);
    }
    match input {
        Input::Text(text) => said.messages.push(Message::text(Role::User, text)),
        Input::Items(items) => {
            for item in items {
                add(&mut said, item)?;
            }
        }
    }
    if said.messages.is_empty() {
        return Err(Refusal::invalid("input", "nobody says anything: send a text"));
    }
    Ok(said)
}

fn add(said: &mut Said, item: Item) -> Result<(), Refusal> {
    match item.kind.as_str() {
        "" | "message" => message(said, &item),
        "function_call" => {
            let call = chat::wanted(item.call_id, item.name, &item.arguments)?;
            match said.messages.last_mut().filter(|m| m.role == Role::Assistant) {
                Some(last) => last.content.push(call),
                None => said.messages.push(Message {
                    role: Role::Assistant,
                    content: vec![call],
                    ..Message::default()
                }),
            }
            Ok(())
        }
        "function_call_output" => {
            let (text, _) = parts::read(&item.output)?;
            said.pictures.clear();
            said.messages.push(Message {
                role: Role::ToolResult,
                content: vec![Content::text(text)],
                tool_name: chat::name_of(&said.messages, &item.call_id),
                tool_call_id: item.call_id,
                ..Message::default()
            });
            Ok(())
        }
        // what the model thought is the vendor's, and the agent's own transcript has it
        "reasoning" | "item_reference" => Ok(()),
        other => {
            let message = format!("items of type \"{other}\" are not taken");
            Err(Refusal::invalid("input", message))
        }
    }
}

fn message(said: &mut Said, item: &Item) -> Result<(), Refusal> {
    let (text, pictures) = parts::read(&item.content)?;
    said.pictures = pictures;
    match item.role.as_str() {
        "system" | "developer" => said.instruct(&text),
        "user" => said.messages.push(Message::text(Role::User, text)),
        "assistant" => said.messages.push(Message::text(Role::Assistant, text)),
        other => {
            return Err(Refusal::invalid("input", format!("there is no role \"{other}\"")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(input: Value) -> Result<Said, Refusal> {
        items("Be brief.", serde_json::from_value(input).expect("an input"))
    }

    #[test]
    fn a_text_is_what_the_person_says() {
        let said = read(json!("hello")).expect("said");
        assert_eq!(said.messages[0].plain_text(), "hello");
        assert_eq!(said.system, "Be brief.");
    }

    #[test]
    fn calls_and_their_outputs_belong_together() {
        let said = read(json!([
            {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
            {"type": "reasoning", "summary": []},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
        ]))
        .expect("said");
        assert_eq!(said.messages.len(), 3);
        assert_eq!(said.messages[2].tool_name, "weather");
    }
}
