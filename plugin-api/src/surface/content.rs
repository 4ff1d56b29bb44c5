//! Records that several capabilities share: messages, their parts, and references to stored media.
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// What a slow line carries in a second, bytes.
const SLOW_LINE: u64 = 256 << 10;
/// Most time that files are given.
const LONGEST_SENDING: Duration = Duration::from_secs(600);

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Content {
    /// Plain or Markdown text.
    Text {
        /// The text.
        text: String,
    },
    /// A picture.
    Image {
        /// Such as `image/png`.
        mime_type: String,
        /// Base64.
        data: String,
    },
    /// What the model thought. Shown only where the operator asked for it.
    Thinking {
        /// The text.
        thinking: String,
        /// The vendor's proof of it, to be sent back unchanged; empty if there is none.
        #[serde(default)]
        signature: String,
    },
    /// The model asks for a tool.
    ToolCall {
        /// Id that the result refers to.
        id: String,
        /// Tool name.
        name: String,
        /// JSON object.
        arguments: Value,
        /// The vendor's proof of the thought behind it; empty if there is none.
        #[serde(default)]
        signature: String,
    },
    /// A part of a later version; skipped.
    #[serde(other)]
    Unknown,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// A person, or the host on a person's behalf.
    #[default]
    User,
    /// The model.
    Assistant,
    /// A tool's answer.
    ToolResult,
}

/// One message of a conversation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// Its parts, in order.
    pub content: Vec<Content>,
    /// For [`Role::ToolResult`]: the call that it answers.
    pub tool_call_id: String,
    /// For [`Role::ToolResult`]: the tool's name.
    pub tool_name: String,
    /// For [`Role::ToolResult`]: the tool failed.
    pub is_error: bool,
}

/// A file in the host's media store.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MediaRef {
    /// Id for [`crate::Media::open`].
    pub id: String,
    /// Such as `image/jpeg`; `application/octet-stream` if nothing is known.
    pub mime_type: String,
    /// Name for people; empty if the platform gave none. Never a path.
    pub file_name: String,
    /// Bytes.
    pub size: u64,
    /// Lower-case hex.
    pub sha256: String,
}

impl Content {
    /// A text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// The text of a text part.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text { text } => Some(text),
            _ => None,
        }
    }
}

impl MediaRef {
    /// How much longer than others a request may take that carries these files: as long as a slow line needs for them.
    /// The host waits so much longer for [`Outbound`](crate::Outbound) with files, and a channel gives its platform as much.
    pub fn sending_time<'a>(files: impl IntoIterator<Item = &'a Self>) -> Duration {
        let sum = |sum: u64, file: &Self| sum.saturating_add(file.size);
        let bytes = files.into_iter().fold(0, sum);
        Duration::from_secs(bytes / SLOW_LINE).min(LONGEST_SENDING)
    }
}

impl Message {
    /// A message of one text part.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            content: vec![Content::text(text)],
            ..Self::default()
        }
    }

    /// All text parts, joined by newlines.
    pub fn plain_text(&self) -> String {
        self.content
            .iter()
            .filter_map(Content::as_text)
            .collect::<Vec<_>>()
            .join("\n")
    }
}
