//! Where an admitted event goes: which agent answers, in which conversation, and where the answer is sent.
//!
//! Takes [`Admitted`](crate::access::Admitted) events and nothing else, so nothing reaches an agent that did not pass
//! the gate. Pure: the same event and configuration give the same route.
mod bindings;
mod keys;
mod reset;
mod send;

pub use keys::{ThreadWord, main_key};
pub use reset::is_expired;
pub use send::may_send;

use crate::{
    access::Admitted,
    config::{
        BindingConfig, BindingKind, Config, GroupScope, PeerKind, ResetPolicy, SessionConfig, SessionScope,
        agent_id,
    },
};
use bindings::Place;
use openclaw_plugin_api::{ChannelInfo, Chat, ChatKind, Inbound};
use std::collections::BTreeMap;

/// The conversation of everything, where `session.scope` is `global`.
const GLOBAL: &str = "global";

/// Follows bindings. Made anew from each configuration.
#[derive(Debug, Clone)]
pub struct Resolver {
    bindings: Vec<BindingConfig>,
    session: SessionConfig,
    /// Ids, normalised.
    agents: Vec<String>,
    default_agent: String,
    /// `channels.<id>.defaultAccount` by channel, lower-case.
    default_accounts: BTreeMap<String, String>,
}

/// Where an event goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The agent that answers.
    pub agent_id: String,
    /// The conversation; lower-case.
    pub session_key: String,
    /// The conversation that this one hangs on: that of the chat, for a thread.
    pub parent_session_key: Option<String>,
    /// What decided.
    pub matched_by: MatchedBy,
    /// What sort of chat, for rules about conversations.
    pub kind: PeerKind,
    /// It is in a thread or topic.
    pub in_thread: bool,
    /// Where the answer goes.
    pub delivery: Delivery,
    /// When the conversation begins anew.
    pub reset: ResetPolicy,
}

/// Where an answer goes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Channel.
    pub channel: String,
    /// Account.
    pub account_id: String,
    /// Chat.
    pub chat_id: String,
    /// Thread; empty for none.
    pub thread_id: String,
}

/// What decided which agent answers, the most exact first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchedBy {
    /// A binding of the person, chat or topic.
    Peer,
    /// A binding of the chat that a thread hangs on.
    PeerParent,
    /// A binding of any chat of this sort.
    PeerWildcard,
    /// A binding of the space and a role in it.
    GuildRoles,
    /// A binding of the space.
    Guild,
    /// A binding of the space, by its other name.
    Team,
    /// A binding of the account.
    Account,
    /// A binding of the channel.
    Channel,
    /// No binding.
    Default,
}

impl Resolver {
    /// What a configuration says about routing.
    pub fn of(config: &Config) -> Self {
        let agents = config.agents();
        let channels = config.value()["channels"].as_object();
        let default_account = |(channel, block): (&String, &serde_json::Value)| {
            let account = block["defaultAccount"].as_str()?;
            Some((channel.to_lowercase(), account.to_owned()))
        };
        Self {
            bindings: config.bindings.clone(),
            session: config.session.clone(),
            default_agent: agents.default_id.clone(),
            agents: agents.agents.iter().map(|agent| agent.id.clone()).collect(),
            default_accounts: channels
                .into_iter()
                .flatten()
                .filter_map(default_account)
                .collect(),
        }
    }

    /// Where an event goes.
    pub fn resolve(&self, event: &Admitted<Inbound>, info: &ChannelInfo) -> Route {
        let (inbound, channel) = (event.inner(), event.channel().to_lowercase());
        let account = event.account().to_owned();
        let word = ThreadWord::of(info);
        let place = Place::of(&channel, &account, inbound, &word);
        let (agent, binding, matched_by) = self.choose(&place);
        let scopes = binding.map(|binding| binding.session).unwrap_or_default();
        let keys = keys::Keys {
            agent: &agent,
            channel: &channel,
            account: &account,
            word: &word,
            dm_scope: scopes.dm_scope.unwrap_or(self.session.dm_scope),
            shares_groups: scopes.group_scope.unwrap_or(self.session.group_scope) == GroupScope::Main,
            links: &self.session.identity_links,
        };
        let (session_key, parent_session_key) = match self.session.scope {
            SessionScope::Global => (GLOBAL.to_owned(), None),
            SessionScope::PerSender => keys.of(inbound),
        };
        let chat = &inbound.chat;
        let in_thread = !chat.thread_id.is_empty() || !chat.parent_id.is_empty();
        let kind = kind(chat);
        let reset = self.session.reset_policy(&channel, kind, in_thread);
        Route {
            agent_id: agent,
            session_key,
            parent_session_key,
            matched_by,
            kind,
            in_thread,
            delivery: Delivery {
                channel: event.channel().to_owned(),
                account_id: account,
                chat_id: chat.id.clone(),
                thread_id: chat.thread_id.clone(),
            },
            reset,
        }
    }

    /// Who would answer in this place, by which names it is called there. Nothing goes there by this: the gate asks it
    /// for the agent's mention patterns, before there is anything admitted.
    pub fn agent_at(&self, channel: &str, event: &Inbound, info: &ChannelInfo) -> String {
        let (channel, word) = (channel.to_lowercase(), ThreadWord::of(info));
        let account = if event.account_id.trim().is_empty() {
            "default"
        } else {
            event.account_id.trim()
        };
        self.choose(&Place::of(&channel, account, event, &word)).0
    }

    fn choose(&self, place: &Place<'_>) -> (String, Option<&BindingConfig>, MatchedBy) {
        let default_account = self
            .default_accounts
            .get(place.channel)
            .map_or("default", String::as_str);
        let candidates = self
            .bindings
            .iter()
            .filter(|binding| binding.r#type == BindingKind::Route)
            .filter_map(|binding| Some((bindings::tier(&binding.r#match, place, default_account)?, binding)));
        // the first of a tier: `min_by_key` keeps the earlier of two equals
        match candidates.min_by_key(|(tier, _)| *tier) {
            Some((tier, binding)) => {
                let agent = agent_id(&binding.agent_id);
                let known = !binding.agent_id.trim().is_empty() && self.agents.contains(&agent);
                let agent = if known { agent } else { self.default_agent.clone() };
                (agent, Some(binding), tier)
            }
            None => (self.default_agent.clone(), None, MatchedBy::Default),
        }
    }
}

impl MatchedBy {
    /// As it is shown.
    pub fn label(self) -> &'static str {
        match self {
            Self::Peer => "binding.peer",
            Self::PeerParent => "binding.peer.parent",
            Self::PeerWildcard => "binding.peer.wildcard",
            Self::GuildRoles => "binding.guild+roles",
            Self::Guild => "binding.guild",
            Self::Team => "binding.team",
            Self::Account => "binding.account",
            Self::Channel => "binding.channel",
            Self::Default => "default",
        }
    }
}

fn kind(chat: &Chat) -> PeerKind {
    match chat.kind {
        ChatKind::Direct => PeerKind::Direct,
        ChatKind::Group => PeerKind::Group,
        ChatKind::Channel => PeerKind::Channel,
    }
}

#[cfg(test)]
mod tests;
