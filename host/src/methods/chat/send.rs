//! `chat.send` and those who send for it. The idempotency key is the run's id: a repeat tells how the run is doing.
use super::files::{self, Attachment};
use crate::{
    agent::{
        Ask, CLIENTS,
        commands::{self, QueueMode, thinking_from_word},
        live::Source,
    },
    app::Gateway,
    gateway::{Caller, Failure, Responder, Scope, random::uuid},
    journal::EventState,
    methods::{journal, params, send as delivery, sessions::message},
    route::Delivery,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Longest key of a conversation, bytes.
const MAX_KEY: usize = 512;
/// Longest message, bytes: what fits into a frame.
const MAX_MESSAGE: usize = 20 << 20;
/// Longest id of a run, bytes.
const MAX_RUN: usize = 256;
/// Longest that a turn may take, milliseconds.
const MAX_TIMEOUT_MS: u64 = 3_600_000;
/// How an operator is called who has no other name.
pub(in crate::methods) const OWNER: &str = "gateway-owner";

/// Parameters of `chat.send`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Params {
    session_key: String,
    #[serde(default)]
    agent_id: Option<String>,
    #[serde(default)]
    session_id: Option<String>,
    message: String,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    queue_mode: Option<Queue>,
    #[serde(default)]
    deliver: Option<bool>,
    #[serde(default)]
    originating_channel: Option<String>,
    #[serde(default)]
    originating_to: Option<String>,
    #[serde(default)]
    originating_account_id: Option<String>,
    #[serde(default)]
    originating_thread_id: Option<String>,
    #[serde(default)]
    attachments: Vec<Attachment>,
    #[serde(default)]
    timeout_ms: Option<u64>,
    #[serde(default)]
    suppress_command_interpretation: Option<bool>,
    #[serde(default)]
    expected_leaf_entry_id: Option<String>,
    idempotency_key: String,
}

/// What becomes of it while a turn runs.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Queue {
    Steer,
    Followup,
    Collect,
    Interrupt,
}

/// Parameters of `sessions.send` and `sessions.steer`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SessionsSend {
    key: String,
    #[serde(default)]
    agent_id: Option<String>,
    message: String,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    attachments: Vec<Attachment>,
    #[serde(default)]
    timeout_ms: Option<u64>,
    #[serde(default)]
    idempotency_key: Option<String>,
}

/// A message for a conversation.
#[derive(Debug, Default)]
pub(in crate::methods) struct Wanted {
    /// The method, for what it says of faults.
    pub(in crate::methods) method: &'static str,
    pub(in crate::methods) session_key: String,
    pub(in crate::methods) agent_id: Option<String>,
    pub(in crate::methods) message: String,
    pub(in crate::methods) thinking: Option<String>,
    pub(in crate::methods) queue_mode: Option<QueueMode>,
    pub(in crate::methods) deliver: Option<Delivery>,
    pub(in crate::methods) attachments: Vec<Attachment>,
    pub(in crate::methods) timeout_ms: Option<u64>,
    pub(in crate::methods) plain: bool,
    pub(in crate::methods) run_id: String,
}

/// A message that was taken, now or before.
#[derive(Debug)]
pub(in crate::methods) struct Started {
    pub(in crate::methods) run_id: String,
    pub(in crate::methods) status: &'static str,
    /// How long it took to find the conversation.
    found: Duration,
}

impl Started {
    /// The caller knows: what happens in the run may be told from now on.
    pub(in crate::methods) fn acked(&self, gateway: &Gateway) {
        if let Some(run) = gateway.desk().live.find(&self.run_id) {
            run.acked();
        }
    }
}

