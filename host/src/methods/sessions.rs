//! `sessions.*`: which conversations there are, what was said in them, what is set in them, and their ends.
use super::{journal, params};
use crate::{
    agent::{
        DEFAULT_MODEL,
        commands::{Reasoning, SessionSettings, UsageFooter, Verbose, thinking_from_word, thinking_word},
    },
    app::Gateway,
    gateway::{Failure, Method, Scope},
    journal::{Entry, EntryKind, Session},
    models::ModelRef,
    route::{Delivery, main_key},
};
use openclaw_plugin_api::{Message, Role};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// Conversations if the caller doesn't say.
const DEFAULT_LIMIT: u32 = 100;
/// Conversations that are looked through at most.
const MAX_LIMIT: u32 = 10_000;
/// Messages of a conversation if the caller doesn't say.
const DEFAULT_MESSAGES: u32 = 200;
/// Messages at most.
const MAX_MESSAGES: u32 = 1_000;
/// Characters of a message in a preview if the caller doesn't say.
const PREVIEW_CHARS: usize = 200;
/// Conversations of one preview.
const MAX_PREVIEWS: usize = 64;

/// Parameters of `sessions.list`. What asks for columns that this gateway does not have is taken and has no effect.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct List {
    limit: Option<u32>,
    offset: Option<usize>,
    active_minutes: Option<i64>,
    agent_id: Option<String>,
    search: Option<String>,
}

/// Parameters of methods about one conversation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct One {
    key: String,
    #[serde(default)]
    limit: Option<u32>,
}

/// Parameters of `sessions.preview`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Preview {
    keys: Vec<String>,
    #[serde(default)]
    limit: Option<u32>,
    #[serde(default)]
    max_chars: Option<usize>,
}

/// Parameters of `sessions.patch`. Null unsets; what is absent stays.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Patch {
    key: String,
    #[serde(default, deserialize_with = "given")]
    model: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    thinking_level: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    verbose_level: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    reasoning_level: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    response_usage: Option<Option<String>>,
}

fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("sessions.list", Scope::Read),
        Method::new("sessions.get", Scope::Read),
        Method::new("sessions.describe", Scope::Read),
        Method::new("sessions.preview", Scope::Read),
        Method::new("sessions.patch", Scope::Admin),
        Method::new("sessions.reset", Scope::Admin),
        Method::new("sessions.delete", Scope::Admin),
    ]
}

/// Conversations, the last used first.
pub(super) async fn list(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: List = params("sessions.list", given)?;
    let now = gateway.now_ms();
    let mut all = journal(gateway.desk(), |j| j.sessions(MAX_LIMIT)).await?;
    let since = asked
        .active_minutes
        .map(|minutes| now.saturating_sub(minutes.saturating_mul(60_000)));
    let search = asked.search.map(|text| text.to_lowercase());
    all.retain(|session| {
        asked
            .agent_id
            .as_ref()
            .is_none_or(|agent| *agent == session.agent)
            && since.is_none_or(|since| session.updated_ms >= since)
            && search.as_ref().is_none_or(|text| session.key.contains(text))
    });
    let total = all.len();
    let (offset, limit) = (
        asked.offset.unwrap_or(0),
        asked.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT),
    );
    let end = offset.saturating_add(usize::try_from(limit).unwrap_or(usize::MAX));
    let rows: Vec<_> = all
        .iter()
        .skip(offset)
        .take(end - offset)
        .map(|session| row(gateway, session))
        .collect();
    Ok(json!({
        "ts": now, "path": gateway.paths().state_dir.join("state.db"), "count": rows.len(), "totalCount": total,
        "limitApplied": limit, "nextOffset": (end < total).then_some(end), "hasMore": end < total,
        "defaults": defaults(gateway), "sessions": rows,
    }))
}

/// What was said in a conversation.
pub(super) async fn get(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: One = params("sessions.get", given)?;
    let limit = asked.limit.unwrap_or(DEFAULT_MESSAGES).clamp(1, MAX_MESSAGES);
    let session = find(gateway, &asked.key).await?;
    let Some(session) = session else {
        return Ok(json!({ "messages": [] }));
    };
    let id = session.session_id.clone();
    let entries = journal(gateway.desk(), move |j| j.history(&id, limit)).await?;
    let messages: Vec<_> = entries.iter().filter_map(message).collect();
    Ok(json!({ "sessionKey": session.key, "sessionId": session.session_id, "messages": messages }))
}

