//! Conversations begin, begin anew, become shorter, and are forgotten.
use super::{existing, find, row, whole};
use crate::{
    agent::commands::{SessionSettings, thinking_from_word},
    app::Gateway,
    gateway::{Caller, Failure, random::uuid},
    methods::{
        chat::{self, Attachment, Wanted},
        journal, params,
    },
    route::main_key,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest key, bytes.
const MAX_KEY: usize = 512;

/// Parameters of `sessions.create`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Create {
    key: Option<String>,
    idempotency_key: Option<String>,
    agent_id: Option<String>,
    label: Option<String>,
    display_name: Option<String>,
    category: Option<String>,
    model: Option<String>,
    thinking_level: Option<String>,
    parent_session_key: Option<String>,
    #[serde(rename = "emitCommandHooks")]
    _emit_command_hooks: Option<bool>,
    #[serde(rename = "succeedsParent")]
    _succeeds_parent: Option<bool>,
    task: Option<String>,
    message: Option<String>,
    attachments: Vec<Attachment>,
}

/// Parameters of `sessions.reset`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Reset {
    key: String,
    #[serde(default, rename = "agentId")]
    _agent_id: Option<String>,
    #[serde(default, rename = "reason")]
    _reason: Option<Why>,
}

/// By which command: both mean the same.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Why {
    New,
    Reset,
}

/// Parameters of `sessions.delete`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Delete {
    key: String,
    #[serde(default, rename = "agentId")]
    _agent_id: Option<String>,
    #[serde(default, rename = "deleteTranscript")]
    _delete_transcript: Option<bool>,
    #[serde(default)]
    expected_session_id: Option<String>,
    #[serde(default, rename = "emitLifecycleHooks")]
    _emit_lifecycle_hooks: Option<bool>,
}

/// Parameters of `sessions.compact`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Compact {
    key: String,
    #[serde(default, rename = "agentId")]
    _agent_id: Option<String>,
}

/// Parameters of `sessions.abort`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Abort {
    key: Option<String>,
    run_id: Option<String>,
    #[serde(rename = "agentId")]
    _agent_id: Option<String>,
    #[serde(rename = "clearQueued")]
    _clear_queued: Option<bool>,
}

/// A conversation begins, perhaps with a message.
pub(in crate::methods) async fn create(
    gateway: &Gateway,
    caller: &Caller,
    given: Value,
) -> Result<Value, Failure> {
    let asked: Create = params("sessions.create", given)?;
    let desk = gateway.desk();
    let config = desk.config();
    let agents = config.agents();
    let agent = match &asked.agent_id {
        Some(id) => agents
            .get(id)
            .ok_or_else(|| Failure::invalid(format!("unknown agent id \"{id}\"")))?,
        None => agents.default_agent(),
    };
    let key = key(&agent.id, asked.key.as_deref())?;
    let session = desk.session(&key, &agent.id).await;
    let session = session.map_err(|error| Failure::unavailable(error.to_string()))?;
    let mut settings: SessionSettings = serde_json::from_str(&session.settings).unwrap_or_default();
    if let Some(model) = &asked.model {
        let chosen = desk.asker.judge(agent, model);
        let chosen = chosen.map_err(|error| Failure::invalid(error.to_string()))?;
        settings.provider_override = Some(chosen.provider);
        settings.model_override = Some(chosen.model);
    }
    if let Some(word) = &asked.thinking_level {
        let level = thinking_from_word(word);
        let wrong = || Failure::invalid(format!("invalid thinkingLevel \"{word}\""));
        settings.thinking_level = Some(level.ok_or_else(wrong)?);
    }
    let notes = [
        ("label", asked.label),
        ("displayName", asked.display_name),
        ("category", asked.category),
        ("parentSessionKey", asked.parent_session_key),
    ];
    for (name, note) in notes {
        if let Some(note) = note {
            settings.other.insert(name.into(), json!(note));
        }
    }
    settings
        .other
        .entry("createdVia")
        .or_insert_with(|| json!("operator"));
    let text = serde_json::to_string(&settings).map_err(|error| Failure::unavailable(error.to_string()))?;
    let (name, before) = (key.clone(), session.settings.clone());
    journal(desk, move |j| j.change_session_settings(&name, &before, &text)).await?;
    desk.live.changed(&key, &agent.id, "create");
    let mut entry = json!(settings);
    entry["sessionId"] = json!(session.session_id);
    entry["updatedAt"] = json!(session.updated_ms);
    entry["createdAt"] = json!(session.created_ms);
    let (provider, model) = row::model_of(agent, &session, &settings);
    let mut answer = json!({
        "ok": true, "key": key, "sessionId": session.session_id, "entry": entry, "runStarted": false,
        "resolved": { "modelProvider": provider, "model": model },
    });
    let Some(message) = asked.message.or(asked.task) else {
        return Ok(answer);
    };
    let wanted = Wanted {
        method: "sessions.create",
        session_key: key,
        agent_id: Some(agent.id.clone()),
        message,
        attachments: asked.attachments,
        run_id: asked.idempotency_key.unwrap_or_else(uuid),
        ..Wanted::default()
    };
    match chat::begin(gateway, caller, wanted).await {
        Ok(started) => {
            answer["runStarted"] = json!(true);
            answer["runId"] = json!(started.run_id);
            answer["status"] = json!(started.status);
            started.acked(gateway);
        }
        Err(failure) => answer["runError"] = json!(failure),
    }
    Ok(answer)
}

