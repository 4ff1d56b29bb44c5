//! What operators, agents and commands do with calls.
use super::{
    CallId, Calls, Direction, MAX_CALLS, Record, State, Step, Then, drive::is_refusal, live::MAX_SPEECH,
    record::Metadata,
};
use crate::{
    config::{E164, TalkMode},
    provider::Dial,
};
use futures_channel::oneshot;
use openclaw_plugin_api::{Error, ErrorKind, Result};
use std::collections::VecDeque;

/// Keys of one sequence.
const MAX_KEYS: usize = 64;

/// A call to make.
#[derive(Debug, Clone, Default)]
pub(crate) struct Order {
    pub(crate) to: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) mode: Option<TalkMode>,
    pub(crate) digits: Option<String>,
    pub(crate) session_key: Option<String>,
}

// === impl Calls ===

impl Calls {
    /// Makes a call. It is kept before it is dialled: a call that nobody remembers is not made.
    pub(crate) async fn initiate(&self, order: Order) -> Result<CallId> {
        let live = self.fitted(self.ordered(order)?);
        let id = live.record.call_id.clone();
        {
            let mut book = self.book();
            let (open, limit) = (book.open(), self.0.settings.config.max_calls().min(MAX_CALLS));
            if open >= limit {
                let text = format!("Maximum concurrent calls ({limit}) reached");
                return Err(Error::new(ErrorKind::Refused, text));
            }
            book.insert(live);
        }
        if let Err(error) = self.save(&id).await {
            self.book().remove(&id);
            return Err(error);
        }
        self.tick_while_needed();
        self.dial(&id).await?;
        Ok(id)
    }

    fn ordered(&self, order: Order) -> Result<Record> {
        let config = &self.0.settings.config;
        let to = order.to.as_deref().map(str::trim).filter(|to| !to.is_empty());
        let to = match to {
            Some(to) => E164::parse(to),
            None => config.to_number.clone(),
        };
        let to = to.ok_or_else(|| {
            Error::invalid("whom to call is a number such as +15550001234; give one, or set toNumber")
        })?;
        let mode = order.mode.unwrap_or(config.outbound.default_mode);
        let digits = order.digits.as_deref().map(keys).transpose()?;
        if digits.is_some() && mode != TalkMode::Conversation {
            return Err(Error::invalid("dtmfSequence requires conversation mode"));
        }
        let webhook_url = self.0.reach.webhook();
        if webhook_url.is_none() && (mode == TalkMode::Conversation || !self.0.carrier.works_alone()) {
            let text = format!(
                "Webhook URL not configured: {} has nowhere to tell what happens in a call; {}",
                self.0.carrier.name(),
                crate::reach::REMEDIES
            );
            return Err(Error::new(ErrorKind::Config, text));
        }
        let message = order
            .message
            .map(|message| message.trim().chars().take(MAX_SPEECH).collect::<String>());
        Ok(Record {
            call_id: CallId::random(),
            provider_call_id: None,
            provider: self.0.carrier.kind(),
            direction: Direction::Outbound,
            state: State::Initiated,
            from: self.0.settings.from.to_string(),
            to: to.to_string(),
            session_key: order.session_key,
            agent_id: None,
            started_at: self.0.clock.now(),
            answered_at: None,
            ended_at: None,
            end_reason: None,
            transcript: Vec::new(),
            processed_event_ids: VecDeque::new(),
            metadata: Metadata {
                initial_message: message.filter(|message| !message.is_empty()),
                mode,
                digits,
                webhook_url,
                ..Metadata::default()
            },
        })
    }