/// A message of a chat client.
pub(in crate::methods) async fn send(
    gateway: &Gateway,
    caller: &Caller,
    given: Value,
    respond: &mut Responder,
) -> Result<Value, Failure> {
    let received = Instant::now();
    let asked: Params = params("chat.send", given)?;
    if commands::stops(&asked.message) && asked.suppress_command_interpretation != Some(true) {
        let ended = super::stop(gateway, &asked.session_key, None, "stop").await;
        return Ok(json!({ "ok": true, "aborted": !ended.is_empty(), "runIds": ended }));
    }
    current(gateway, &asked).await?;
    let deliver = match asked.deliver {
        Some(true) => target(gateway, &asked).await?,
        _ => None,
    };
    let wanted = Wanted {
        method: "chat.send",
        session_key: asked.session_key,
        agent_id: asked.agent_id,
        message: asked.message,
        thinking: asked.thinking,
        queue_mode: asked.queue_mode.map(|mode| match mode {
            Queue::Steer => QueueMode::Steer,
            Queue::Followup => QueueMode::Followup,
            Queue::Collect => QueueMode::Collect,
            Queue::Interrupt => QueueMode::Interrupt,
        }),
        deliver,
        attachments: asked.attachments,
        timeout_ms: asked.timeout_ms,
        plain: asked.suppress_command_interpretation == Some(true),
        run_id: asked.idempotency_key,
    };
    answer(gateway, caller, wanted, received, respond).await
}

/// The same for a program that knows a conversation by its key.
pub(in crate::methods) async fn sessions_send(
    gateway: &Gateway,
    caller: &Caller,
    method: &'static str,
    given: Value,
    respond: &mut Responder,
) -> Result<Value, Failure> {
    let received = Instant::now();
    let asked: SessionsSend = params(method, given)?;
    let wanted = Wanted {
        method,
        session_key: asked.key,
        agent_id: asked.agent_id,
        message: asked.message,
        thinking: asked.thinking,
        queue_mode: (method == "sessions.steer").then_some(QueueMode::Steer),
        attachments: asked.attachments,
        timeout_ms: asked.timeout_ms,
        run_id: asked.idempotency_key.unwrap_or_else(uuid),
        ..Wanted::default()
    };
    answer(gateway, caller, wanted, received, respond).await
}

async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    wanted: Wanted,
    received: Instant,
    respond: &mut Responder,
) -> Result<Value, Failure> {
    let started = begin(gateway, caller, wanted).await?;
    let mut answer = json!({ "runId": started.run_id, "status": started.status });
    if started.status == "started" {
        answer["serverTiming"] = json!({
            "receivedToAckMs": millis(received.elapsed()), "loadSessionMs": millis(started.found),
        });
    }
    respond.answer_alone(&answer);
    started.acked(gateway);
    Ok(answer)
}

fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// Takes a message. When this returns well, it is on the disk, and will be answered whatever happens to this process.
pub(in crate::methods) async fn begin(
    gateway: &Gateway,
    caller: &Caller,
    wanted: Wanted,
) -> Result<Started, Failure> {
    let at = Instant::now();
    let (agent, key) = check(gateway, &wanted)?;
    let run_id = wanted.run_id.clone();
    let known = |status| Started {
        run_id: run_id.clone(),
        status,
        found: at.elapsed(),
    };
    let live = &gateway.desk().live;
    if live.find(&run_id).is_some() {
        return Ok(known("in_flight"));
    }
    let id = run_id.clone();
    match journal(gateway.desk(), move |j| j.event_state(CLIENTS, "", &id)).await? {
        Some(EventState::Settled) => return Ok(known("ok")),
        Some(EventState::Open) => return Ok(known("in_flight")),
        None => {}
    }
    let thinking = match &wanted.thinking {
        None => None,
        Some(word) => Some(
            thinking_from_word(word)
                .ok_or_else(|| Failure::invalid(format!("invalid thinking level \"{word}\"")))?,
        ),
    };
    let kept = files::keep(gateway, wanted.method, wanted.attachments).await?;
    let found = at.elapsed();
    let ask = Ask {
        run_id: run_id.clone(),
        session_key: key.clone(),
        agent_id: agent.clone(),
        queue_mode: wanted.queue_mode,
        thinking,
        timeout_ms: wanted.timeout_ms.unwrap_or(0).min(MAX_TIMEOUT_MS),
        deliver: wanted.deliver,
        plain: wanted.plain,
        owner: caller.principal.scopes().permit(Scope::Admin),
        sender_id: OWNER.to_owned(),
        client: client(caller),
        system: String::new(),
        ..Ask::default()
    };
    let event = ask.event(wanted.message, kept, gateway.now_ms());
    let (_, fresh) = live.open_for(&run_id, &key, &agent, Source::Client, &caller.connection);
    if !fresh {
        return Ok(known("in_flight"));
    }
    let taken = gateway.inbox().ask(event).await;
    if !taken.map_err(|error| crate::methods::failed(&error))? {
        // a repeat that came while the first one was being taken, and answered
        return Ok(known("ok"));
    }
    live.changed(&key, &agent, "send");
    Ok(Started {
        run_id,
        status: "started",
        found,
    })
}

