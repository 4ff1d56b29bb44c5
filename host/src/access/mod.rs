//! Who may write, for all channels at once: private chats, groups, rooms, and every kind of event in them.
//!
//! [`Access::admit`] is the only way to an [`Admitted`] event, and routing takes nothing else. It runs without waiting
//! and without a clock of its own; what it must remember over a restart is behind [`PairedStore`]. When in doubt the
//! answer is no: a channel without a block, a sender without an id, a rule that can't be read admit nobody.
mod admitted;
mod mention;
mod pairing;
mod pending;
mod people;
mod place;
mod recent;
mod rights;
mod tools;
mod verdict;

pub use admitted::{Admitted, Rights};
pub use mention::{MentionPatterns, PatternError};
pub use pairing::{OlderFiles, PairedStore, Pairing, PairingError, pairing_reply};
pub use pending::Skipped;
pub use people::is_named;
pub use place::chat_prompt;
pub use tools::{is_sender, place_tools};
pub use verdict::{Invitation, Reason, Refusal, Verdict};

use crate::{
    config::{AllowBots, ChannelPolicy, CommandAccess},
    journal::{JournalError, Peer, Requested, Stranger},
};
use openclaw_plugin_api::{ChannelInfo, ChatKind, Inbound, InboundKind};
use pending::Pending;
use people::People;
use place::Gate;
use recent::Recent;
use std::sync::{Mutex, PoisonError};

/// Refusals that are remembered, so that each is logged once.
const MAX_REFUSED: usize = 1000;

/// The gate. One for the gateway; it remembers what was logged and what was skipped in groups.
#[derive(Debug)]
pub struct Access {
    pending: Mutex<Pending>,
    refused: Mutex<Recent<[String; 4], ()>>,
}

/// What is known besides the event when it comes to the gate.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// Channel id.
    pub channel: &'a str,
    /// What the channel can do.
    pub info: &'a ChannelInfo,
    /// The rules of the account that received the event.
    pub policy: &'a ChannelPolicy,
    /// Who may give commands.
    pub commands: &'a CommandAccess,
    /// Whether a text that begins with `/` is a command that the gateway knows, and nothing else.
    pub is_command: &'a dyn Fn(&str) -> bool,
    /// How the agent that would answer is called.
    pub mentions: &'a MentionPatterns,
    /// What was chosen for the chat: must the agent be addressed? None: as the configuration says.
    pub require_mention: Option<bool>,
    /// Who is paired.
    pub paired: &'a dyn PairedStore,
    /// The time.
    pub now_ms: i64,
}

impl Access {
    /// A gate that remembers nothing.
    pub fn new() -> Self {
        Self {
            pending: Mutex::new(Pending::new()),
            refused: Mutex::new(Recent::new(MAX_REFUSED)),
        }
    }

    /// Judges one event. A failure of the store is no verdict: the event is to be judged again.
    ///
    /// Asks the store about private messages of people whom no list names, so it may block for as long as a disk needs.
    pub fn admit(&self, ask: &Ask<'_>, mut event: Inbound) -> Result<Verdict, JournalError> {
        let pass = match self.judge(ask, &event)? {
            Gate::Pass(pass) => pass,
            Gate::Refuse(refusal) => return Ok(self.refuse(ask, &event, refusal)),
            Gate::Pair => return self.pair(ask, &event),
        };
        let rights = rights::of(ask, &event, &pass);
        let command = is_command(ask, &event);
        if command && !rights.commands {
            let refusal = Refusal::new(Reason::UnauthorizedCommand, "commands.allowFrom");
            return Ok(self.refuse(ask, &event, refusal));
        }
        let mentioned = is_mentioned(ask, &event);
        let require_mention = ask.require_mention.unwrap_or(pass.require_mention);
        let speech = matches!(event.kind, InboundKind::Message | InboundKind::Edit);
        if speech && pass.ignores_others && event.mentions_others && !mentioned {
            self.skip(ask, &event);
            return Ok(Verdict::Buffered);
        }
        if speech && require_mention && !mentioned && !(command && addresses_nobody(&event.text)) {
            self.skip(ask, &event);
            return Ok(Verdict::Buffered);
        }
        if event.kind == InboundKind::Delete {
            self.pending().forget(ask.channel, &event);
        }
        // who shows that an answer is coming has the event alone
        event.mentioned = mentioned;
        let admitted = Admitted::new(event, ask.channel, rights, mentioned);
        Ok(Verdict::Admitted(Box::new(admitted)))
    }

    /// An event of somebody who has proved at the gateway's door who he is: what he may do was decided there.
    pub fn admit_operator(&self, channel: &str, event: Inbound, owner: bool) -> Admitted<Inbound> {
        let rights = Rights {
            commands: true,
            owner,
            known: true,
        };
        Admitted::new(event, channel, rights, true)
    }

    /// Whether the sender of an event may write where it is, and give the command that it is. It remembers nothing and
    /// lets nothing in.
    pub fn admits(&self, ask: &Ask<'_>, event: &Inbound) -> Result<bool, JournalError> {
        Ok(match self.judge(ask, event)? {
            Gate::Pass(pass) => !is_command(ask, event) || rights::of(ask, event, &pass).commands,
            Gate::Refuse(_) | Gate::Pair => false,
        })
    }