    async fn dial(&self, id: &CallId) -> Result<()> {
        let Some(record) = self.find(id) else {
            return Err(Error::new(ErrorKind::NotFound, "Call not found"));
        };
        let alone = record.metadata.webhook_url.is_none();
        let inline = record.metadata.initial_message.clone().filter(|_| alone);
        let inline = inline.map(|text| Step::Say {
            text,
            then: Then::HangUp(self.0.settings.config.notify_delay()),
        });
        let dial = Dial {
            call_id: id,
            from: &record.from,
            to: &record.to,
            webhook_url: record.metadata.webhook_url.as_deref(),
            inline: inline.as_ref(),
            voice: self.with(id, |live| live.voice.clone()).flatten(),
            ring_timeout: self.0.settings.config.ring_timeout(),
        };
        let dialled = self.0.carrier.dial(&dial).await;
        match dialled {
            Ok(provider) => {
                let mut book = self.book();
                // a webhook may have brought it already
                book.by_provider.insert(provider.clone(), id.clone());
                if let Some(live) = book.calls.get_mut(id) {
                    live.record.provider_call_id.get_or_insert(provider);
                    live.poll_at = alone.then(|| self.0.clock.now());
                }
            }
            Err(error) if !alone && !is_refusal(&error) => {
                // it may ring: then its webhooks find it here, and until it is given up no other is made in its place
                self.save(id).await?;
                let text = format_args!(
                    "{error}; call {id} may be on its way all the same, and is led if it is: don't make it again before \
                     `openclaw voicecall status` says that it has ended"
                );
                return Err(Error::new(ErrorKind::Unknown, text));
            }
            Err(error) => {
                self.end(id, State::Failed);
                self.save(id).await?;
                return Err(error);
            }
        }
        self.save(id).await?;
        // ended while it was dialled
        if self.find(id).is_some_and(|record| record.state.is_end())
            && let Some(leg) = self.with(id, |live| live.leg()).flatten()
        {
            self.0.carrier.hang_up(&leg).await?;
        }
        Ok(())
    }

    /// Says something.
    pub(crate) async fn speak(&self, id: &CallId, message: &str) -> Result<()> {
        self.with_open(id, |live| {
            connected(live.rings())?;
            queued(live.queue(message))
        })?;
        self.advance(id).await
    }

    /// Says something and gives what the person answers.
    pub(crate) async fn converse(&self, id: &CallId, message: &str) -> Result<String> {
        let (heard, words) = oneshot::channel();
        let now = self.0.clock.now();
        self.with_open(id, |live| {
            connected(live.rings())?;
            if live
                .waiter
                .as_ref()
                .is_some_and(|(_, waiter)| !waiter.is_canceled())
            {
                return Err(Error::new(ErrorKind::Refused, "Already waiting for transcript"));
            }
            queued(live.queue(message))?;
            live.waiter = Some((now, heard));
            Ok(())
        })?;
        self.advance(id).await?;
        let limit = self.0.settings.config.transcript_timeout();
        match self.0.host.timeout(limit, words).await {
            Ok(Ok(words)) => Ok(words),
            Ok(Err(_)) => Err(Error::invalid("Call has ended")),
            Err(_) => {
                self.with(id, |live| live.waiter = None);
                Err(Error::new(
                    ErrorKind::Timeout,
                    format_args!("nobody said anything within {limit:?}"),
                ))
            }
        }
    }

    /// Presses keys.
    pub(crate) async fn press(&self, id: &CallId, digits: &str) -> Result<()> {
        let digits = keys(digits)?;
        if self.media().is_open(id) {
            return Err(Error::unsupported(
                "keys can't be pressed while the call's sound is streamed",
            ));
        }
        self.with_open(id, |live| {
            connected(live.rings())?;
            live.record.metadata.digits = Some(digits);
            Ok(())
        })?;
        self.advance(id).await
    }
}

fn connected(rings: bool) -> Result<()> {
    match rings {
        true => Err(Error::invalid("Call not connected")),
        false => Ok(()),
    }
}

fn queued(fits: bool) -> Result<()> {
    match fits {
        true => Ok(()),
        false => Err(Error::invalid(
            "there is nothing to say, or too much waits to be said",
        )),
    }
}

/// Keys of a telephone, and pauses.
fn keys(digits: &str) -> Result<String> {
    let fine = (1..=MAX_KEYS).contains(&digits.len())
        && digits
            .chars()
            .all(|key| key.is_ascii_digit() || "*#wWpP,".contains(key));
    match fine {
        true => Ok(digits.to_owned()),
        false => Err(Error::invalid(
            "keys are 1 to 64 of 0-9, *, #, w, p and the comma",
        )),
    }
}
