//! What a client of the gateway asks for in a conversation. It takes the way of a channel's message: the journal, the
//! lane, the turn. Only the answer goes elsewhere: into the transcript, from where every client has it.
use super::{
    about::{self, About},
    commands::QueueMode,
    desk::Desk,
    envelope,
    inbox::Inbox,
    live::{End, Run, Source},
    policy::Policy,
    reply::Occasion,
    sorter::Taken,
};
use crate::{
    access::Admitted,
    config::{Agent, Config, PeerKind},
    journal::{EntryKind, JournalError, Settled},
    route::{Delivery, MatchedBy, Route},
};
use openclaw_plugin_api::{Error, ErrorKind, Inbound, MediaRef, Message, Role, Thinking};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Stands for the channel of what clients write. No plugin may have it.
pub const CLIENTS: &str = "webchat";
/// Where an event has what its client asks beside the words.
const FIELD: &str = "ask";

/// What a client asks beside the words.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Ask {
    /// The run's id; it is also the event's.
    pub run_id: String,
    /// The conversation.
    pub session_key: String,
    /// Its agent.
    pub agent_id: String,
    /// What becomes of it while a turn runs. None: as the conversation has it.
    pub queue_mode: Option<QueueMode>,
    /// How hard to think. None: as the conversation has it.
    pub thinking: Option<Thinking>,
    /// Longest that the turn may take, milliseconds; 0: as the agent has it.
    pub timeout_ms: u64,
    /// The model. Empty: as the conversation has it.
    pub model: String,
    /// A heartbeat: nothing is delivered if no more than this many characters stand beside the token.
    pub ack_max_chars: Option<usize>,
    /// Where the answer goes as well.
    pub deliver: Option<Delivery>,
    /// Nothing in the words is a command.
    pub plain: bool,
    /// The client may do everything.
    pub owner: bool,
    /// Who he is.
    pub sender_id: String,
    /// The client, as it calls itself.
    pub client: Value,
    /// What the model should know for this turn only.
    pub system: String,
    /// What whoever asks may have done at most. None: what his rights say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
}

/// What one answer has to agree in with everything that it serves: whoever asks for it to go elsewhere, or to be given
/// otherwise, gets a turn of his own.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Terms {
    deliver: Option<Delivery>,
    ack_max_chars: Option<usize>,
    thinking: Option<Thinking>,
    model: String,
    system: String,
}

impl Ask {
    /// As an event, to be taken by the inbox.
    pub fn event(&self, text: String, files: Vec<MediaRef>, now_ms: i64) -> Inbound {
        let mut event = Inbound {
            event_id: self.run_id.clone(),
            text,
            attachments: files,
            timestamp_ms: u64::try_from(now_ms).unwrap_or(0),
            ..Inbound::default()
        };
        event.chat.id.clone_from(&self.session_key);
        event.sender.id.clone_from(&self.sender_id);
        let ask = serde_json::to_value(self).unwrap_or_default();
        event.extra.insert(FIELD.to_owned(), ask);
        event
    }

    /// Puts it into the inbox. When this returns well, it is on the disk. Is it new? One that is known there has no effect:
    /// it has a run already, or gets one with its turn.
    pub async fn put(
        &self,
        desk: &Desk,
        inbox: &Arc<Inbox>,
        text: String,
    ) -> openclaw_plugin_api::Result<bool> {
        let id = self.run_id.clone();
        let state = desk.journal.run(move |j| j.event_state(CLIENTS, "", &id)).await;
        let state = state.map_err(|error| Error::new(ErrorKind::Overloaded, error))?;
        let (key, agent) = (&self.session_key, &self.agent_id);
        // whoever watches the run has to find it before it can end
        let is_new = state.is_none() && desk.live.open(&self.run_id, key, agent, Source::Client).1;
        let event = self.event(text, Vec::new(), desk.clock.now_ms());
        // a repeat returns when the first one is on the disk
        match is_new {
            true => drop(inbox.ask(event).await?),
            false => inbox.accept(CLIENTS, event).await?,
        }
        Ok(is_new)
    }

    /// Begins its run, for somebody who waits for its end and knows himself what to ask again after a crash. An error: it
    /// was not begun.
    pub async fn begin(
        &self,
        desk: &Desk,
        inbox: &Arc<Inbox>,
        text: String,
    ) -> openclaw_plugin_api::Result<Arc<Run>> {
        let event = self.event(text, Vec::new(), desk.clock.now_ms());
        // before it can end
        let run = self.run(desk);
        match inbox.ask(event).await {
            Err(error) if run.how().is_some() => Err(error),
            _ => Ok(run),
        }
    }

