//! Messages that answer no event: what a person sends to a chat by hand, and answers that go elsewhere than to who
//! asked. They stand in the outbox before anybody is told that they are on their way.
use super::{
    chunk::chunk,
    compose,
    desk::Desk,
    reply::{self, MediaSource, Occasion, Payload, Reply},
    turn::TurnOutcome,
};
use crate::{
    config::{Agent, ChannelPolicy},
    deliver::{Body, lane_to},
    journal::{JournalError, NewDelivery, Settled},
    route::Delivery,
};
use openclaw_plugin_api::{Button, Error, ErrorKind, MediaRef, Outbound, Result};

/// A message to a chat.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// Where it goes.
    pub to: Delivery,
    /// Markdown; may be empty if there are files.
    pub text: String,
    /// Files: paths in the agent's workspace, or public addresses.
    pub media: Vec<MediaSource>,
    /// The message that it refers to; empty for none.
    pub reply_to: String,
    /// Without a sound on the other side.
    pub silent: bool,
    /// Sound as a voice message.
    pub voice: bool,
    /// Buttons under its last part, row by row.
    pub buttons: Vec<Vec<Button>>,
    /// Whose workspace the files are in; empty for the default agent's.
    pub agent_id: String,
    /// What every try of the same message has in common.
    pub key: String,
}

impl Desk {
    /// Puts a message into the outbox. When this returns well, it is on the disk. Gives the rows of its parts. One that
    /// was put there before under the same key is not put there again.
    pub async fn post(&self, post: &Post) -> Result<Vec<i64>> {
        let unusable = |error: JournalError| Error::new(ErrorKind::Overloaded, error);
        let key = post.key.clone();
        let before = self
            .journal
            .run(move |j| j.posted(&key))
            .await
            .map_err(unusable)?;
        if !before.is_empty() {
            return Ok(before);
        }
        let config = self.config();
        let agents = config.agents();
        let agent = agents
            .get(&post.agent_id)
            .unwrap_or_else(|| agents.default_agent());
        let workspace = agent.workspace(&self.paths);
        let mut files = Vec::new();
        for source in &post.media {
            let taken = self.enclosures.take(source, &workspace, agent.media_max_bytes);
            files.push(taken.await?);
        }
        let replies = messages(self, post, files);
        if replies.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "there is nothing to send; give a text or a file",
            ));
        }
        let rows = put(self, replies).await.map_err(unusable)?;
        self.journal.synced().await.map_err(unusable)?;
        Ok(rows)
    }
}

/// The messages that deliver an answer. None: the model chose to be silent.
pub(super) async fn answer(
    desk: &Desk,
    agent: &Agent,
    outcome: &TurnOutcome,
    to: &Delivery,
    (key, occasion): (&str, Occasion),
) -> Vec<NewDelivery> {
    let Reply::Send(mut payload) = reply::parse(&outcome.text, occasion) else {
        return Vec::new();
    };
    let files = compose::files(desk, agent, &mut payload).await;
    let Payload {
        text, audio_as_voice, ..
    } = payload;
    let post = Post {
        to: to.clone(),
        text,
        media: Vec::new(),
        reply_to: String::new(),
        silent: false,
        voice: audio_as_voice,
        buttons: Vec::new(),
        agent_id: String::new(),
        key: key.to_owned(),
    };
    messages(desk, &post, files)
}

/// Writes messages, and has them sent. Gives their rows.
async fn put(desk: &Desk, replies: Vec<NewDelivery>) -> std::result::Result<Vec<i64>, JournalError> {
    let now = desk.clock.now_ms();
    let write = move |j: &crate::journal::Journal| j.reply(&[], &Settled::Done, &replies, "", &[], now);
    let written = desk.journal.run(write).await?;
    for delivery in &written {
        desk.outbox.wake(&delivery.lane);
    }
    Ok(written.into_iter().map(|delivery| delivery.id).collect())
}

fn messages(desk: &Desk, post: &Post, files: Vec<MediaRef>) -> Vec<NewDelivery> {
    let to = &post.to;
    let info = desk.registry.channel_info(&to.channel);
    let policy = ChannelPolicy::of(&desk.config(), &to.channel, &to.account_id).unwrap_or_default();
    let mut texts = chunk(post.text.trim(), &compose::limits(&info, &policy));
    if texts.is_empty() && !files.is_empty() {
        texts.push(String::new());
    }
    let lane = lane_to(to);
    let last = texts.len().saturating_sub(1);
    let mut files = Some(files);
    let parts = texts.into_iter().enumerate().map(|(number, text)| {
        let mut message = Outbound {
            idempotency_key: format!("{}:{number}", post.key),
            account_id: to.account_id.clone(),
            chat_id: to.chat_id.clone(),
            thread_id: to.thread_id.clone(),
            text,
            attachments: files.take().unwrap_or_default(),
            silent: post.silent,
            ..Outbound::default()
        };
        if number == 0 {
            message.reply_to.clone_from(&post.reply_to);
        }
        if number == last {
            message.buttons.clone_from(&post.buttons);
        }
        if post.voice {
            message.extra.insert("audioAsVoice".into(), true.into());
        }
        Body::new(message).once(&lane, &to.channel)
    });
    parts.collect()
}
