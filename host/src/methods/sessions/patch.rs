//! What is set in a conversation, and what people note of it.
use super::row;
use crate::{
    agent::{
        DEFAULT_MODEL,
        commands::{
            Activation, Reasoning, SendPolicy, SessionSettings, UsageFooter, Verbose, thinking_from_word,
            thinking_word,
        },
    },
    app::Gateway,
    gateway::Failure,
    methods::{journal, params},
};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// Longest label, characters.
const MAX_LABEL: usize = 512;

/// Parameters of `sessions.patch`. Null unsets; what is absent stays.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Patch {
    key: Option<String>,
    #[serde(rename = "agentId")]
    _agent_id: Option<String>,
    expected_session_id: Option<String>,
    #[serde(deserialize_with = "given")]
    expected_marked_unread_at: Option<Option<i64>>,
    #[serde(deserialize_with = "given")]
    model: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    thinking_level: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    verbose_level: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    reasoning_level: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    response_usage: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    send_policy: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    group_activation: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    label: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    icon: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    color: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    category: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    status_note: Option<Option<String>>,
    archived: Option<bool>,
    pinned: Option<bool>,
    unread: Option<bool>,
}

fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// Changes what is set in a conversation.
pub(in crate::methods) async fn patch(gateway: &Gateway, wanted: Value) -> Result<Value, Failure> {
    let mut patch: Patch = params("sessions.patch", wanted)?;
    let Some(key) = patch.key.take().map(|key| key.to_lowercase()) else {
        return Err(Failure::params(
            "sessions.patch",
            "must have required property 'key'",
        ));
    };
    let desk = gateway.desk();
    let config = desk.config();
    let agents = config.agents();
    let named = key.split(':').nth(1).and_then(|id| agents.get(id));
    let agent = named.unwrap_or_else(|| agents.default_agent());
    let session = desk.session(&key, &agent.id).await;
    let session = session.map_err(|error| Failure::unavailable(error.to_string()))?;
    let mut settings: SessionSettings = serde_json::from_str(&session.settings).unwrap_or_default();
    check(&patch, &session.session_id, &settings)?;
    if let Some(model) = &patch.model {
        let chosen = match model {
            Some(written) => Some(
                desk.asker
                    .judge(agent, written)
                    .map_err(|error| Failure::invalid(error.to_string()))?,
            ),
            None => None,
        };
        settings.provider_override = chosen.as_ref().map(|model| model.provider.clone());
        settings.model_override = chosen.map(|model| model.model);
    }
    words(&mut settings, &mut patch)?;
    notes(&mut settings, patch, gateway.now_ms())?;
    let text = serde_json::to_string(&settings).map_err(|error| Failure::unavailable(error.to_string()))?;
    let (name, before) = (key.clone(), session.settings.clone());
    journal(desk, move |j| j.change_session_settings(&name, &before, &text)).await?;
    desk.live.changed(&key, &agent.id, "patch");
    let model = settings.model();
    let model = model
        .as_deref()
        .or(agent.model.primary.as_deref())
        .unwrap_or(DEFAULT_MODEL);
    let (provider, model) = row::parts(agent.reference(model));
    let thinking = settings
        .thinking_level
        .or(agent.thinking.map(Into::into))
        .unwrap_or_default();
    let mut entry = json!(settings);
    entry["sessionId"] = json!(session.session_id);
    entry["updatedAt"] = json!(session.updated_ms);
    Ok(json!({
        "ok": true, "path": gateway.paths().state_dir.join("state.db"), "key": key, "entry": entry,
        "resolved": {
            "modelProvider": provider, "model": model, "agentRuntime": row::runtime(),
            "thinkingLevel": thinking_word(thinking),
            "thinkingLevels": row::levels(&desk.asker.survey(), agent, &provider, &model),
        },
    }))
}

/// Somebody who knows another state than this one is told so.
fn check(patch: &Patch, session_id: &str, settings: &SessionSettings) -> Result<(), Failure> {
    if patch
        .expected_session_id
        .as_ref()
        .is_some_and(|id| id != session_id)
    {
        return Err(Failure::invalid("the session was reset meanwhile; read it again"));
    }
    let marked = settings.other.get("markedUnreadAt").and_then(Value::as_i64);
    if patch
        .expected_marked_unread_at
        .is_some_and(|known| known != marked)
    {
        return Err(Failure::invalid(
            "the session was marked as unread meanwhile; read it again",
        ));
    }
    Ok(())
}

fn words(settings: &mut SessionSettings, patch: &mut Patch) -> Result<(), Failure> {
    let thinking = patch.thinking_level.take();
    change(
        &mut settings.thinking_level,
        thinking,
        "thinkingLevel",
        thinking_from_word,
    )?;
    let verbose = patch.verbose_level.take();
    change(
        &mut settings.verbose_level,
        verbose,
        "verboseLevel",
        Verbose::from_word,
    )?;
    let reasoning = patch.reasoning_level.take();
    change(
        &mut settings.reasoning_level,
        reasoning,
        "reasoningLevel",
        Reasoning::from_word,
    )?;
    let usage = patch.response_usage.take();
    change(
        &mut settings.response_usage,
        usage,
        "responseUsage",
        UsageFooter::from_word,
    )?;
    let policy = patch.send_policy.take();
    change(
        &mut settings.send_policy,
        policy,
        "sendPolicy",
        SendPolicy::from_word,
    )?;
    let activation = patch.group_activation.take();
    change(
        &mut settings.group_activation,
        activation,
        "groupActivation",
        Activation::from_word,
    )
}

/// What people note of a conversation; it changes no answer.
fn notes(settings: &mut SessionSettings, patch: Patch, now_ms: i64) -> Result<(), Failure> {
    let other = &mut settings.other;
    let texts = [
        ("label", patch.label),
        ("icon", patch.icon),
        ("color", patch.color),
        ("category", patch.category),
        ("statusNote", patch.status_note),
    ];
    for (name, wish) in texts {
        match wish {
            None => {}
            Some(None) => drop(other.remove(name)),
            Some(Some(text)) if text.chars().count() > MAX_LABEL => {
                let text = format!("at /{name}: must not have more than {MAX_LABEL} characters");
                return Err(Failure::params("sessions.patch", text));
            }
            Some(Some(text)) => drop(other.insert(name.into(), json!(text))),
        }
    }
    for (name, wish) in [("archived", patch.archived), ("pinned", patch.pinned)] {
        if let Some(on) = wish {
            other.insert(name.into(), json!(on));
        }
    }
    match patch.unread {
        None => {}
        Some(true) => drop(other.insert("markedUnreadAt".into(), json!(now_ms))),
        Some(false) => {
            other.remove("markedUnreadAt");
            other.insert("lastReadAt".into(), json!(now_ms));
        }
    }
    Ok(())
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
