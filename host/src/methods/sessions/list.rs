//! Which conversations there are, and what was said in them.
use super::{
    find, message,
    row::{self, LAST_ENTRIES, More},
};
use crate::{
    app::Gateway,
    gateway::Failure,
    journal::Session,
    methods::{basis::Basis, journal, params},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Conversations if the caller doesn't say.
const DEFAULT_LIMIT: u32 = 100;
/// Conversations that are looked through at most.
pub(in crate::methods) const MAX_LIMIT: u32 = 10_000;
/// Messages of a conversation if the caller doesn't say.
const DEFAULT_MESSAGES: u32 = 200;
/// Messages at most.
pub(in crate::methods) const MAX_MESSAGES: u32 = 1_000;
/// Characters of a message in a preview if the caller doesn't say.
const PREVIEW_CHARS: usize = 200;
/// Conversations of one preview.
const MAX_PREVIEWS: usize = 64;
/// Entries at the beginning of a conversation that are looked at for a title.
const FIRST_ENTRIES: u32 = 2;

/// Parameters of `sessions.list`. What asks for people and groups that this gateway does not have has no effect.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    limit: Option<u32>,
    offset: Option<u32>,
    active_minutes: Option<u32>,
    #[serde(rename = "requireLastInteraction")]
    _require_last_interaction: Option<bool>,
    #[serde(rename = "sortBy")]
    _sort_by: Option<SortBy>,
    #[serde(rename = "includeGlobal")]
    _include_global: Option<bool>,
    #[serde(rename = "includeUnknown")]
    _include_unknown: Option<bool>,
    configured_agents_only: Option<bool>,
    include_derived_titles: Option<bool>,
    include_last_message: Option<bool>,
    label: Option<String>,
    #[serde(rename = "boardFace")]
    _board_face: Option<String>,
    #[serde(rename = "creatorId")]
    _creator_id: Option<String>,
    #[serde(rename = "ownerId")]
    _owner_id: Option<String>,
    #[serde(rename = "ownerFirst")]
    _owner_first: Option<bool>,
    #[serde(rename = "involvingMe")]
    _involving_me: Option<bool>,
    #[serde(rename = "involvingProfileId")]
    _involving_profile_id: Option<String>,
    #[serde(rename = "includePeople")]
    _include_people: Option<bool>,
    spawned_by: Option<String>,
    agent_id: Option<String>,
    search: Option<String>,
    archived: Option<Archived>,
}

/// What decides the order. Both are the same here: something is said when somebody writes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum SortBy {
    UpdatedAt,
    LastInteractionAt,
}

/// Conversations that were put away: only them, none of them, or `all` there are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Archived {
    Is(bool),
    All(All),
}

/// The word for them beside the others.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum All {
    All,
}

/// Parameters of methods about one conversation.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Describe {
    key: String,
    #[serde(default, rename = "agentId")]
    _agent_id: Option<String>,
    #[serde(default)]
    include_derived_titles: Option<bool>,
    #[serde(default)]
    include_last_message: Option<bool>,
}

/// Parameters of `sessions.get`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Get {
    #[serde(alias = "sessionKey")]
    key: String,
    #[serde(default, rename = "agentId")]
    _agent_id: Option<String>,
    #[serde(default)]
    limit: Option<u32>,
}

/// Parameters of `sessions.preview`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Preview {
    keys: Vec<String>,
    #[serde(default)]
    limit: Option<u32>,
    #[serde(default)]
    max_chars: Option<usize>,
}

/// Parameters of `sessions.resolve`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Resolve {
    key: Option<String>,
    session_id: Option<String>,
    label: Option<String>,
    #[serde(rename = "shortId")]
    short_id: Option<String>,
    #[serde(rename = "slugHint")]
    _slug_hint: Option<String>,
    agent_id: Option<String>,
    #[serde(rename = "spawnedBy")]
    _spawned_by: Option<String>,
    #[serde(rename = "includeGlobal")]
    _include_global: Option<bool>,
    #[serde(rename = "includeUnknown")]
    _include_unknown: Option<bool>,
    allow_missing: Option<bool>,
}