/// The key of a new conversation.
fn key(agent: &str, wanted: Option<&str>) -> Result<String, Failure> {
    let Some(wanted) = wanted else {
        return Ok(format!("agent:{agent}:dashboard:{}", uuid()).to_lowercase());
    };
    let wanted = wanted.trim().to_lowercase();
    if wanted.is_empty() || wanted.len() > MAX_KEY || wanted.chars().any(char::is_control) {
        let text = format!("at /key: must have 1 to {MAX_KEY} characters");
        return Err(Failure::params("sessions.create", text));
    }
    Ok(match wanted.starts_with("agent:") {
        true => wanted,
        false => format!("agent:{agent}:{wanted}"),
    })
}

/// A conversation begins anew.
pub(in crate::methods) async fn reset(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Reset = params("sessions.reset", given)?;
    let session = existing(gateway, &asked.key).await?;
    let desk = gateway.desk();
    let anew = desk.begin_anew(gateway.lanes(), &session.key).await;
    anew.map_err(|error| crate::methods::failed(&error))?;
    let session = existing(gateway, &asked.key).await?;
    desk.live.changed(&session.key, &session.agent, "reset");
    let entry = whole(gateway, &session, false, false).await?;
    let resolved = json!({ "modelProvider": entry["modelProvider"], "model": entry["model"] });
    Ok(json!({ "ok": true, "key": session.key, "entry": entry, "resolved": resolved }))
}

/// A conversation is forgotten, with all that was said in it. The main one of an agent can only be reset.
pub(in crate::methods) async fn delete(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Delete = params("sessions.delete", given)?;
    let session = existing(gateway, &asked.key).await?;
    if session.key == main_key(&session.agent) {
        let text = format!("the main session {} can't be deleted; reset it", session.key);
        return Err(Failure::invalid(text));
    }
    if asked
        .expected_session_id
        .is_some_and(|id| id != session.session_id)
    {
        return Err(Failure::invalid("the session was reset meanwhile; read it again"));
    }
    let desk = gateway.desk();
    let deleted = desk.between(gateway.lanes(), &session.key, |desk, key| {
        Box::pin(async move { desk.journal.run(move |j| j.delete_session(&key)).await })
    });
    let deleted = match deleted.await {
        Some(done) => done.map_err(|error| Failure::unavailable(error.to_string()))?,
        None => false,
    };
    desk.live.changed(&session.key, &session.agent, "delete");
    Ok(json!({ "ok": true, "key": session.key, "deleted": deleted, "archived": [] }))
}

/// A conversation becomes shorter, between its turns.
pub(in crate::methods) async fn compact(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Compact = params("sessions.compact", given)?;
    let Some(session) = find(gateway, &asked.key).await? else {
        return Ok(json!({ "ok": true, "key": asked.key, "compacted": false, "reason": "no transcript" }));
    };
    let done = gateway
        .desk()
        .compact(gateway.lanes(), &session.key, &session.agent)
        .await;
    gateway
        .desk()
        .live
        .changed(&session.key, &session.agent, "compact");
    Ok(match done {
        Ok(Some(tokens)) => {
            json!({ "ok": true, "key": session.key, "compacted": true, "result": { "tokensAfter": tokens } })
        }
        Ok(None) => {
            json!({ "ok": true, "key": session.key, "compacted": false, "reason": "nothing to compact" })
        }
        Err(error) => {
            json!({ "ok": false, "key": session.key, "compacted": false, "reason": error.to_string() })
        }
    })
}

/// What runs in a conversation ends; never an error when nothing does.
pub(in crate::methods) async fn abort(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Abort = params("sessions.abort", given)?;
    let run = asked.run_id.as_ref().and_then(|id| gateway.desk().live.find(id));
    let key = asked.key.or_else(|| run.map(|run| run.session_key.clone()));
    let Some(key) = key else {
        if asked.run_id.is_some() {
            return Ok(json!({ "ok": true, "abortedRunId": null, "status": "no-active-run" }));
        }
        let text = "must have required property 'key'";
        return Err(Failure::params("sessions.abort", text));
    };
    let ended = chat::stop(gateway, &key, asked.run_id.as_deref(), "rpc").await;
    let status = if ended.is_empty() {
        "no-active-run"
    } else {
        "aborted"
    };
    Ok(json!({ "ok": true, "abortedRunId": ended.first(), "status": status }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_its_agent() {
        assert_eq!(key("main", Some("TUI-1")).expect("a key"), "agent:main:tui-1");
        assert_eq!(key("main", Some("agent:b:x")).expect("a key"), "agent:b:x");
        assert!(
            key("main", None)
                .expect("a key")
                .starts_with("agent:main:dashboard:")
        );
        assert!(key("main", Some(" ")).is_err() && key("main", Some(&"k".repeat(600))).is_err());
    }
}
