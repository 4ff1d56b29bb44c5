//! A conversation as clients see it in their lists.
use crate::{
    agent::{
        DEFAULT_MODEL, Survey,
        commands::{QueueMode, SessionSettings, UsageFooter, thinking_word},
        live::{Last, Live},
    },
    config::Agent,
    journal::{Entry, EntryKind, Session},
    methods::basis::Basis,
    models::ModelRef,
    route::{Delivery, main_key},
};
use openclaw_plugin_api::{Message, Role};
use serde_json::{Map, Value, json};

/// Entries that are looked through for the last words.
pub(in crate::methods) const LAST_ENTRIES: u32 = 6;
/// Characters of the last words.
const PREVIEW: usize = 120;
/// Characters of a title that is made of the first words.
const TITLE: usize = 60;
/// Levels of thought, the least first.
const LEVELS: [&str; 6] = ["off", "minimal", "low", "medium", "high", "xhigh"];

/// What a row may have beside what the journal's session says.
#[derive(Debug, Default)]
pub(in crate::methods) struct More<'a> {
    /// The end of its transcript, for the last words.
    pub(in crate::methods) last: &'a [Entry],
    /// Its beginning, for a title.
    pub(in crate::methods) first: &'a [Entry],
}

/// A conversation in a list.
pub(in crate::methods) fn row(basis: &Basis<'_>, session: &Session, more: &More<'_>) -> Value {
    let (survey, now) = (&*basis.survey, basis.now_ms);
    let agents = basis.config.agents();
    let agent = agents
        .get(&session.agent)
        .unwrap_or_else(|| agents.default_agent());
    let settings: SessionSettings = serde_json::from_str(&session.settings).unwrap_or_default();
    let route: Option<Delivery> = serde_json::from_str(&session.route).ok();
    let group = session.key.contains(":group:") || session.key.contains(":channel:");
    let (kind, is_main) = (
        if group { "group" } else { "direct" },
        session.key == main_key(&session.agent),
    );
    let other = |name: &str| settings.other.get(name).cloned();
    let mut row = Map::new();
    let mut set = |name: &str, value: Value| drop(row.insert(name.to_owned(), value));
    set("key", json!(session.key));
    set("sessionId", json!(session.session_id));
    set("agentId", json!(session.agent));
    set("kind", json!(kind));
    set("classification", json!(if is_main { "main" } else { kind }));
    set("isMain", json!(is_main));
    set("isBackground", json!(false));
    set("chatType", json!(kind));
    set("visibility", json!("shared"));
    set("sharingRole", json!("admin"));
    set(
        "createdVia",
        other("createdVia").unwrap_or_else(|| json!("operator")),
    );
    set("createdAt", json!(session.created_ms));
    set("updatedAt", json!(session.updated_ms));
    set("ageMs", json!(now.saturating_sub(session.updated_ms)));
    set("lastInteractionAt", json!(session.updated_ms));
    set("lastActivityAt", json!(session.updated_ms));
    for name in [
        "label",
        "displayName",
        "category",
        "icon",
        "color",
        "statusNote",
        "parentSessionKey",
        "lastReadAt",
    ] {
        if let Some(value) = other(name) {
            set(name, value);
        }
    }
    for name in ["archived", "pinned"] {
        set(name, json!(other(name) == Some(json!(true))));
    }
    set("unread", json!(is_unread(&settings, session)));
    set("systemSent", json!(session.usage.output > 0));
    let (provider, model) = model_of(agent, session, &settings);
    set("thinkingLevels", levels(survey, agent, &provider, &model));
    set("thinkingOptions", names(survey, agent, &provider, &model));
    set("thinkingDefault", json!(default_thinking(agent)));
    set("thinkingLevel", json!(settings.thinking_level.map(thinking_word)));
    set("verboseLevel", json!(settings.verbose_level));
    set("reasoningLevel", json!(settings.reasoning_level));
    set(
        "effectiveResponseUsage",
        json!(settings.response_usage.unwrap_or(UsageFooter::Off)),
    );
    let channel = route
        .as_ref()
        .map(|route| route.channel.as_str())
        .unwrap_or_default();
    let queue = settings.queue(crate::agent::queue_settings(&basis.config, channel));
    set("effectiveQueueMode", json!(queue_word(queue.mode)));
    let usage = &session.usage;
    set("inputTokens", json!(usage.input));
    set("outputTokens", json!(usage.output));
    set("totalTokens", json!(usage.context));
    set("totalTokensFresh", json!(true));
    set("totalCost", json!(usage.cost));
    set("compactionCount", json!(session.compactions));
    set(
        "contextTokens",
        json!(survey.window(agent, &format!("{provider}/{model}"))),
    );
    set("modelProvider", json!(provider));
    set("model", json!(model));
    let source = settings.model().map(|_| "user");
    set("modelOverride", json!(settings.model()));
    set("modelOverrideSource", json!(source));
    set("runtimeSelectionLocked", json!(false));
    set("agentRuntime", runtime());
    set("channel", json!(route.as_ref().map(|route| &route.channel)));
    set("deliveryContext", json!(route));
    runs(basis.live, session, &mut row);
    let mut set = |name: &str, value: Value| drop(row.insert(name.to_owned(), value));
    set("snapshotAt", json!(now));
    if let Some(entry) = more.last.last() {
        set(
            "activeLeafEntryId",
            json!(super::message::id(&session.session_id, entry.seq)),
        );
    }
    if let Some((_, text)) = more.last.iter().rev().find_map(spoken) {
        set("lastMessagePreview", json!(head(&text, PREVIEW)));
    }
    let asked = more
        .first
        .iter()
        .filter_map(spoken)
        .find(|(role, _)| *role == "user");
    if let Some((_, text)) = asked {
        set(
            "derivedTitle",
            json!(head(text.lines().next().unwrap_or_default(), TITLE)),
        );
    }
    let named = ["label", "derivedTitle"]
        .iter()
        .find_map(|name| row.get(*name))
        .cloned();
    if let Some(name) = named {
        row.entry("displayName").or_insert(name);
    }
    Value::Object(row)
}