/// Conversations, the last used first.
pub(in crate::methods) async fn list(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: List = params("sessions.list", given)?;
    let all = journal(gateway.desk(), |j| j.sessions(MAX_LIMIT)).await?;
    let basis = Basis::of(gateway);
    let page = Page::of(&asked, all, &basis);
    let mut rows = Vec::new();
    for session in &page.shown {
        let titles = asked.include_derived_titles == Some(true);
        rows.push(whole(gateway, session, asked.include_last_message == Some(true), titles).await?);
    }
    Ok(page.answer(&asked, &basis, rows))
}

/// The same of these conversations, without what only their transcripts say.
pub(in crate::methods) fn list_of(
    basis: &Basis<'_>,
    all: Vec<Session>,
    given: Value,
) -> Result<Value, Failure> {
    let asked: List = params("sessions.list", given)?;
    let page = Page::of(&asked, all, basis);
    let shown = page.shown.iter();
    let rows = shown.map(|session| row::row(basis, session, &More::default()));
    let rows = rows.collect();
    Ok(page.answer(&asked, basis, rows))
}

/// The part of all conversations that is asked for.
struct Page {
    shown: Vec<Session>,
    total: usize,
    limit: u32,
    /// Where the next one begins.
    end: usize,
}

// === impl Page ===

impl Page {
    fn of(asked: &List, mut all: Vec<Session>, basis: &Basis<'_>) -> Self {
        let agents = basis.config.agents();
        all.retain(|session| {
            wanted(asked, session, basis.now_ms)
                && (asked.configured_agents_only != Some(true) || agents.get(&session.agent).is_some())
        });
        let offset = usize::try_from(asked.offset.unwrap_or(0)).unwrap_or(usize::MAX);
        let limit = asked.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
        let count = usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            total: all.len(),
            limit,
            end: offset.saturating_add(count),
            shown: all.into_iter().skip(offset).take(count).collect(),
        }
    }

    fn answer(&self, asked: &List, basis: &Basis<'_>, rows: Vec<Value>) -> Value {
        let more = self.end < self.total;
        json!({
            "ts": basis.now_ms, "path": basis.paths.state_dir.join("state.db"), "count": rows.len(),
            "totalCount": self.total, "limitApplied": self.limit, "nextOffset": more.then_some(self.end),
            "hasMore": more, "owners": [], "defaults": row::defaults(basis, asked.agent_id.as_deref()),
            "sessions": rows,
        })
    }
}

fn wanted(asked: &List, session: &Session, now_ms: i64) -> bool {
    let other: Value = serde_json::from_str(&session.settings).unwrap_or_default();
    let since = asked
        .active_minutes
        .map(|minutes| now_ms.saturating_sub(i64::from(minutes) * 60_000));
    let archived = other["archived"] == true;
    let shown = match &asked.archived {
        Some(Archived::All(All::All)) => true,
        Some(Archived::Is(only)) => archived == *only,
        None => !archived,
    };
    let label = other["label"].as_str().unwrap_or_default();
    let found = |text: &String| {
        let text = text.to_lowercase();
        session.key.contains(&text) || label.to_lowercase().contains(&text) || session.session_id == text
    };
    shown
        && asked
            .agent_id
            .as_ref()
            .is_none_or(|agent| *agent == session.agent)
        && since.is_none_or(|since| session.updated_ms >= since)
        && asked.search.as_ref().is_none_or(found)
        && asked.label.as_ref().is_none_or(|wanted| wanted == label)
        && asked
            .spawned_by
            .as_ref()
            .is_none_or(|parent| other["parentSessionKey"] == **parent)
}

/// A row with what it takes another look at the journal for.
pub(in crate::methods) async fn whole(
    gateway: &Gateway,
    session: &Session,
    last: bool,
    titles: bool,
) -> Result<Value, Failure> {
    let id = session.session_id.clone();
    let (last, first) = journal(gateway.desk(), move |j| {
        let last = if last {
            j.page(&id, 0, LAST_ENTRIES)?
        } else {
            Vec::new()
        };
        let first = if titles {
            j.behind(&id, 0, FIRST_ENTRIES)?
        } else {
            Vec::new()
        };
        Ok((last, first))
    })
    .await?;
    let more = More {
        last: &last,
        first: &first,
    };
    Ok(row::row(&Basis::of(gateway), session, &more))
}

