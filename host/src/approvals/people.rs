//! Who may answer in a chat, and where a channel wants its approvers asked.
//!
//! Invariant: somebody whom no list names answers nothing; `*` names nobody.
use crate::{
    access::{Rights, is_named},
    agent::CLIENTS,
    config::{ChannelPolicy, CommandAccess, Config, IdList, PeerId},
};
use openclaw_plugin_api::{ChannelInfo, Inbound};
use serde::Deserialize;
use serde_json::Value;

/// `channels.<id>.execApprovals`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExecApprovals {
    /// `true`: the approvers are asked about everything. `"auto"`, the default: about what comes from this channel.
    /// `false`: about nothing.
    enabled: Option<Value>,
    /// Who may answer. Default: the owners.
    approvers: IdList,
    /// Only about these agents. None: all.
    pub agent_filter: Option<Vec<String>>,
    /// Only about these conversations. None: all.
    pub session_filter: Option<Vec<String>>,
    /// Where they are asked.
    pub target: Target,
}

/// Where approvers are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// In private.
    #[default]
    Dm,
    /// Where the agent was asked.
    Channel,
    /// Both.
    Both,
}

impl ExecApprovals {
    /// What an account says, or else its channel.
    pub fn of(config: &Config, channel: &str, account: &str) -> Self {
        let block = &config.value()["channels"][channel];
        let own = block["accounts"][account].get("execApprovals");
        let written = own.or_else(|| block.get("execApprovals"));
        // what can't be read names nobody and asks nobody
        written
            .map(|written| {
                Self::deserialize(written).unwrap_or_else(|_| Self {
                    enabled: Some(Value::Bool(false)),
                    ..Self::default()
                })
            })
            .unwrap_or_default()
    }

    /// Are its approvers asked about something that comes from `origin`?
    pub fn asks_about(&self, channel: &str, origin: Option<&str>) -> bool {
        match &self.enabled {
            Some(Value::Bool(asks)) => *asks,
            _ => origin == Some(channel),
        }
    }

    /// Those who may answer: the approvers, else the owners of this channel.
    pub fn people(&self, config: &Config, channel: &str) -> Vec<String> {
        let own: Vec<_> = self
            .approvers
            .iter()
            .filter(|id| *id != "*")
            .map(str::to_owned)
            .collect();
        if !own.is_empty() {
            return own;
        }
        let owners = CommandAccess::of(config).owner_allow_from;
        let here = |id: &str| {
            let (of, id) = id.split_once(':')?;
            (of.eq_ignore_ascii_case(channel) && id != "*").then(|| id.to_owned())
        };
        owners.iter().filter_map(here).collect()
    }
}

/// May this person answer? The owner always; else the approvers of the account. Where neither is named, who is listed by
/// id among those who may write in private.
pub fn may_answer(
    config: &Config,
    channel: &str,
    info: &ChannelInfo,
    event: &Inbound,
    rights: Rights,
) -> bool {
    if rights.owner {
        return true;
    }
    if channel == CLIENTS || event.sender.is_bot {
        return false;
    }
    let account = match event.account_id.as_str() {
        "" => "default",
        account => account,
    };
    let approvers = ExecApprovals::of(config, channel, account).approvers;
    if !approvers.is_empty() {
        return is_named(channel, info, &approvers, &event.sender);
    }
    let owners: &[PeerId] = config.commands.owner_allow_from.as_deref().unwrap_or_default();
    let listed = || {
        let policy = ChannelPolicy::of(config, channel, account).unwrap_or_default();
        is_named(channel, info, policy.allow_from(), &event.sender)
    };
    owners.is_empty() && rights.commands && listed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(config: &Value, sender: &str, rights: Rights) -> bool {
        let config = Config::from_value(config.clone()).expect("valid");
        let mut event = Inbound::default();
        event.sender.id = sender.into();
        may_answer(&config, "chat", &ChannelInfo::default(), &event, rights)
    }

    const COMMANDS: Rights = Rights {
        commands: true,
        known: true,
        owner: false,
    };
    const OWNER: Rights = Rights {
        commands: true,
        known: true,
        owner: true,
    };

    #[test]
    fn only_named_people_answer() {
        let bare = json!({ "channels": { "chat": { "allowFrom": ["ada", "*"] } } });
        let owned = json!({
            "channels": { "chat": { "allowFrom": ["ada"] } },
            "commands": { "ownerAllowFrom": ["chat:grace"] },
        });
        let named = json!({ "channels": { "chat": {
            "allowFrom": ["ada", "eve"], "execApprovals": { "approvers": ["ada", "*"] },
        } } });
        let account = json!({ "channels": { "chat": {
            "execApprovals": { "approvers": ["eve"] },
            "accounts": { "default": { "execApprovals": { "approvers": ["ada"] } } },
        } } });
        for (config, sender, rights, expected) in [
            (&bare, "ada", COMMANDS, true),
            (&bare, "ada", Rights::default(), false),
            (&bare, "eve", COMMANDS, false),
            (&bare, "", COMMANDS, false),
            (&bare, "*", COMMANDS, false),
            (&owned, "ada", COMMANDS, false),
            (&owned, "grace", OWNER, true),
            (&named, "ada", COMMANDS, true),
            (&named, "eve", COMMANDS, false),
            (&named, "eve", OWNER, true),
            (&account, "ada", Rights::default(), true),
            (&account, "eve", COMMANDS, false),
        ] {
            assert_eq!(
                asked(config, sender, rights),
                expected,
                "{config} {sender} {rights:?}"
            );
        }
    }

    #[test]
    fn approvers_fall_back_to_the_owners_of_the_channel() {
        let config = Config::from_value(json!({
            "commands": { "ownerAllowFrom": ["chat:1", "other:2", "3"] },
            "channels": { "other": { "execApprovals": { "enabled": true, "approvers": [7] } } },
        }))
        .expect("valid");
        let of = |channel: &str| ExecApprovals::of(&config, channel, "default");
        assert_eq!(of("chat").people(&config, "chat"), ["1"]);
        assert_eq!(of("other").people(&config, "other"), ["7"]);
        assert!(of("chat").asks_about("chat", Some("chat")) && !of("chat").asks_about("chat", Some("other")));
        assert!(of("other").asks_about("other", None));
    }
}
