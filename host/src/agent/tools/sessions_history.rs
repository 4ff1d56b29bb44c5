//! `sessions_history`: what was said in a conversation that the caller reaches.
use super::{Bench, HostTool, reach::unusable, sessions_list::spoken};
use crate::journal::EntryKind;
use openclaw_plugin_api::{Content, Message, Result, Role, ToolOrigin, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Messages if the model doesn't say, and at most.
const MESSAGES: (usize, usize) = (50, 200);
/// Characters of a message.
const MESSAGE_CHARS: usize = 4_000;
/// Bytes of an answer.
const MAX_BYTES: usize = 80_000;
/// What is read of a conversation, tokens.
const TAIL: u64 = 60_000;

pub(super) struct SessionsHistory;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Args {
    /// The conversation, as sessions_list names it.
    session_key: String,
    /// Most messages. Default: 50.
    #[serde(default)]
    limit: Option<usize>,
    /// Also what tools were called with and answered. Default: false.
    #[serde(default)]
    include_tools: bool,
}

impl HostTool for SessionsHistory {
    const NAME: &'static str = "sessions_history";
    const DESCRIPTION: &'static str =
        "Shows the last messages of another conversation (session), oldest first.";
    const IDEMPOTENT: bool = true;
    const SIDE_EFFECTS: bool = false;
    type Args = Args;

    async fn invoke(&self, args: Args, origin: ToolOrigin, bench: Bench) -> Result<ToolOutput> {
        let session = bench.reached(&origin, &args.session_key).await?;
        let id = session.session_id.clone();
        let entries = bench
            .desk
            .journal
            .run(move |j| j.tail(&id, 0, TAIL))
            .await
            .map_err(unusable)?;
        let said = entries.iter().filter(|entry| entry.kind == EntryKind::Message);
        let said = said.filter_map(|entry| serde_json::from_str::<Message>(&entry.body).ok());
        let mut rows: Vec<Value> = said
            .flat_map(|message| told(&message, args.include_tools))
            .collect();
        let mut left = rows
            .len()
            .saturating_sub(args.limit.unwrap_or(MESSAGES.0).clamp(1, MESSAGES.1));
        let mut bytes: usize = rows[left..].iter().map(|row| row.to_string().len()).sum();
        while bytes > MAX_BYTES && left < rows.len() {
            bytes -= rows[left].to_string().len();
            left += 1;
        }
        let rows = rows.split_off(left);
        Ok(ToolOutput::json(
            json!({ "sessionKey": session.key, "messages": rows, "truncated": left > 0 }),
        ))
    }
}

fn told(message: &Message, tools: bool) -> Vec<Value> {
    let mut rows: Vec<_> = spoken(message, MESSAGE_CHARS).into_iter().collect();
    if !tools {
        return rows;
    }
    if message.role == Role::ToolResult {
        let text: String = message.plain_text().chars().take(MESSAGE_CHARS).collect();
        rows.push(
            json!({ "role": "tool", "name": message.tool_name, "isError": message.is_error, "text": text }),
        );
    }
    for part in &message.content {
        if let Content::ToolCall { name, arguments, .. } = part {
            let arguments: String = arguments.to_string().chars().take(MESSAGE_CHARS).collect();
            rows.push(json!({ "role": "assistant", "calls": name, "arguments": arguments }));
        }
    }
    rows
}
