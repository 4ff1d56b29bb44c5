//! What the gate says about an event.
use super::Admitted;
use crate::journal::Requested;
use openclaw_plugin_api::Inbound;

/// What becomes of an event.
#[derive(Debug)]
pub enum Verdict {
    /// It goes to an agent.
    Admitted(Box<Admitted<Inbound>>),
    /// A message of a group that doesn't address the agent: kept as context for the next one that does.
    Buffered,
    /// It is thrown away.
    Dropped(Refusal),
    /// A stranger's message: thrown away, and perhaps answered with a code.
    Pairing(Invitation),
}

/// Why an event is thrown away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The key of the configuration that decided; empty where none could have helped.
    pub key: String,
}

/// What happens with a stranger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// What became of the request.
    pub requested: Requested,
    /// What to answer in the same chat, if anything. It has the code in it, so it is not for logs.
    pub reply: Option<String>,
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// An event of a kind that this gateway doesn't know.
    #[error("events of this kind are not known")]
    UnknownKind,
    /// The platform does not say who it is.
    #[error("the sender has no id")]
    UnknownSender,
    /// A program wrote.
    #[error("the sender is a program")]
    Bot,
    /// Private messages are off.
    #[error("private messages are off")]
    DirectOff,
    /// The sender is on no list.
    #[error("no list names the sender")]
    SenderNotListed,
    /// Groups are off.
    #[error("groups are off")]
    GroupsOff,
    /// The chat, or the space that it is in, is on no list.
    #[error("no list names the chat")]
    ChatNotListed,
    /// The chat is switched off.
    #[error("the chat is switched off")]
    ChatOff,
    /// The sender may write but not give commands.
    #[error("control command (unauthorized)")]
    UnauthorizedCommand,
}

impl Refusal {
    pub(super) fn new(reason: Reason, key: impl Into<String>) -> Self {
        Self {
            reason,
            key: key.into(),
        }
    }
}

/// What a person reads in the log: why, and which key would let it through.
impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { reason, key } = self;
        match reason {
            _ if key.is_empty() => write!(f, "{reason}"),
            Reason::SenderNotListed | Reason::UnauthorizedCommand => {
                write!(f, "{reason}; add the sender to {key} to let this through")
            }
            Reason::ChatNotListed | Reason::Bot => write!(f, "{reason}; set {key} to let this through"),
            _ => write!(f, "{reason}; {key} says so"),
        }
    }
}

impl Reason {
    /// Whether it is the same for everybody in the chat.
    pub(super) fn is_about_the_chat(self) -> bool {
        matches!(self, Self::GroupsOff | Self::ChatNotListed | Self::ChatOff)
    }
}
