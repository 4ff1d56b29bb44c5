//! The policy tables, row by row. `chat` is a platform without spaces, `rooms` one with them.
mod addressed;
mod commands;
mod groups;
mod private;
mod rooms;
mod strangers;
mod waiting;

use super::*;
use crate::config::Config;
use openclaw_plugin_api::{Chat, Quoted, Sender};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::cell::Cell;

/// People that are paired, and the requests of others.
#[derive(Default)]
struct Known {
    paired: Vec<&'static str>,
    requests: Cell<usize>,
    fails: bool,
}

/// What a test says about the world around an event.
struct World {
    config: Value,
    channel: &'static str,
    known: Known,
    mentions: MentionPatterns,
    access: Access,
}

/// A verdict in a word: `in`, `in+` (may give commands), `owner`, `buffered`, `code`, `silent`, or the key.
type Word = String;

impl PairedStore for Known {
    fn is_paired(&self, peer: &Peer<'_>) -> Result<bool, JournalError> {
        if self.fails {
            return Err(JournalError::Sync {
                path: "x".into(),
                why: "full".into(),
            });
        }
        Ok(self.paired.contains(&peer.sender))
    }

    fn request(&self, _: &Peer<'_>, _: &Stranger<'_>, _: i64) -> Result<Requested, JournalError> {
        self.requests.set(self.requests.get() + 1);
        Ok(match self.requests.get() {
            1 => Requested::Created {
                code: "ABCDEFGH".into(),
            },
            _ => Requested::Known,
        })
    }
}

impl World {
    fn new(channel: &'static str, block: Value) -> Self {
        Self::of(channel, json!({"channels": {channel: block}}))
    }

    fn of(channel: &'static str, config: Value) -> Self {
        Self {
            config,
            channel,
            known: Known::default(),
            mentions: MentionPatterns::of_identity("Molty", ""),
            access: Access::new(),
        }
    }

    fn paired(mut self, ids: &[&'static str]) -> Self {
        self.known.paired = ids.to_vec();
        self
    }

    fn judge(&self, event: &Inbound) -> Result<Verdict, JournalError> {
        self.asked(|access, ask| access.admit(ask, event.clone()))
    }

    /// What a channel is told before it fetches anything of an event.
    fn admits(&self, event: &Inbound) -> bool {
        let admits = self.asked(|access, ask| access.admits(ask, event));
        admits.expect("the store can be read")
    }

    fn asked<T>(&self, what: impl FnOnce(&Access, &Ask<'_>) -> T) -> T {
        let config = Config::from_value(self.config.clone()).expect("a configuration");
        let policy = ChannelPolicy::of(&config, self.channel, "default").expect("a policy");
        let info = ChannelInfo {
            spaces: self.channel == "rooms",
            id_prefixes: vec!["ch".into(), "user".into()],
            ..ChannelInfo::default()
        };
        let ask = Ask {
            channel: self.channel,
            info: &info,
            policy: &policy,
            commands: &CommandAccess::of(&config),
            is_command: &|text| text.starts_with("/status"),
            require_mention: None,
            mentions: &self.mentions,
            paired: &self.known,
            now_ms: 0,
        };
        what(&self.access, &ask)
    }

    fn word(&self, event: &Inbound) -> Word {
        match self.judge(event).expect("a verdict") {
            Verdict::Admitted(admitted) => match admitted.rights() {
                Rights { owner: true, .. } => "owner".into(),
                Rights { commands: true, .. } => "in+".into(),
                Rights { .. } => "in".into(),
            },
            Verdict::Buffered => "buffered".into(),
            Verdict::Pairing(invitation) if invitation.reply.is_some() => "code".into(),
            Verdict::Pairing(_) => "silent".into(),
            Verdict::Dropped(refusal) if refusal.key.is_empty() => refusal.reason.to_string(),
            Verdict::Dropped(refusal) => refusal.key,
        }
    }
}

fn dm(sender: &str) -> Inbound {
    Inbound {
        chat: Chat {
            id: "77".into(),
            ..Chat::default()
        },
        sender: Sender {
            id: sender.into(),
            username: "ann".into(),
            name: "Ann".into(),
            ..Sender::default()
        },
        message_id: "m".into(),
        text: "hello".into(),
        ..Inbound::default()
    }
}

/// A message in a group that addresses the agent.
fn group(chat: &str, topic: &str, sender: &str) -> Inbound {
    Inbound {
        chat: Chat {
            id: chat.into(),
            kind: ChatKind::Group,
            thread_id: topic.into(),
            ..Chat::default()
        },
        mentioned: true,
        ..dm(sender)
    }
}

/// A message in a room of a space that addresses the agent.
fn room(space: &str, chat: &str, title: &str, sender: &str) -> Inbound {
    let mut event = group(chat, "", sender);
    event.chat.kind = ChatKind::Channel;
    event.chat.space_id = space.into();
    event.chat.title = title.into();
    event
}

fn unmentioned(mut event: Inbound) -> Inbound {
    event.mentioned = false;
    event
}

fn saying(text: &str, mut event: Inbound) -> Inbound {
    event.text = text.into();
    event
}

fn of_kind(kind: InboundKind, mut event: Inbound) -> Inbound {
    event.kind = kind;
    event
}