/// What was said in a conversation.
pub(in crate::methods) async fn get(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Get = params("sessions.get", given)?;
    let limit = asked.limit.unwrap_or(DEFAULT_MESSAGES).clamp(1, MAX_MESSAGES);
    let session = find(gateway, &asked.key).await?;
    let Some(session) = session else {
        return Ok(json!({ "messages": [] }));
    };
    let id = session.session_id.clone();
    let entries = journal(gateway.desk(), move |j| j.history(&id, limit)).await?;
    let messages: Vec<_> = entries
        .iter()
        .filter_map(|entry| message::row(&session.session_id, entry))
        .collect();
    Ok(json!({ "sessionKey": session.key, "sessionId": session.session_id, "messages": messages }))
}

/// One conversation.
pub(in crate::methods) async fn describe(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Describe = params("sessions.describe", given)?;
    let Some(session) = find(gateway, &asked.key).await? else {
        return Ok(json!({ "session": null }));
    };
    let (last, titles) = (asked.include_last_message, asked.include_derived_titles);
    let row = whole(gateway, &session, last == Some(true), titles == Some(true)).await?;
    Ok(json!({ "session": row }))
}

/// The ends of conversations, in short.
pub(in crate::methods) async fn preview(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Preview = params("sessions.preview", given)?;
    if asked.keys.len() > MAX_PREVIEWS {
        return Err(Failure::params(
            "sessions.preview",
            format_args!("at /keys: must not have more than {MAX_PREVIEWS} items"),
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
        let items = entries.iter().filter_map(row::spoken).map(|(role, text)| {
            let text: String = text.chars().take(chars).collect();
            json!({ "role": role, "text": text })
        });
        previews.push(json!({ "key": key, "status": "ok", "items": items.collect::<Vec<_>>() }));
    }
    Ok(json!({ "ts": gateway.now_ms(), "previews": previews }))
}

/// The conversation that somebody means by a key, an id, the beginning of one, or a label.
pub(in crate::methods) async fn resolve(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Resolve = params("sessions.resolve", given)?;
    let named = asked
        .key
        .as_ref()
        .or(asked.session_id.as_ref())
        .or(asked.label.as_ref())
        .or(asked.short_id.as_ref());
    let Some(named) = named.cloned() else {
        let text = "sessions.resolve needs one of key, sessionId, label or shortId";
        return Err(Failure::invalid(text));
    };
    let key = asked.key.as_ref().map(|key| key.to_lowercase());
    let all = journal(gateway.desk(), |j| j.sessions(MAX_LIMIT)).await?;
    let mut found: Vec<_> = all
        .iter()
        .filter(|session| {
            let settings: Value = serde_json::from_str(&session.settings).unwrap_or_default();
            asked
                .agent_id
                .as_ref()
                .is_none_or(|agent| *agent == session.agent)
                && key.as_ref().is_none_or(|key| *key == session.key)
                && asked
                    .session_id
                    .as_ref()
                    .is_none_or(|id| *id == session.session_id)
                && asked
                    .label
                    .as_ref()
                    .is_none_or(|label| settings["label"] == **label)
                && asked
                    .short_id
                    .as_ref()
                    .is_none_or(|short| session.session_id.starts_with(short.as_str()))
        })
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(session), true) => Ok(json!({ "ok": true, "key": session.key, "agentId": session.agent })),
        (Some(session), false) => {
            let candidates = found.iter().chain(std::iter::once(&session));
            let candidates = candidates.map(|one| json!({ "key": one.key, "agentId": one.agent }));
            Ok(json!({ "ok": false, "candidates": candidates.collect::<Vec<_>>() }))
        }
        (None, _) if asked.allow_missing == Some(true) => Ok(json!({ "ok": false })),
        (None, _) => Err(Failure::invalid(format!("No session found: {named}"))),
    }
}