/// The agent and the conversation that a message is for.
fn check(gateway: &Gateway, wanted: &Wanted) -> Result<(String, String), Failure> {
    let wrong = |text: String| Failure::params(wanted.method, text);
    let (key, run) = (wanted.session_key.trim(), &wanted.run_id);
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(wrong(format!(
            "at /sessionKey: must have 1 to {MAX_KEY} characters"
        )));
    }
    if run.is_empty() || run.len() > MAX_RUN {
        return Err(wrong(format!(
            "at /idempotencyKey: must have 1 to {MAX_RUN} characters"
        )));
    }
    if wanted.message.len() > MAX_MESSAGE {
        return Err(wrong(format!(
            "at /message: must not have more than {MAX_MESSAGE} bytes"
        )));
    }
    if wanted.message.trim().is_empty() && wanted.attachments.is_empty() {
        return Err(Failure::invalid("message or attachment required"));
    }
    super::history::whose(gateway, key, wanted.agent_id.as_deref())
}

/// Whoever writes has to know the conversation as it is.
async fn current(gateway: &Gateway, asked: &Params) -> Result<(), Failure> {
    if asked.session_id.is_none() && asked.expected_leaf_entry_id.is_none() {
        return Ok(());
    }
    let (_, key) = super::history::whose(gateway, &asked.session_key, asked.agent_id.as_deref())?;
    let Some(session) = crate::methods::sessions::find(gateway, &key).await? else {
        return Ok(());
    };
    if asked
        .session_id
        .as_ref()
        .is_some_and(|id| *id != session.session_id)
    {
        return Err(Failure::invalid(
            "the session was reset meanwhile; read its history again",
        ));
    }
    match &asked.expected_leaf_entry_id {
        Some(leaf) => known(gateway, &session.session_id, leaf).await,
        None => Ok(()),
    }
}

/// A conversation has no branches here: whoever has seen any of its messages writes at its end.
async fn known(gateway: &Gateway, session_id: &str, leaf: &str) -> Result<(), Failure> {
    let gone = || Failure::invalid("the conversation no longer has this message; read its history again");
    let (id, seq) = message::place(leaf)
        .filter(|(id, _)| *id == session_id)
        .ok_or_else(gone)?;
    let id = id.to_owned();
    let found = journal(gateway.desk(), move |j| j.behind(&id, seq.saturating_sub(1), 1)).await?;
    found
        .first()
        .filter(|entry| entry.seq == seq)
        .map(drop)
        .ok_or_else(gone)
}

/// Where the answer goes as well: what the client names, else where the conversation's last message came from.
async fn target(gateway: &Gateway, asked: &Params) -> Result<Option<Delivery>, Failure> {
    let named = delivery::Target {
        channel: asked
            .originating_channel
            .clone()
            .filter(|channel| channel != CLIENTS),
        to: asked.originating_to.clone(),
        account_id: asked.originating_account_id.clone(),
        thread_id: asked.originating_thread_id.clone(),
    };
    let (_, key) = super::history::whose(gateway, &asked.session_key, asked.agent_id.as_deref())?;
    let known = journal(gateway.desk(), move |j| j.find_session(&key)).await?;
    let route = known.and_then(|session| serde_json::from_str::<Delivery>(&session.route).ok());
    if named.channel.is_none() && named.to.is_none() && route.is_none() {
        // there is no chat behind this conversation: the answer stays here
        return Ok(None);
    }
    delivery::resolve(gateway, named, route).map(Some)
}

/// The client, as it calls itself.
pub(in crate::methods) fn client(caller: &Caller) -> Value {
    let client = &caller.client;
    let mut known = json!({ "id": client.id, "mode": client.mode });
    if let Some(name) = &client.display_name {
        known["displayName"] = json!(name);
    }
    known
}
