//! What to do after the gateway closed a connection, by its code.
//!
//! Invariant: a code that says "never" ends the account; every other one leads to another try.

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The session can be taken up where it was.
    Resume,
    /// The session is gone; a new one is needed.
    Identify,
    /// Only an operator can help, and this is how.
    Never(Remedy),
}

/// What only an operator can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// The token is wrong.
    Token,
    /// The number of shards is wrong.
    Shards,
    /// The version of the gateway is gone.
    Version,
    /// Intents that don't exist.
    Intents,
    /// Intents that are not switched on.
    Privileged,
}

/// What to do after a close with this code.
pub(crate) fn after(code: u16) -> Next {
    match code {
        4003 | 4005 | 4007 | 4009 => Next::Identify,
        4004 => Next::Never(Remedy::Token),
        4010 | 4011 => Next::Never(Remedy::Shards),
        4012 => Next::Never(Remedy::Version),
        4013 => Next::Never(Remedy::Intents),
        4014 => Next::Never(Remedy::Privileged),
        _ => Next::Resume,
    }
}

impl Remedy {
    /// What to tell the operator. `privileged` are the names of the privileged intents that were asked for.
    pub(crate) fn text(self, account: &str, privileged: &[&str]) -> String {
        match self {
            Self::Token => format!(
                "discord refuses the bot token of account {account} (4004); get a new one in the Developer Portal (Bot, \
                 Reset Token) and set channels.discord.token or DISCORD_BOT_TOKEN"
            ),
            Self::Shards => format!(
                "discord refuses the sharding of account {account} (4010 or 4011); restart the gateway, and if it stays, \
                 look whether gatewayUrl leads to another service"
            ),
            Self::Version => format!(
                "discord no longer speaks version 10 of its gateway with account {account} (4012); update this plugin"
            ),
            Self::Intents => format!(
                "discord does not know the intents of account {account} (4013); report it with the version of this plugin"
            ),
            Self::Privileged => format!(
                "discord refuses privileged intents of account {account} (4014): switch on {} in the Developer Portal \
                 (Bot, Privileged Gateway Intents), or set channels.discord.intents so that they are not asked for",
                if privileged.is_empty() {
                    "them".to_owned()
                } else {
                    privileged.join(" and ")
                }
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_sorted() {
        for code in [1000, 1001, 1006, 4000, 4001, 4002, 4008, 4999] {
            assert_eq!(after(code), Next::Resume, "{code}");
        }
        for code in [4003, 4005, 4007, 4009] {
            assert_eq!(after(code), Next::Identify, "{code}");
        }
        for code in [4004, 4010, 4011, 4012, 4013, 4014] {
            let Next::Never(remedy) = after(code) else {
                panic!("{code} is final");
            };
            let text = remedy.text("work", &["Message Content Intent"]);
            assert!(
                text.contains("work") && text.contains(&code.to_string()[..3]),
                "{text}"
            );
        }
    }
}
