//! Events that are no messages, as one line each that the model reads at its next turn.
//!
//! Names and texts in it come from other people: each is cut, and none can begin a line of its own.
use super::{label, sender_label};
use openclaw_plugin_api::{Inbound, InboundKind};

/// Most of a text that is shown in an event.
const MAX_TEXT: usize = 500;

/// The event in one line; `None` for what a model has no use for, and for messages, which are turns.
/// `channel` is the channel's name for people.
pub fn event_line(channel: &str, inbound: &Inbound) -> Option<String> {
    let who = sender_label(&inbound.sender);
    let message = match inbound.message_id.is_empty() {
        true => "a message".to_owned(),
        false => format!("msg {}", label(&inbound.message_id, "")),
    };
    let what = match inbound.kind {
        InboundKind::Reaction => {
            let done = if inbound.removed { "removed" } else { "added" };
            format!(
                "reaction {done}: {} by {who} on {message}",
                label(&inbound.emoji, "?")
            )
        }
        InboundKind::Edit => format!("{message} edited by {who}, now: {}", one_line(&inbound.text)),
        InboundKind::Delete => format!("{message} deleted by {who}"),
        InboundKind::Button => format!("button used by {who} on {message}: {}", one_line(&inbound.value)),
        InboundKind::Membership => {
            let done = if inbound.removed { "left" } else { "joined" };
            format!("{who} {done}")
        }
        InboundKind::Message | InboundKind::Command | InboundKind::Call | InboundKind::Unknown => {
            return None;
        }
    };
    let place = match inbound.chat.title.is_empty() {
        true => String::new(),
        false => format!(" in {}", label(&inbound.chat.title, "")),
    };
    Some(format!("System: {} {what}{place}", label(channel, "channel")))
}

fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = words.chars().take(MAX_TEXT).collect();
    match short.len() < words.len() {
        true => format!("“{short} …”"),
        false => format!("“{short}”"),
    }
}
