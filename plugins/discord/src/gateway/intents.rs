//! Which events the bot asks for.
use crate::{config::Config, wire::Application};

const GUILDS: u64 = 1 << 0;
const GUILD_MEMBERS: u64 = 1 << 1;
const GUILD_VOICE_STATES: u64 = 1 << 7;
const GUILD_PRESENCES: u64 = 1 << 8;
const GUILD_MESSAGES: u64 = 1 << 9;
const GUILD_MESSAGE_REACTIONS: u64 = 1 << 10;
const DIRECT_MESSAGES: u64 = 1 << 12;
const DIRECT_MESSAGE_REACTIONS: u64 = 1 << 13;
const MESSAGE_CONTENT: u64 = 1 << 15;

/// All that may be asked for, with their names in status lines.
const NAMES: [(u64, &str); 9] = [
    (GUILDS, "guilds"),
    (GUILD_MEMBERS, "guildMembers"),
    (GUILD_VOICE_STATES, "voiceStates"),
    (GUILD_PRESENCES, "presence"),
    (GUILD_MESSAGES, "guildMessages"),
    (GUILD_MESSAGE_REACTIONS, "guildReactions"),
    (DIRECT_MESSAGES, "directMessages"),
    (DIRECT_MESSAGE_REACTIONS, "directReactions"),
    (MESSAGE_CONTENT, "messageContent"),
];

/// Those that are to be switched on in the Developer Portal: their names there, and the flags of an application that
/// has them, in full or for up to 100 servers.
const PRIVILEGED: [(u64, &str, u64); 3] = [
    (GUILD_PRESENCES, "Presence Intent", 1 << 12 | 1 << 13),
    (GUILD_MEMBERS, "Server Members Intent", 1 << 14 | 1 << 15),
    (MESSAGE_CONTENT, "Message Content Intent", 1 << 18 | 1 << 19),
];

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Intents(pub(crate) u64);

impl Intents {
    /// What the operator wants.
    pub(crate) fn of(config: &Config) -> Self {
        let wanted = config.intents.clone().unwrap_or_default();
        let base =
            GUILDS | GUILD_MESSAGES | GUILD_MESSAGE_REACTIONS | DIRECT_MESSAGES | DIRECT_MESSAGE_REACTIONS;
        let chosen = [
            (wanted.message_content.unwrap_or(true), MESSAGE_CONTENT),
            (wanted.voice_states.unwrap_or(true), GUILD_VOICE_STATES),
            (wanted.presence.unwrap_or(false), GUILD_PRESENCES),
            (wanted.guild_members.unwrap_or(false), GUILD_MEMBERS),
        ];
        let chosen = chosen.into_iter().filter(|(is_wanted, _)| *is_wanted);
        Self(chosen.fold(base, |all, (_, bit)| all | bit))
    }

    /// Names in the Developer Portal of the privileged ones among these that the application does not have, as far as
    /// it says.
    pub(crate) fn missing(self, application: &Application) -> Vec<&'static str> {
        let Some(flags) = application.flags else {
            return Vec::new();
        };
        let lacks = |(bit, _, flag): &&(u64, &str, u64)| self.0 & bit != 0 && flags & flag == 0;
        PRIVILEGED
            .iter()
            .filter(lacks)
            .map(|(_, name, _)| *name)
            .collect()
    }

    /// Names in the Developer Portal of the privileged ones among these.
    pub(crate) fn privileged(self) -> Vec<&'static str> {
        let asked = PRIVILEGED.iter().filter(|(bit, ..)| self.0 & bit != 0);
        asked.map(|(_, name, _)| *name).collect()
    }

    /// These without those of the given names in the Developer Portal.
    pub(crate) fn without(self, names: &[&str]) -> Self {
        let gone = PRIVILEGED.iter().filter(|(_, name, _)| names.contains(name));
        Self(gone.fold(self.0, |all, (bit, ..)| all & !bit))
    }

    /// Their names in status lines.
    pub(crate) fn names(self) -> Vec<&'static str> {
        let asked = NAMES.iter().filter(|(bit, _)| self.0 & bit != 0);
        asked.map(|(_, name)| *name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    fn intents(config: serde_json::Value) -> Intents {
        Intents::of(&from_value(config).expect("a configuration"))
    }

    #[test]
    fn content_and_voice_are_asked_for_unless_the_operator_says_no() {
        assert_eq!(intents(json!({})).0, 0xB681);
        let few = intents(json!({ "intents": { "messageContent": false, "voiceStates": false } }));
        assert_eq!((few.0, few.privileged()), (0x3601, vec![]));
        let all = intents(json!({ "intents": { "presence": true, "guildMembers": true } }));
        assert_eq!(all.privileged().len(), 3);
        assert_eq!(all.names().len(), 9);
    }

    #[test]
    fn what_the_application_lacks_is_named_and_can_be_left_out() {
        let all = intents(json!({ "intents": { "guildMembers": true } }));
        let application = |flags| Application {
            flags,
            ..Application::default()
        };
        assert_eq!(all.missing(&application(None)), Vec::<&str>::new());
        let missing = all.missing(&application(Some(1 << 15)));
        assert_eq!(missing, ["Message Content Intent"]);
        assert_eq!(
            all.missing(&application(Some(1 << 19 | 1 << 14))),
            Vec::<&str>::new()
        );
        assert_eq!(all.without(&missing).privileged(), ["Server Members Intent"]);
    }
}
