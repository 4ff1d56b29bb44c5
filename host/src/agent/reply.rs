//! What a model wrote, as people get it: without its directives, its thoughts and the tokens that mean silence.
//!
//! It opens nothing: whether a file may be sent is decided where it is read. Code, fenced or in backticks, is left as
//! the model wrote it.
mod prefix;
mod read;
mod token;

pub use prefix::{PrefixVars, response_prefix, with_prefix};
use token::{ANNOUNCE_SKIP, HEARTBEAT_OK, NO_REPLY};

/// Most characters beside `HEARTBEAT_OK` that are no news, unless the operator says otherwise.
pub const ACK_MAX_CHARS: usize = 300;

/// What prompted the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// Somebody wrote.
    Message,
    /// A heartbeat. Nothing is said if no more than this many characters stand beside the token.
    Heartbeat {
        /// `heartbeat.ackMaxChars`.
        ack_max_chars: usize,
    },
}

/// What to do with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Send it.
    Send(Payload),
    /// The model chose to say nothing.
    Silent,
    /// The model said nothing without choosing so.
    Empty,
}

/// One message to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload {
    /// Markdown; may be empty if there are files.
    pub text: String,
    /// Files, in order.
    pub media: Vec<MediaSource>,
    /// The message that it answers.
    pub reply_to: ReplyTo,
    /// Send sound as a voice message.
    pub audio_as_voice: bool,
}

/// Where a file comes from, as the model wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaSource {
    /// A path, perhaps relative to the workspace. Unchecked.
    Path(String),
    /// `http` or `https`. Unchecked.
    Url(String),
}

/// The message that an answer refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ReplyTo {
    /// None.
    #[default]
    None,
    /// The one that is being answered.
    Current,
    /// The one with this id.
    Id(String),
}

/// Reads a whole answer.
pub fn parse(text: &str, occasion: Occasion) -> Reply {
    let mut payload = read::read(text, false);
    if token::at_edge(&payload.text, NO_REPLY) || token::at_edge(&payload.text, ANNOUNCE_SKIP) {
        return Reply::Silent;
    }
    if let Some(rest) = token::stripped(&payload.text, HEARTBEAT_OK) {
        let no_news = match occasion {
            Occasion::Message => rest.is_empty(),
            Occasion::Heartbeat { ack_max_chars } => rest.chars().count() <= ack_max_chars,
        };
        if no_news && payload.media.is_empty() {
            return Reply::Silent;
        }
        payload.text = rest;
    }
    if payload.text.is_empty() && payload.media.is_empty() {
        return Reply::Empty;
    }
    Reply::Send(payload)
}

/// What may be shown of an answer that is still being written: nothing that the whole answer may turn out not to say.
pub fn preview(written: &str) -> String {
    so_far(written).text
}

/// The same with what the answer refers to, as far as that is known.
pub fn so_far(written: &str) -> Payload {
    let mut payload = read::read(written, true);
    let text = &payload.text;
    if token::may_begin(text, NO_REPLY) || token::may_begin(text, HEARTBEAT_OK) {
        payload.text.clear();
        return payload;
    }
    let text = token::without_partial_end(text, NO_REPLY);
    payload.text = token::without_partial_end(text, HEARTBEAT_OK)
        .trim_end()
        .to_owned();
    payload
}

#[cfg(test)]
mod tests;
