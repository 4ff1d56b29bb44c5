//! From an event of a channel to an answer on it: taken durably, admitted, answered in its place, settled.
//!
//! Who may write is decided here and nowhere else, and the answer is "nobody" until the operator names people:
//! `channels.<id>.allowFrom`. Pairing, groups and routing belong to the modules `access` and `route`, which will take
//! this file's place.
use super::{Sessions, Turn, run};
use crate::{
    clock::Clock,
    journal::{Accepted, Journal, Settled},
    plugins::registry::Registry,
};
use openclaw_plugin_api::{
    Error, ErrorKind, Inbound, InboundKind, Outbound, Receipt, Result, ToolOrigin, surface::ids,
};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{Semaphore, mpsc};

/// Turns that run at once, over all conversations.
const MAX_TURNS: usize = 4;
/// Strangers whose refusal is remembered, so that it is logged once for each.
const MAX_REFUSED: usize = 1000;
/// Longest id that is taken from a platform, bytes.
const MAX_ID: usize = 256;

/// Who may write on a channel.
pub type AllowFrom = Box<dyn Fn(&str) -> Vec<String> + Send + Sync>;

/// Takes events and answers them.
pub struct Inbox {
    /// What is kept.
    pub journal: Journal,
    /// Who answers.
    pub registry: Arc<Registry>,
    /// Conversations.
    pub sessions: Arc<Sessions>,
    /// The time of day.
    pub clock: Clock,
    /// `provider/model` of the agent.
    pub model: Box<dyn Fn() -> String + Send + Sync>,
    /// `channels.<id>.allowFrom`
    pub allow_from: AllowFrom,
    turns: Arc<Semaphore>,
    refused: Mutex<HashSet<String>>,
}

impl Inbox {
    /// An inbox; events that were waiting are answered by [`Inbox::resume`].
    pub fn new(
        journal: Journal,
        registry: Arc<Registry>,
        sessions: Arc<Sessions>,
        clock: Clock,
        model: Box<dyn Fn() -> String + Send + Sync>,
        allow_from: AllowFrom,
    ) -> Arc<Self> {
        let turns = Arc::new(Semaphore::new(MAX_TURNS));
        Arc::new(Self {
            journal,
            registry,
            sessions,
            clock,
            model,
            allow_from,
            turns,
            refused: Mutex::default(),
        })
    }

    /// Takes one event. When this returns well, it is durable; a repeat has no effect.
    pub async fn accept(self: &Arc<Self>, channel: &str, event: Inbound) -> Result<()> {
        check(&event)?;
        let (journal, now) = (self.journal.clone(), self.clock.now_ms());
        let (name, account, id) = (
            channel.to_owned(),
            event.account_id.clone(),
            event.event_id.clone(),
        );
        let body = serde_json::to_vec(&event)?;
        let taken =
            tokio::task::spawn_blocking(move || journal.accept(&name, &account, &id, &body, now)).await?;
        if let Accepted::New(row) = taken.map_err(|e| Error::new(ErrorKind::Overloaded, e))? {
            let (inbox, channel) = (self.clone(), channel.to_owned());
            tokio::spawn(async move { inbox.deal_with(row, &channel, event).await });
        }
        self.journal
            .synced()
            .await
            .map_err(|e| Error::new(ErrorKind::Overloaded, e))
    }

    /// Answers what was taken before the last end of the process.
    pub fn resume(self: &Arc<Self>) -> Result<usize> {
        let pending = self
            .journal
            .pending(0, 10_000)
            .map_err(|e| Error::new(ErrorKind::Internal, e))?;
        let count = pending.len();
        for event in pending {
            let inbox = self.clone();
            tokio::spawn(async move {
                match serde_json::from_slice(&event.event) {
                    Ok(inbound) => inbox.deal_with(event.id, &event.channel, inbound).await,
                    Err(error) => {
                        tracing::error!(target: "openclaw::inbox", row = event.id, %error, "unreadable")
                    }
                }
            });
        }
        Ok(count)
    }

    async fn deal_with(&self, row: i64, channel: &str, event: Inbound) {
        if self.admits(channel, &event)
            && let Err(error) = self.answer(channel, &event).await
        {
            tracing::error!(target: "openclaw::inbox", channel, chat = event.chat.id, %error, "not answered");
        }
        let (journal, now) = (self.journal.clone(), self.clock.now_ms());
        let settled = tokio::task::spawn_blocking(move || journal.settle(&[row], &Settled::Done, now)).await;
        if let Ok(Err(error)) = settled {
            tracing::error!(target: "openclaw::inbox", row, %error, "not settled; it will be answered again");
        }
    }

    fn admits(&self, channel: &str, event: &Inbound) -> bool {
        if event.kind != InboundKind::Message {
            return false;
        }
        let sender = &event.sender.id;
        let allowed = (self.allow_from)(channel);
        if !sender.is_empty() && allowed.iter().any(|entry| entry == "*" || entry == sender) {
            return true;
        }
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() < MAX_REFUSED && refused.insert(format!("{channel}:{sender}")) {
            tracing::warn!(
                target: "openclaw::inbox", channel, sender,
                "dropped: add the sender to channels.{channel}.allowFrom to let the agent answer"
            );
        }
        false
    }

    async fn answer(&self, channel: &str, event: &Inbound) -> Result<()> {
        let session_key = format!("agent:main:{channel}:direct:{}", event.chat.id).to_lowercase();
        let transcript = self.sessions.get(&session_key);
        let mut transcript = transcript.lock().await;
        let _place = self.turns.acquire().await;
        let turn = Turn {
            run_id: format!("{channel}-{}", event.event_id),
            model: (self.model)(),
            text: event.text.clone(),
            origin: ToolOrigin {
                agent_id: "main".into(),
                session_key,
                channel: channel.to_owned(),
                account_id: event.account_id.clone(),
                chat_id: event.chat.id.clone(),
                sender_id: event.sender.id.clone(),
                ..ToolOrigin::default()
            },
            ..Turn::default()
        };
        let (events, unheard) = mpsc::channel(1);
        drop(unheard);
        let outcome = run(&self.registry, &mut transcript, &turn, &events).await?;
        let plugin = self.registry.offering("channel/1", channel).ok_or_else(|| {
            Error::new(
                ErrorKind::Closed,
                format_args!("no running plugin offers the channel {channel}"),
            )
        })?;
        let message = Outbound {
            idempotency_key: format!("{channel}:{}:{}", event.account_id, event.event_id),
            account_id: event.account_id.clone(),
            chat_id: event.chat.id.clone(),
            thread_id: event.chat.thread_id.clone(),
            text: outcome.text,
            reply_to: event.message_id.clone(),
            ..Outbound::default()
        };
        plugin
            .call::<Receipt>(ids::channel::SEND, channel, &message)
            .await
            .map(drop)
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

fn check(event: &Inbound) -> Result<()> {
    let ids = [
        &event.event_id,
        &event.account_id,
        &event.chat.id,
        &event.sender.id,
        &event.message_id,
    ];
    if event.event_id.is_empty() || ids.iter().any(|id| id.len() > MAX_ID) {
        return Err(Error::invalid(format_args!(
            "an event has an id, and no id is longer than {MAX_ID} bytes"
        )));
    }
    Ok(())
}
