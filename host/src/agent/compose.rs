//! From what a model wrote to the messages that a chat gets.
use super::{
    blocks::{Part, behind, fenced},
    chunk::{Limits, Mode, Unit, chunk, fence},
    desk::Desk,
    footer::footer,
    job::EventJob,
    reply::{self, Occasion, Payload, PrefixVars, Reply, ReplyTo},
    turn::TurnOutcome,
};
use crate::{
    config::{Agent, ChannelPolicy, ChunkMode, Config, ReplyToMode},
    deliver::{Body, UNKNOWN, message_to},
};
use openclaw_plugin_api::{ChannelInfo, MediaRef, StopReason};

/// What is said when a model says nothing and did not choose to.
const NOTHING: &str = "⚠️ The model gave an empty answer. Please try again.";
/// What is said when it says nothing because it won't.
const DECLINED: &str =
    "⚠️ The model declined to answer this. Put it differently, or choose another model with /model.";

/// What is said when it has thought until it might write no more.
const SPENT: &str = "⚠️ The model reached its limit before it said anything. Ask for less at once, or let it think less with /think.";

/// What composing looks at.
pub(super) struct Composition<'a> {
    pub(super) desk: &'a Desk,
    pub(super) config: &'a Config,
    pub(super) agent: &'a Agent,
    pub(super) policy: &'a ChannelPolicy,
    pub(super) info: &'a ChannelInfo,
    /// The event that is answered.
    pub(super) job: &'a EventJob,
    /// What every try of the same answer has in common.
    pub(super) key: &'a str,
}

impl Composition<'_> {
    /// The messages of an answer, in order, behind what went out of it in some parts. None: the model chose to be silent,
    /// or there is nothing more to say.
    pub(super) async fn answer(&self, outcome: &TurnOutcome, (sent, parts): (&str, usize)) -> Vec<Body> {
        let mut payload = match reply::parse(&outcome.text, Occasion::Message) {
            Reply::Send(payload) => payload,
            Reply::Silent => return Vec::new(),
            Reply::Empty => Payload {
                text: instead(outcome.stop).to_owned(),
                ..Payload::default()
            },
        };
        if parts > 0 {
            let whole = std::mem::take(&mut payload.text);
            let rest = behind(&whole, sent);
            let before = &whole[..whole.len() - rest.len()];
            payload.text = fenced(rest, fence::after_text(before, None, true));
        }
        for notice in outcome.notices.iter().filter(|_| self.is_direct()) {
            payload.text = format!("{notice}\n\n{}", payload.text);
        }
        if parts == 0 {
            payload.text = reply::with_prefix(&payload.text, self.prefix(&outcome.model).as_deref());
        }
        let files = files(self.desk, self.agent, &mut payload).await;
        let wanted = self.job.settings.response_usage.unwrap_or_default();
        if let Some(line) = footer(wanted, outcome) {
            payload.text = format!("{}\n\n{line}", payload.text.trim_end());
        }
        self.messages(&payload, files, parts)
    }

    /// The messages of a part of an answer, said by this model.
    pub(super) fn part(&self, part: &Part, (provider, model): (String, String)) -> Vec<Body> {
        let mut payload = Payload {
            text: part.text.clone(),
            reply_to: part.reply_to.clone(),
            ..Payload::default()
        };
        if part.number == 0 {
            let prefix = self.prefix(&format!("{provider}/{model}"));
            payload.text = reply::with_prefix(&payload.text, prefix.as_deref());
        }
        let mut bodies = self.messages(&payload, Vec::new(), part.number);
        for (number, body) in bodies.iter_mut().enumerate() {
            body.message.idempotency_key = format!("{}:part-{}:{number}", self.key, part.number);
        }
        bodies
    }

    /// The messages of a plain text.
    pub(super) fn plain(&self, text: &str) -> Vec<Body> {
        let payload = Payload {
            text: text.to_owned(),
            ..Payload::default()
        };
        self.messages(&payload, Vec::new(), 0)
    }

    fn is_direct(&self) -> bool {
        self.job.event.chat.kind == openclaw_plugin_api::ChatKind::Direct
    }

    fn prefix(&self, model: &str) -> Option<String> {
        let own = self.policy.response_prefix.as_deref();
        let setting = own.or(self.config.messages.response_prefix.as_deref())?;
        let (provider, model) = model.split_once('/').unwrap_or_default();
        let name = self.agent.identity.name.as_deref().or(self.agent.name.as_deref());
        let vars = PrefixVars {
            model,
            provider,
            thinking_level: "",
            identity_name: name.unwrap_or_default(),
        };
        reply::response_prefix(setting, &vars)
    }

    /// `before`: messages of the same answer that went ahead.
    fn messages(&self, payload: &Payload, files: Vec<MediaRef>, before: usize) -> Vec<Body> {
        let mut texts = chunk(payload.text.trim(), &limits(self.info, self.policy));
        if texts.is_empty() && !files.is_empty() {
            texts.push(String::new());
        }
        let mut files = Some(files);
        let bodies = texts.into_iter().enumerate().map(|(number, text)| {
            let mut message = message_to(&self.job.event, text, format!("{}:{number}", self.key));
            message.reply_to = self.reply_to(payload, before + number);
            message.attachments = files.take().unwrap_or_default();
            if payload.audio_as_voice {
                message.extra.insert("audioAsVoice".into(), true.into());
            }
            Body::new(message)
        });
        bodies.collect()
    }

    fn reply_to(&self, payload: &Payload, number: usize) -> String {
        let asked = match &payload.reply_to {
            ReplyTo::Id(id) => id.clone(),
            ReplyTo::Current => self.job.event.message_id.clone(),
            ReplyTo::None if self.is_direct() => String::new(),
            ReplyTo::None => self.job.event.message_id.clone(),
        };
        match self.policy.reply_to_mode.unwrap_or_default() {
            ReplyToMode::Off => String::new(),
            ReplyToMode::All => asked,
            _ if number == 0 => asked,
            _ => String::new(),
        }
    }
}