/// What runs in it, and how the last run went.
fn runs(live: Option<&Live>, session: &Session, row: &mut Map<String, Value>) {
    let active = live
        .map(|live| live.active(Some(&session.key)))
        .unwrap_or_default();
    let last = live.and_then(|live| live.last(&session.key));
    let began = active.iter().find_map(|run| run.began_ms());
    let ids: Vec<_> = active.iter().map(|run| &run.id).collect();
    let status = match (&began, active.is_empty(), &last) {
        (Some(_), ..) => Some("running"),
        (None, false, _) => Some("queued"),
        (None, true, Some(last)) => Some(last.status),
        (None, true, None) => None,
    };
    row.insert("hasActiveRun".into(), json!(!active.is_empty()));
    row.insert("activeRunIds".into(), json!(ids));
    if let Some(status) = status {
        row.insert("status".into(), json!(status));
    }
    let killed = last.as_ref().is_some_and(|last| last.status == "killed");
    row.insert("abortedLastRun".into(), json!(killed));
    if let Some(Last {
        run_id,
        began_ms,
        ended_ms,
        ..
    }) = last
    {
        row.insert("startedAt".into(), json!(began.unwrap_or(began_ms)));
        row.insert("endedAt".into(), json!(ended_ms));
        row.insert("runtimeMs".into(), json!(ended_ms.saturating_sub(began_ms)));
        row.insert("lastRunId".into(), json!(run_id));
    } else if let Some(began) = began {
        row.insert("startedAt".into(), json!(began));
    }
}

/// Something was said in it since somebody looked.
fn is_unread(settings: &SessionSettings, session: &Session) -> bool {
    let number = |name: &str| settings.other.get(name).and_then(Value::as_i64);
    number("markedUnreadAt").is_some() || session.updated_ms > number("lastReadAt").unwrap_or(0)
}

/// What holds where a conversation says nothing.
pub(in crate::methods) fn defaults(basis: &Basis<'_>, agent_id: Option<&str>) -> Value {
    let survey = &*basis.survey;
    let agents = basis.config.agents();
    let agent = agent_id.and_then(|id| agents.get(id));
    let agent = agent.unwrap_or_else(|| agents.default_agent());
    let written = agent.model.primary.as_deref().unwrap_or(DEFAULT_MODEL);
    let (provider, model) = parts(agent.reference(written));
    json!({
        "modelProvider": provider, "model": model, "contextTokens": survey.window(agent, ""),
        "agentRuntime": runtime(), "thinkingLevels": levels(survey, agent, &provider, &model),
        "thinkingOptions": names(survey, agent, &provider, &model), "thinkingDefault": default_thinking(agent),
        "modelSelectionTarget": "session",
    })
}

/// How agents run here: in this process, all of them.
pub(in crate::methods) fn runtime() -> Value {
    json!({
        "id": "auto", "cloudPlacementSupported": false, "devicePlacementSupported": false, "source": "implicit",
    })
}

/// The levels of thought of a model, with names for people.
pub(in crate::methods) fn levels(survey: &Survey, agent: &Agent, provider: &str, model: &str) -> Value {
    let known = known_levels(survey, agent, provider, model).iter();
    known
        .map(|level| json!({ "id": level, "label": level }))
        .collect()
}

/// The levels of thought of a model.
pub(in crate::methods) fn names(survey: &Survey, agent: &Agent, provider: &str, model: &str) -> Value {
    json!(known_levels(survey, agent, provider, model))
}

fn known_levels(survey: &Survey, agent: &Agent, provider: &str, model: &str) -> &'static [&'static str] {
    let reasons = survey.reasons(agent, &format!("{provider}/{model}"));
    if reasons { &LEVELS } else { &LEVELS[..1] }
}

/// How hard an agent thinks where nobody says.
pub(in crate::methods) fn default_thinking(agent: &Agent) -> &'static str {
    agent.thinking.map_or("off", |level| thinking_word(level.into()))
}

/// The model that answers next, or the last that did.
pub(in crate::methods) fn model_of(
    agent: &Agent,
    session: &Session,
    settings: &SessionSettings,
) -> (String, String) {
    let chosen = settings.model();
    let last = Some(session.model.as_str()).filter(|model| !model.is_empty());
    let written = chosen
        .as_deref()
        .or(last)
        .or(agent.model.primary.as_deref())
        .unwrap_or(DEFAULT_MODEL);
    parts(agent.reference(written))
}

/// `provider/model` in two.
pub(in crate::methods) fn parts(written: &str) -> (String, String) {
    match ModelRef::parse(written) {
        Some(model) => (model.provider, model.model),
        None => (String::new(), written.to_owned()),
    }
}

/// What somebody said, without tools.
pub(in crate::methods) fn spoken(entry: &Entry) -> Option<(&'static str, String)> {
    let message: Message = serde_json::from_str(&entry.body).ok()?;
    let text = message.plain_text();
    let role = match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
        _ => return None,
    };
    (entry.kind == EntryKind::Message && !text.trim().is_empty()).then_some((role, text))
}

fn head(text: &str, chars: usize) -> String {
    let mut cut: String = text.trim().chars().take(chars).collect();
    if cut.len() < text.trim().len() {
        cut.push('…');
    }
    cut
}

fn queue_word(mode: QueueMode) -> String {
    mode.to_string()
}
