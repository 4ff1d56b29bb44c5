//! From an event of a channel to the lane of its conversation: taken durably, admitted, routed.
//!
//! Bounded: as many events are under way as there are places; beyond that the platform keeps them.
use super::{
    commands::{self, SessionSettings},
    desk::Desk,
    envelope::{self, Stamp},
    gate::{Gate, Rules},
    job::{EventJob, Job, LeftOut},
    lane::{Lanes, Work},
    orders::{Carried, Orders},
    turn::entry,
};
use crate::{
    access::{Admitted, OlderFiles, Pairing, Skipped, Verdict},
    config::{Config, OnOff},
    deliver::{Body, lane_of, message_to},
    gateway::random::uuid,
    journal::{Accepted, JournalError, Pending, Session, Settled},
    route::{Route, is_expired, may_send},
};
use openclaw_plugin_api::{ChannelInfo, Error, ErrorKind, Inbound, InboundKind, Message, Result, Role};
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Events that are under way at once.
const PLACES: usize = 1000;
/// Longest id that is taken from a platform, bytes.
const MAX_ID: usize = 256;
/// Events that are read at once when an earlier process left some.
const PAGE: u32 = 200;

/// Takes events and brings them on their way.
#[derive(Debug)]
pub struct Inbox {
    desk: Arc<Desk>,
    lanes: Arc<Lanes>,
    gate: Arc<Gate>,
    places: Arc<Semaphore>,
    sorted: mpsc::Sender<Taken>,
}

/// An event that is in the journal.
#[derive(Debug)]
struct Taken {
    row: i64,
    turn: String,
    preview: String,
    channel: String,
    event: Inbound,
    place: OwnedSemaphorePermit,
}

impl Inbox {
    /// An inbox that takes events from now on. What an earlier process left comes by [`Inbox::resume`].
    pub fn start(desk: Arc<Desk>, lanes: Arc<Lanes>) -> Arc<Self> {
        let (sorted, taken) = mpsc::channel(PLACES);
        let pairing = Pairing::new(desk.journal.clone(), OlderFiles::of_state(&desk.paths.state_dir));
        let inbox = Arc::new(Self {
            desk,
            lanes,
            gate: Arc::new(Gate::new(pairing)),
            places: Arc::new(Semaphore::new(PLACES)),
            sorted,
        });
        tokio::spawn(sort(Arc::downgrade(&inbox), taken));
        inbox
    }

    /// Takes one event. When this returns well, it is on the disk; a repeat has no effect.
    pub async fn accept(&self, channel: &str, event: Inbound) -> Result<()> {
        check(&event)?;
        let journal = &self.desk.journal;
        if let Some(trouble) = journal.trouble() {
            return Err(Error::new(
                ErrorKind::Overloaded,
                format_args!("the journal can't write: {}", trouble.why),
            ));
        }
        let place = self.places.clone().try_acquire_owned().map_err(|_| {
            Error::new(
                ErrorKind::Overloaded,
                format_args!("{PLACES} events are waiting; try again later"),
            )
            .with_retry_after(Duration::from_secs(1))
        })?;
        let (name, now) = (channel.to_owned(), self.desk.clock.now_ms());
        let (account, id) = (event.account_id.clone(), event.event_id.clone());
        let body = serde_json::to_vec(&event)?;
        let taken = journal
            .run(move |j| j.accept(&name, &account, &id, &body, now))
            .await;
        if let Accepted::New(row) = taken.map_err(unusable)? {
            let taken = Taken {
                row,
                turn: String::new(),
                preview: String::new(),
                channel: channel.to_owned(),
                event,
                place,
            };
            // there is room for as many as there are places; without a reader the process is ending
            let _ = self.sorted.send(taken).await;
        }
        journal.synced().await.map_err(unusable)
    }

    /// Takes up what an earlier process left, in its order.
    pub async fn resume(&self) -> std::result::Result<usize, JournalError> {
        let (mut last, mut count) = (0, 0);
        loop {
            let page = self.desk.journal.run(move |j| j.pending(last, PAGE)).await?;
            let Some(end) = page.last() else {
                return Ok(count);
            };
            last = end.id;
            count += page.len();
            for pending in page {
                self.take_up(pending).await;
            }
        }
    }

    async fn take_up(&self, pending: Pending) {
        let event = match serde_json::from_slice(&pending.event) {
            Ok(event) => event,
            Err(error) => {
                let why = format!("the event can't be read: {error}");
                return self.desk.settle(vec![pending.id], Settled::Failed(why)).await;
            }
        };
        let Ok(place) = self.places.clone().acquire_owned().await else {
            return;
        };
        let taken = Taken {
            row: pending.id,
            turn: pending.turn,
            preview: pending.preview,
            channel: pending.channel,
            event,
            place,
        };
        let _ = self.sorted.send(taken).await;
    }