    /// What an event of a channel asks; only those of clients do.
    pub(super) fn of(channel: &str, event: &Inbound) -> Option<Self> {
        let ask = event.extra.get(FIELD).filter(|_| channel == CLIENTS)?;
        Self::deserialize(ask).ok()
    }

    /// Where it goes: where the client says.
    pub(super) fn route(&self, config: &Config, event: &Admitted<Inbound>) -> Route {
        Route {
            agent_id: self.agent_id.clone(),
            session_key: self.session_key.clone(),
            parent_session_key: None,
            matched_by: MatchedBy::Default,
            kind: PeerKind::Direct,
            in_thread: false,
            delivery: Delivery {
                channel: CLIENTS.to_owned(),
                account_id: event.account().to_owned(),
                chat_id: self.session_key.clone(),
                thread_id: String::new(),
            },
            reset: config.session.reset_policy(CLIENTS, PeerKind::Direct, false),
        }
    }

    /// The model that it asks for.
    pub(super) fn model(&self, agent: &Agent) -> Option<String> {
        (!self.model.is_empty()).then(|| agent.reference(&self.model).to_owned())
    }

    /// What its answer has to agree in with whatever else that one serves.
    pub(super) fn terms(&self) -> Terms {
        Terms {
            deliver: self.deliver.clone(),
            ack_max_chars: self.ack_max_chars,
            thinking: self.thinking,
            model: self.model.clone(),
            system: self.system.clone(),
        }
    }

    /// What prompted the answer.
    pub(super) fn occasion(&self) -> Occasion {
        match self.ack_max_chars {
            Some(ack_max_chars) => Occasion::Heartbeat { ack_max_chars },
            None => Occasion::Message,
        }
    }

    /// Its run, as clients watch it.
    pub(super) fn run(&self, desk: &Desk) -> Arc<Run> {
        let (run, _) = desk
            .live
            .open(&self.run_id, &self.session_key, &self.agent_id, Source::Client);
        run
    }

    /// What is known of the message beside its words.
    pub(super) fn about(&self, event: &Inbound) -> About {
        About {
            idempotency_key: format!("{}:user", self.run_id),
            sender_id: self.sender_id.clone(),
            sender_is_owner: self.owner,
            client: self.client.clone(),
            said_ms: event.timestamp_ms,
            ..About::default()
        }
    }
}

/// What the model is to see of it: the words, and the names of the files.
pub(super) fn seen_text(event: &Inbound, text: String) -> String {
    match (text.trim().is_empty(), event.attachments.as_slice()) {
        (_, []) => text,
        (true, files) => envelope::attachments(files),
        (false, files) => format!("{text}\n{}", envelope::attachments(files)),
    }
}

/// The id of a turn's run, as clients know it.
pub fn run_id(turn: &str) -> &str {
    turn.strip_prefix("run-").unwrap_or(turn)
}

/// The turns that a run may be, the likelier one first: clients' have a mark.
pub fn turns_of(run: &str) -> [String; 2] {
    [format!("run-{run}"), run.to_owned()]
}

/// A command was carried out: its answer stands in the transcript, where no model sees it.
pub(super) async fn told(
    desk: &Desk,
    ask: &Ask,
    row: i64,
    text: Option<String>,
    how: Settled,
) -> Result<(), JournalError> {
    let run = ask.run(desk);
    let text = text.unwrap_or_default();
    let about = About {
        idempotency_key: ask.run_id.clone(),
        command: true,
        ..About::own()
    };
    let message = Message::text(Role::Assistant, &text);
    let turn = format!("run-{}", ask.run_id);
    let note = about::entry(&turn, EntryKind::Note, &message, &about);
    let entries: Vec<_> = (!text.is_empty()).then_some(note).into_iter().collect();
    let (key, now) = (ask.session_key.clone(), desk.clock.now_ms());
    desk.insist(move |j| {
        let session = j.find_session(&key)?;
        let id = session.map(|session| session.session_id).unwrap_or_default();
        let entries = if id.is_empty() { &[][..] } else { &entries[..] };
        j.reply(&[row], &how, &[], &id, entries, now)
    })
    .await?;
    run.wrote();
    desk.live.end(&ask.run_id, End::Told { text });
    Ok(())
}

/// Nothing comes of it.
pub(super) fn failed(desk: &Desk, ask: &Ask, why: &str) {
    ask.run(desk);
    let end = End::Failed {
        message: why.to_owned(),
        error: Error::new(ErrorKind::Refused, why),
    };
    desk.live.end(&ask.run_id, end);
}

/// What a message asked that was taken off its way.
pub(super) fn of(taken: &Taken) -> Option<Ask> {
    Ask::of(&taken.channel, &taken.event)
}
