//! What can't be meant: rules of channels that are well-formed and admit nobody, or read as if they admitted everybody.
use super::{ChannelPolicy, DmPolicy};
use crate::config::{Config, Fault, JsonPath};

/// Keys of `channels` that are no channels.
const SHARED: [&str; 2] = ["defaults", "modelByChannel"];

impl ChannelPolicy {
    /// All that is wrong with the shared keys of all channels that are on, account by account.
    pub fn check(config: &Config) -> Vec<Fault> {
        let channels = config.value()["channels"].as_object();
        let blocks = channels
            .into_iter()
            .flatten()
            .filter(|(channel, block)| !SHARED.contains(&channel.as_str()) && block["enabled"] != false);
        let mut faults: Vec<Fault> = Vec::new();
        for (channel, block) in blocks {
            let named = block["accounts"].as_object().into_iter().flatten();
            let named = named
                .filter(|(_, own)| own["enabled"] != false)
                .map(|(account, _)| account.as_str());
            let accounts: Vec<_> = named.collect();
            let root = ["default"];
            let accounts = if accounts.is_empty() {
                &root[..]
            } else {
                &accounts[..]
            };
            for account in accounts {
                let found = match Self::of(config, channel, account) {
                    Ok(policy) => policy.contradiction(channel).into_iter().collect(),
                    Err(faults) => faults,
                };
                faults.extend(
                    found
                        .into_iter()
                        .filter(|fault| !faults.contains(fault))
                        .collect::<Vec<_>>(),
                );
            }
        }
        faults
    }

    fn contradiction(&self, channel: &str) -> Option<Fault> {
        let list = self.allow_from();
        let message = match self.dm_policy() {
            DmPolicy::Open if !list.has_wildcard() => {
                "must have \"*\", for dmPolicy is \"open\"; add it, or set dmPolicy to \"allowlist\""
            }
            DmPolicy::Allowlist if list.is_empty() => {
                "must name somebody, for dmPolicy is \"allowlist\"; add an id, or set dmPolicy to \"pairing\""
            }
            _ => return None,
        };
        Some(Fault {
            path: JsonPath::root().key("channels").key(channel).key("allowFrom"),
            message: message.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_that_contradict_themselves_are_told() {
        for (channels, count) in [
            (json!({}), 0),
            (
                json!({"defaults": {"groupPolicy": "open"}, "modelByChannel": {"chat": {}}}),
                0,
            ),
            (json!({"chat": {}}), 0),
            (json!({"chat": {"dmPolicy": "open"}}), 1),
            (json!({"chat": {"dmPolicy": "open", "allowFrom": ["1"]}}), 1),
            (json!({"chat": {"dmPolicy": "open", "allowFrom": ["*"]}}), 0),
            (json!({"chat": {"dmPolicy": "open", "enabled": false}}), 0),
            (json!({"chat": {"dmPolicy": "allowlist"}}), 1),
            (
                json!({"chat": {"dm": {"policy": "allowlist", "allowFrom": [1]}}}),
                0,
            ),
            (
                json!({"chat": {"dmPolicy": "allowlist", "accounts": {"a": {"allowFrom": ["1"]}}}}),
                0,
            ),
            (
                json!({"chat": {"dmPolicy": "allowlist", "accounts": {"a": {}, "b": {}}}}),
                1,
            ),
            (json!({"chat": {"dmPolicy": 5}, "other": {"groupPolicy": 5}}), 2),
        ] {
            let config = Config::from_value(json!({"channels": channels})).expect("a configuration");
            let faults = ChannelPolicy::check(&config);
            assert_eq!(faults.len(), count, "{channels}: {faults:?}");
        }
    }
}