/// One conversation.
pub(super) async fn describe(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: One = params("sessions.describe", given)?;
    let session = find(gateway, &asked.key).await?;
    Ok(json!({ "session": session.map(|session| row(gateway, &session)) }))
}

/// The ends of conversations, in short.
pub(super) async fn preview(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Preview = params("sessions.preview", given)?;
    if asked.keys.len() > MAX_PREVIEWS {
        return Err(Failure::params(
            "sessions.preview",
            format_args!("at most {MAX_PREVIEWS} keys"),
        ));
    }
    let limit = asked.limit.unwrap_or(12).clamp(1, MAX_MESSAGES);
    let chars = asked.max_chars.unwrap_or(PREVIEW_CHARS).max(20);
    let mut previews = Vec::new();
    for key in asked.keys {
        let Some(session) = find(gateway, &key).await? else {
            previews.push(json!({ "key": key, "status": "missing", "items": [] }));
            continue;
        };
        let entries = journal(gateway.desk(), move |j| j.history(&session.session_id, limit)).await?;
        let items = entries.iter().filter_map(spoken).map(|(role, text)| {
            let text: String = text.chars().take(chars).collect();
            json!({ "role": role, "text": text })
        });
        previews.push(json!({ "key": key, "status": "ok", "items": items.collect::<Vec<_>>() }));
    }
    Ok(json!({ "ts": gateway.now_ms(), "previews": previews }))
}

/// Changes what is set in a conversation.
pub(super) async fn patch(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let patch: Patch = params("sessions.patch", given)?;
    let desk = gateway.desk();
    let config = desk.config();
    let agents = config.agents();
    let key = patch.key.to_lowercase();
    let named = key.split(':').nth(1).and_then(|id| agents.get(id));
    let agent = named.unwrap_or_else(|| agents.default_agent());
    let session = desk.session(&key, &agent.id).await;
    let session = session.map_err(|error| Failure::unavailable(error.to_string()))?;
    let mut settings: SessionSettings = serde_json::from_str(&session.settings).unwrap_or_default();
    if let Some(model) = patch.model {
        let chosen = match model {
            Some(written) => Some(
                desk.asker
                    .judge(agent, &written)
                    .map_err(|error| Failure::invalid(error.to_string()))?,
            ),
            None => None,
        };
        settings.provider_override = chosen.as_ref().map(|model| model.provider.clone());
        settings.model_override = chosen.map(|model| model.model);
    }
    change(
        &mut settings.thinking_level,
        patch.thinking_level,
        "thinkingLevel",
        thinking_from_word,
    )?;
    change(
        &mut settings.verbose_level,
        patch.verbose_level,
        "verboseLevel",
        Verbose::from_word,
    )?;
    change(
        &mut settings.reasoning_level,
        patch.reasoning_level,
        "reasoningLevel",
        Reasoning::from_word,
    )?;
    change(
        &mut settings.response_usage,
        patch.response_usage,
        "responseUsage",
        UsageFooter::from_word,
    )?;
    let text = serde_json::to_string(&settings).map_err(|error| Failure::unavailable(error.to_string()))?;
    let name = key.clone();
    journal(desk, move |j| j.set_session_settings(&name, &text)).await?;
    let model = settings.model();
    let model = model
        .as_deref()
        .or(agent.model.primary.as_deref())
        .unwrap_or(DEFAULT_MODEL);
    let (provider, model) = parts(agent.reference(model));
    let thinking = settings
        .thinking_level
        .or(agent.thinking.map(Into::into))
        .unwrap_or_default();
    Ok(json!({
        "ok": true, "path": gateway.paths().state_dir.join("state.db"), "key": key, "entry": settings,
        "resolved": { "modelProvider": provider, "model": model, "thinkingLevel": thinking_word(thinking) },
    }))
}

/// A conversation begins anew.
pub(super) async fn reset(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: One = params("sessions.reset", given)?;
    let session = existing(gateway, &asked.key).await?;
    let anew = gateway.desk().begin_anew(gateway.lanes(), &session.key).await;
    anew.map_err(|error| super::failed(&error))?;
    let session = existing(gateway, &asked.key).await?;
    Ok(json!({ "ok": true, "key": session.key, "entry": row(gateway, &session) }))
}

