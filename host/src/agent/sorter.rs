//! From an event in the journal to the lane of its conversation: admitted, routed, its commands carried out.
//!
//! One after the other, so that the events of a conversation stay in their order. Every event that comes in here is
//! settled or handed on.
use super::{
    client::{self, Ask},
    commands::SessionSettings,
    desk::Desk,
    envelope,
    gate::{Gate, Rules},
    job::{EventJob, Job, LeftOut},
    lane::{Lanes, Work},
    orders::{Carried, Errand, Orders},
    said::{Said, local_offset_s, said, seen_text},
    settle::{self, reply},
    turn::entry,
};
use crate::{
    access::{Admitted, OlderFiles, Pairing, Verdict},
    config::{AckScope, Agent},
    gateway::random::uuid,
    journal::{JournalError, Session, Settled},
    route::{Route, is_expired, may_send},
};
use futures_util::FutureExt;
use openclaw_plugin_api::{ChannelInfo, Inbound, Message, MessageTarget, React, Role, surface::ids};
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// An event that is in the journal.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) row: i64,
    pub(super) turn: String,
    pub(super) preview: String,
    pub(super) channel: String,
    pub(super) event: Inbound,
    pub(super) place: OwnedSemaphorePermit,
    /// More events of its turn follow at once.
    pub(super) more: bool,
}

/// An event is on its way, or it can't be brought on it.
type Outcome = Result<(), JournalError>;

/// How long a turn that is begun again waits for its other messages, which are on their way.
const REST_OF_TURN: Duration = Duration::from_secs(5);

/// Signs that a message was seen that are under way at once; beyond that none is given.
const MAX_SIGNS: usize = 32;
/// How long one may take.
const SIGN_LIMIT: Duration = Duration::from_secs(15);

/// Brings events on their way.
#[derive(Debug)]
pub(super) struct Sorter {
    desk: Arc<Desk>,
    lanes: Arc<Lanes>,
    gate: Arc<Gate>,
    signs: Arc<Semaphore>,
}

impl Sorter {
    pub(super) fn new(desk: Arc<Desk>, lanes: Arc<Lanes>) -> Self {
        let pairing = Pairing::new(desk.journal.clone(), OlderFiles::of_state(&desk.paths.state_dir));
        Self {
            desk,
            lanes,
            gate: Arc::new(Gate::new(pairing)),
            signs: Arc::new(Semaphore::new(MAX_SIGNS)),
        }
    }

    /// What judges events.
    pub(super) fn gate(&self) -> Arc<Gate> {
        self.gate.clone()
    }

    /// Brings events on their way one after the other, until nobody brings any more.
    pub(super) async fn sort(self, mut taken: mpsc::Receiver<Taken>) {
        while let Some(next) = taken.recv().await {
            self.bring(next).await;
        }
    }