    /// The messages that were skipped before this one in its chat, oldest first. Afterwards there are none.
    pub fn take_skipped(&self, event: &Admitted<Inbound>) -> Vec<Skipped> {
        self.pending().take(event.channel(), event.inner())
    }

    fn judge(&self, ask: &Ask<'_>, event: &Inbound) -> Result<Gate, JournalError> {
        if event.kind == InboundKind::Unknown {
            return Ok(Gate::Refuse(Refusal::new(Reason::UnknownKind, "")));
        }
        if event.sender.is_bot && !bots_may_write(ask, event) {
            let key = format!("channels.{}.allowBots", ask.channel);
            return Ok(Gate::Refuse(Refusal::new(Reason::Bot, key)));
        }
        if event.chat.kind == ChatKind::Direct {
            return place::direct(ask, event);
        }
        Ok(place::shared(ask, event))
    }

    /// A stranger in a private chat: gets a code once, if this is something that a person says.
    fn pair(&self, ask: &Ask<'_>, event: &Inbound) -> Result<Verdict, JournalError> {
        if !matches!(event.kind, InboundKind::Message | InboundKind::Command) {
            let key = format!("channels.{}.allowFrom", ask.channel);
            return Ok(self.refuse(ask, event, Refusal::new(Reason::SenderNotListed, key)));
        }
        let peer = peer(ask.channel, event);
        let stranger = Stranger {
            name: &event.sender.name,
            event_id: &event.event_id,
        };
        let requested = ask.paired.request(&peer, &stranger, ask.now_ms)?;
        let reply = match &requested {
            Requested::Created { code } => Some(pairing_reply(ask.channel, ask.info, &event.sender.id, code)),
            Requested::Known | Requested::Full => None,
        };
        if reply.is_some() {
            tracing::info!(
                target: "openclaw::access", channel = ask.channel, account = account(event), sender = event.sender.id,
                "somebody new asks to be let in; see `openclaw pairing list {}`", ask.channel
            );
        }
        Ok(Verdict::Pairing(Invitation { requested, reply }))
    }

    fn refuse(&self, ask: &Ask<'_>, event: &Inbound, refusal: Refusal) -> Verdict {
        let who = if refusal.reason.is_about_the_chat() {
            &event.chat.id
        } else {
            &event.sender.id
        };
        let key = [ask.channel, account(event), who, &refusal.key].map(str::to_owned);
        let (_, first) = self
            .refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .touch(key, || ());
        if first && !refusal.key.is_empty() {
            tracing::warn!(
                target: "openclaw::access", channel = ask.channel, account = account(event), chat = event.chat.id,
                sender = event.sender.id, "dropped: {refusal}"
            );
        }
        Verdict::Dropped(refusal)
    }

    fn skip(&self, ask: &Ask<'_>, event: &Inbound) {
        let mut pending = self.pending();
        match event.kind {
            InboundKind::Edit => drop(pending.replace(ask.channel, event)),
            _ => pending.keep(ask.channel, event, ask.policy.history_limit()),
        }
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Access {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Ask<'a> {
    fn people(&self) -> People<'a> {
        People {
            channel: self.channel,
            info: self.info,
            names: self.policy.dangerously_allow_name_matching,
        }
    }
}

impl std::fmt::Debug for Ask<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ask")
            .field("channel", &self.channel)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// The account that received an event: `default` unless the operator named it.
fn account(event: &Inbound) -> &str {
    match event.account_id.trim() {
        "" => "default",
        id => id,
    }
}

fn peer<'a>(channel: &'a str, event: &'a Inbound) -> Peer<'a> {
    Peer {
        channel,
        account: account(event),
        sender: event.sender.id.trim(),
    }
}

fn bots_may_write(ask: &Ask<'_>, event: &Inbound) -> bool {
    match ask.policy.allow_bots {
        Some(AllowBots::Flag(allowed)) => allowed,
        Some(AllowBots::Mentions(_)) => event.mentioned,
        None => false,
    }
}

fn is_command(ask: &Ask<'_>, event: &Inbound) -> bool {
    match event.kind {
        InboundKind::Command => true,
        InboundKind::Message => {
            let text = event.text.trim();
            text.starts_with('/') && !event.is_forwarded() && (ask.is_command)(text)
        }
        _ => false,
    }
}

fn is_mentioned(ask: &Ask<'_>, event: &Inbound) -> bool {
    let implicit = ask.policy.implicit_mentions();
    let own = event.reply_to.as_ref().is_some_and(|quoted| quoted.from_self);
    let called = || ask.policy.patterns_count_in(&event.chat.id) && ask.mentions.matches(&event.text);
    event.mentioned || (own && implicit.reply_to_bot) || called()
}

/// Whether a command is not meant for somebody else in the group.
fn addresses_nobody(text: &str) -> bool {
    // the first word may have the agent's own name behind an `@`
    !text.split_whitespace().skip(1).any(|word| word.contains('@'))
}

#[cfg(test)]
pub(crate) mod tests_support {
    //! For the tests of what comes behind the gate.
    use super::{Admitted, Rights};

    /// Something that is taken for admitted.
    pub(crate) fn admitted<T>(inner: T, channel: &str) -> Admitted<T> {
        Admitted::new(inner, channel, Rights::default(), true)
    }
}

#[cfg(test)]
mod tests;