/// A conversation is forgotten, with all that was said in it. The main one of an agent can only be reset.
pub(super) async fn delete(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: One = params("sessions.delete", given)?;
    let session = existing(gateway, &asked.key).await?;
    if session.key == main_key(&session.agent) {
        let text = format!("the main session {} can't be deleted; reset it", session.key);
        return Err(Failure::invalid(text));
    }
    let deleted = gateway
        .desk()
        .between(gateway.lanes(), &session.key, |desk, key| {
            Box::pin(async move { desk.journal.run(move |j| j.delete_session(&key)).await })
        });
    let deleted = match deleted.await {
        Some(done) => done.map_err(|error| Failure::unavailable(error.to_string()))?,
        None => false,
    };
    Ok(json!({ "ok": true, "key": session.key, "deleted": deleted, "archived": [] }))
}

fn change<T>(
    setting: &mut Option<T>,
    wish: Option<Option<String>>,
    name: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<(), Failure> {
    match wish {
        None => {}
        Some(None) => *setting = None,
        Some(Some(word)) => {
            let level = read(&word);
            let wrong = || Failure::invalid(format!("invalid {name} \"{word}\""));
            *setting = Some(level.ok_or_else(wrong)?);
        }
    }
    Ok(())
}

async fn find(gateway: &Gateway, key: &str) -> Result<Option<Session>, Failure> {
    let key = key.to_lowercase();
    journal(gateway.desk(), move |j| j.find_session(&key)).await
}

async fn existing(gateway: &Gateway, key: &str) -> Result<Session, Failure> {
    let session = find(gateway, key).await?;
    session.ok_or_else(|| Failure::invalid(format!("No session found: {key}")))
}

fn row(gateway: &Gateway, session: &Session) -> Value {
    let usage = &session.usage;
    let (provider, model) = parts(&session.model);
    let settings: SessionSettings = serde_json::from_str(&session.settings).unwrap_or_default();
    let route: Option<Delivery> = serde_json::from_str(&session.route).ok();
    let group = session.key.contains(":group:") || session.key.contains(":channel:");
    let config = gateway.desk().config();
    let agents = config.agents();
    let agent = agents
        .get(&session.agent)
        .unwrap_or_else(|| agents.default_agent());
    json!({
        "key": session.key, "kind": if group { "group" } else { "direct" }, "sessionId": session.session_id,
        "agentId": session.agent, "isMain": session.key == main_key(&session.agent),
        "createdAt": session.created_ms, "updatedAt": session.updated_ms,
        "ageMs": gateway.now_ms().saturating_sub(session.updated_ms),
        "inputTokens": usage.input, "outputTokens": usage.output, "totalTokens": usage.context,
        "totalCost": usage.cost, "compactionCount": session.compactions,
        "contextTokens": gateway.desk().asker.window(agent, &session.model),
        "modelProvider": provider, "model": model, "thinkingLevel": settings.thinking_level.map(thinking_word),
        "verboseLevel": settings.verbose_level, "modelOverride": settings.model(),
        "channel": route.as_ref().map(|route| &route.channel), "deliveryContext": route,
    })
}

fn defaults(gateway: &Gateway) -> Value {
    let desk = gateway.desk();
    let config = desk.config();
    let agents = config.agents();
    let agent = agents.default_agent();
    let written = agent.model.primary.as_deref().unwrap_or(DEFAULT_MODEL);
    let (provider, model) = parts(agent.reference(written));
    let thinking = agent.thinking.map(|level| thinking_word(level.into()));
    json!({
        "modelProvider": provider, "model": model, "contextTokens": desk.asker.window(agent, ""),
        "thinkingDefault": thinking.unwrap_or("off"),
    })
}

fn parts(written: &str) -> (String, String) {
    match ModelRef::parse(written) {
        Some(model) => (model.provider, model.model),
        None => (String::new(), written.to_owned()),
    }
}

/// An entry of a transcript as clients know it.
fn message(entry: &Entry) -> Option<Value> {
    let about =
        json!({ "id": format!("{}-{}", entry.turn, entry.seq), "seq": entry.seq, "runId": entry.turn });
    let (role, content) = match entry.kind {
        EntryKind::Message => {
            let message: Message = serde_json::from_str(&entry.body).ok()?;
            (role(message.role), json!(message.content))
        }
        EntryKind::Compaction => ("system", json!("The conversation was compacted.")),
        EntryKind::Note => return None,
    };
    Some(json!({ "role": role, "content": content, "timestamp": entry.created_ms, "__openclaw": about }))
}

/// What somebody said, without tools.
fn spoken(entry: &Entry) -> Option<(&'static str, String)> {
    let message: Message = serde_json::from_str(&entry.body).ok()?;
    let text = message.plain_text();
    (entry.kind == EntryKind::Message && !text.is_empty()).then(|| (role(message.role), text))
}

fn role(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
        _ => "toolResult",
    }
}
