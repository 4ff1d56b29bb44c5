//! What a chat gets of an answer before its end: parts of it, and which tools run.
//!
//! Each message stands in the outbox before it goes out; a part with its note in the transcript, in one transaction, and
//! a line about a tool under the key of its call. So a process that takes over knows what was said. What can't be
//! written is left to the end of the answer.
use super::{
    super::{
        blocks::{Flow, Part, Style, Told, note},
        commands::Verbose,
        compose::limits,
        tool_words::{self, Uses},
    },
    Case, TURN_EVENTS,
};
use crate::{
    config::{StreamMode, TypingMode, VerboseLevel},
    deliver::{Place, UNKNOWN, lane_of, message_to},
    journal::{Entry, JournalError, NewDelivery, Settled},
};
use futures_util::future::{BoxFuture, FutureExt};
use openclaw_plugin_api::{AgentEvent, ChatKind, InboundKind};
use std::time::Duration;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

/// What went out of an answer before its end.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    /// The beginning of the answer.
    pub(super) out: String,
    /// In how many parts.
    pub(super) parts: usize,
    /// What had come of it beside.
    pub(super) rest: String,
}

struct Aloud<'c, 'a> {
    case: &'c Case<'a>,
    flow: Option<Flow>,
    verbose: Verbose,
    uses: Uses,
}

impl Case<'_> {
    pub(super) fn place(&self) -> Place {
        let last = self.last();
        let quiet = self.jobs[0].preview == UNKNOWN;
        let streams = !matches!(self.policy.stream_mode(), None | Some(StreamMode::Off));
        Place {
            channel: last.channel.clone(),
            message: message_to(&last.event, String::new(), format!("{}:preview", self.turn_id)),
            preview: streams && self.info.edit && !quiet && self.style().is_none(),
            typing: self.typing(),
            typing_every: self.typing_every(),
            info: self.info.clone(),
            row: self.rows.first().copied().unwrap_or_default(),
            shown: if quiet {
                String::new()
            } else {
                self.jobs[0].preview.clone()
            },
        }
    }

    /// Whoever is sure of an answer sees at once that it is coming.
    fn typing(&self) -> TypingMode {
        let event = &self.last().event;
        let sure =
            event.chat.kind == ChatKind::Direct || event.mentioned || event.kind == InboundKind::Command;
        let usual = if sure {
            TypingMode::Instant
        } else {
            TypingMode::Message
        };
        let of_session = || match self.config.session.typing_mode.as_deref()? {
            "never" => Some(TypingMode::Never),
            "instant" => Some(TypingMode::Instant),
            "thinking" => Some(TypingMode::Thinking),
            "message" => Some(TypingMode::Message),
            _ => None,
        };
        self.agent
            .settings
            .typing_mode
            .or_else(of_session)
            .unwrap_or(usual)
    }

    fn typing_every(&self) -> Duration {
        let of_session = self.config.session.typing_interval_seconds;
        match (self.agent.settings.typing_interval_seconds, of_session) {
            (None, Some(seconds)) => Duration::from_secs(seconds.into()),
            _ => self.agent.typing_interval,
        }
    }

    /// What an earlier process told of this answer.
    pub(super) async fn told_before(&self, resumed: bool) -> Result<Told, JournalError> {
        if !resumed {
            return Ok(Told::default());
        }
        let (id, turn) = (self.session.session_id.clone(), self.turn_id.clone());
        let entries = self.desk.insist(move |j| j.turn(&id, &turn)).await?;
        Ok(Told::of(&entries))
    }

    /// Follows the turn, if something of it is to go out before its end. Gives the events for whoever follows next.
    pub(super) fn aloud<'c>(
        &'c self,
        told: &Told,
        heard: mpsc::Receiver<AgentEvent>,
    ) -> (mpsc::Receiver<AgentEvent>, BoxFuture<'c, Spoken>) {
        let (style, verbose) = (self.style(), self.verbose());
        // what went out in parts is not said again, whatever the configuration says now
        let before = Spoken {
            out: told.sent.clone(),
            parts: told.parts,
            rest: String::new(),
        };
        if style.is_none() && verbose == Verbose::Off {
            return (heard, async { before }.boxed());
        }
        let (on, passed) = mpsc::channel(TURN_EVENTS);
        let aloud = Aloud {
            case: self,
            flow: style.map(|style| Flow::new(style, told.clone(), Instant::now())),
            verbose,
            uses: Uses::default(),
        };
        let spoken = async move { aloud.follow(heard, on).await.unwrap_or(before) };
        (passed, spoken.boxed())
    }

    fn style(&self) -> Option<Style> {
        let limits = limits(&self.info, &self.policy);
        let to_chat = self.last().ask.is_none();
        Style::of(&self.agent.settings, &self.policy, &self.info, &limits).filter(|_| to_chat)
    }

    /// In a group only what somebody set for the group counts.
    fn verbose(&self) -> Verbose {
        let last = self.last();
        let usual = match self.agent.settings.verbose_default {
            Some(VerboseLevel::On) => Verbose::On,
            Some(VerboseLevel::Full) => Verbose::Full,
            _ => Verbose::Off,
        };
        let usual = if last.event.chat.kind == ChatKind::Direct {
            usual
        } else {
            Verbose::Off
        };
        let to_chat = last.ask.is_none();
        let set = last.settings.verbose_level.unwrap_or(usual);
        if to_chat { set } else { Verbose::Off }
    }

    /// Puts messages into the outbox, with what the transcript is to know of them.
    async fn put(&self, replies: Vec<NewDelivery>, entries: Vec<Entry>) -> bool {
        let (id, now) = (self.session.session_id.clone(), self.desk.clock.now_ms());
        let write = self
            .desk
            .journal
            .run(move |j| j.reply(&[], &Settled::Done, &replies, &id, &entries, now));
        match write.await {
            Ok(written) => {
                written
                    .first()
                    .iter()
                    .for_each(|first| self.desk.outbox.wake(&first.lane));
                true
            }
            Err(error) => {
                tracing::warn!(target: "openclaw::agent", session = self.key, %error, "a part of an answer waits for its end");
                false
            }
        }
    }
}

