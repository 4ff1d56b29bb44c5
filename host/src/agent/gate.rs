//! The rules for events, made once from each configuration: who may write, who answers, what a command is.
use super::commands::{Activation, ParseContext, Parsed, parse};
use crate::{
    access::{Access, Ask, MentionPatterns, Pairing, Verdict},
    config::{Agent, ChannelPolicy, CommandAccess, Config, Fault},
    deliver::lane_of,
    journal::{Journal, JournalError},
    route::{Resolver, Route},
};
use openclaw_plugin_api::{ChannelInfo, ChatKind, Inbound};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

/// Accounts of which it is remembered that their policy was complained of; one more empties the memory.
const MAX_BROKEN: usize = 256;

/// What one configuration says about events.
pub(super) struct Rules {
    pub(super) config: Arc<Config>,
    resolver: Resolver,
    commands: CommandAccess,
    mentions: HashMap<String, MentionPatterns>,
    no_mentions: MentionPatterns,
    broken: Mutex<HashSet<(String, String)>>,
}

/// The gate with its memory, and the rules of the configuration as it is now.
pub(super) struct Gate {
    pub(super) access: Access,
    pairing: Pairing,
    rules: Mutex<Option<Arc<Rules>>>,
}

// === impl Rules ===

impl Rules {
    fn of(config: Arc<Config>) -> Self {
        let agents = config.agents();
        let mentions = agents
            .agents
            .iter()
            .map(|agent| (agent.id.clone(), patterns(agent)));
        Self {
            resolver: Resolver::of(&config),
            commands: CommandAccess::of(&config),
            mentions: mentions.collect(),
            no_mentions: MentionPatterns::default(),
            broken: Mutex::default(),
            config,
        }
    }

    /// The policy of one account. One that can't be read lets nobody in, and says so.
    pub(super) fn policy(&self, channel: &str, account: &str) -> Arc<ChannelPolicy> {
        self.config
            .channel_policy(channel, account)
            .unwrap_or_else(|faults| {
                self.complain(channel, account, &faults);
                Arc::default()
            })
    }

    /// Says once of an account that nobody is let in.
    fn complain(&self, channel: &str, account: &str, faults: &[Fault]) {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        if broken.len() >= MAX_BROKEN {
            broken.clear();
        }
        if !broken.insert((channel.to_owned(), account.to_owned())) {
            return;
        }
        for fault in faults {
            tracing::error!(target: "openclaw::access", channel, account, %fault, "nobody is let in");
        }
    }

    /// The policy of the account that received an event, and the agent that would answer it.
    fn of_place(&self, channel: &str, info: &ChannelInfo, event: &Inbound) -> (Arc<ChannelPolicy>, String) {
        let account = if event.account_id.is_empty() {
            "default"
        } else {
            &event.account_id
        };
        let agent = self.resolver.agent_at(channel, event, info);
        (self.policy(channel, account), agent)
    }

    pub(super) fn route(&self, event: &crate::access::Admitted<Inbound>, info: &ChannelInfo) -> Route {
        self.resolver.resolve(event, info)
    }
}

/// Where the journal has what `/activation` chose, by chat: the gate asks before there is a conversation.
const ACTIVATION: &str = "host:activation";

/// Notes what was chosen for the chat of an event.
pub(super) fn choose(
    journal: &Journal,
    channel: &str,
    event: &Inbound,
    activation: Activation,
    now_ms: i64,
) -> Result<(), JournalError> {
    let word = activation.to_string();
    journal.put(
        ACTIVATION,
        &lane_of(channel, event),
        word.as_bytes(),
        None,
        now_ms,
    )
}

/// Whether the agent must be addressed in the chat of an event, if somebody chose.
fn chosen(
    journal: &Journal,
    channel: &str,
    event: &Inbound,
    now_ms: i64,
) -> Result<Option<bool>, JournalError> {
    let word = journal.get(ACTIVATION, &lane_of(channel, event), now_ms)?;
    let word = word.and_then(|word| String::from_utf8(word).ok());
    let activation = word.and_then(|word| Activation::from_word(&word));
    Ok(activation.map(|activation| activation == Activation::Mention))
}

/// Whether a text is nothing but a command of the gateway's.
fn is_command(text: &str) -> bool {
    let context = ParseContext {
        authorized: true,
        ..ParseContext::default()
    };
    matches!(parse(text, &context), Parsed::Commands(_))
}