    /// Brings one event on its way. What can't be judged now is judged again, for it is in the journal.
    async fn deal_with(self: &Arc<Self>, taken: Taken) {
        let rules = self.gate.rules(&self.desk.config());
        let info = self.desk.registry.channel_info(&taken.channel);
        let verdict = {
            let (gate, rules, info) = (self.gate.clone(), rules.clone(), info.clone());
            let (channel, event, now) = (
                taken.channel.clone(),
                taken.event.clone(),
                self.desk.clock.now_ms(),
            );
            self.desk
                .insist(move |_| gate.admit(&rules, &channel, &info, event.clone(), now))
                .await
        };
        match verdict {
            Verdict::Admitted(event) => self.admitted(&rules, &info, taken, *event).await,
            Verdict::Buffered => self.discard(taken.row, "it does not address the agent").await,
            Verdict::Dropped(refusal) => self.discard(taken.row, &refusal.reason.to_string()).await,
            Verdict::Pairing(invitation) => self.invite(taken, invitation.reply).await,
        }
    }

    async fn discard(&self, row: i64, why: &str) {
        self.desk
            .settle(vec![row], Settled::Dropped(why.to_owned()))
            .await;
    }

    /// A stranger is told the code, in the transaction that settles the message.
    async fn invite(&self, taken: Taken, reply: Option<String>) {
        let how = Settled::Dropped("the sender is not paired".into());
        self.reply(&taken, reply, how).await;
    }

    /// Answers without a turn.
    async fn reply(&self, taken: &Taken, text: Option<String>, how: Settled) {
        let event = &taken.event;
        let lane = lane_of(&taken.channel, event);
        let key = format!("event-{}", taken.row);
        let message = text.map(|text| message_to(event, text, format!("{key}:0")));
        let replies: Vec<_> = message
            .map(|message| Body::new(message).to(&lane, &taken.channel))
            .into_iter()
            .collect();
        let (rows, now) = (vec![taken.row], self.desk.clock.now_ms());
        let written = self
            .desk
            .insist(move |j| j.reply(&rows, &how, &replies, "", &[], now))
            .await;
        if !written.is_empty() {
            self.desk.outbox.wake(&lane);
        }
    }

    async fn admitted(
        self: &Arc<Self>,
        rules: &Rules,
        info: &ChannelInfo,
        taken: Taken,
        event: Admitted<Inbound>,
    ) {
        let route = rules.route(&event, info);
        if !may_send(&rules.config.session.send_policy, &route) {
            return self
                .discard(taken.row, "session.sendPolicy denies answers here")
                .await;
        }
        let session = self.conversation(&taken, &route).await;
        let text = match said(event.inner()) {
            Said::Text(text) => text,
            Said::Happened => return self.note(&taken, &session).await,
            Said::Nothing => return self.discard(taken.row, "nothing of it is for an agent").await,
        };
        let agents = rules.config.agents();
        let orders = Orders {
            desk: &self.desk,
            lanes: &self.lanes,
            config: &rules.config,
            agent: agents
                .get(&route.agent_id)
                .unwrap_or_else(|| agents.default_agent()),
            route: &route,
            event: event.inner(),
            rights: event.rights(),
            session,
        };
        // a turn that was begun has its commands behind it
        let carried = if taken.turn.is_empty() {
            orders.carry_out(&text).await
        } else {
            orders.untouched(text)
        };
        match carried {
            Carried::Out(reply) => self.reply(&taken, reply, Settled::Done).await,
            Carried::Ignored => self.discard(taken.row, "the sender may not give commands").await,
            Carried::On {
                text,
                settings,
                aside,
            } => {
                if aside.is_some() {
                    self.say(&taken, aside).await;
                }
                let skipped = self.gate.access.take_skipped(&event);
                let text = seen_text(&rules.config, &route.agent_id, event.inner(), &text, skipped);
                self.hand_on(rules, route, taken, event, text, *settings).await;
            }
        }
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
        let debounce = rules.config.messages.inbound.debounce(&taken.channel);
        let plain = event.inner().attachments.is_empty();
        let job = EventJob {
            rows: vec![taken.row],
            turn: taken.turn,
            preview: taken.preview,
            agent_id: route.agent_id,
            text,
            from_owner: event.rights().owner,
            channel: taken.channel,
            event: event.into_inner(),
            settings,
            debounce: if plain { debounce } else { Duration::ZERO },
            left_out: LeftOut::default(),
            place: Some(taken.place),
        };
        let work = Work::Job(Box::new(Job::Event(Box::new(job))));
        self.lanes.put(&route.session_key, work).await;
    }

