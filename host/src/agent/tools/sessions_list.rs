//! `sessions_list`: which conversations there are, as far as the caller reaches.
use super::{
    Bench, HostTool,
    reach::{Reach, SPAWNED_BY, unusable},
};
use crate::{
    agent::commands::SessionSettings,
    journal::{EntryKind, Session},
    route::{Delivery, main_key},
};
use openclaw_plugin_api::{Message, Result, Role, ToolOrigin, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Rows if the model doesn't say, and at most.
const ROWS: (usize, usize) = (50, 200);
/// Messages of a row at most.
const MAX_MESSAGES: usize = 20;
/// Characters of a message.
const MESSAGE_CHARS: usize = 500;
/// What is read of a conversation for its last messages, tokens.
const TAIL: u64 = 20_000;

pub(super) struct SessionsList;

/// Arguments.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Args {
    /// Only these kinds: main, group, direct, cron, subagent, other.
    kinds: Vec<String>,
    /// Most rows. Default: 50.
    limit: Option<usize>,
    /// Only those that were used within so many minutes.
    active_minutes: Option<u32>,
    /// How many of the last messages each row has. Default: 0.
    message_limit: Option<usize>,
}

impl HostTool for SessionsList {
    const NAME: &'static str = "sessions_list";
    const DESCRIPTION: &'static str = "Lists conversations (sessions) that you can reach, the last used first, optionally with their last messages.";
    const IDEMPOTENT: bool = true;
    const SIDE_EFFECTS: bool = false;
    type Args = Args;

    async fn invoke(&self, args: Args, origin: ToolOrigin, bench: Bench) -> Result<ToolOutput> {
        let (config, sessions) = (bench.desk.config(), bench.sessions().await?);
        let reach = Reach::new(&config, &origin, &sessions);
        let since = args
            .active_minutes
            .map(|minutes| bench.desk.clock.now_ms() - i64::from(minutes) * 60_000);
        let wanted = |session: &&Session| {
            let kind = kind(session);
            let kinds =
                args.kinds.is_empty() || args.kinds.iter().any(|wanted| wanted.eq_ignore_ascii_case(kind));
            kinds && since.is_none_or(|since| session.updated_ms >= since) && reach.sees(&session.key).is_ok()
        };
        let limit = args.limit.unwrap_or(ROWS.0).clamp(1, ROWS.1);
        let mut rows = Vec::new();
        for session in sessions.iter().filter(wanted).take(limit) {
            let mut row = row(session);
            if let Some(count) = args.message_limit.filter(|count| *count > 0) {
                row["messages"] = json!(last(&bench, session, count.min(MAX_MESSAGES)).await?);
            }
            rows.push(row);
        }
        Ok(ToolOutput::json(json!({ "count": rows.len(), "sessions": rows })))
    }
}

/// What sort of conversation it is.
fn kind(session: &Session) -> &'static str {
    let key = session.key.as_str();
    let has = |word: &str| key.split(':').any(|part| part == word);
    match () {
        () if key == main_key(&session.agent) => "main",
        () if has("subagent") => "subagent",
        () if has("cron") => "cron",
        () if has("group") || has("channel") => "group",
        () if has("direct") => "direct",
        () => "other",
    }
}

fn row(session: &Session) -> Value {
    let settings: SessionSettings = serde_json::from_str(&session.settings).unwrap_or_default();
    let route: Option<Delivery> = serde_json::from_str(&session.route).ok();
    let mut row = json!({
        "key": session.key, "kind": kind(session), "sessionId": session.session_id, "agentId": session.agent,
        "updatedAt": session.updated_ms, "model": session.model, "contextTokens": session.usage.context,
        "totalTokens": session.usage.input + session.usage.output,
    });
    if let Some(route) = route {
        row["channel"] = json!(route.channel);
    }
    for name in ["label", "displayName", SPAWNED_BY] {
        if let Some(value) = settings.other.get(name) {
            row[name] = value.clone();
        }
    }
    row
}

async fn last(bench: &Bench, session: &Session, count: usize) -> Result<Vec<Value>> {
    let id = session.session_id.clone();
    let entries = bench
        .desk
        .journal
        .run(move |j| j.tail(&id, 0, TAIL))
        .await
        .map_err(unusable)?;
    let said = entries.iter().filter(|entry| entry.kind == EntryKind::Message);
    let said = said.filter_map(|entry| serde_json::from_str::<Message>(&entry.body).ok());
    let mut rows: Vec<_> = said
        .filter_map(|message| spoken(&message, MESSAGE_CHARS))
        .collect();
    Ok(rows.split_off(rows.len().saturating_sub(count)))
}

/// What a person or the agent said; nothing of tools.
pub(super) fn spoken(message: &Message, chars: usize) -> Option<Value> {
    let role = match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
        _ => return None,
    };
    let text = message.plain_text();
    if text.trim().is_empty() {
        return None;
    }
    let cut: String = text.chars().take(chars).collect();
    let cut = if cut.len() < text.len() { cut + "…" } else { cut };
    Some(json!({ "role": role, "text": cut }))
}