/// By what an agent is called in a group: the operator's patterns, else its name and sign.
fn patterns(agent: &Agent) -> MentionPatterns {
    let Some(written) = &agent.group_chat.mention_patterns else {
        let name = agent
            .identity
            .name
            .as_deref()
            .or(agent.name.as_deref())
            .unwrap_or_default();
        return MentionPatterns::of_identity(name, agent.identity.emoji.as_deref().unwrap_or_default());
    };
    let (patterns, errors) = MentionPatterns::new(written);
    for error in errors {
        tracing::error!(target: "openclaw::access", agent = agent.id, "mentionPatterns: {error}");
    }
    patterns
}

// === impl Gate ===

impl Gate {
    pub(super) fn new(pairing: Pairing) -> Self {
        Self {
            access: Access::new(),
            pairing,
            rules: Mutex::default(),
        }
    }

    /// The rules of a configuration.
    pub(super) fn rules(&self, config: &Arc<Config>) -> Arc<Rules> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        match &*rules {
            Some(current) if Arc::ptr_eq(&current.config, config) => current.clone(),
            _ => rules.insert(Arc::new(Rules::of(config.clone()))).clone(),
        }
    }

    /// Judges an event. Blocks for as long as the journal needs.
    pub(super) fn admit(
        &self,
        journal: &Journal,
        rules: &Rules,
        channel: &str,
        info: &ChannelInfo,
        event: Inbound,
        now_ms: i64,
    ) -> Result<Verdict, JournalError> {
        let require_mention = match event.chat.kind {
            ChatKind::Direct => None,
            _ => chosen(journal, channel, &event, now_ms)?,
        };
        let (policy, agent) = rules.of_place(channel, info, &event);
        let mut ask = self.ask(rules, channel, info, (&policy, &agent), now_ms);
        ask.require_mention = require_mention;
        self.access.admit(&ask, event)
    }

    /// Whether the sender of an event may write where it is. Blocks for as long as the journal needs.
    pub(super) fn admits(
        &self,
        rules: &Rules,
        channel: &str,
        info: &ChannelInfo,
        event: &Inbound,
        now_ms: i64,
    ) -> Result<bool, JournalError> {
        let (policy, agent) = rules.of_place(channel, info, event);
        let ask = self.ask(rules, channel, info, (&policy, &agent), now_ms);
        self.access.admits(&ask, event)
    }

    fn ask<'a>(
        &'a self,
        rules: &'a Rules,
        channel: &'a str,
        info: &'a ChannelInfo,
        (policy, agent): (&'a ChannelPolicy, &str),
        now_ms: i64,
    ) -> Ask<'a> {
        Ask {
            channel,
            info,
            policy,
            commands: &rules.commands,
            is_command: &is_command,
            require_mention: None,
            mentions: rules.mentions.get(agent).unwrap_or(&rules.no_mentions),
            paired: &self.pairing,
            now_ms,
        }
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::OlderFiles;
    use serde_json::json;

    #[test]
    fn what_was_chosen_for_a_chat_counts_there_and_nowhere_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(&folder.path().join("state.db")).expect("created");
        let gate = Gate::new(Pairing::new(journal.clone(), OlderFiles::of_state(folder.path())));
        let config = json!({ "channels": { "chat": { "groupPolicy": "open", "groups": { "*": {} } } } });
        let rules = gate.rules(&Arc::new(Config::from_value(config).expect("valid")));
        let event = |chat: &str| {
            let mut event = Inbound {
                event_id: "e".into(),
                text: "hello all".into(),
                ..Inbound::default()
            };
            event.chat.kind = ChatKind::Group;
            event.chat.id = chat.into();
            event.sender.id = "ada".into();
            event
        };
        let admitted = |chat: &str| {
            let verdict = gate.admit(&journal, &rules, "chat", &ChannelInfo::default(), event(chat), 1);
            matches!(verdict.expect("judged"), Verdict::Admitted(_))
        };
        assert!(!admitted("one"), "nobody addressed the agent");
        choose(&journal, "chat", &event("one"), Activation::Always, 1).expect("kept");
        assert!(admitted("one") && !admitted("two"));
        choose(&journal, "chat", &event("one"), Activation::Mention, 1).expect("kept");
        assert!(!admitted("one"));
    }
}
