//! `chat.history` and `chat.startup`: what was said, page by page, with the row of the conversation.
use super::metadata;
use crate::{
    agent::{
        CLIENTS,
        commands::{SessionSettings, thinking_word},
        live::Source,
    },
    app::Gateway,
    gateway::Failure,
    journal::{Entry, EntryKind, Session},
    methods::{
        basis::Basis,
        journal, params,
        sessions::{self, message, row},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Messages if the client doesn't say.
const DEFAULT_LIMIT: u32 = 200;
/// Messages at most.
const MAX_LIMIT: u32 = 1_000;
/// Characters of one text if the client doesn't say.
const DEFAULT_CHARS: usize = 100_000;
/// Bytes of one answer at most; older messages are left for the next page.
const MAX_BYTES: usize = 8 << 20;
/// Longest key of a conversation, bytes.
const MAX_KEY: usize = 512;

/// Parameters of `chat.history` and `chat.startup`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Params {
    session_key: String,
    #[serde(default)]
    agent_id: Option<String>,
    #[serde(default)]
    cursor: Option<String>,
    #[serde(default)]
    limit: Option<u32>,
    #[serde(default)]
    offset: Option<u32>,
    #[serde(default, rename = "pendingBefore")]
    _pending_before: Option<u64>,
    #[serde(default, rename = "inputRunIds")]
    _input_run_ids: Option<Vec<String>>,
    #[serde(default)]
    message_id: Option<String>,
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default)]
    max_chars: Option<usize>,
    #[serde(default)]
    max_bytes: Option<usize>,
}

/// Parameters of `chat.message.get`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct One {
    session_key: String,
    #[serde(default)]
    agent_id: Option<String>,
    message_id: String,
    #[serde(default)]
    max_chars: Option<usize>,
}

/// A piece of a transcript.
struct Page {
    rows: Vec<Value>,
    total: u64,
    /// Where the next older page begins. None: there is nothing older.
    next: Option<u64>,
}

/// What was said in a conversation; one that nobody knows has no messages.
pub(in crate::methods) async fn history(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    read(gateway, "chat.history", given)
        .await
        .map(|(answer, _)| answer)
}

/// The same with what a page needs at its start.
pub(in crate::methods) async fn startup(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let (mut answer, agent) = read(gateway, "chat.startup", given).await?;
    answer["metadata"] = metadata::of(gateway, &agent).await?;
    Ok(answer)
}

async fn read(gateway: &Gateway, method: &str, given: Value) -> Result<(Value, String), Failure> {
    let asked: Params = params(method, given)?;
    let (agent, key) = whose(gateway, &asked.session_key, asked.agent_id.as_deref())?;
    if asked.cursor.is_some() {
        // no cursors are given out: whoever has one has it from another gateway
        return Ok((json!({ "kind": "reset", "sessionKey": key }), agent));
    }
    let session = sessions::find(gateway, &key).await?;
    let defaults = row::defaults(&Basis::of(gateway), Some(&agent));
    let Some(session) = session else {
        let answer = json!({
            "sessionKey": key, "messages": [], "pendingInputs": { "items": [], "total": 0 }, "hasMore": false,
            "totalMessages": 0, "defaults": defaults,
        });
        return Ok((answer, agent));
    };
    let transcript = asked
        .session_id
        .clone()
        .unwrap_or_else(|| session.session_id.clone());
    let page = page(gateway, &transcript, &asked).await?;
    let settings: SessionSettings = serde_json::from_str(&session.settings).unwrap_or_default();
    let mut answer = json!({
        "sessionKey": session.key, "sessionId": transcript, "messages": page.rows,
        "pendingInputs": pending(gateway, &session), "hasMore": page.next.is_some(), "totalMessages": page.total,
        "defaults": defaults, "sessionInfo": sessions::whole(gateway, &session, true, true).await?,
    });
    if let Some(next) = page.next {
        answer["nextOffset"] = json!(next);
    }
    if let Some(level) = settings.thinking_level {
        answer["thinkingLevel"] = json!(thinking_word(level));
    }
    Ok((answer, agent))
}

async fn page(gateway: &Gateway, session_id: &str, asked: &Params) -> Result<Page, Failure> {
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let place = asked.message_id.as_deref().and_then(message::place);
    let place = place.map(|(_, seq)| seq);
    let (id, offset) = (session_id.to_owned(), asked.offset.unwrap_or(0));
    let (entries, skip, total) = journal(gateway.desk(), move |j| {
        let total = j.length(&id)?;
        let skip = match place_of(place, total, limit) {
            Some(skip) => skip,
            None => offset,
        };
        Ok((j.page(&id, skip, limit)?, skip, total))
    })
    .await?;
    let (mut rows, left) = fitting(session_id, &entries, asked);
    sizes(gateway, &mut rows).await?;
    let shown = u64::from(skip) + (entries.len() - left) as u64;
    Ok(Page {
        rows,
        total,
        next: (shown < total).then_some(shown),
    })
}