    /// An event that breaks this gateway must not take the others with it.
    async fn bring(&self, taken: Taken) {
        let (row, ask) = (taken.row, client::of(&taken));
        let why = match AssertUnwindSafe(self.deal_with(taken)).catch_unwind().await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the gateway broke off while it looked at this; please report it".to_owned(),
        };
        tracing::error!(target: "openclaw::inbox", row, why, "an event could not be dealt with");
        if let Some(ask) = ask {
            client::failed(&self.desk, &ask, &why);
        }
        self.desk.settle(vec![row], Settled::Failed(why)).await;
    }

    /// Brings one event on its way. What can't be judged now is judged again, for it is in the journal.
    async fn deal_with(&self, taken: Taken) -> Outcome {
        let rules = self.gate.rules(&self.desk.config());
        let info = self.desk.registry.channel_info(&taken.channel);
        if let Some(ask) = client::of(&taken) {
            let event = taken.event.clone();
            let event = self.gate.access.admit_operator(&taken.channel, event, ask.owner);
            let route = ask.route(&rules.config, &event);
            ask.run(&self.desk);
            let done = self
                .admitted(&rules, &info, taken, event, route, Some(&ask))
                .await;
            return done;
        }
        let verdict = {
            let (gate, rules, info) = (self.gate.clone(), rules.clone(), info.clone());
            let (channel, event, now) = (
                taken.channel.clone(),
                taken.event.clone(),
                self.desk.clock.now_ms(),
            );
            self.desk
                .insist(move |j| gate.admit(j, &rules, &channel, &info, event.clone(), now))
                .await?
        };
        match verdict {
            Verdict::Admitted(event) => {
                let route = rules.route(&event, &info);
                return self.admitted(&rules, &info, taken, *event, route, None).await;
            }
            Verdict::Buffered => self.discard(taken.row, "it does not address the agent").await,
            Verdict::Dropped(refusal) => self.discard(taken.row, &refusal.reason.to_string()).await,
            // a stranger is told the code, in the transaction that settles the message
            Verdict::Pairing(invitation) => {
                let how = Settled::Dropped("the sender is not paired".into());
                return reply(&self.desk, &taken, invitation.reply, how).await;
            }
        }
        Ok(())
    }

    async fn discard(&self, row: i64, why: &str) {
        self.desk
            .settle(vec![row], Settled::Dropped(why.to_owned()))
            .await;
    }

    /// Does what a command asks for, away from the events of others, and answers.
    async fn run_errand(&self, route: &Route, taken: Taken, errand: Errand) {
        let desk = self.desk.clone();
        let Errand { work, between } = errand;
        let work = async move {
            let row = taken.row;
            let work = async {
                let text = work.await;
                reply(&desk, &taken, text, Settled::Done).await
            };
            let why = match AssertUnwindSafe(work).catch_unwind().await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "the gateway broke off while it carried out a command; please report it".to_owned(),
            };
            tracing::error!(target: "openclaw::commands", row, why, "a command was not carried out");
            if let Some(ask) = client::of(&taken) {
                client::failed(&desk, &ask, &why);
            }
            desk.settle(vec![row], Settled::Failed(why)).await;
        };
        if between {
            let work = Work::Between(Box::pin(work));
            return self.lanes.put(&route.session_key, work).await;
        }
        tokio::spawn(work);
    }

    async fn admitted(
        &self,
        rules: &Rules,
        info: &ChannelInfo,
        taken: Taken,
        event: Admitted<Inbound>,
        route: Route,
        ask: Option<&Ask>,
    ) -> Outcome {
        if !may_send(&rules.config.session.send_policy, &route) {
            let why = "session.sendPolicy denies answers here";
            self.discard(taken.row, why).await;
            ask.iter().for_each(|ask| client::failed(&self.desk, ask, why));
            return Ok(());
        }
        let session = self.conversation(&taken, &route, ask).await?;
        let text = match said(event.inner()) {
            Said::Text(text) => text,
            Said::Happened => return self.note(&taken, &session).await,
            Said::Nothing => {
                self.discard(taken.row, "nothing of it is for an agent").await;
                return Ok(());
            }
        };
        let agents = rules.config.agents();
        let agent = agents
            .get(&route.agent_id)
            .unwrap_or_else(|| agents.default_agent());
        let orders = Orders {
            desk: &self.desk,
            lanes: &self.lanes,
            config: &rules.config,
            agent,
            route: &route,
            event: event.inner(),
            rights: event.rights(),
            session,
        };
        // what somebody else wrote is no command of whoever passes it on
        let plain = ask.is_some_and(|ask| ask.plain) || event.inner().is_forwarded();
        // a turn that was begun has its commands behind it
        let carried = if taken.turn.is_empty() && !plain {
            orders.carry_out(&text).await
        } else {
            orders.untouched(text)
        };
        match carried {
            Carried::Out(text) => return reply(&self.desk, &taken, text, Settled::Done).await,
            Carried::Later(errand) => self.run_errand(&route, taken, errand).await,
            Carried::Ignored => {
                let why = "the sender may not give commands";
                self.discard(taken.row, why).await;
                ask.iter().for_each(|ask| client::failed(&self.desk, ask, why));
            }
            Carried::On {
                first,
                text,
                settings,
                aside,
            } => {
                if aside.is_some() && ask.is_none() {
                    settle::aside(&self.desk, &taken, aside).await?;
                }
                if let Some(Errand { work, .. }) = first {
                    let work = Work::Between(Box::pin(work.map(drop)));
                    self.lanes.put(&route.session_key, work).await;
                }
                if info.reactions {
                    self.acknowledge(rules, &taken, &event, agent);
                }
                let text = match ask {
                    Some(_) => client::seen_text(event.inner(), text),
                    None => {
                        let skipped = self.gate.access.take_skipped(&event);
                        seen_text(&rules.config, &route.agent_id, event.inner(), &text, skipped)
                    }
                };
                self.hand_on(rules, route, taken, event, text, *settings).await;
            }
        }
        Ok(())
    }

    /// A sign on the message that it was seen. Best effort.
    fn acknowledge(&self, rules: &Rules, taken: &Taken, event: &Admitted<Inbound>, agent: &Agent) {
        let policy = rules.policy(&taken.channel, event.account());
        let messages = &rules.config.messages;
        let wanted = match messages.ack_scope() {
            AckScope::All => true,
            AckScope::Direct => event.is_direct(),
            AckScope::GroupAll => !event.is_direct(),
            AckScope::GroupMentions => !event.is_direct() && event.mentioned(),
            AckScope::Off | AckScope::None => false,
        };
        let configured = policy.ack_reaction.as_ref().or(messages.ack_reaction.as_ref());
        let emoji = configured
            .or(agent.identity.emoji.as_ref())
            .map_or("👀", String::as_str);
        let inbound = event.inner();
        if !wanted || emoji.is_empty() || inbound.message_id.is_empty() {
            return;
        }
        let react = React {
            target: MessageTarget {
                account_id: inbound.account_id.clone(),
                chat_id: inbound.chat.id.clone(),
                thread_id: inbound.chat.thread_id.clone(),
                message_id: inbound.message_id.clone(),
            },
            emoji: emoji.to_owned(),
            remove: false,
        };
        let Ok(place) = self.signs.clone().try_acquire_owned() else {
            return;
        };
        let (registry, channel) = (self.desk.registry.clone(), taken.channel.clone());
        tokio::spawn(async move {
            let _place = place;
            if let Ok(plugin) = registry.channel(&channel) {
                // a platform that can't is no reason not to answer
                let call = plugin.call::<()>(ids::channel::REACT, &channel, &react);
                let _ = tokio::time::timeout(SIGN_LIMIT, call).await;
            }
        });
    }

    async fn hand_on(
        &self,
        rules: &Rules,
        route: Route,
        taken: Taken,
        event: Admitted<Inbound>,
        text: String,
        settings: SessionSettings,
    ) {
        let ask = client::of(&taken).map(Box::new);
        let plain = event.inner().attachments.is_empty() && ask.is_none();
        let debounce = match (taken.more, taken.turn.is_empty()) {
            (true, _) => REST_OF_TURN,
            (false, true) if plain => rules.config.messages.inbound.debounce(&taken.channel),
            _ => Duration::ZERO,
        };
        let job = EventJob {
            rows: vec![taken.row],
            turn: taken.turn,
            preview: taken.preview,
            agent_id: route.agent_id,
            text,
            from_owner: event.rights().owner,
            from_known: event.rights().known,
            channel: taken.channel,
            event: event.into_inner(),
            settings,
            debounce,
            left_out: LeftOut::default(),
            ask,
            heir_of: Vec::new(),
            place: Some(taken.place),
        };
        let work = Work::Job(Box::new(Job::Event(Box::new(job))));
        self.lanes.put(&route.session_key, work).await;
    }

    /// The conversation of an event, begun anew if its time is over, with a note of where the event came from.
    async fn conversation(
        &self,
        taken: &Taken,
        route: &Route,
        ask: Option<&Ask>,
    ) -> Result<Session, JournalError> {
        let (key, agent) = (route.session_key.clone(), route.agent_id.clone());
        let now = self.desk.clock.now_ms();
        let (delivery, reset) = (
            serde_json::to_string(&route.delivery).unwrap_or_default(),
            route.reset,
        );
        let fresh = taken.turn.is_empty();
        // a client that writes in the conversation of a chat does not take the chat away from it
        let keep = ask.is_some();
        self.desk
            .insist(move |j| {
                let session = j.session(&key, &agent, &uuid(), now)?;
                // what was taken over goes on where it was, however long ago that is
                let over = fresh
                    && is_expired(session.updated_ms, now, reset, local_offset_s(now))
                    && !j.import_is_untouched(&session.session_id)?;
                if over {
                    j.reset_session(&key, &uuid(), now)?;
                }
                if session.route != delivery && !keep {
                    j.set_session_route(&key, &delivery, now)?;
                }
                if over {
                    j.session(&key, &agent, &uuid(), now)
                } else {
                    Ok(session)
                }
            })
            .await
    }

    /// Something happened that the agent is to know of at its next turn.
    async fn note(&self, taken: &Taken, session: &Session) -> Outcome {
        let Some(line) = envelope::event_line(&taken.channel, &taken.event) else {
            self.discard(taken.row, "nothing of it is for an agent").await;
            return Ok(());
        };
        let message = Message::text(Role::User, format!("[System] {line}"));
        let entries = [entry(&format!("event-{}", taken.row), &message)];
        let (rows, id, now) = ([taken.row], session.session_id.clone(), self.desk.clock.now_ms());
        self.desk
            .insist(move |j| j.reply(&rows, &Settled::Done, &[], &id, &entries, now))
            .await
            .map(drop)
    }
}
