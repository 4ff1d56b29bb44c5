//! What a channel is asked to do, and what it says of it.
use crate::{Error, ErrorKind, MediaRef, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One message to deliver.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Outbound {
    /// The same for every try of the same message. Use the platform's own mechanism where it has one.
    pub idempotency_key: String,
    /// Account that sends.
    pub account_id: String,
    /// Chat.
    pub chat_id: String,
    /// Thread or topic; empty if none.
    pub thread_id: String,
    /// Markdown, within [`ChannelInfo::text_limit`].
    pub text: String,
    /// Message to refer to; empty if none.
    pub reply_to: String,
    /// Files from the host's store.
    pub attachments: Vec<MediaRef>,
    /// Deliver without a sound.
    pub silent: bool,
    /// Buttons and other platform-independent components, row by row.
    pub buttons: Vec<Vec<Button>>,
    /// The event that this answers ([`Inbound::event_id`](crate::Inbound::event_id)); empty if none. For platforms
    /// where an answer has a place of its own, such as that of a slash command.
    pub event_id: String,
    /// The message of that event; empty if it had none. Unlike `reply_to` it does not ask to be shown.
    pub event_message_id: String,
    /// When it was queued, milliseconds since 1970; 0 if it never was. Where the platform forgets idempotency keys, an
    /// older message may be there already.
    pub queued_ms: u64,
    /// What only this channel understands.
    pub extra: Map<String, Value>,
}

// === impl Outbound ===

impl Outbound {
    /// The message without the files that have more bytes than the platform takes. Its text names them instead, so that
    /// nobody waits for them, and the rest is not lost with them.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] where nothing would be left to say.
    pub fn without_files_over(mut self, bytes: u64) -> Result<Self> {
        let (fit, large): (Vec<_>, Vec<_>) = std::mem::take(&mut self.attachments)
            .into_iter()
            .partition(|file| file.size <= bytes);
        self.attachments = fit;
        if large.is_empty() {
            return Ok(self);
        }
        let names: Vec<_> = large.iter().map(told).collect();
        let (names, most) = (names.join(", "), bytes >> 20);
        if self.attachments.is_empty() && self.text.trim().is_empty() {
            return Err(Error::new(
                ErrorKind::Rejected,
                format_args!("{names}: a file may have at most {most} MB here; make it smaller"),
            ));
        }
        let notice = format!("⚠️ Too large to send here, where a file may have {most} MB: {names}");
        self.text = format!("{}\n\n{notice}", self.text.trim_end())
            .trim_start()
            .to_owned();
        Ok(self)
    }
}

fn told(file: &MediaRef) -> String {
    let name = if file.file_name.is_empty() {
        &file.mime_type
    } else {
        &file.file_name
    };
    format!("{name} ({} MB)", file.size.div_ceil(1 << 20))
}

/// One button under a message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Button {
    /// What people see.
    pub label: String,
    /// What comes back in [`Inbound::value`].
    pub value: String,
    /// `primary`, `danger` or empty.
    pub style: String,
}

/// What was delivered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Receipt {
    /// Ids of the messages that it became, in order.
    pub message_ids: Vec<String>,
}

/// A message that exists.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MessageTarget {
    /// Account.
    pub account_id: String,
    /// Chat.
    pub chat_id: String,
    /// Thread or topic; empty if none.
    pub thread_id: String,
    /// Message.
    pub message_id: String,
}

/// A new text for a message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Edit {
    /// Which message.
    pub target: MessageTarget,
    /// Its new text, Markdown.
    pub text: String,
    /// Its new buttons.
    pub buttons: Vec<Vec<Button>>,
}

/// A reaction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct React {
    /// Which message.
    pub target: MessageTarget,
    /// Unicode emoji or the platform's own notation.
    pub emoji: String,
    /// Take it away instead.
    pub remove: bool,
}

/// The agent is busy in a chat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Activity {
    /// Account.
    pub account_id: String,
    /// Chat.
    pub chat_id: String,
    /// Thread or topic; empty if none.
    pub thread_id: String,
}

/// Something only one platform can do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Action {
    /// One of [`ChannelInfo::actions`].
    pub name: String,
    /// Account.
    pub account_id: String,
    /// Chat, where the action has one.
    pub chat_id: String,
    /// Who asked for it, from the event and never from the model; empty if nobody did (a schedule, the operator).
    pub sender_id: String,
    /// The operator, or somebody whom the operator trusts as much, asked for it.
    pub from_owner: bool,
    /// JSON object.
    pub params: Map<String, Value>,
}

/// How an account is doing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ChannelStatus {
    /// Account.
    pub account_id: String,
    /// Connected, or about to be.
    pub state: ChannelState,
    /// Who the bot is, for people.
    pub identity: String,
    /// What is wrong and what to do; empty when nothing is.
    pub problem: String,
    /// Whatever the platform has to show (shards, latency, limits).
    pub details: Map<String, Value>,
}

/// How an account is doing, in a word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChannelState {
    /// Not started, or stopped.
    #[default]
    Stopped,
    /// Trying.
    Connecting,
    /// Messages flow.
    Connected,
    /// Broken for now; it tries again by itself.
    Degraded,
    /// Broken until somebody changes something.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, sizes: &[(&str, u64)]) -> Outbound {
        let file = |(name, size): &(&str, u64)| MediaRef {
            file_name: (*name).to_owned(),
            size: *size,
            ..MediaRef::default()
        };
        Outbound {
            text: text.to_owned(),
            attachments: sizes.iter().map(file).collect(),
            ..Outbound::default()
        }
    }

    #[test]
    fn a_file_that_is_too_large_takes_nothing_else_with_it() {
        let (small, large) = (("a.txt", 10), ("b.zip", 9 << 20));
        let as_it_is = with("hi", &[small]);
        assert_eq!(
            as_it_is.clone().without_files_over(8 << 20).expect("it fits"),
            as_it_is
        );
        let rest = with("hi", &[large, small])
            .without_files_over(8 << 20)
            .expect("some is left");
        assert_eq!(rest.attachments, as_it_is.attachments);
        assert!(
            rest.text.starts_with("hi\n") && rest.text.contains("b.zip (9 MB)"),
            "{}",
            rest.text
        );
        let words = with("hi", &[large])
            .without_files_over(8 << 20)
            .expect("words are left");
        assert!(words.attachments.is_empty() && words.text.contains("b.zip"));
        let files = with("", &[large, small])
            .without_files_over(8 << 20)
            .expect("a file is left");
        assert!(files.text.starts_with("⚠️"), "{}", files.text);
        let nothing = with(" ", &[large])
            .without_files_over(8 << 20)
            .expect_err("nothing is left");
        assert_eq!(nothing.kind(), ErrorKind::Rejected);
    }
}
