//! What a chat gets of an answer before its end: parts of it, and which tools run. When, says `spoken`.
//!
//! Each message stands in the outbox before it goes out; a part with its note in the transcript, in one transaction, and
//! a line about a tool under the key of its call. So a process that takes over knows what was said. What can't be
//! written is left to the end of the answer.
use super::{
    super::{
        blocks::{Flow, Part, Style, Told, note},
        commands::Verbose,
        compose::limits,
    },
    Case, TURN_EVENTS,
    spoken::{Aloud, Mouth, Spoken},
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
    sync::{mpsc, watch},
    time::Instant,
};

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
        self.agent
            .settings
            .typing_mode
            .or(self.config.session.typing_mode)
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
        stop: watch::Receiver<bool>,
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
        let flow = style.map(|style| Flow::new(style, told.clone(), Instant::now()));
        let aloud = Aloud::new(self, flow, verbose, stop);
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

impl Mouth for Case<'_> {
    fn part<'m>(&'m self, part: &'m Part) -> BoxFuture<'m, bool> {
        async move {
            let bodies = self.composition().part(part, self.run.model());
            let replies = self.addressed(&bodies);
            self.put(replies, vec![note(&self.turn_id, &part.raw)]).await
        }
        .boxed()
    }

    fn line(&self, what: String, text: String) -> BoxFuture<'_, ()> {
        async move {
            let last = self.last();
            let lane = lane_of(&last.channel, &last.event);
            let mut bodies = self.composition().plain(&text);
            for (number, body) in bodies.iter_mut().enumerate() {
                body.message.reply_to.clear();
                body.message.silent = true;
                body.message.idempotency_key = format!("{}:{what}:{number}", self.turn_id);
            }
            let once = bodies.iter().map(|body| body.once(&lane, &last.channel));
            self.put(once.collect(), Vec::new()).await;
        }
        .boxed()
    }
}