/// What is said in the place of an answer without words.
fn instead(stop: StopReason) -> &'static str {
    match stop {
        StopReason::Refusal => DECLINED,
        StopReason::Length => SPENT,
        _ => NOTHING,
    }
}

/// The files that a model named. One that can't be had is told of in the text.
pub(super) async fn files(desk: &Desk, agent: &Agent, payload: &mut Payload) -> Vec<MediaRef> {
    let workspace = agent.workspace(&desk.paths);
    let mut files = Vec::new();
    for source in &payload.media {
        let taken = desk.enclosures.take(source, &workspace, agent.media_max_bytes);
        match taken.await {
            Ok(file) => files.push(file),
            Err(error) => {
                tracing::warn!(target: "openclaw::agent", %error, "a file of an answer is not sent");
                payload.text.push_str("\n\n⚠️ A file could not be attached.");
            }
        }
    }
    files
}

/// How long a message may be. A platform may count an emoji twice, so it is counted twice.
pub(super) fn limits(info: &ChannelInfo, policy: &ChannelPolicy) -> Limits {
    let of_channel = usize::try_from(info.text_limit).unwrap_or(usize::MAX);
    Limits {
        limit: policy
            .text_chunk_limit
            .map_or(of_channel, |own| own.min(of_channel)),
        unit: Unit::Utf16,
        mode: match policy.chunk_mode() {
            ChunkMode::Newline => Mode::Newline,
            ChunkMode::Length => Mode::Length,
        },
        lines: policy
            .max_lines_per_message
            .unwrap_or_else(|| usize::try_from(info.line_limit).unwrap_or(0)),
    }
}

/// The first message takes the place of its preview. Files can't be added to a message, so they follow in one of their
/// own.
pub(super) fn in_place(mut replies: Vec<Body>, shown: &str) -> Vec<Body> {
    if shown.is_empty() || shown == UNKNOWN || replies.is_empty() {
        return replies;
    }
    let first = &mut replies[0];
    if first.message.text.is_empty() {
        return replies;
    }
    first.preview = shown.to_owned();
    if first.message.attachments.is_empty() {
        return replies;
    }
    let mut files = Body::new(first.message.clone());
    first.message.attachments.clear();
    files.message.text.clear();
    files.message.idempotency_key.push_str(":files");
    replies.insert(1, files);
    replies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_model_says_nothing_is_told() {
        assert!(instead(StopReason::Refusal).contains("declined"));
        assert!(instead(StopReason::Length).contains("limit"));
        for stop in [StopReason::Stop, StopReason::Other] {
            assert_eq!(instead(stop), NOTHING, "{stop:?}");
        }
    }
}
