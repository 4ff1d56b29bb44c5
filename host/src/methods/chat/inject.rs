//! `chat.inject`: the gateway says something in a conversation, for people and for the model.
use crate::{
    agent::{
        about::{self, About},
        live::{End, Source},
    },
    app::Gateway,
    gateway::{Failure, random::uuid},
    journal::EntryKind,
    methods::{journal, params, sessions::message},
};
use openclaw_plugin_api::{Message, Role};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest label, characters.
const MAX_LABEL: usize = 100;

/// Parameters of `chat.inject`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Params {
    session_key: String,
    #[serde(default)]
    agent_id: Option<String>,
    message: String,
    #[serde(default)]
    label: Option<String>,
}

/// Says something in a conversation.
pub(in crate::methods) async fn inject(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Params = params("chat.inject", given)?;
    let (agent, key) = super::history::whose(gateway, &asked.session_key, asked.agent_id.as_deref())?;
    if asked.message.trim().is_empty() {
        return Err(Failure::invalid("message required"));
    }
    if asked
        .label
        .as_ref()
        .is_some_and(|label| label.chars().count() > MAX_LABEL)
    {
        let text = format!("at /label: must not have more than {MAX_LABEL} characters");
        return Err(Failure::params("chat.inject", text));
    }
    let text = match &asked.label {
        Some(label) if !label.is_empty() => format!("[{label}]\n\n{}", asked.message),
        _ => asked.message,
    };
    let desk = gateway.desk();
    let Some(session) = crate::methods::sessions::find(gateway, &key).await? else {
        return Err(Failure::invalid("session not found"));
    };
    let turn = format!("inject-{}", uuid());
    let said = Message::text(Role::Assistant, &text);
    let entry = about::entry(&turn, EntryKind::Message, &said, &About::own());
    let (id, now) = (session.session_id.clone(), gateway.now_ms());
    let seq = journal(desk, move |j| {
        j.append(&id, &[entry], now)?;
        j.last_place(&id)
    })
    .await?;
    let message_id = message::id(&session.session_id, seq);
    let (run, _) = desk
        .live
        .open(&format!("inject-{message_id}"), &key, &agent, Source::Caller);
    run.wrote();
    desk.live.end(&run.id, End::Told { text });
    Ok(json!({ "ok": true, "messageId": message_id }))
}