    /// The conversation of an event, begun anew if its time is over, with a note of where the event came from.
    async fn conversation(&self, taken: &Taken, route: &Route) -> Session {
        let (key, agent) = (route.session_key.clone(), route.agent_id.clone());
        let now = self.desk.clock.now_ms();
        let (delivery, reset) = (
            serde_json::to_string(&route.delivery).unwrap_or_default(),
            route.reset,
        );
        let fresh = taken.turn.is_empty();
        self.desk
            .insist(move |j| {
                let session = j.session(&key, &agent, &uuid(), now)?;
                let over = fresh && is_expired(session.updated_ms, now, reset, local_offset_s(now));
                if over {
                    j.reset_session(&key, &uuid(), now)?;
                }
                if session.route != delivery {
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
    async fn note(&self, taken: &Taken, session: &Session) {
        let Some(line) = envelope::event_line(&taken.channel, &taken.event) else {
            return self.discard(taken.row, "nothing of it is for an agent").await;
        };
        let message = Message::text(Role::User, format!("[System] {line}"));
        let entries = [entry(&format!("event-{}", taken.row), &message)];
        let (rows, id, now) = ([taken.row], session.session_id.clone(), self.desk.clock.now_ms());
        self.desk
            .insist(move |j| j.reply(&rows, &Settled::Done, &[], &id, &entries, now))
            .await;
    }

    /// Says something beside the answer that is to come.
    async fn say(&self, taken: &Taken, text: Option<String>) {
        let lane = lane_of(&taken.channel, &taken.event);
        let bodies = text.map(|text| message_to(&taken.event, text, format!("event-{}:aside", taken.row)));
        let replies: Vec<_> = bodies
            .map(|message| Body::new(message).to(&lane, &taken.channel))
            .into_iter()
            .collect();
        let now = self.desk.clock.now_ms();
        self.desk
            .insist(move |j| j.reply(&[], &Settled::Done, &replies, "", &[], now))
            .await;
        self.desk.outbox.wake(&lane);
    }
}

/// What an event says.
enum Said {
    /// Words, or a command.
    Text(String),
    /// Nothing, but it happened.
    Happened,
    /// Nothing that an agent could use.
    Nothing,
}

fn said(event: &Inbound) -> Said {
    match event.kind {
        InboundKind::Message => Said::Text(event.text.clone()),
        InboundKind::Command => Said::Text(commands::native_text(event)),
        InboundKind::Button if event.value.starts_with('/') => Said::Text(event.value.clone()),
        InboundKind::Button => Said::Text(format!("callback_data: {}", event.value)),
        InboundKind::Reaction | InboundKind::Membership => Said::Happened,
        _ => Said::Nothing,
    }
}

/// What the machine's clock is ahead of UTC, seconds.
fn local_offset_s(now_ms: i64) -> i32 {
    jiff::Timestamp::from_millisecond(now_ms)
        .map(|now| now.to_zoned(jiff::tz::TimeZone::system()).offset().seconds())
        .unwrap_or(0)
}

/// What the model is to see of a message.
fn seen_text(config: &Config, agent_id: &str, event: &Inbound, text: &str, skipped: Vec<Skipped>) -> String {
    let agents = config.agents();
    let settings = &agents
        .get(agent_id)
        .unwrap_or_else(|| agents.default_agent())
        .settings;
    let shown = if settings.envelope_timestamp == Some(OnOff::Off) {
        "off"
    } else {
        "on"
    };
    let zone = settings.envelope_timezone.as_deref().unwrap_or("utc");
    let stamp = Stamp::new(zone, shown, settings.user_timezone.as_deref());
    let pending: Vec<_> = skipped
        .into_iter()
        .map(|message| envelope::Pending {
            sender: if message.sender_name.is_empty() {
                message.sender_id
            } else {
                message.sender_name
            },
            text: message.text,
            timestamp_ms: message.timestamp_ms,
        })
        .collect();
    envelope::user_text(event, text, &pending, &stamp)
}

/// Brings events on their way one after the other, so that those of one conversation stay in their order.
async fn sort(inbox: std::sync::Weak<Inbox>, mut taken: mpsc::Receiver<Taken>) {
    while let Some(next) = taken.recv().await {
        let Some(inbox) = inbox.upgrade() else {
            return;
        };
        inbox.deal_with(next).await;
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

fn unusable(error: JournalError) -> Error {
    Error::new(ErrorKind::Overloaded, error)
}