/// Pictures are left out of a history; how large they are is told, and what they were called.
async fn sizes(gateway: &Gateway, rows: &mut [Value]) -> Result<(), Failure> {
    let mut pictures: Vec<_> = rows
        .iter_mut()
        .filter_map(|row| row["content"].as_array_mut())
        .flatten()
        .filter(|part| part["mediaId"].is_string())
        .collect();
    if pictures.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = pictures
        .iter()
        .filter_map(|part| part["mediaId"].as_str().map(str::to_owned))
        .collect();
    let known = journal(gateway.desk(), move |j| {
        ids.iter().map(|id| j.media(id)).collect::<Result<Vec<_>, _>>()
    })
    .await?;
    for (part, stored) in pictures.iter_mut().zip(known) {
        if let Some(stored) = stored {
            part["bytes"] = json!(stored.media.size);
            if !stored.media.file_name.is_empty() {
                part["fileName"] = json!(stored.media.file_name);
            }
        }
    }
    Ok(())
}

/// How many of the newest entries are left out so that a message stands in the middle of a page.
fn place_of(seq: Option<i64>, total: u64, limit: u32) -> Option<u32> {
    let behind = i64::try_from(total).ok()?.checked_sub(seq?)?;
    u32::try_from(behind.saturating_sub(i64::from(limit / 2)).max(0)).ok()
}

/// The newest rows that fit, oldest first, and how many did not.
fn fitting(session_id: &str, entries: &[Entry], asked: &Params) -> (Vec<Value>, usize) {
    let chars = asked.max_chars.unwrap_or(DEFAULT_CHARS).max(1);
    let bytes = asked.max_bytes.unwrap_or(MAX_BYTES).clamp(1, MAX_BYTES);
    let (mut rows, mut sum) = (Vec::new(), 0);
    for (number, entry) in entries.iter().rev().enumerate() {
        let Some(mut row) = message::row(session_id, entry) else {
            continue;
        };
        message::cut(&mut row, chars);
        sum += row.to_string().len();
        if sum > bytes && !rows.is_empty() {
            rows.reverse();
            return (rows, entries.len() - number);
        }
        rows.push(row);
    }
    rows.reverse();
    (rows, 0)
}

/// Messages that wait for their turn.
fn pending(gateway: &Gateway, session: &Session) -> Value {
    let runs = gateway.desk().live.active(Some(&session.key));
    let waiting = runs
        .iter()
        .filter(|run| run.source == Source::Client && run.began_ms().is_none());
    let items: Vec<_> = waiting
        .map(|run| json!({ "runId": run.id, "status": "queued", "createdAt": run.opened_ms() }))
        .collect();
    json!({ "total": items.len(), "items": items })
}

/// One message, as long as the client can take it.
pub(in crate::methods) async fn get(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: One = params("chat.message.get", given)?;
    let (_, key) = whose(gateway, &asked.session_key, asked.agent_id.as_deref())?;
    let missing = json!({ "ok": false, "unavailableReason": "not_found" });
    let (Some(session), Some((id, seq))) = (
        sessions::find(gateway, &key).await?,
        message::place(&asked.message_id),
    ) else {
        return Ok(missing);
    };
    if session.session_id != id {
        return Ok(missing);
    }
    let transcript = id.to_owned();
    let found = journal(gateway.desk(), move |j| {
        j.behind(&transcript, seq.saturating_sub(1), 1)
    })
    .await?;
    let entry = found
        .first()
        .filter(|entry| entry.seq == seq && entry.kind == EntryKind::Message);
    let Some(mut row) = entry.and_then(|entry| message::row(id, entry)) else {
        return Ok(missing);
    };
    message::cut(&mut row, asked.max_chars.unwrap_or(usize::MAX));
    Ok(json!({ "ok": true, "message": row }))
}

/// The agent and the key that a client means: a key without an agent belongs to the one it names, or the default one.
pub(in crate::methods) fn whose(
    gateway: &Gateway,
    key: &str,
    agent_id: Option<&str>,
) -> Result<(String, String), Failure> {
    let key = key.trim().to_lowercase();
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(Failure::invalid(format!(
            "a session key has 1 to {MAX_KEY} characters"
        )));
    }
    let config = gateway.desk().config();
    let agents = config.agents();
    let named = match (
        agent_id,
        key.strip_prefix("agent:").and_then(|rest| rest.split(':').next()),
    ) {
        (Some(id), _) | (None, Some(id)) => Some(id),
        (None, None) => None,
    };
    let agent = match named {
        None => agents.default_agent(),
        Some(id) => agents.get(id).ok_or_else(|| {
            Failure::invalid(format!("unknown agent id \"{id}\"; see agents in openclaw.json"))
        })?,
    };
    let key = match key.as_str() {
        whole if whole.starts_with("agent:") || whole == "global" => key,
        CLIENTS => format!("agent:{}:main", agent.id),
        part => format!("agent:{}:{part}", agent.id),
    };
    Ok((agent.id.clone(), key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stands_in_the_middle_of_its_page() {
        assert_eq!(place_of(Some(50), 100, 20), Some(40));
        assert_eq!(place_of(Some(99), 100, 20), Some(0), "not beyond the end");
        assert_eq!(place_of(None, 100, 20), None);
    }
}