// === impl Aloud ===

impl Aloud<'_, '_> {
    /// None: nothing of the answer goes out in parts.
    async fn follow(
        mut self,
        mut heard: mpsc::Receiver<AgentEvent>,
        on: mpsc::Sender<AgentEvent>,
    ) -> Option<Spoken> {
        loop {
            let due = self.flow.as_ref().and_then(Flow::due);
            tokio::select! {
                biased;
                event = heard.recv() => match event {
                    Some(event) => {
                        self.hear(&event).await;
                        // nobody has to look
                        let _ = on.send(event).await;
                    }
                    None => break,
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.say(false).await,
            }
        }
        drop(on);
        let mut flow = self.flow?;
        let rest = flow.rest();
        let (out, parts) = flow.told();
        if parts > 0 {
            sleep_until(flow.not_before()).await;
        }
        Some(Spoken {
            out: out.to_owned(),
            parts,
            rest,
        })
    }

    async fn hear(&mut self, event: &AgentEvent) {
        match event {
            AgentEvent::Text { text } => {
                if let Some(flow) = &mut self.flow {
                    flow.write(text, Instant::now());
                }
                self.say(false).await;
            }
            AgentEvent::ToolStarted { id, name, arguments } => {
                if let Some(flow) = &mut self.flow {
                    flow.end_message(Instant::now());
                }
                // what was said before comes before
                self.say(true).await;
                let line = self.uses.began(id, name, arguments);
                if self.verbose != Verbose::Off {
                    self.tell(&format!("tool-{id}"), line).await;
                }
            }
            AgentEvent::ToolEnded { id, output } => {
                let used = self.uses.ended(id);
                if let Some(text) = tool_words::ended(self.verbose, &used, output) {
                    self.tell(&format!("tool-{id}-end"), text).await;
                }
            }
            _ => {}
        }
    }

    /// Lets out what is due, or all there is.
    async fn say(&mut self, all: bool) {
        while let Some(flow) = &mut self.flow {
            if all && flow.told().1 > 0 {
                sleep_until(flow.not_before()).await;
            }
            let Some(part) = flow.next(Instant::now(), all) else {
                return;
            };
            let pause = pause(flow.pause());
            if !self.put(&part).await {
                return;
            }
            if let Some(flow) = &mut self.flow {
                flow.went(&part, pause, Instant::now());
            }
        }
    }

    async fn put(&self, part: &Part) -> bool {
        let case = self.case;
        let bodies = case.composition().part(part, case.run.model());
        let replies = case.addressed(&bodies);
        case.put(replies, vec![note(&case.turn_id, &part.raw)]).await
    }

    async fn tell(&self, what: &str, text: String) {
        let case = self.case;
        let last = case.last();
        let lane = lane_of(&last.channel, &last.event);
        let mut bodies = case.composition().plain(&text);
        for (number, body) in bodies.iter_mut().enumerate() {
            body.message.reply_to.clear();
            body.message.silent = true;
            body.message.idempotency_key = format!("{}:{what}:{number}", case.turn_id);
        }
        let once = bodies.iter().map(|body| body.once(&lane, &last.channel));
        case.put(once.collect(), Vec::new()).await;
    }
}

/// A pause between two bounds. Without randomness of the system all are the shortest, which is no fault.
fn pause((least, most): (u64, u64)) -> Duration {
    let mut bytes = [0_u8; 8];
    let _ = getrandom::fill(&mut bytes);
    Duration::from_millis(least + u64::from_le_bytes(bytes) % (most - least + 1))
}
